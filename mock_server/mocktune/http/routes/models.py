"""``/v1/models``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import deleted
from mocktune.http.render import models as render
from mocktune.http.wire import models as wire
from mocktune.http.wire.base import Deleted
from mocktune.service.services import Services


def model_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/models", tags=["Models"])
    models = services.models

    @router.get("", response_model=wire.ModelList, openapi_extra=described_by("models.list", "RUBY"))
    async def list_models(call: Call) -> Response:
        return json_answer(render.models(await models.list(await call.visit())))

    @router.get("/{model}", response_model=wire.Model, openapi_extra=described_by("models.retrieve", "RUBY"))
    async def retrieve_model(call: Call) -> Response:
        return json_answer(render.model(await models.retrieve(await call.visit(), call.path("model"))))

    @router.delete("/{model}", response_model=Deleted, openapi_extra=described_by("models.delete", "RUBY"))
    async def delete_model(call: Call) -> Response:
        await models.delete(await call.visit(), call.path("model"))
        return json_answer(deleted("model", call.path("model")))

    return router
