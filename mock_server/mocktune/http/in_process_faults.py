"""Broken connections where there is none: the application is called in process, by ``httpx2.ASGITransport`` or
Starlette's ``TestClient``, and what would end a connection ends the call.

The exceptions are Python's own and, at once, those that httpx2 raises where a connection breaks: the official SDK turns
them into its ``APIConnectionError`` and ``APITimeoutError``, and retries.
"""

from __future__ import annotations

import httpx2


class BrokenConnection(httpx2.ReadError, ConnectionResetError):
    """The connection ended before the answer did."""


class SilentConnection(httpx2.ReadTimeout, TimeoutError):
    """Nothing came, for longer than anybody waits."""
