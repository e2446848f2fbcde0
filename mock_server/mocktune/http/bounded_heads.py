"""uvicorn's protocol with a bound on request lines and headers, which neither it nor the parser below has.

What a request says before its body is kept in memory until it is whole. One that does not come to an end is refused as
soon as too much of it has arrived, in the API's envelope, and the connection is closed.
"""

from __future__ import annotations

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 128 * 1024
"""Of a request line and headers that are not complete; what arrives in one piece may be up to twice as long."""

MAX_DISCARDED_BYTES = 4 * 1024 * 1024
LINGER_S = 1.0
"""How much is still read, and how long, so that a client sees the answer and not a reset."""

_ERROR = {
    "message": f"The request line and the headers of a request may have {MAX_HEAD_BYTES} bytes.",
    "type": "invalid_request_error",
    "param": None,
    "code": "request_header_too_large",
}
_BODY = json.dumps({"error": _ERROR}, indent=2).encode() + b"\n"
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's own, but for heads without an end."""

    _head_bytes = 0
    _discarded_bytes = 0
    _closing: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self._closing is not None:
            self._discard(data)
            return
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            if self._head_bytes:
                self._head_bytes = 0
            return
        self._head_bytes += len(data)  # it is not complete
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self._closing = self.loop.call_later(LINGER_S, self.transport.close)

    def _discard(self, data: bytes) -> None:
        self._discarded_bytes += len(data)
        if self._discarded_bytes > MAX_DISCARDED_BYTES:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._closing is not None:
            self._closing.cancel()
