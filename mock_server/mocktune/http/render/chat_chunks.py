"""A chat completion as server-sent events: ``data: {json}`` for each chunk, then ``data: [DONE]``.

For each choice the role comes first, then pieces of what is said or called, then the reason it ended; the usage last of
all, if asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mocktune.domain.clock import unix_seconds
from mocktune.domain.draws import text
from mocktune.domain.logprobs import TokenLogprob
from mocktune.http.answers import compact_json
from mocktune.http.render import Json
from mocktune.http.render import chat as render
from mocktune.service.chat import Choice, Completion

_TOKEN_LIKE = re.compile(r"\s*\S{1,12}|\s+")
"""Streamed pieces: words, long ones cut, so that joining them gives the text back. Real tokens cost more to find."""

_PADDED_TO = 16
"""Bytes of which every padded event is a multiple (assumed: recorded ones of a stream are equally long)."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """``usage``: a last chunk says it. ``obfuscation``: events are padded, so that their lengths tell nothing.

    ``strict`` (``--wire sdk``): the type of a custom tool's call is null, since the SDK's chunk knows functions only.
    """

    usage: bool = False
    obfuscation: bool = False
    service_tier: str | None = None
    strict: bool = False


def events(completion: Completion, options: StreamOptions) -> Iterator[bytes]:
    for number, chunk in enumerate(_chunks(completion, options)):
        data = compact_json(chunk)
        if options.obfuscation and chunk["choices"]:
            data = _padded(data, completion.id, number)
        yield b"data: " + data + b"\n\n"
    yield b"data: [DONE]\n\n"


def _padded(data: bytes, id: str, number: int) -> bytes:
    opened = data[:-1] + b',"obfuscation":"'
    padding = text(0, _PADDED_TO - (len(opened) + 2) % _PADDED_TO, "obfuscation", id, number)
    return opened + padding.encode() + b'"}'


def _chunks(completion: Completion, options: StreamOptions) -> Iterator[Json]:
    base: Json = {
        "id": completion.id,
        "object": "chat.completion.chunk",
        "created": unix_seconds(completion.created_at),
        "model": completion.model,
        "service_tier": render.tier(options.service_tier),
        "system_fingerprint": completion.fingerprint,
    }
    usage: Json = {"usage": None} if options.usage else {}
    for index, choice in enumerate(completion.choices):
        for delta, logprobs, finish_reason in _deltas(choice, _calls(completion, index, options)):
            said = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
            yield {**base, "choices": [said], **usage}
    if options.usage:
        yield {**base, "choices": [], "usage": render.usage(completion)}


def _calls(completion: Completion, index: int, options: StreamOptions) -> list[Json]:
    calls = render.tool_calls(completion, index)
    return [{**call, "type": None} if "custom" in call else call for call in calls] if options.strict else calls


def _deltas(choice: Choice, calls: list[Json]) -> Iterator[tuple[Json, Json | None, str | None]]:
    if choice.legacy and calls:
        called = calls[0]["function"]
        opening = {**called, "arguments": ""}
        yield {"role": "assistant", "content": None, "function_call": opening, "refusal": None}, None, None
        for piece in _TOKEN_LIKE.findall(called["arguments"]):
            yield {"function_call": {"arguments": piece}}, None, None
    else:
        yield {"role": "assistant", "content": None if calls else "", "refusal": None}, None, None
        for index, call in enumerate(calls):
            kind, written = ("custom", "input") if "custom" in call else ("function", "arguments")
            yield {"tool_calls": [{"index": index, **call, kind: {**call[kind], written: ""}}]}, None, None
            for piece in _TOKEN_LIKE.findall(call[kind][written]):
                yield {"tool_calls": [{"index": index, kind: {written: piece}}]}, None, None
        for piece, tokens in _pieces(choice):
            yield {"content": piece}, None if tokens is None else render.logprobs(tokens), None
    yield {}, None, choice.finish_reason


def _pieces(choice: Choice) -> Iterator[tuple[str, list[TokenLogprob] | None]]:
    """What is said, piece by piece; with log probabilities a piece is a token, or those that make up a character."""
    if choice.logprobs is None:
        for piece in _TOKEN_LIKE.findall(choice.content or ""):
            yield piece, None
        return
    waiting: list[TokenLogprob] = []
    for token in choice.logprobs:
        waiting.append(token)
        try:
            piece = b"".join(bytes(each.bytes) for each in waiting).decode()
        except UnicodeDecodeError:
            continue
        yield piece, waiting
        waiting = []
