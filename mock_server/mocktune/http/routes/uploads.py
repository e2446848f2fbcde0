"""``/v1/uploads``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.uploads import MAX_PART_BYTES, UploadRequest
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.multipart import receive_file
from mocktune.http.render import uploads as render
from mocktune.http.wire import uploads as wire
from mocktune.service.services import Services

_PART: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["data"],
                    "properties": {"data": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def uploads_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/uploads", tags=["Uploads"])
    uploads = services.uploads

    @router.post(
        "",
        response_model=wire.Upload,
        openapi_extra=described_by("uploads.create", "SPEC", body=wire.CreateUploadRequest),
    )
    async def create_upload(call: Call) -> Response:
        body = await call.body_as(wire.CreateUploadRequest)
        lifetime_s = body.expires_after.seconds if body.expires_after else None
        request = UploadRequest(body.filename, body.purpose, body.bytes, body.mime_type, lifetime_s)
        return json_answer(render.upload(uploads.create(await call.visit(), request), call.written_as))

    @router.post(
        "/{upload_id}/parts",
        response_model=wire.UploadPart,
        openapi_extra={**described_by("uploads.parts.create", "SPEC"), **_PART},
    )
    async def add_upload_part(call: Call) -> Response:
        uploads.check_exists(call.sandbox, call.path("upload_id"))
        form = await receive_file(call, services.blobs, field="data", max_bytes=MAX_PART_BYTES)
        try:
            part = await uploads.add_part(await call.visit(), call.path("upload_id"), form.blob)
        except BaseException:
            form.blob.delete()
            raise
        return json_answer(render.part(part))

    @router.post(
        "/{upload_id}/complete",
        response_model=wire.Upload,
        openapi_extra=described_by("uploads.complete", "SPEC", body=wire.CompleteUploadRequest),
    )
    async def complete_upload(call: Call) -> Response:
        body = await call.body_as(wire.CompleteUploadRequest)
        view = await uploads.complete(await call.visit(), call.path("upload_id"), body.part_ids, body.md5)
        return json_answer(render.upload(view, call.written_as))

    @router.post(
        "/{upload_id}/cancel", response_model=wire.Upload, openapi_extra=described_by("uploads.cancel", "SPEC")
    )
    async def cancel_upload(call: Call) -> Response:
        return json_answer(
            render.upload(await uploads.cancel(await call.visit(), call.path("upload_id")), call.written_as)
        )

    return router
