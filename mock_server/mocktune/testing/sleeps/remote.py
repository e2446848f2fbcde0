"""A sandbox's clock over HTTP, for a process that has nothing of mocktune but this folder."""

from __future__ import annotations

import json
import os

from . import originals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import http.client
    from typing import Any

TIMEOUT_S = 60.0
"""An advance performs the deliveries that are due on its way, which may take 5 s each."""

BUSY_TRIES = 5000
BUSY_PAUSE_S = 0.002


class Refused(Exception):
    """The server's answer was no: its status and what it said."""


class RemoteTime:
    """The clock of the sandbox that ``api_key`` opens at ``root``. One connection, one call at a time."""

    def __init__(self, root: str, api_key: str) -> None:
        self.root = root.rstrip("/")
        scheme, _, rest = self.root.partition("://")
        place, _, path = rest.partition("/")
        if scheme != "http" or not place:
            raise ValueError(f"'{root}' is no URL of a mocktune server: http://HOST:PORT")
        self._place = place
        self._path = ("/" + path if path else "") + "/_mocktune/clock"
        self._headers = {"authorization": "Bearer " + api_key, "content-type": "application/json"}
        self.forked()

    def forked(self) -> None:
        """In a child: the parent's connection is not ours."""
        self._lock = originals.allocate_lock()
        self._connection: http.client.HTTPConnection | None = None
        self._pid = os.getpid()

    def now(self) -> float:
        return float(self._ask("GET", "", None)["now"])

    def advance_by(self, seconds: float) -> float:
        return float(self._ask("POST", "/advance", {"by": f"{seconds:.6f}s"})["now"])

    def advance_to(self, instant: float) -> float:
        now = self.now()
        return now if instant - now < 1e-6 else self.advance_by(instant - now)

    def _ask(self, method: str, path: str, body: object) -> Any:
        data = None if body is None else json.dumps(body).encode()
        for _ in range(BUSY_TRIES):
            with self._lock:
                status, answer = self._exchange(method, self._path + path, data)
            said = json.loads(answer)
            if status < 400:
                return said
            error = said.get("error") or {}
            if error.get("code") != "clock_busy":
                break
            originals.sleep(BUSY_PAUSE_S)
        raise Refused(f"HTTP {status}: {error.get('message')}")

    def _exchange(self, method: str, path: str, data: bytes | None) -> tuple[int, bytes]:
        """Once more over a new connection where one that was kept has been closed meanwhile."""
        import http.client

        kept = self._connection
        connection = kept or http.client.HTTPConnection(self._place, timeout=TIMEOUT_S)
        self._connection = None  # until the answer was read: an interrupt may come at any point
        try:
            connection.request(method, path, data, self._headers)
            answer = connection.getresponse()
            read = answer.status, answer.read()
        except (ConnectionError, http.client.BadStatusLine):
            connection.close()
            if kept is None:
                raise
            return self._exchange(method, path, data)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return read
