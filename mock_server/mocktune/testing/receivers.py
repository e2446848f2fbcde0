"""Receivers in this process: an ASGI or WSGI application that is called with every webhook, without a socket.

The server keeps each request for a listener; a thread fetches it, calls the application, and reports what it answered.
So a server in a thread, in a process or in a container delivers alike, and whoever moves the clock waits for the
application's answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, Literal

from mocktune.testing.control import ControlError, ControlPlane
from mocktune.testing.neighbours import open_sockets

Interface = Literal["asgi", "wsgi"]

FETCH_S = 2.0
"""How long one fetch waits: a server that stops waits for those that are under way."""

ANSWER_S = 4.5
"""How long an application may take: the server gives an attempt up after 5 s."""

END_S = 2.0

MAX_ERRORS = 100

THREAD_NAME = "mocktune-webhooks"
"""What is named like this is no client: its sleeps are not skipped, its wall time is the world's."""


class NoAnswer(Exception):
    """The application gave no answer that could be reported."""


class AppReceiver:
    """Calls ``app`` at ``path`` with every webhook of a sandbox, until it is closed. ``loop`` is where ASGI runs.

    ``errors`` are what the application raised, the first ``MAX_ERRORS``: the server is told 500.
    """

    def __init__(
        self, control: ControlPlane, app: Any, path: str, *, secret: str, interface: Interface, loop: AppLoop
    ) -> None:
        self.errors: list[BaseException] = []
        self._control = control
        self._url = f"http://testserver{path}"
        self._app, self._loop = app, loop
        self._answer = self._asked_by_asgi if interface == "asgi" else self._asked_by_wsgi
        self._closed = threading.Event()
        name = f"{getattr(app, '__name__', None) or type(app).__name__} at {path}"[:256]
        self.id: str = control.post("webhooks/listeners", {"name": name, "secret": secret})["id"]
        self._thread = threading.Thread(target=self._pump, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """It gets nothing more. An application that hangs is left behind."""
        if self._closed.is_set():
            return
        self._closed.set()
        with contextlib.suppress(ControlError):  # it, or its server, is gone already
            self._control.delete(f"webhooks/listeners/{self.id}")
        self._thread.join(END_S)

    def _pump(self) -> None:
        listener = f"webhooks/listeners/{self.id}"
        try:
            while not self._closed.is_set():
                parcel = self._control.post(f"{listener}/next", {"timeout_s": FETCH_S})["parcel"]
                if parcel is not None:
                    self._control.post(f"{listener}/result", {"id": parcel["id"], **self._outcome(parcel)})
        except ControlError as error:
            if not self._closed.is_set() and error.status not in (401, 404):  # else the sandbox was closed before us
                self._keep(error)

    def _outcome(self, parcel: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"status_code": self._answer(parcel["headers"], parcel["body"].encode())}
        except NoAnswer as none:
            return {"status_code": None, "failure": str(none)}
        except BaseException as error:  # one that pytest ends a test with, too
            self._keep(error)
            return {"status_code": 500}

    def _keep(self, error: BaseException) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(error)

    def _asked_by_wsgi(self, headers: dict[str, str], body: bytes) -> int:
        import httpx2

        response = httpx2.WSGITransport(app=self._app, raise_app_exceptions=False).handle_request(
            httpx2.Request("POST", self._url, headers=headers, content=body)
        )
        try:
            response.read()
        finally:
            response.close()
        return response.status_code

    def _asked_by_asgi(self, headers: dict[str, str], body: bytes) -> int:
        status: int = self._loop.run(self._called(headers, body))
        return status

    async def _called(self, headers: dict[str, str], body: bytes) -> int:
        """The status, once the application has returned, what it does in the background included. One that answers
        and is still busy when time is up goes on; one that has not answered is cancelled.
        """
        import httpx2

        statuses: list[int] = []
        answered = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def watched(message: Any) -> None:
                await send(message)
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])
                elif message["type"] == "http.response.body" and not message.get("more_body", False):
                    answered.set()

            await self._app(scope, receive, watched)

        request = httpx2.Request("POST", self._url, headers=headers, content=body)
        call = asyncio.ensure_future(httpx2.ASGITransport(app=app).handle_async_request(request))
        done, _ = await asyncio.wait({call}, timeout=ANSWER_S)
        if not done and not answered.is_set():
            call.cancel()
            raise NoAnswer(f"the application did not answer within {ANSWER_S:g} s")
        if not done:
            call.add_done_callback(self._look_at)
        elif call.exception() is not None:
            if not answered.is_set():
                raise call.exception()  # type: ignore[misc]  # it is one
            self._look_at(call)
        return statuses[0]

    def _look_at(self, call: asyncio.Future[Any]) -> None:
        error = None if call.cancelled() else call.exception()
        if error is not None:
            self._keep(error)


class AppLoop:
    """An event loop in a thread of its own, started when the first coroutine is to run there."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Any) -> Any:
        with self._lock:
            if self._loop is None:
                with open_sockets():  # a loop wakes itself through a pair of them
                    self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=f"{THREAD_NAME}-loop", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """What still runs there is cancelled."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = None
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).add_done_callback(
            lambda _: loop.call_soon_threadsafe(loop.stop)
        )
        thread.join(END_S)
        if not thread.is_alive():
            loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()


def interface_of(app: Callable[..., Any]) -> Interface:
    """By what ``app`` takes: ``(scope, receive, send)`` or ``(environ, start_response)``. Raises ``TypeError`` where
    that cannot be seen.
    """
    called: Any = app
    while isinstance(called, functools.partial):
        called = called.func
    if inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(getattr(called, "__call__", None)):  # noqa: B004  # the method itself is looked at
        return "asgi"
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]
    taken = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = sum(each.default is each.empty for each in taken)
    if required == 3:
        return "asgi"
    if required <= 2 <= len(taken):
        return "wsgi"
    raise TypeError(
        f"{app!r:.200} looks neither like an ASGI application (scope, receive, send) nor like a WSGI application "
        "(environ, start_response); say which with interface='asgi' or interface='wsgi'"
    )
