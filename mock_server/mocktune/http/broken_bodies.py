"""Answers cut in two, or in many pieces: what of a body is sent before it breaks, and how it is spread over a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from starlette.responses import Response

from mocktune.http.answers import Stream

MAX_EVENTS = 10_000
MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Of a stream, looked at to find its middle; what comes after is not counted."""


def size_of(answer: Response) -> int | None:
    """The bytes of an answer's body; None for a stream of events, which nobody counted."""
    if not isinstance(answer, Stream):
        return len(answer.body)
    return next((int(value) for name, value in answer.raw_headers if name == b"content-length"), None)


def first_half(answer: Response) -> Iterator[bytes]:
    """The first half of a body, by bytes; of a stream of events, by events: always some, and never the last."""
    size_bytes = size_of(answer)
    if size_bytes is not None:
        yield from _first_bytes(_pieces(answer), size_bytes // 2)
        return
    assert isinstance(answer, Stream)
    events = _events(answer)
    if len(events) > 1:
        yield from events[: len(events) // 2]
    else:
        yield from (event[: len(event) // 2] for event in events)


def spread(answer: Response, most: int) -> tuple[int, Iterator[bytes]]:
    """The body in about equal pieces, at most ``most``, and how many those are; of a stream of events, every event.
    What a stream has beyond ``MAX_EVENTS`` is not counted, and comes after them.
    """
    size_bytes = size_of(answer)
    if size_bytes is not None:
        each = max(1, -(-size_bytes // most))
        return -(-size_bytes // each), _even(_pieces(answer), each)
    assert isinstance(answer, Stream)
    events = _events(answer)
    return len(events), chain(events, answer.pieces)


def _pieces(answer: Response) -> Iterator[bytes]:
    if isinstance(answer, Stream):
        return answer.pieces
    return iter([bytes(answer.body)])


def _first_bytes(pieces: Iterator[bytes], size_bytes: int) -> Iterator[bytes]:
    for piece in pieces:
        if size_bytes <= 0:
            return
        yield piece[:size_bytes]
        size_bytes -= len(piece)


def _even(pieces: Iterator[bytes], size_bytes: int) -> Iterator[bytes]:
    waiting = b""
    for piece in pieces:
        waiting += piece
        while len(waiting) > size_bytes:
            yield waiting[:size_bytes]
            waiting = waiting[size_bytes:]
    if waiting:
        yield waiting


def _events(answer: Stream) -> list[bytes]:
    events, size_bytes = [], 0
    for event in islice(answer.pieces, MAX_EVENTS):
        events.append(event)
        size_bytes += len(event)
        if size_bytes > MAX_EVENT_BYTES:
            break
    return events
