"""The services of one server as one object, handed to the adapters in front of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mocktune.ports import Blobs, Clock
from mocktune.service.chat import ChatService
from mocktune.service.clocks import ClockService
from mocktune.service.datasets import Datasets
from mocktune.service.files import FileService
from mocktune.service.jobs import JobService
from mocktune.service.models import ModelService
from mocktune.service.sandboxes import ANYONE, Caller, Sandbox, Sandboxes, Visit
from mocktune.service.settling import nothing_due, settle
from mocktune.settings import Settings


@dataclass(frozen=True)
class Services:
    """Everything the HTTP layer calls. ``close`` gives back what the parts hold on disk.

    The services of the main job are handed over; the others are put together here when the first request needs them, so
    that a start does not wait for their modules.
    """

    settings: Settings
    clock: Clock
    sandboxes: Sandboxes
    datasets: Datasets
    blobs: Blobs
    files: FileService
    jobs: JobService
    models: ModelService
    chat: ChatService
    clocks: ClockService
    warm_up: Callable[[], Awaitable[None]]
    close: Callable[[], None]

    async def visit(self, sandbox: Sandbox, caller: Caller = ANYONE) -> Visit:
        """A request's view of its sandbox: ``now``, with everything that was due by then entered.

        Entering may wait for a file to be read; then ``now`` is read anew, so that it is never older than what other
        requests were shown meanwhile.
        """
        while True:
            wall = self.clock.wall()
            visit = Visit(sandbox, sandbox.clock.now(wall), wall, caller, self.settings.loose)
            if nothing_due(visit):
                return visit
            await settle(visit, self.datasets)
