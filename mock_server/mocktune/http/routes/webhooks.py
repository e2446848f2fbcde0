"""Webhooks on the control plane: who is sent events, what became of each, and events on demand."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.webhooks import WebhookAnswer
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import webhooks as render
from mocktune.http.wire import webhooks as wire
from mocktune.service.deliveries import DeliveryFilter
from mocktune.service.outbox import target, targets
from mocktune.service.services import Services

JOB_EVENTS = ("fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled")


def webhooks_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])
    endpoints, deliveries, listeners = services.webhook_endpoints, services.deliveries, services.listeners

    # -- endpoints ---------------------------------------------------------------------------------------------------

    @router.get(
        "/webhooks/endpoints",
        response_model=wire.EndpointList,
        openapi_extra=described_by("mocktune.webhooks.endpoints.list", "mocktune"),
    )
    async def list_endpoints(call: Call) -> Response:
        """Who is sent events, with their secrets: the endpoints of the API, and listeners."""
        visit = await call.visit()
        return json_answer({"endpoints": [render.endpoint(each) for each in targets(visit.sandbox)]})

    @router.post(
        "/webhooks/endpoints",
        response_model=wire.Endpoint,
        openapi_extra=described_by("mocktune.webhooks.endpoints.create", "mocktune", body=wire.NewEndpoint),
    )
    async def create_endpoint(call: Call) -> Response:
        """Have events sent to a URL: an endpoint as the API makes them, whose secret may be chosen.

        ```json
        {"url": "http://127.0.0.1:8000/webhooks", "secret": "whsec_c2VjcmV0"}
        ```

        Events are sent to this machine, and to hosts that `--allow-webhook-host` names.
        """
        body = await call.body_as(wire.NewEndpoint)
        visit = await call.visit()
        made = await endpoints.create(
            visit, name=body.name, url=body.url, event_types=tuple(body.event_types or JOB_EVENTS), secret=body.secret
        )
        services.watch(visit.sandbox)
        found = target(visit.sandbox, made.id)
        assert found is not None
        return json_answer(render.endpoint(found))

    @router.delete(
        "/webhooks/endpoints/{webhook_endpoint_id}",
        response_model=wire.EndpointDeleted,
        openapi_extra=described_by("mocktune.webhooks.endpoints.delete", "mocktune"),
    )
    async def delete_endpoint(call: Call) -> Response:
        """Send it nothing more; what was on its way has failed."""
        id = call.path("webhook_endpoint_id")
        await endpoints.delete(await call.visit(), id)
        return json_answer({"id": id, "deleted": True})

    # -- deliveries --------------------------------------------------------------------------------------------------

    @router.get(
        "/webhooks/deliveries",
        response_model=wire.DeliveryList,
        openapi_extra=described_by("mocktune.webhooks.deliveries.list", "mocktune", query=wire.ListDeliveriesQuery),
    )
    async def list_deliveries(call: Call) -> Response:
        """What was sent and is to be sent, the newest first; `order=asc` the oldest."""
        query = call.query(wire.ListDeliveriesQuery)
        visit = await call.visit()
        page = deliveries.list(
            visit, _filter(query), after=query.after, limit=query.limit, newest_first=query.order == "desc"
        )
        return json_answer(render.page(page, _dropped(call)))

    @router.post(
        "/webhooks/deliveries/wait-for-count",
        response_model=wire.AwaitedDeliveries,
        openapi_extra=described_by(
            "mocktune.webhooks.deliveries.wait_for_count", "mocktune", body=wire.WaitForDeliveries
        ),
    )
    async def wait_for_deliveries(call: Call) -> Response:
        """Wait until there are so many deliveries, in wall time.

        ```json
        {"count": 1, "state": "delivered", "timeout_s": 10}
        ```
        """
        body = await call.body_as(wire.WaitForDeliveries)
        visit = await call.visit()
        if call.sandbox.wake is not None:
            call.sandbox.wake()  # what is due already is not to wait for this answer
        services.watch(call.sandbox)
        found = await deliveries.wait_for_count(visit, _filter(body), body.count, body.timeout_s)
        return json_answer({"count": found.count, "reached": found.reached, "dropped": _dropped(call)})

    @router.get(
        "/webhooks/deliveries/{delivery_id}",
        response_model=wire.Delivery,
        openapi_extra=described_by("mocktune.webhooks.deliveries.retrieve", "mocktune"),
    )
    async def retrieve_delivery(call: Call) -> Response:
        """A delivery with every attempt: the headers and the body as they were sent."""
        return json_answer(render.delivery(deliveries.retrieve(await call.visit(), call.path("delivery_id"))))

    @router.post(
        "/webhooks/deliveries/{delivery_id}/resend",
        response_model=wire.Delivery,
        openapi_extra=described_by("mocktune.webhooks.deliveries.resend", "mocktune"),
    )
    async def resend_delivery(call: Call) -> Response:
        """Send it once more, now: the same `webhook-id` and body, signed anew. Answers when the receiver did."""
        return json_answer(render.delivery(await deliveries.resend(await call.visit(), call.path("delivery_id"))))

    @router.post(
        "/events/trigger",
        response_model=wire.Triggered,
        openapi_extra=described_by("mocktune.events.trigger", "mocktune", body=wire.NewEvent),
    )
    async def trigger_event(call: Call) -> Response:
        """Send an event now to every endpoint that is subscribed to its type. Answers when the receivers did.

        ```json
        {"type": "fine_tuning.job.succeeded", "job": "ftjob-…", "signature": "forged"}
        ```

        Without `job` it is a sample. `data` is put into the event's own. `signature` is `good`, `forged`, `missing`,
        `stale` or `rotated`.
        """
        body = await call.body_as(wire.NewEvent)
        made = await deliveries.trigger(
            await call.visit(), body.type, job_id=body.job, data=body.data or {}, signature=body.signature
        )
        return json_answer(render.triggered(made))

    # -- listeners ---------------------------------------------------------------------------------------------------

    @router.post(
        "/webhooks/listeners",
        response_model=wire.Endpoint,
        openapi_extra=described_by("mocktune.webhooks.listeners.create", "mocktune", body=wire.NewListener),
    )
    async def open_listener(call: Call) -> Response:
        """Have events kept for whoever fetches them, instead of sent to a URL: `mocktune listen` carries them to a
        receiver that the server cannot reach. One that fetches nothing for a minute is closed.

        ```json
        {"event_types": ["fine_tuning.job.succeeded"]}
        ```
        """
        body = await call.body_as(wire.NewListener)
        visit = await call.visit()
        made = listeners.open(visit, name=body.name, event_types=tuple(body.event_types or ()), secret=body.secret)
        services.watch(visit.sandbox)
        found = target(visit.sandbox, made.id)
        assert found is not None
        return json_answer(render.endpoint(found))

    @router.delete(
        "/webhooks/listeners/{listener_id}",
        response_model=wire.EndpointDeleted,
        openapi_extra=described_by("mocktune.webhooks.listeners.delete", "mocktune"),
    )
    async def close_listener(call: Call) -> Response:
        """Keep nothing more for it."""
        listeners.close(await call.visit(), call.path("listener_id"))
        return json_answer({"id": call.path("listener_id"), "deleted": True})

    @router.post(
        "/webhooks/listeners/{listener_id}/next",
        response_model=wire.Fetched,
        openapi_extra=described_by("mocktune.webhooks.listeners.next", "mocktune", body=wire.NextParcel),
    )
    async def fetch_next(call: Call) -> Response:
        """Wait for the next request, and take it. Its receiver's answer is to be reported within 5 s of the attempt.

        ```json
        {"timeout_s": 20}
        ```

        answers

        ```json
        {"parcel": {"id": "parcel-1", "headers": {"webhook-id": "wh_…"}, "body": "{\\"object\\":\\"event\\"}"}}
        ```
        """
        body = await call.body_as(wire.NextParcel)
        visit = await call.visit()
        if call.sandbox.wake is not None:
            call.sandbox.wake()
        return json_answer(render.fetched(await listeners.fetch(visit, call.path("listener_id"), body.timeout_s)))

    @router.post(
        "/webhooks/listeners/{listener_id}/result",
        response_model=wire.Reported,
        openapi_extra=described_by("mocktune.webhooks.listeners.result", "mocktune", body=wire.ParcelResult),
    )
    async def report_result(call: Call) -> Response:
        """Report what the receiver answered to a parcel: its status, or why there is none.

        ```json
        {"id": "parcel-1", "status_code": 200}
        ```
        """
        body = await call.body_as(wire.ParcelResult)
        failure = body.failure or ("" if body.status_code is not None else "the receiver did not answer")
        answer = WebhookAnswer(body.status_code, failure)
        reported = listeners.report(await call.visit(), call.path("listener_id"), body.id, answer)
        return json_answer({"id": body.id, "reported": reported})

    return router


def _filter(asked: wire.ListDeliveriesQuery | wire.WaitForDeliveries) -> DeliveryFilter:
    return DeliveryFilter(asked.job, asked.event_type, asked.endpoint, asked.state, asked.signature)


def _dropped(call: Call) -> int:
    return 0 if call.sandbox.outbox is None else call.sandbox.outbox.dropped
