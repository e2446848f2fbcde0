"""A server on the main thread, from the first byte it can answer to a clean end."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType

from mocktune.bootstrap import bootstrap
from mocktune.cli import signals
from mocktune.cli.exits import NEGATIVE
from mocktune.cli.main import startup_is_over
from mocktune.server import AnnouncingServer, uvicorn_config
from mocktune.service.services import Services
from mocktune.settings import Settings

Announce = Callable[[Settings, socket.socket], None]


class _ForegroundServer(AnnouncingServer):
    """Takes up the signals that were held until it had started."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for number in signals.release():
            self.handle_exit(number, None)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """One signal is enough: what uvicorn does at a second one leaves a traceback, and waiting is bounded anyway."""
        if not self.should_exit:
            super().handle_exit(sig, frame)


def _tell_people() -> None:
    """One line on stderr for each transition of a job, and for whatever the server warns of."""
    log = logging.getLogger("mocktune")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())


def fault_of_state(settings: Settings) -> str | None:
    """What is wrong with the seed state; None for one that every sandbox can begin with."""
    from mocktune.domain.state import StateError

    services = bootstrap(settings)
    try:
        asyncio.run(services.check_state())
    except StateError as error:
        return str(error)
    finally:
        services.close()
    return None


def _end_by_fault(services: Services) -> None:
    """A state that was not saved is no clean end, whatever signal asked for it."""
    if services.state_keeper is not None and services.state_keeper.fault is not None:
        sys.exit(NEGATIVE)


def serve(settings: Settings, listening: socket.socket, announce: Announce) -> None:
    """Answer requests until a signal; whatever was kept on disk is removed then.

    Leaves by the exception that the handlers of ``signals.end_cleanly`` raise.
    """
    signals.hold()
    _tell_people()
    with ExitStack() as stack:
        stack.callback(listening.close)
        services = bootstrap(settings)
        stack.callback(_end_by_fault, services)
        stack.callback(services.close)
        stack.callback(signals.ignore)

        def on_started() -> None:
            startup_is_over()
            if not signals.came_meanwhile():
                announce(settings, listening)

        server = _ForegroundServer(uvicorn_config(services), on_started)
        server.run(sockets=[listening])
