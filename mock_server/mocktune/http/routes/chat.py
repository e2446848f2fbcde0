"""``POST /v1/chat/completions``, plain and as server-sent events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import RawHeaders, Stream, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import chat as render
from mocktune.http.wire import chat as wire
from mocktune.service.chat import ChatRequest, Completion, ResponseFormat, tool_names
from mocktune.service.chat_rules import check_request
from mocktune.service.services import Services
from mocktune.service.tools import tool_use

RATE_LIMIT_HEADERS: RawHeaders = [
    # RUBY: chat answers carry them, fine-tuning and files never. No limit is enforced, so nothing is ever used up.
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"200000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-remaining-tokens", b"199999"),
    (b"x-ratelimit-reset-requests", b"8.64s"),
    (b"x-ratelimit-reset-tokens", b"0s"),
]

MAX_CHOICES, MAX_TOP_LOGPROBS = 128, 20
"""SPEC. Beyond them --loose answers with as many."""


def chat_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/chat", tags=["Chat"])
    loose = services.settings.loose

    @router.post(
        "/completions",
        response_model=wire.ChatCompletion,
        openapi_extra=described_by("chat.completions.create", "SPEC", body=wire.CreateChatCompletionRequest),
    )
    async def create_chat_completion(call: Call) -> Response:
        raw = await call.json_object()
        if not wire.is_plain(raw):
            call.checked(wire.CreateChatCompletionRequest, raw)
        if not loose:
            check_request(raw)
        visit = await call.visit()
        completion = await services.chat.complete(visit, _chat_request(raw, loose=loose))
        if raw.get("store"):
            services.stored_completions.keep(visit, completion, raw)
        response = _answer(completion, raw, strict=call.written_as == "sdk")
        response.raw_headers += RATE_LIMIT_HEADERS
        return response

    return router


def _chat_request(raw: Mapping[str, Any], *, loose: bool) -> ChatRequest:
    """The plain values of a body that was checked; legacy ``functions`` count as tools."""
    if len(raw) == 2:
        return ChatRequest(raw["model"], raw["messages"], of_chat_route=True)
    tools = [*(raw.get("tools") or ()), *(raw.get("functions") or ())]
    use = tool_use(raw, tool_names(tools), loose=loose)
    stop = raw.get("stop")
    return ChatRequest(
        model=raw["model"],
        messages=raw["messages"],
        tools=tools,
        callable_tools=use.callable_tools,
        legacy_functions=bool(raw.get("functions")) and not raw.get("tools"),
        seed=raw.get("seed"),
        choices=max(1, min(raw.get("n") or 1, MAX_CHOICES)),
        stop=[stop] if isinstance(stop, str) else stop or (),
        max_tokens=max(0, raw.get("max_completion_tokens") or raw.get("max_tokens") or 0) or None,
        must_call=use.must_call,
        named_tool=use.named,
        parallel_tool_calls=raw.get("parallel_tool_calls") is not False,
        response_format=_response_format(raw.get("response_format")),
        top_logprobs=max(0, min(raw.get("top_logprobs") or 0, MAX_TOP_LOGPROBS)) if raw.get("logprobs") else None,
        of_chat_route=True,
    )


def _response_format(asked: Mapping[str, Any] | None) -> ResponseFormat | None:
    if asked is None or asked["type"] == "text":
        return None
    described = asked.get("json_schema") or {}
    return ResponseFormat(described.get("schema"), described.get("name", ""))


def _answer(completion: Completion, raw: Mapping[str, Any], *, strict: bool) -> Response:
    service_tier = raw.get("service_tier")
    if not raw.get("stream"):
        return json_answer(render.chat_completion(completion, service_tier))
    from mocktune.http.render.chat_chunks import StreamOptions, events

    asked = raw.get("stream_options") or {}
    options = StreamOptions(
        bool(asked.get("include_usage")), bool(asked.get("include_obfuscation")), service_tier, strict
    )
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    return Stream(events(completion, options), headers)
