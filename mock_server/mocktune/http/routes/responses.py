"""``/v1/responses``, plain and as server-sent events."""

from __future__ import annotations

from itertools import islice
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.error_kinds import responses as kinds
from mocktune.http.answers import Stream, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.pieces import EVENT_STREAM, named_events
from mocktune.http.render import cursor_page, deleted
from mocktune.http.render import responses as render
from mocktune.http.routes.chat import RATE_LIMIT_HEADERS
from mocktune.http.validation import parse_object
from mocktune.http.wire import response_objects as objects
from mocktune.http.wire import responses as wire
from mocktune.http.wire.base import Deleted
from mocktune.service.response_tools import check_format, check_tools, tool_use
from mocktune.service.responses import ResponseRecord, ResponseRequest
from mocktune.service.services import Services
from mocktune.service.tools import tool_names

MOVED = {
    "messages": "input",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "max_completion_tokens": "max_output_tokens",
}
"""Parameters of chat completions, and what they are called here."""

_ECHOED = (
    "max_tool_calls", "metadata", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier",
    "temperature", "tool_choice", "top_logprobs", "top_p", "user",
)  # fmt: skip


def responses_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/responses", tags=["Responses"])
    responses, loose = services.responses, services.settings.loose

    @router.post(
        "",
        response_model=objects.ResponseObject,
        openapi_extra=described_by("responses.create", "SDK, 3P", body=wire.CreateResponseRequest),
    )
    async def create_response(call: Call) -> Response:
        raw = parse_object(await call.limited_body())
        _check_names(call, raw, "model", "input")
        body = call.checked(wire.CreateResponseRequest, raw)
        record = await responses.create(await call.visit(), _request(body, raw, loose=loose))
        answer = _stream(record, after=-1) if body.stream else json_answer(render.response(record))
        answer.raw_headers += RATE_LIMIT_HEADERS
        return answer

    @router.post(
        "/input_tokens",
        response_model=objects.InputTokens,
        openapi_extra=described_by("responses.input_tokens.count", "SDK", body=wire.CountInputTokensRequest),
    )
    async def count_input_tokens(call: Call) -> Response:
        raw = parse_object(await call.limited_body())
        body = call.checked(wire.CountInputTokensRequest, raw)
        tokens = await responses.count_input_tokens(await call.visit(), _request(body, raw, loose=loose))
        return json_answer({"object": "response.input_tokens", "input_tokens": tokens})

    @router.post("/compact", include_in_schema=False, openapi_extra=described_by("responses.compact", "assumed"))
    async def compact_response(call: Call) -> Response:
        raise kinds.NO_COMPACTION()

    @router.get(
        "/{response_id}",
        response_model=objects.ResponseObject,
        openapi_extra=described_by("responses.retrieve", "SDK", query=wire.RetrieveResponseQuery),
    )
    async def retrieve_response(call: Call) -> Response:
        query = call.query(wire.RetrieveResponseQuery)
        record = await responses.retrieve(await call.visit(), call.path("response_id"))
        if query.stream == "true":
            return _stream(record, after=_number(query.starting_after))
        return json_answer(render.response(record))

    @router.delete("/{response_id}", response_model=Deleted, openapi_extra=described_by("responses.delete", "SPEC"))
    async def delete_response(call: Call) -> Response:
        await responses.delete(await call.visit(), call.path("response_id"))
        return json_answer(deleted("response", call.path("response_id")))

    @router.post(
        "/{response_id}/cancel",
        response_model=objects.ResponseObject,
        openapi_extra=described_by("responses.cancel", "assumed"),
    )
    async def cancel_response(call: Call) -> Response:
        return json_answer(render.response(await responses.cancel(await call.visit(), call.path("response_id"))))

    @router.get(
        "/{response_id}/input_items",
        response_model=objects.ResponseItemList,
        openapi_extra=described_by("responses.input_items.list", "SDK", query=wire.ListInputItemsQuery),
    )
    async def list_input_items(call: Call) -> Response:
        query = call.query(wire.ListInputItemsQuery)
        page = await responses.input_items(
            await call.visit(), call.path("response_id"), after=query.after, limit=query.limit, order=query.order
        )
        return json_answer(cursor_page(page, dict))

    return router


def _check_names(call: Call, raw: dict[str, Any], *required: str) -> None:
    """What is refused before anything else is looked at: absent parameters, and those of the chat route."""
    if call.services.settings.loose:
        return
    for name in required:
        if name not in raw and not (name == "input" and "messages" in raw):
            raise kinds.MISSING(name=name, param=name)
    for name, to in MOVED.items():
        if name in raw:
            raise kinds.MOVED_PARAMETER(name=name, to=to)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else -1


def _stream(record: ResponseRecord, *, after: int) -> Stream:
    """The events numbered above ``after``."""
    return Stream(named_events(islice(render.events(record), after + 1, None)), list(EVENT_STREAM))


def _request(
    body: wire.CreateResponseRequest | wire.CountInputTokensRequest, raw: dict[str, Any], *, loose: bool
) -> ResponseRequest:
    """The checked body's plain values. Raises ``ParameterError`` for tools and schemas that cannot be meant."""
    given = raw.get("input")
    text = raw.get("text") or {}
    format = text.get("format") or {"type": "text"}
    most = raw.get("max_output_tokens")
    tools = raw.get("tools") or ()
    if not loose:
        check_tools(tools)
        check_format(format)
    use = tool_use(raw.get("tool_choice"), tool_names(tools))
    echoed = {name: raw[name] for name in _ECHOED if raw.get(name) is not None}
    echoed |= {"verbosity": text["verbosity"]} if text.get("verbosity") else {}
    wants_logprobs = raw.get("top_logprobs") or "message.output_text.logprobs" in (raw.get("include") or ())
    return ResponseRequest(
        model=body.model,
        items=[{"role": "user", "content": given}] if isinstance(given, str) and given else given or (),
        instructions=body.instructions,
        previous_response_id=body.previous_response_id,
        tools=tools,
        callable_tools=use.callable_tools,
        must_call=use.must_call,
        named_tool=use.named,
        top_logprobs=max(0, raw.get("top_logprobs") or 0) if wants_logprobs else None,
        parallel_tool_calls=body.parallel_tool_calls is not False,
        text_format=format,
        max_output_tokens=None if most is None else max(0, most),  # ``--loose`` lets negative ones through
        truncation=body.truncation or "disabled",
        store=raw.get("store") is not False,
        echoed=echoed,
    )
