"""``/_mocktune/requests``: the journal of a sandbox."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.request_filter import RequestFilter
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import requests as render
from mocktune.http.wire import requests as wire
from mocktune.service.requests import Expected
from mocktune.service.services import Services


def requests_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune/requests", tags=["Control plane"])
    requests = services.requests

    @router.get(
        "",
        response_model=wire.RequestList,
        openapi_extra=described_by("mocktune.requests.list", "mocktune", query=wire.ListRequestsQuery),
    )
    async def list_requests(call: Call) -> Response:
        """What the journal remembers of the sandbox's requests to the API, the newest first.

        `operation` is a name in the SDK's words, or a glob of one such as `fine_tuning.jobs.*`; `resource` an id that
        stands in the path or in one of the bodies; `status` a number or a class such as `4xx`, `0` for requests that
        got no answer; `since` means requests after the one with that ordinal; `after` is the `id` of the last request
        of the page before.

        A request is in the journal before its answer is sent. Kept are the last 10,000 of a sandbox, at most 8 MiB of
        them, and the first 256 KiB of a body; of uploads the length alone, and of answers in pieces (streams, the
        content of large files) nothing: their `bytes` are 0. API keys, signing secrets and what a query calls a key,
        a token or a signature are replaced by `***` before anything is kept. A client that went away before it was
        answered leaves an entry with status 0 that is `lost`.
        """
        query = call.query(wire.ListRequestsQuery)
        return json_answer(render.page(requests.list(call.sandbox, _filter(query), query.after, query.limit)))

    @router.delete(
        "",
        response_model=wire.DroppedRequests,
        openapi_extra=described_by("mocktune.requests.delete", "mocktune"),
    )
    async def delete_requests(call: Call) -> Response:
        """Empty the journal. Ordinals go on."""
        return json_answer({"deleted": requests.clear(call.sandbox)})

    @router.post(
        "/find",
        response_model=wire.RequestList,
        openapi_extra=described_by("mocktune.requests.find", "mocktune", body=wire.FindRequests),
    )
    async def find_requests(call: Call) -> Response:
        """The requests that match, the newest first.

        Filters are those of the list, and `committed`, `lost` and `body`: values of the request's JSON that must be
        equal, by their dotted path, such as `{"method.type": "dpo"}`.
        """
        body = await call.body_as(wire.FindRequests)
        return json_answer(render.page(requests.list(call.sandbox, _filter(body), body.after, body.limit)))

    @router.post(
        "/count",
        response_model=wire.RequestCount,
        openapi_extra=described_by("mocktune.requests.count", "mocktune", body=wire.CountRequests),
    )
    async def count_requests(call: Call) -> Response:
        """How many requests match. Filters are those of `find`."""
        found = requests.count(call.sandbox, _filter(await call.body_as(wire.CountRequests)))
        return json_answer({"count": found.count, "dropped": found.dropped})

    @router.post(
        "/wait-for-count",
        response_model=wire.AwaitedRequests,
        openapi_extra=described_by("mocktune.requests.wait_for_count", "mocktune", body=wire.WaitForRequests),
    )
    async def wait_for_requests(call: Call) -> Response:
        """Wait until at least `count` requests match, `timeout_s` seconds of wall time at most.

        It is answered with the request that was waited for: nobody looks again and again.
        """
        body = await call.body_as(wire.WaitForRequests)
        found = await requests.wait_for_count(call.sandbox, _filter(body), body.count, body.timeout_s)
        return json_answer({"count": found.count, "reached": found.reached, "dropped": found.dropped})

    @router.post(
        "/verify",
        response_model=wire.Verification,
        openapi_extra=described_by("mocktune.requests.verify", "mocktune", body=wire.VerifyRequests),
    )
    async def verify_requests(call: Call) -> Response:
        """Whether as many requests match as should: `count`, or `at_least` and `at_most`; without any, at least one.

        The answer is 200 in either case. Where there are too few, `near_misses` has the three requests that differ in
        least, and what differs.
        """
        body = await call.body_as(wire.VerifyRequests)
        expected = Expected.read(body.count, body.at_least, body.at_most)
        return json_answer(render.verification(requests.verify(call.sandbox, _filter(body), expected)))

    @router.get(
        "/{request_id}",
        response_model=wire.RequestEntry,
        openapi_extra=described_by("mocktune.requests.retrieve", "mocktune"),
    )
    async def retrieve_request(call: Call) -> Response:
        """One request, with what was asked and answered."""
        return json_answer(render.entry(requests.retrieve(call.sandbox, call.path("request_id"))))

    return router


def _filter(asked: wire.ListRequestsQuery | wire.CountRequests) -> RequestFilter:
    more: dict[str, Any] = {}
    if isinstance(asked, wire.CountRequests):
        more = {"committed": asked.committed, "lost": asked.lost, "body": asked.body or {}}
    return RequestFilter(
        operation=asked.operation,
        resource=asked.resource,
        method=asked.method,
        status=None if asked.status is None else str(asked.status),
        since=asked.since,
        **more,
    )
