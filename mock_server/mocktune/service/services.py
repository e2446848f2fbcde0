"""The services of one server as one object, handed to the adapters in front of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mocktune.ports import Blobs, Clock, StateKeeper, WebhookSender
from mocktune.service.chat import ChatService
from mocktune.service.clocks import ClockService
from mocktune.service.datasets import Datasets
from mocktune.service.files import FileService
from mocktune.service.jobs import JobService
from mocktune.service.models import ModelService
from mocktune.service.sandboxes import ANYONE, Caller, Rules, Sandbox, Sandboxes, Visit
from mocktune.service.settling import nothing_due, settle
from mocktune.settings import Settings

if TYPE_CHECKING:
    from mocktune.service.completions import CompletionService
    from mocktune.service.deliveries import DeliveryService
    from mocktune.service.delivery_driver import DeliveryDriver
    from mocktune.service.deployments import DeploymentService
    from mocktune.service.graders import GraderService
    from mocktune.service.listening import ListenerService
    from mocktune.service.moderations import ModerationService
    from mocktune.service.open_sandboxes import OpenSandboxes
    from mocktune.service.permissions import PermissionService
    from mocktune.service.ready_made import ReadyMadeService
    from mocktune.service.requests import RequestService
    from mocktune.service.responses import ResponseService
    from mocktune.service.state_blobs import Seed
    from mocktune.service.state_commands import StateService
    from mocktune.service.stored_completions import StoredCompletionService
    from mocktune.service.uploads import UploadService
    from mocktune.service.verdict import VerdictService
    from mocktune.service.webhook_endpoints import WebhookEndpointService


log = logging.getLogger("mocktune")


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
    make_sender: Callable[[], WebhookSender]
    warm_up: Callable[[], Awaitable[None]]
    close: Callable[[], None]
    state_keeper: StateKeeper | None = None

    @cached_property
    def rules(self) -> Rules:
        """What this server holds every request to."""
        settings = self.settings
        return Rules(settings.profile, settings.known_organizations, settings.loose)

    @cached_property
    def clocks(self) -> ClockService:
        return ClockService(self.datasets, self.clock, lambda: self.deliveries)

    @cached_property
    def open_sandboxes(self) -> OpenSandboxes:
        from mocktune.service.open_sandboxes import OpenSandboxes

        settings = self.settings
        return OpenSandboxes(self.sandboxes, apart=not settings.stateless and not settings.save_state_to)

    @cached_property
    def deployments(self) -> DeploymentService:
        from mocktune.service.deployments import DeploymentService

        return DeploymentService()

    @cached_property
    def graders(self) -> GraderService:
        from mocktune.dataset_engine.tokenizer import count_batch
        from mocktune.service.graders import GraderService
        from mocktune.text_metrics import LibraryMetrics

        return GraderService(LibraryMetrics(), count_batch)

    @cached_property
    def permissions(self) -> PermissionService:
        from mocktune.service.permissions import PermissionService

        return PermissionService()

    @cached_property
    def uploads(self) -> UploadService:
        from mocktune.service.uploads import UploadService

        return UploadService(self.files, self.blobs)

    @cached_property
    def webhook_endpoints(self) -> WebhookEndpointService:
        from mocktune.service.webhook_endpoints import WebhookEndpointService

        return WebhookEndpointService(
            allowed_hosts=self.settings.allowed_webhook_hosts,
            stateless=self.settings.stateless,
        )

    @cached_property
    def sender(self) -> WebhookSender:
        return self.make_sender()

    @cached_property
    def deliveries(self) -> DeliveryService:
        from mocktune.service.deliveries import DeliveryService

        return DeliveryService(self.datasets, self.sender, self.clock, stateless=self.settings.stateless)

    @cached_property
    def listeners(self) -> ListenerService:
        from mocktune.service.listening import ListenerService

        return ListenerService(self.clock)

    @cached_property
    def driver(self) -> DeliveryDriver:
        from mocktune.service.delivery_driver import DeliveryDriver

        return DeliveryDriver(self.deliveries, self.visit, self.clock)

    def watch(self, sandbox: Sandbox) -> None:
        """Deliver what is due in a sandbox that sends webhooks, from now on."""
        if sandbox.wake is None and not self.settings.stateless:
            self.driver.watch(sandbox)

    async def stop_driver(self) -> None:
        """Deliver nothing more."""
        if "driver" in self.__dict__:
            await self.driver.stop()

    @cached_property
    def completions(self) -> CompletionService:
        from mocktune.dataset_engine.tokenizer import count_batch, split
        from mocktune.service.completions import CompletionService

        return CompletionService(self.chat, count_batch, split)

    @cached_property
    def moderations(self) -> ModerationService:
        from mocktune.service.moderations import ModerationService

        return ModerationService()

    @cached_property
    def responses(self) -> ResponseService:
        from mocktune.dataset_engine.tokenizer import count_batch
        from mocktune.service.responses import ResponseService

        return ResponseService(self.chat, count_batch)

    @cached_property
    def states(self) -> StateService:
        from mocktune.service.state_commands import StateService

        return StateService(self.sandboxes, self.datasets, self.blobs, self.visit)

    @cached_property
    def ready_made(self) -> ReadyMadeService:
        from mocktune.service.ready_made import ReadyMadeService

        return ReadyMadeService(self.datasets, self.blobs, self.files, self.jobs, self.models)

    @cached_property
    def requests(self) -> RequestService:
        from mocktune.service.requests import RequestService

        return RequestService()

    @cached_property
    def verdicts(self) -> VerdictService:
        from mocktune.service.verdict import VerdictService

        return VerdictService(self.datasets)

    @cached_property
    def stored_completions(self) -> StoredCompletionService:
        from mocktune.service.stored_completions import StoredCompletionService

        return StoredCompletionService()

    @cached_property
    def _loading(self) -> asyncio.Lock:
        return asyncio.Lock()

    @cached_property
    def _seed(self) -> Seed:
        from mocktune.service.state_blobs import Seed

        assert self.settings.state is not None  # asked for where a sandbox begins with one
        return Seed(self.settings.state, self.blobs)

    async def load(self, sandbox: Sandbox) -> None:
        """Fill a new sandbox with the server's seed state."""
        from mocktune.domain.error_kinds.states import NOT_LOADED
        from mocktune.domain.state import StateError

        async with self._loading:
            if not sandbox.loaded:
                try:
                    await self._load(sandbox)
                except StateError as error:  # of this sandbox alone: the server began with one that could be loaded
                    raise NOT_LOADED(problem=error) from error

    async def _load(self, sandbox: Sandbox) -> Visit:
        from mocktune.service.state import load_state

        wall = self.clock.wall()
        visit = Visit(sandbox, sandbox.clock.now(wall), wall, ANYONE, self.rules)
        await load_state(visit, self._seed, self.datasets)
        if self.settings.stateless:
            sandbox.outbox = None  # nobody is sent anything
        sandbox.loaded = True
        return visit

    async def check_state(self) -> None:
        """Load the seed state once, for nobody. Raises ``StateError`` for one that cannot be."""
        if self.settings.state is not None:
            from mocktune.service.state import check_jobs

            visit = await self._load(self.sandboxes.passing("sk-check", self.clock.wall()))
            await check_jobs(visit, self.datasets)

    async def save_state(self) -> None:
        """Write down what became of the one sandbox all keys share, if anybody used it.

        Where that is too much or cannot be written, what was there before stays, and the keeper's ``fault`` says why.
        """
        keeper, sandbox = self.state_keeper, self.sandboxes.only()
        if keeper is None or sandbox is None:
            return
        from mocktune.domain.state import StateError, write_state
        from mocktune.service.state_saving import save_state

        try:
            keeper.write(write_state(save_state(await self.visit(sandbox))))
        except (StateError, OSError) as error:
            keeper.fault = str(error)
            log.error("the state was not saved, %s is as it was: %s", keeper, error)

    async def visit(self, sandbox: Sandbox, caller: Caller = ANYONE) -> Visit:
        """A request's view of its sandbox: ``now``, with everything that was due by then entered.

        Entering may wait for a file to be read; then ``now`` is read anew, so that it is never older than what other
        requests were shown meanwhile.
        """
        if not sandbox.loaded:
            await self.load(sandbox)
        if sandbox.outbox is not None:
            self.watch(sandbox)
        while True:
            wall = self.clock.wall()
            visit = Visit(sandbox, sandbox.clock.now(wall), wall, caller, self.rules)
            if nothing_due(visit):
                return visit
            await settle(visit, self.datasets)
