"""``/v1/moderations``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import moderations as render
from mocktune.http.wire import moderations as wire
from mocktune.service.moderations import DEFAULT_MODEL, ModerationInput
from mocktune.service.services import Services


def moderations_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/moderations", tags=["Moderations"])

    @router.post(
        "",
        response_model=wire.CreateModerationResponse,
        openapi_extra=described_by("moderations.create", "SDK", body=wire.CreateModerationRequest),
    )
    async def create_moderation(call: Call) -> Response:
        body = await call.body_as(wire.CreateModerationRequest)
        view = await services.moderations.create(await call.visit(), _inputs(body.input), body.model or DEFAULT_MODEL)
        return json_answer(render.moderation(view))

    return router


def _inputs(given: wire.Input) -> list[ModerationInput]:
    """A list of texts is many inputs, a list of parts is one (SDK ``ModerationCreateParams``)."""
    if isinstance(given, str):
        return [ModerationInput([given])]
    texts = [each for each in given if isinstance(each, str)]
    if texts:
        return [ModerationInput([text]) for text in texts]
    parts = [each.text for each in given if isinstance(each, wire.TextInput)]
    return [ModerationInput(parts, images=len(given) - len(parts))]
