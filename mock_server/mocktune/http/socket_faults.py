"""What a connection suffers, as answers: they are sent as any other, and break on the way.

::

    CONNECTION_RESET_BY_PEER    RST; mid_body: after half of the body
    EMPTY_RESPONSE              closed without a byte
    MALFORMED_RESPONSE_CHUNK    status and headers, chunked, then (mid_body: after half of the body) bytes that are no
                                chunk, closed
    RANDOM_DATA_THEN_CLOSE      bytes that are no HTTP, closed
    TRUNCATE                    status and headers, half of the body, closed
    STALL                       nothing (mid_body: half of the body), then silence

Of an answer without a body half of the head is sent. Where the application is called in process there is no connection:
an exception leaves it, after what was to be sent (``in_process_faults.py``). There nobody can leave, so a ``STALL``
without a ``delay`` waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mocktune.domain.clock import SECOND
from mocktune.domain.draws import digest
from mocktune.domain.faults import STALL_FOR, Firing
from mocktune.http.answers import Stream, json_answer
from mocktune.http.broken_bodies import first_half, size_of, spread
from mocktune.http.connections import Connection, connection_of

GARBAGE_BYTES = 256

SETTLE_S = 0.05
"""Between what is sent of an answer and its end: a client is to read the one before it meets the other, and what it
reports is not to hang on how packets fall."""

SMALL_BODY_BYTES = 64 * 1024
"""Of a request: read before its connection is reset, so that every client meets the reset as it waits for its answer.
A larger one is reset in its midst."""

DRIBBLE_PIECES = 20
MAX_DRIBBLE_PIECES = 600
"""A body dribbles in at least as many pieces, and one a second; at most in as many."""

_NOTHING_SENT = frozenset({"CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "RANDOM_DATA_THEN_CLOSE", "STALL"})
"""Faults that leave nothing of the answer, but where they are told to break its body."""


class BrokenAnswer(Response):
    """An answer that a fault of the connection breaks, or takes the place of.

    ``status_code`` is what is sent, 0 for nothing; ``body`` what is sent of a body that was ready.
    """

    def __init__(self, firing: Firing, answer: Response | None) -> None:
        self.background = None
        self.firing = firing
        kind, at = firing.rule.fault, firing.rule.at
        self.answer = None if kind in _NOTHING_SENT and at != "mid_body" else answer or _stand_in()
        self.status_code = 0 if self.answer is None else self.answer.status_code
        self.raw_headers = [] if self.answer is None else self.answer.raw_headers
        self.body = b""
        self._half: Iterable[bytes] = ()
        if self.answer is not None and (kind != "MALFORMED_RESPONSE_CHUNK" or at == "mid_body"):
            self._half = first_half(self.answer)
            if not isinstance(self.answer, Stream):
                self.body = b"".join(self._half)
                self._half = (self.body,)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_of(scope)
        if connection is None:
            await self._break_in_process(send)
        else:
            await self._begin(send, connection)
            await self._break(connection, scope)

    async def _begin(self, send: Send, connection: Connection | None) -> None:
        """What is sent before it breaks."""
        answer = self.answer
        if answer is None:
            return
        if size_of(answer) == 0 or answer.status_code in (204, 304):
            if connection is not None:
                connection.write(_half_of_head(answer))
            return
        headers = self.raw_headers
        if self.firing.rule.fault == "MALFORMED_RESPONSE_CHUNK":  # without its length it is sent in chunks
            headers = [(name, value) for name, value in headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        for piece in self._half:
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def _break(self, connection: Connection, scope: Scope) -> None:
        kind = self.firing.rule.fault
        if self.answer is not None and kind in ("CONNECTION_RESET_BY_PEER", "MALFORMED_RESPONSE_CHUNK"):
            await connection.left_within(SETTLE_S)
        if kind == "CONNECTION_RESET_BY_PEER":
            await connection.drain(scope, SMALL_BODY_BYTES)
            await connection.reset()
            return
        if kind in ("MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE"):
            connection.write(garbage(self.firing.seed))
        await connection.drain(scope)
        if kind == "STALL":
            delay = STALL_FOR if self.firing.delay is None else self.firing.delay
            await connection.left_within(delay / SECOND)
        await connection.close()

    async def _break_in_process(self, send: Send) -> None:
        from mocktune.http.in_process_faults import BrokenConnection, SilentConnection

        rule = self.firing.rule
        await self._begin(send, None)
        told = f"{rule.fault}, injected by the fault rule '{rule.id}'"
        if rule.fault != "STALL":
            raise BrokenConnection(told)
        await asyncio.sleep((self.firing.delay or 0) / SECOND)
        raise SilentConnection(told)


class DribblingAnswer(Response):
    """An answer whose body arrives in pieces over a time, the first at once."""

    def __init__(self, answer: Response, delay: int) -> None:
        self.background = None
        self.status_code, self.raw_headers = answer.status_code, answer.raw_headers
        self.body = getattr(answer, "body", b"")
        self._answer, self._delay_s = answer, delay / SECOND

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = min(max(DRIBBLE_PIECES, int(self._delay_s)), MAX_DRIBBLE_PIECES)
        count, pieces = spread(self._answer, most)
        pause_s = self._delay_s / max(1, count - 1)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for number, piece in enumerate(pieces):
            if 0 < number < count and await left_within(scope, pause_s):
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def left_within(scope: Scope, delay_s: float) -> bool:
    """Waits for ``delay_s`` of wall time; less, and True, if the client leaves."""
    connection = connection_of(scope)
    if connection is not None:
        return await connection.left_within(delay_s)
    await asyncio.sleep(delay_s)  # in process whoever leaves cancels
    return False


def garbage(seed: int) -> bytes:
    """A line of printable bytes, neither HTTP nor the size of a chunk, and a blank one: nobody waits for more."""
    drawn = b"".join(digest(seed, "garbage", number, size_bytes=64) for number in range(GARBAGE_BYTES // 64))
    return b"~" + bytes(33 + byte % 94 for byte in drawn) + b"\r\n\r\n"


def _stand_in() -> Response:
    """Where a fault that needs an answer comes before there is one."""
    return json_answer({"object": "list", "data": [], "has_more": False})


def _half_of_head(answer: Response) -> bytes:
    phrase = HTTPStatus(answer.status_code).phrase if answer.status_code in set(HTTPStatus) else ""
    head = f"HTTP/1.1 {answer.status_code} {phrase}\r\n".encode()
    head += b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return head[: len(head) // 2]
