"""``/v1/chat/completions`` but their making: those that were stored."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.error_kinds.stored_completions import METADATA_IS_NO_OBJECT
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import cursor_page, deleted
from mocktune.http.render import stored_completions as render
from mocktune.http.wire import stored_completions as wire
from mocktune.http.wire.base import CursorList, Deleted
from mocktune.service.services import Services

_METADATA: dict[str, Any] = {
    "name": "metadata",
    "in": "query",
    "required": False,
    "style": "deepObject",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "description": "`metadata[key]=value`, several of which must all match.",
}


def stored_completions_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/chat/completions", tags=["Chat"])
    stored, settings = services.stored_completions, services.settings

    @router.get(
        "",
        response_model=CursorList[wire.StoredChatCompletion],
        openapi_extra=described_by(
            "chat.completions.list", "SPEC", query=wire.ListChatCompletionsQuery, parameters=[_METADATA]
        ),
    )
    async def list_chat_completions(call: Call) -> Response:
        query = call.query(wire.ListChatCompletionsQuery)
        page = await stored.list(
            await call.visit(),
            model=query.model,
            metadata=_metadata_filter(call),
            after=query.after,
            limit=query.limit,
            order=query.order,
        )
        return json_answer(cursor_page(page, render.stored_completion))

    @router.get(
        "/{completion_id}",
        response_model=wire.StoredChatCompletion,
        openapi_extra=described_by("chat.completions.retrieve", "SPEC"),
    )
    async def retrieve_chat_completion(call: Call) -> Response:
        found = await stored.retrieve(await call.visit(), call.path("completion_id"))
        return json_answer(render.stored_completion(found))

    @router.post(
        "/{completion_id}",
        response_model=wire.StoredChatCompletion,
        openapi_extra=described_by("chat.completions.update", "SPEC", body=wire.UpdateChatCompletionRequest),
    )
    async def update_chat_completion(call: Call) -> Response:
        body = await call.body_as(wire.UpdateChatCompletionRequest)
        changed = await stored.update(await call.visit(), call.path("completion_id"), body.metadata)
        return json_answer(render.stored_completion(changed))

    @router.delete(
        "/{completion_id}", response_model=Deleted, openapi_extra=described_by("chat.completions.delete", "SPEC")
    )
    async def delete_chat_completion(call: Call) -> Response:
        id = call.path("completion_id")
        await stored.delete(await call.visit(), id)
        return json_answer(deleted("chat.completion.deleted", id))

    @router.get(
        "/{completion_id}/messages",
        response_model=CursorList[wire.StoredMessage],
        openapi_extra=described_by("chat.completions.messages.list", "SPEC", query=wire.ListMessagesQuery),
    )
    async def list_messages(call: Call) -> Response:
        query = call.query(wire.ListMessagesQuery)
        page = await stored.messages(
            await call.visit(), call.path("completion_id"), after=query.after, limit=query.limit, order=query.order
        )
        return json_answer(cursor_page(page, lambda each: render.stored_message(each, settings.wire)))

    return router


def _metadata_filter(call: Call) -> dict[str, str]:
    """The ``metadata[k]=v`` pairs of the query. Raises ``ParameterError`` for ``metadata`` without a key."""
    wanted = {}
    for key, value in call.query_params.multi_items():
        if key.startswith("metadata[") and key.endswith("]"):
            wanted[key[len("metadata[") : -1]] = value
        elif key == "metadata" and value not in ("", "null") and not call.services.settings.loose:
            raise METADATA_IS_NO_OBJECT()
    return wanted
