"""``/v1/chat/completions``, plain and as server-sent events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.clock import unix_seconds
from mocktune.domain.errors import ParameterError
from mocktune.http.answers import RawHeaders, Stream, compact_json, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import chat as render
from mocktune.http.validation import parse_object
from mocktune.http.wire import chat as wire
from mocktune.service.chat import ChatRequest, Completion, tool_names
from mocktune.service.services import Services

RATE_LIMIT_HEADERS: RawHeaders = [
    # RUBY: chat answers carry them, fine-tuning and files never. No limit is enforced, so nothing is ever used up.
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"200000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-remaining-tokens", b"199999"),
    (b"x-ratelimit-reset-requests", b"8.64s"),
    (b"x-ratelimit-reset-tokens", b"0s"),
]

_TOKEN_LIKE = re.compile(r"\s*\S{1,12}|\s+")
"""Streamed pieces: words, long ones cut, so that joining them gives the text back."""


def chat_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1/chat", tags=["Chat"])

    @router.post(
        "/completions",
        response_model=wire.ChatCompletion,
        openapi_extra=described_by("chat.completions.create", "SPEC", body=wire.CreateChatCompletionRequest),
    )
    async def create_chat_completion(call: Call) -> Response:
        raw = parse_object(await call.limited_body())
        body = call.checked(wire.CreateChatCompletionRequest, raw)
        completion = await services.chat.complete(await call.visit(), _chat_request(body, raw))
        response = _event_stream(completion, body) if body.stream else json_answer(render.chat_completion(completion))
        response.raw_headers += RATE_LIMIT_HEADERS
        return response

    return router


def _chat_request(body: wire.CreateChatCompletionRequest, raw: Any) -> ChatRequest:
    """The checked body's plain values; legacy ``functions`` count as tools."""
    tools = [*(raw.get("tools") or ()), *(raw.get("functions") or ())]
    return ChatRequest(
        model=body.model,
        messages=raw["messages"],
        tools=tools,
        callable_tools=_callable_tools(body, tool_names(tools)),
        legacy_functions=bool(body.functions) and not body.tools,
        seed=body.seed,
        choices=body.n or 1,
        stop=[body.stop] if isinstance(body.stop, str) else body.stop or (),
        max_tokens=body.max_completion_tokens or body.max_tokens,
    )


def _callable_tools(body: wire.CreateChatCompletionRequest, offered: list[str]) -> frozenset[str] | None:
    """The tools that ``tool_choice`` leaves: none, the one it names, or (None) all of them."""
    for param, choice in (("tool_choice", body.tool_choice), ("function_call", body.function_call)):
        if choice == "none":
            return frozenset()
        if isinstance(choice, dict):
            function = choice.get("function", choice)
            name = function.get("name") if isinstance(function, dict) else None
            if name not in offered:  # assumed words
                raise ParameterError(
                    f"Invalid value for '{param}': no function named '{name!s:.100}' was offered.",
                    param=param,
                    code="invalid_value",
                )
            return frozenset({str(name)})
    return None


def _event_stream(completion: Completion, body: wire.CreateChatCompletionRequest) -> Response:
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]
    return Stream(_events(_chunks(completion, with_usage)), headers)


def _chunks(completion: Completion, with_usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed answer: role first, then pieces, then the reason it ended, then the usage if asked."""
    base: dict[str, Any] = {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": unix_seconds(completion.created_at),
        "model": completion.model,
        "service_tier": "default",
        "system_fingerprint": completion.fingerprint,
    }
    usage = {"usage": None} if with_usage else {}

    for choice in range(len(completion.choices)):
        for delta, finish_reason in _deltas(completion, choice):
            said = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            yield {**base, "choices": [said], **usage}
    if with_usage:
        yield {**base, "choices": [], "usage": render.usage(completion)}


def _deltas(completion: Completion, choice: int) -> Iterator[tuple[dict[str, Any], str | None]]:
    calls = render.tool_calls(completion, choice)
    if completion.choices[choice].legacy:
        called = calls[0]["function"]
        yield (
            {"role": "assistant", "content": None, "function_call": {**called, "arguments": ""}, "refusal": None},
            None,
        )
        for piece in _TOKEN_LIKE.findall(called["arguments"]):
            yield {"function_call": {"arguments": piece}}, None
        yield {}, "function_call"
        return
    yield {"role": "assistant", "content": None if calls else "", "refusal": None}, None
    for index, call in enumerate(calls):
        name = {**call["function"], "arguments": ""}
        yield {"tool_calls": [{"index": index, **call, "function": name}]}, None
        for piece in _TOKEN_LIKE.findall(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, None
    for piece in _TOKEN_LIKE.findall(completion.choices[choice].content or ""):
        yield {"content": piece}, None
    yield {}, completion.choices[choice].finish_reason


def _events(chunks: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Server-sent events: ``data: {json}`` for each chunk, then ``data: [DONE]``."""
    for chunk in chunks:
        yield b"data: " + compact_json(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"
