"""Ready answers: JSON as the real service writes it, and the headers every answer carries."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_encode = msgspec.json.Encoder().encode
RawHeaders = list[tuple[bytes, bytes]]

COMMON_HEADERS: RawHeaders = [
    # RUBY recordings. Those of the content network in front of the real service (CF-RAY, Set-Cookie, …) are left out.
    (b"openai-version", b"2020-10-01"),
    (b"strict-transport-security", b"max-age=15724800; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"access-control-expose-headers", b"X-Request-ID"),
]


class Answer(Response):
    """A response whose bytes and headers are ready; nothing is encoded or guessed again."""

    def __init__(self, body: bytes, status_code: int = 200, content_type: bytes = b"application/json") -> None:
        self.status_code = status_code
        self.body = body
        self.background = None
        self.raw_headers = [(b"content-length", str(len(body)).encode()), (b"content-type", content_type)]


JOINED_BYTES = 16 * 1024
"""Small pieces of a stream are sent together, up to this many bytes: what a send costs, a hundred events cost once."""


class Stream(Response):
    """A response that is sent in pieces, as fast as the client takes it. What becomes of ``pieces`` on the way is the
    sender's business: nobody may count on one event a packet.
    """

    def __init__(self, pieces: Iterator[bytes], headers: RawHeaders) -> None:
        self.status_code = 200
        self.background = None
        self.raw_headers = headers
        self.pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        waiting: list[bytes] = []
        size_bytes = 0
        for piece in self.pieces:
            waiting.append(piece)
            size_bytes += len(piece)
            if size_bytes >= JOINED_BYTES:
                await send({"type": "http.response.body", "body": b"".join(waiting), "more_body": True})
                waiting.clear()
                size_bytes = 0
        await send({"type": "http.response.body", "body": b"".join(waiting)})


def json_answer(value: object, status: int = 200) -> Answer:
    """``value`` as JSON with two spaces of indentation and a final newline, as recorded."""
    return Answer(msgspec.json.format(_encode(value), indent=2) + b"\n", status)


def compact_json(value: object) -> bytes:
    """``value`` as JSON on one line, for server-sent events."""
    return _encode(value)
