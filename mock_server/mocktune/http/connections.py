"""uvicorn's protocol with a handle on the connection: what faults of the connection need and ASGI does not give.

The handle is made once a connection, and does nothing until a fault asks it to. It travels in ``scope["state"]``, which
uvicorn copies for every request anyway: an entry of its own in ``scope["extensions"]`` would cost each of them 250 ns.
Where another server calls the application there is no handle, and faults of the connection become exceptions
(``socket_faults.py``).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from math import inf
from typing import Any

from starlette.types import Message, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mocktune.http.bounded_heads import BoundedHeads

KEY = "mocktune.connection"

FLUSH_TIMEOUT_S = 5.0
"""How long a client may take to read what is left before its connection is cut."""

DRAIN_TIMEOUT_S = 60.0
"""How long a client may take to send the rest of a body that is thrown away."""

_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Connection:
    """One client's connection. ``gone`` once it is lost; ``over`` then too, and as soon as the server stops."""

    __slots__ = ("_changed", "_protocol", "gone", "over")

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self._protocol = protocol
        self._changed: asyncio.Event | None = None
        self.gone = self.over = False

    def tell(self, *, gone: bool = False) -> None:
        """The connection was lost, or the server stops."""
        self.gone, self.over = self.gone or gone, True
        if self._changed is not None:
            self._changed.set()

    async def left_within(self, delay_s: float) -> bool:
        """Waits for ``delay_s`` of wall time, less if the client leaves or the server stops. Whether it is gone."""
        await self._until(lambda: self.over, delay_s)
        return self.gone

    def leave_out_date(self, scope: Scope) -> None:
        """The answer of ``scope`` brings its own ``Date``."""
        cycle = self._protocol.cycle
        if cycle.scope is scope:  # else the client sent its next request already
            cycle.default_headers = [each for each in cycle.default_headers if each[0] != b"date"]

    def write(self, data: bytes) -> None:
        """Bytes as they are, past HTTP."""
        self._protocol.transport.write(data)

    async def drain(self, scope: Scope, most_bytes: float = inf) -> None:
        """Throw away what the client still sends of its body, about ``most_bytes`` of it: a connection that is closed
        over unread bytes is reset, and a client that is still writing learns of an end by its write, not by its read.
        """
        cycle = self._protocol.cycle
        if cycle.scope is not scope:  # the client sent its next request already
            return
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                while (cycle.more_body or cycle.body) and not cycle.waiting_for_100_continue and not self.gone:
                    message: Message = await cycle.receive()  # type: ignore[assignment]  # uvicorn's own mapping
                    most_bytes -= len(message.get("body", b""))
                    if most_bytes < 0:
                        return
        except TimeoutError:
            pass

    async def close(self) -> None:
        """Close in order, with all that was written."""
        self._protocol.transport.close()
        await self._until_gone()

    async def reset(self) -> None:
        """Cut with RST, after the client was sent all that was written."""
        transport = self._protocol.transport
        await asyncio.sleep(0)
        for _ in range(int(FLUSH_TIMEOUT_S * 100)):
            if self.gone or not transport.get_write_buffer_size():
                break
            await asyncio.sleep(0.01)
        if not self.gone:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            transport.abort()
            await self._until_gone()

    async def _until_gone(self) -> None:
        await self._until(lambda: self.gone, FLUSH_TIMEOUT_S)
        if not self.gone:  # the client does not read
            self._protocol.transport.abort()
            await self._until(lambda: self.gone, FLUSH_TIMEOUT_S)

    async def _until(self, reached: Callable[[], bool], timeout_s: float) -> None:
        self._changed = self._changed or asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass


class Protocol(BoundedHeads):
    """uvicorn's own, whose requests can get hold of their connection."""

    _handle: Connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.access_log = False  # whatever handlers the process has: pytest gives some to every logger
        self._handle = Connection(self)
        self.app_state = {**self.app_state, KEY: self._handle}

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._handle.tell(gone=True)

    def shutdown(self) -> None:
        """The server stops: nobody is to wait for an answer that is held back."""
        super().shutdown()
        self._handle.tell()


def connection_of(scope: Scope) -> Connection | None:
    """The handle, where a server gave one."""
    state: Any = scope.get("state") or {}
    found: Connection | None = state.get(KEY)
    return found
