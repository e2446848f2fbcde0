"""``service``: the sandbox of the fixture ``mocktune``, or with ``HARNESS_RECORDED`` a server of recorded answers.

The server of recorded answers is as near to the fixture's as one can be that does nothing: uvicorn with the same loop
and the same parser, in a thread of each worker. It answers in the order of the recording and refuses any other
request, so both sides carry the same requests and answers. ``time.sleep`` does nothing there.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RECORDED = os.environ.get("HARNESS_RECORDED")


class Canned:
    """An ASGI callable. One life after the other; paths are compared behind ``/v1``."""

    def __init__(self, recorded: list[tuple[str, str, int, list[tuple[bytes, bytes]], bytes]]) -> None:
        self._recorded = recorded
        self.next = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body", False):
            pass
        method, path, status, headers, body = self._recorded[self.next]
        query = scope["query_string"].decode()
        asked = f"{scope['path']}?{query}" if query else scope["path"]
        if (scope["method"], asked) != (method, path):
            status, headers = 400, []
            body = f"{scope['method']} {asked} instead of {method} {path}".encode()
        self.next = (self.next + 1) % len(self._recorded)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


if RECORDED:

    @pytest.fixture(scope="session")
    def canned() -> Iterator[tuple[Canned, str]]:
        import uvicorn

        from mocktune.server import bind, root_url

        app = Canned(pickle.loads(Path(RECORDED).read_bytes()))
        config = uvicorn.Config(
            app, loop="auto", http="httptools", ws="none", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        with bind() as listening:
            thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
            thread.start()
            while not server.started:
                time.sleep(0.01)
            yield app, root_url(listening)
            server.should_exit = True
            thread.join(10)

    @pytest.fixture
    def service(canned: tuple[Canned, str], monkeypatch: pytest.MonkeyPatch) -> None:
        app, root = canned
        app.next = 0
        monkeypatch.setenv("OPENAI_BASE_URL", f"{root}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canned")
        monkeypatch.setattr(time, "sleep", lambda seconds: None)

else:

    @pytest.fixture
    def service(mocktune: Any) -> None:
        """All that the fixture does, does it by itself."""
