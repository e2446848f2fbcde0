"""Texts in the pieces that a stream sends them in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mocktune.http.answers import RawHeaders, compact_json

EVENT_STREAM: RawHeaders = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
]

_TOKEN_LIKE = re.compile(r"\s*\S{1,12}|\s+")


def pieces(text: str) -> list[str]:
    """Words, long ones cut, so that joining them gives the text back."""
    return _TOKEN_LIKE.findall(text)


def named_events(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Server-sent events that carry their ``type`` as their name too, as ``/responses`` sends them (SDK)."""
    for event in events:
        yield b"event: " + event["type"].encode() + b"\ndata: " + compact_json(event) + b"\n\n"


def unnamed_events(chunks: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """``data: {json}`` for each chunk, then ``data: [DONE]``, as the completion routes send them (SPEC)."""
    for chunk in chunks:
        yield b"data: " + compact_json(chunk) + b"\n\n"
    yield b"data: [DONE]\n\n"
