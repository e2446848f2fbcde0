"""``/v1/files``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.error_kinds.files import MISSING_FIELD
from mocktune.http.answers import Stream, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.multipart import receive_file
from mocktune.http.render import cursor_page, deleted
from mocktune.http.render import files as render
from mocktune.http.wire import files as wire
from mocktune.http.wire.base import CursorList, Deleted
from mocktune.service.files import FIRST_LINE_BYTES, Content, Upload
from mocktune.service.services import Services

_UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string"},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
                    },
                }
            }
        },
    }
}


def file_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/files", tags=["Files"])
    files, settings = services.files, services.settings

    @router.post(
        "", response_model=wire.OpenAIFile, openapi_extra={**described_by("files.create", "RUBY, SPEC"), **_UPLOAD}
    )
    async def create_file(call: Call) -> Response:
        form = await receive_file(
            call, services.blobs, field="file", max_bytes=settings.max_file_bytes, head_bytes=FIRST_LINE_BYTES
        )
        try:
            upload = Upload(form.filename, _purpose(form.fields), form.blob, form.head, _expiry(call, form.fields))
            view = await files.create(await call.visit(), upload)
        except BaseException:
            form.blob.delete()
            raise
        return json_answer(render.file(view, call.written_as))

    @router.get(
        "",
        response_model=CursorList[wire.OpenAIFile],
        openapi_extra=described_by("files.list", "RUBY", query=wire.ListFilesQuery),
    )
    async def list_files(call: Call) -> Response:
        query = call.query(wire.ListFilesQuery)
        page = await files.list(
            await call.visit(), purpose=query.purpose, after=query.after, limit=query.limit, order=query.order
        )
        return json_answer(cursor_page(page, lambda view: render.file(view, call.written_as)))

    @router.get("/{file_id}", response_model=wire.OpenAIFile, openapi_extra=described_by("files.retrieve", "RUBY"))
    async def retrieve_file(call: Call) -> Response:
        return json_answer(render.file(await files.retrieve(await call.visit(), call.path("file_id")), call.written_as))

    @router.delete("/{file_id}", response_model=Deleted, openapi_extra=described_by("files.delete", "RUBY"))
    async def delete_file(call: Call) -> Response:
        await files.delete(await call.visit(), call.path("file_id"))
        return json_answer(deleted("file", call.path("file_id")))

    @router.get("/{file_id}/content", response_class=Response, openapi_extra=described_by("files.content", "RUBY"))
    async def retrieve_file_content(call: Call) -> Response:
        return _download(await files.content(await call.visit(), call.path("file_id")))

    return router


def _purpose(fields: dict[str, str]) -> str:
    if "purpose" not in fields:
        raise MISSING_FIELD(field="purpose", param="purpose")
    return fields["purpose"]


def _expiry(call: Call, fields: dict[str, str]) -> int | None:
    """``expires_after[anchor]`` and ``expires_after[seconds]``, both or none."""
    anchor, seconds = fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    given: dict[str, object] = {"anchor": anchor, "seconds": seconds}
    if seconds is not None and seconds.isascii() and seconds.isdigit() and len(seconds) < 20:
        given["seconds"] = int(seconds)
    form = call.checked(wire.ExpiresAfterForm, {"expires_after": {k: v for k, v in given.items() if v is not None}})
    return form.expires_after.seconds


def _download(content: Content) -> Response:
    # OBS RUBY: octet-stream with the file's name.
    name = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in content.filename)
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", b"%d" % content.size_bytes),
        (b"content-disposition", f'attachment; filename="{name}"'.encode("ascii")),
    ]
    return Stream(content.pieces, headers)
