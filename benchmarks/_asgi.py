"""One request to an ASGI application in this process, without any client library."""

from __future__ import annotations

import json
from typing import Any

from _lib import KEY


async def call(
    app: Any, method: str, path: str, body: object = None, content_type: str = "application/json", *, key: str = KEY
) -> Any:
    """The JSON answer. Raises ``RuntimeError`` unless it is a 200."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = [(b"host", b"127.0.0.1"), (b"authorization", f"Bearer {key}".encode())]
    if data:
        headers += [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(data))]
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    status, pieces = 0, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        pieces.append(message.get("body", b""))

    await app(scope, receive, send)
    if status != 200:
        raise RuntimeError(f"{method} {path}: {status} {b''.join(pieces)[:500]!r}")
    return json.loads(b"".join(pieces))
