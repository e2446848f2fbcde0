"""``/v1/fine_tuning/alpha/graders``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import graders as render
from mocktune.http.wire import graders as wire
from mocktune.service.services import Services


def graders_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/fine_tuning/alpha/graders", tags=["Graders"])
    graders, form = services.graders, services.settings.wire

    @router.post(
        "/run",
        response_model=wire.RunGraderResponse,
        openapi_extra=described_by(
            "fine_tuning.alpha.graders.run", "SPEC, GRADDOC, EVALPROTOCOL", body=wire.RunGraderRequest
        ),
    )
    async def run_grader(call: Call) -> Response:
        body = await call.body_as(wire.RunGraderRequest)
        grade = await graders.run(await call.visit(), body.grader, body.item or {}, body.model_sample)
        return json_answer(render.run(grade, form))

    @router.post(
        "/validate",
        response_model=wire.ValidateGraderResponse,
        openapi_extra=described_by(
            "fine_tuning.alpha.graders.validate", "SPEC, GRADDOC, EVALPROTOCOL", body=wire.ValidateGraderRequest
        ),
    )
    async def validate_grader(call: Call) -> Response:
        body = await call.body_as(wire.ValidateGraderRequest)
        return json_answer(render.validated(graders.validate(await call.visit(), body.grader)))

    return router
