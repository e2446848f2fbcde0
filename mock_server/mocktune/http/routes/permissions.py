"""``/v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import cursor_page, deleted
from mocktune.http.render import permissions as render
from mocktune.http.wire import permissions as wire
from mocktune.http.wire.base import CursorList, Deleted
from mocktune.service.services import Services


def permissions_routes(services: Services) -> APIRouter:
    prefix = "/v1/fine_tuning/checkpoints/{fine_tuned_model_checkpoint}/permissions"
    router = APIRouter(prefix=prefix, tags=["Fine-tuning"])
    permissions = services.permissions

    @router.post(
        "",
        response_model=CursorList[wire.CheckpointPermission],
        openapi_extra=described_by(
            "fine_tuning.checkpoints.permissions.create", "SPEC, SDK", body=wire.CreateCheckpointPermissionRequest
        ),
    )
    async def create_fine_tuning_checkpoint_permission(call: Call) -> Response:
        body = await call.body_as(wire.CreateCheckpointPermissionRequest)
        checkpoint = call.path("fine_tuned_model_checkpoint")
        page = await permissions.create(await call.visit(), checkpoint, body.project_ids)
        return json_answer(cursor_page(page, render.permission))

    @router.get(
        "",
        response_model=CursorList[wire.CheckpointPermission],
        openapi_extra=described_by(
            "fine_tuning.checkpoints.permissions.list", "SPEC, SDK", query=wire.ListCheckpointPermissionsQuery
        ),
    )
    async def list_fine_tuning_checkpoint_permissions(call: Call) -> Response:
        query = call.query(wire.ListCheckpointPermissionsQuery)
        page = await permissions.list(
            await call.visit(),
            call.path("fine_tuned_model_checkpoint"),
            project_id=query.project_id,
            after=query.after,
            limit=query.limit,
            order="asc" if query.order == "ascending" else "desc",
        )
        return json_answer(cursor_page(page, render.permission))

    @router.delete(
        "/{permission_id}",
        response_model=Deleted,
        openapi_extra=described_by("fine_tuning.checkpoints.permissions.delete", "SPEC, SDK"),
    )
    async def delete_fine_tuning_checkpoint_permission(call: Call) -> Response:
        id = call.path("permission_id")
        await permissions.delete(await call.visit(), call.path("fine_tuned_model_checkpoint"), id)
        return json_answer(deleted("checkpoint.permission", id))

    return router
