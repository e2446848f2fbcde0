"""A running server: uvicorn around the application, in the foreground or in a thread of this process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn

from mocktune.bootstrap import bootstrap
from mocktune.http.app import create_app
from mocktune.http.connections import Protocol
from mocktune.service.services import Services
from mocktune.settings import DEFAULT_HOST, Settings

STARTUP_TIMEOUT_S = 30.0
SHUTDOWN_TIMEOUT_S = 5


def bind(host: str = DEFAULT_HOST, port: int = 0) -> socket.socket:
    """A listening socket; port 0 lets the system choose.

    The protocol is named on purpose: asyncio turns Nagle's algorithm off only for sockets that say they are TCP, and a
    plain ``socket.socket()`` costs 40 ms a request.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.listen(2048)
    return listening


def root_url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class AnnouncingServer(uvicorn.Server):
    """Calls ``on_started`` once it answers requests."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_started()


def uvicorn_config(services: Services) -> uvicorn.Config:
    """No Server header (the real one's belongs to its content network), no change of logging, TCP_NODELAY on."""
    return uvicorn.Config(
        create_app(services),
        loop="auto",
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server in a thread. ``base_url`` is what ``OPENAI_BASE_URL`` is set to, ``root`` is without ``/v1``."""

    root: str
    services: Services
    is_alive: Callable[[], bool]

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"


@contextlib.contextmanager
def running_server(settings: Settings, *, host: str = DEFAULT_HOST, port: int = 0) -> Iterator[RunningServer]:
    """A server on a loopback port in a thread of its own, stopped when the block ends. Raises ``RuntimeError`` when it
    does not come up."""
    begun = threading.Event()
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(bind(host, port))
        services = bootstrap(settings)
        stack.callback(services.close)
        server = AnnouncingServer(uvicorn_config(services), begun.set)

        def run() -> None:
            try:
                server.run([listening])
            finally:
                begun.set()  # a server that could not start must not be waited for

        thread = threading.Thread(target=run, name="mocktune-server", daemon=True)
        thread.start()
        stack.callback(thread.join, SHUTDOWN_TIMEOUT_S + 5)
        stack.callback(setattr, server, "should_exit", True)
        if not begun.wait(STARTUP_TIMEOUT_S) or not server.started:
            raise RuntimeError("the mocktune server did not start")
        yield RunningServer(root_url(listening), services, thread.is_alive)
