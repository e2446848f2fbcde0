"""A running server: uvicorn around the application, in the foreground or in a thread of this process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from mocktune.bootstrap import Services, bootstrap
from mocktune.http.app import create_app
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


def uvicorn_server(services: Services) -> uvicorn.Server:
    """No access log, no Server header (the real one's belongs to its content network), TCP_NODELAY on."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(services),
            loop="auto",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        )
    )


def serve_forever(services: Services, listening: socket.socket) -> None:
    """Answer requests until SIGINT or SIGTERM."""
    uvicorn_server(services).run(sockets=[listening])


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server in a thread. ``base_url`` is what ``OPENAI_BASE_URL`` is set to, ``root`` is without ``/v1``."""

    root: str
    services: Services

    @property
    def base_url(self) -> str:
        return f"{self.root}/v1"


@contextlib.contextmanager
def running_server(settings: Settings, *, host: str = DEFAULT_HOST, port: int = 0) -> Iterator[RunningServer]:
    """A server on a loopback port in a thread of its own, stopped when the block ends. Raises ``RuntimeError`` when it
    does not come up."""
    listening = bind(host, port)
    services = bootstrap(settings)
    server = uvicorn_server(services)
    thread = threading.Thread(target=server.run, args=([listening],), name="mocktune-server", daemon=True)
    root = root_url(listening)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield RunningServer(root, services)
    finally:
        server.should_exit = True
        thread.join(SHUTDOWN_TIMEOUT_S + 5)
        services.close()
        listening.close()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    waited = threading.Event()
    for _ in range(int(STARTUP_TIMEOUT_S / 0.005)):
        if server.started:
            return
        if not thread.is_alive():
            break
        waited.wait(0.005)
    raise RuntimeError("the mocktune server did not start")
