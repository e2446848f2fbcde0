"""A sandbox's control plane over a connection that nothing in a test can get between.

Mocks of httpx, httpx2 and requests, refused hosts and skipped sleeps are for the client under test. What the harness
says to the server goes over ``http.client``, one connection a thread, with deadlines in wall time.
"""

from __future__ import annotations

import _socket
import contextlib
import http.client
import json
import socket
import threading
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 30.0


class ControlError(Exception):
    """The control plane refused, or did not answer.

    ``status`` is the HTTP status, 0 where no answer came; ``code`` is the code of the error's envelope or None.
    """

    def __init__(self, message: str, *, status: int = 0, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NoAnswerError(ControlError):
    """Nobody answered; ``reason`` in the words of the system."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class NoMocktuneError(ControlError):
    """What answered is no mocktune server."""


class ControlPlane:
    """``/_mocktune`` at ``root`` (scheme, host, port, no ``/v1``), asked with ``api_key`` as the bearer.

    Paths are below ``/_mocktune`` and begin without a slash. Answers are parsed JSON. Raises ``ControlError``.
    """

    def __init__(self, root: str, api_key: str) -> None:
        self.root = root.rstrip("/").removesuffix("/v1")
        split = urlsplit(self.root)
        if split.scheme not in _CONNECTIONS or not split.hostname:
            raise ValueError(f"'{root}' is no URL of a mocktune server: http://HOST:PORT")
        self._dialled = _CONNECTIONS[split.scheme]
        self._host, self._port, self._prefix = split.hostname, split.port, f"{split.path}/_mocktune/"
        self._headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
        self._mine = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self._aborted = False
        self._closed = False

    def get(self, path: str, **query: object) -> Any:
        """Query parameters that are None are left out."""
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return self._call("GET", f"{path}?{asked}" if asked else path, None, TIMEOUT_S)

    def put(self, path: str, body: object) -> Any:
        return self._call("PUT", path, body, TIMEOUT_S)

    def patch(self, path: str, body: object) -> Any:
        return self._call("PATCH", path, body, TIMEOUT_S)

    def post(self, path: str, body: object = None, *, timeout_s: float = TIMEOUT_S) -> Any:
        return self._call("POST", path, {} if body is None else body, timeout_s)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path, None, TIMEOUT_S)

    def close(self) -> None:
        """Close the connections of every thread. A thread that asks all the same, such as one that a test left behind,
        is answered, and keeps nothing open.
        """
        self._closed = True
        while self._opened:
            self._opened.pop().close()

    def abort(self) -> None:
        """Whoever waits for an answer in another thread is told at once that none comes, and nothing more is asked."""
        self._aborted = True
        for connection in list(self._opened):
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _call(self, method: str, path: str, body: object, timeout_s: float) -> Any:
        data = None if body is None else json.dumps(body).encode()
        status, answer = self._exchange(method, self._prefix + quote(path, safe="/?&=%:+,~*"), data, timeout_s)
        try:
            said = json.loads(answer) if answer else None
        except ValueError:
            raise NoMocktuneError(f"{self.root} answers, but is no mocktune server", status=status) from None
        if status >= 400:
            raise _refusal(status, said)
        return said

    def _exchange(self, method: str, path: str, data: bytes | None, timeout_s: float) -> tuple[int, bytes]:
        """Asks again once where a connection that was kept turns out to have been closed meanwhile."""
        kept = getattr(self._mine, "connection", None)
        connection = kept or self._connect()
        try:
            return self._ask(connection, method, path, data, timeout_s)
        except TimeoutError:
            self._forget(connection)
            told = f"{self.root} did not answer {method} {path} within {timeout_s:g} s"
            raise NoAnswerError(told, "timed out") from None
        except (OSError, http.client.HTTPException) as error:
            self._forget(connection)
            if kept is None or self._aborted or not isinstance(error, (http.client.BadStatusLine, ConnectionError)):
                told = f"no server answers at {self.root}: {error or type(error).__name__}"
                reason = getattr(error, "strerror", None) or error or type(error).__name__
                raise NoAnswerError(told, str(reason)) from error
            return self._exchange(method, path, data, timeout_s)
        except AttributeError as error:
            if not self._closed:
                raise
            # The library trips over a socket that was taken from under it.
            raise NoAnswerError(f"{method} {path} was closed on this side", "closed") from error
        except BaseException:
            self._forget(connection)  # an interrupt: half an exchange is on it
            raise
        finally:
            if self._closed:  # perhaps meanwhile, and then the connection was dialled again behind its back
                self._forget(connection)

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, data: bytes | None, timeout_s: float
    ) -> tuple[int, bytes]:
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.request(method, path, data, self._headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _connect(self) -> http.client.HTTPConnection:
        connection = self._dialled(self._host, self._port)
        self._mine.connection = connection
        self._opened.append(connection)
        return connection

    def _forget(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._mine.connection = None
        with contextlib.suppress(ValueError):
            self._opened.remove(connection)


class _Connection(http.client.HTTPConnection):
    """Dials below ``socket.socket`` and ``create_connection``, which tests exchange to close the way out."""

    def connect(self) -> None:
        failed: OSError | None = None
        for family, kind, protocol, _, address in _socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM):
            dialled = _SOCKET(family, kind, protocol)
            try:
                dialled.settimeout(self.timeout)
                _socket.socket.connect(dialled, address)
                dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                dialled.close()
                failed = error
                continue
            self.sock = dialled
            return
        raise failed or OSError(f"no address of {self.host}")


_CONNECTIONS: dict[str, type[http.client.HTTPConnection]] = {
    "http": _Connection,
    "https": http.client.HTTPSConnection,  # a server behind somebody's proxy; no harness starts one
}

_SOCKET = next(each for each in socket.socket.__mro__ if each.__module__ == "socket")
"""The class itself, whatever stands in its place as this module is imported."""


def _refusal(status: int, said: object) -> ControlError:
    match said:
        case {"error": {"message": str() as message, "code": code}}:
            return ControlError(message, status=status, code=code if isinstance(code, str) else None)
    return ControlError(f"the server refused with HTTP {status}", status=status)
