"""``/_mocktune/verdict``: what is to be said of the client."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import verdict as render
from mocktune.http.wire import verdict as wire
from mocktune.service.services import Services


def verdict_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])

    @router.get(
        "/verdict",
        response_model=wire.Verdict,
        openapi_extra=described_by("mocktune.verdict.retrieve", "mocktune", query=wire.VerdictQuery),
    )
    async def retrieve_verdict(call: Call) -> Response:
        """Judge the client by the journal: what it did that would go wrong, each with its evidence.

        What each finding means, when it is raised and when not, is on a [page of its own](verdict.md). `allow` leaves
        findings out: codes with commas in between. Ask when the client is done; asking changes nothing. `done=true`
        says that it has come to its end for certain, as a process that is no more: then a job whose last look was no
        end is MT02 at once.
        """
        query = call.query(wire.VerdictQuery)
        named = ",".join(call.query_params.getlist("allow"))  # it may be given more than once
        allow = tuple(code for each in named.split(",") if (code := each.strip()))
        return json_answer(render.verdict(await services.verdicts.judge(await call.visit(), allow, done=query.done)))

    return router
