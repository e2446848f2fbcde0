"""``/v1/fine_tuning/model_limits``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import model_limits as render
from mocktune.http.render import page
from mocktune.http.wire import model_limits as wire
from mocktune.http.wire.base import List
from mocktune.service import limits
from mocktune.service.paging import Page
from mocktune.service.services import Services


def model_limits_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/fine_tuning/model_limits", tags=["Fine-tuning"])

    @router.get(
        "",
        response_model=List[wire.ModelLimits],
        # LIMITS saw the rows; the envelope around them is assumed. No SDK has a method for it: the name is ours.
        openapi_extra=described_by("fine_tuning.model_limits", "LIMITS"),
    )
    async def list_model_limits(call: Call) -> Response:
        rows = await limits.model_limits(await call.visit(), services.datasets)
        return json_answer(page(Page(rows, has_more=False), render.model_limits))

    return router
