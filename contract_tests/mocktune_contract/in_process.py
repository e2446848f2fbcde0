"""A mocktune server without a socket: the application on an event loop in a thread, and transports that lead to it.

The transports fit httpx and httpx2, so the SDK of either major version; a stream's pieces arrive as they are sent. What
is not there is the connection: nothing can be reset, stalled below HTTP, or refused before a body was sent.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import cache
from types import ModuleType
from typing import Any

TIMEOUT_S = 60.0
_ports = itertools.count(1)

_Piece = tuple[str, Any]
"""``("start", (status, headers))``, ``("body", bytes)``, ``("end", None)`` or ``("error", exception)``."""


class InProcessServer:
    """``root`` is a URL nobody listens at; ``sync_transport`` and ``async_transport`` lead there."""

    def __init__(self, settings: Any) -> None:
        from mocktune.bootstrap import bootstrap
        from mocktune.http.app import create_app

        self.root = f"http://127.0.0.1:{next(_ports)}"
        self._services = bootstrap(settings)
        self._app: Any = create_app(self._services)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mocktune-in-process", daemon=True)
        self._thread.start()
        self._shutdown = asyncio.Event()
        self._started = threading.Event()
        self._lifespan = self.submit(self._live())
        if not self._started.wait(TIMEOUT_S):
            raise RuntimeError("the mocktune application did not start")

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._shutdown.set)
        self._lifespan.result(TIMEOUT_S)
        self.submit(self._give_up_requests()).result(TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT_S)
        self._loop.close()
        self._services.close()

    def submit(self, work: Coroutine[Any, Any, None]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def sync_transport(self) -> SyncTransport:
        return SyncTransport(self)

    def async_transport(self) -> AsyncTransport:
        return AsyncTransport(self)

    async def _give_up_requests(self) -> None:
        """Those that a test left waiting."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _live(self) -> None:
        """The lifespan of the application, as a server keeps it."""
        asked = itertools.count()

        async def receive() -> dict[str, Any]:
            if next(asked) == 0:
                return {"type": "lifespan.startup"}
            await self._shutdown.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._started.set()

        await self._app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

    async def answer(self, scope: dict[str, Any], body: bytes, pieces: queue.SimpleQueue[_Piece], gone: Gone) -> None:
        """Plays one request; what the application sends is put into ``pieces``."""
        asked = itertools.count()
        hung_up = asyncio.Event()
        gone.tell(lambda: self._loop.call_soon_threadsafe(hung_up.set))

        async def receive() -> dict[str, Any]:
            if next(asked) == 0:
                return {"type": "http.request", "body": body, "more_body": False}
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                pieces.put(("start", (message["status"], list(message["headers"]))))
            elif message.get("body"):
                pieces.put(("body", message["body"]))

        try:
            await self._app(scope, receive, send)
        except Exception as error:  # to be raised where the request was made
            pieces.put(("error", error))
        pieces.put(("end", None))


class Gone:
    """Tells the server that nobody reads on, also when it is known before the server has begun."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tell: Any = None
        self._is_gone = False

    def tell(self, tell: Any) -> None:
        with self._lock:
            self._tell = tell
            if not self._is_gone:
                return
        tell()

    def now(self) -> None:
        with self._lock:
            self._is_gone, tell = True, self._tell
        if tell is not None:
            tell()


class _Exchange:
    """One request and what comes back."""

    def __init__(self, server: InProcessServer, request: Any, body: bytes) -> None:
        self.library = sys.modules[type(request).__module__.partition(".")[0]]
        self.pieces: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        self.gone = Gone()
        self.request = request
        read = request.extensions.get("timeout", {}).get("read")
        self.timeout_s = TIMEOUT_S if read is None else float(read)
        url = request.url
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method,
            "scheme": url.scheme, "path": url.path, "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query, "root_path": "", "server": (url.host, url.port), "client": ("127.0.0.1", 1),
            "headers": [(name.lower(), value) for name, value in request.headers.raw], "state": {},
        }  # fmt: skip
        server.submit(server.answer(scope, body, self.pieces, self.gone))

    def next(self) -> _Piece:
        try:
            kind, value = self.pieces.get(timeout=self.timeout_s)
        except queue.Empty:
            self.gone.now()
            raise self.library.ReadTimeout("the application did not answer", request=self.request) from None
        if kind == "error":
            raise self.library.ReadError(f"{type(value).__name__}: {value}", request=self.request) from value
        return kind, value

    def answer(self, start: _Piece, stream: Any) -> Any:
        kind, value = start
        if kind == "end":
            raise self.library.RemoteProtocolError("the application answered nothing", request=self.request)
        status, headers = value
        return self.library.Response(status, headers=headers, stream=stream)


class SyncTransport:
    """What ``Client(transport=...)`` of httpx and httpx2 takes."""

    def __init__(self, server: InProcessServer) -> None:
        self._server = server

    def handle_request(self, request: Any) -> Any:
        exchange = _Exchange(self._server, request, request.read())
        return exchange.answer(exchange.next(), _streams_of(exchange.library)[0](exchange))

    def close(self) -> None:
        pass

    def __enter__(self) -> SyncTransport:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class AsyncTransport:
    """What ``AsyncClient(transport=...)`` of httpx and httpx2 takes."""

    def __init__(self, server: InProcessServer) -> None:
        self._server = server

    async def handle_async_request(self, request: Any) -> Any:
        exchange = _Exchange(self._server, request, await request.aread())
        start = await asyncio.to_thread(exchange.next)
        return exchange.answer(start, _streams_of(exchange.library)[1](exchange))

    async def aclose(self) -> None:
        pass

    async def __aenter__(self) -> AsyncTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@cache
def _streams_of(library: ModuleType) -> tuple[type[Any], type[Any]]:
    """The two kinds of body, of the classes that ``library`` insists on."""

    class SyncBody(library.SyncByteStream):  # type: ignore[name-defined,misc]
        def __init__(self, exchange: _Exchange) -> None:
            self._exchange = exchange

        def __iter__(self) -> Iterator[bytes]:
            while (piece := self._exchange.next())[0] == "body":
                yield piece[1]

        def close(self) -> None:
            self._exchange.gone.now()

    class AsyncBody(library.AsyncByteStream):  # type: ignore[name-defined,misc]
        def __init__(self, exchange: _Exchange) -> None:
            self._exchange = exchange

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while (piece := await asyncio.to_thread(self._exchange.next))[0] == "body":
                yield piece[1]

        async def aclose(self) -> None:
            self._exchange.gone.now()

    return SyncBody, AsyncBody
