"""The one place where a server is put together from its parts. Tests call it with other parts; nothing is patched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocktune.clock import SystemClock
from mocktune.domain.clock import ClockMode, VirtualTime
from mocktune.domain.profiles import TODAY_START, Profile
from mocktune.ports import Clock, DatasetReader, WebhookSender
from mocktune.service.chat import ChatService
from mocktune.service.datasets import Datasets
from mocktune.service.files import FileService
from mocktune.service.grading import Grading
from mocktune.service.jobs import JobService
from mocktune.service.models import ModelService
from mocktune.service.sandboxes import SandboxDefaults, Sandboxes
from mocktune.service.services import Services
from mocktune.settings import Settings, Wire, starting_scenario
from mocktune.storage.blobs import DiskBlobs
from mocktune.storage.dataset_reader import ThreadedDatasetReader, ToktokTokenizer
from mocktune.storage.memory import MemoryStore
from mocktune.storage.scenario_files import load_scenario, packaged_scenario
from mocktune.storage.secrets import new_secret
from mocktune.storage.state_files import StateFile

if TYPE_CHECKING:
    from mocktune.domain.grading import TextMetrics


def make_settings(
    scenario: str = "quick",
    *,
    changes: Iterable[str] = (),
    clock: str = "real",
    seed: int = 0,
    wire: Wire = "observed",
    profile: Profile = "classic",
    **others: Any,
) -> Settings:
    """Settings as people write them: a scenario's name, ``changes`` such as ``"model.absent_for=20s"``, and a clock
    that is ``real``, ``frozen`` or ``x60``; ``others`` are further fields of ``Settings``. The ``profile`` ``today``
    shuts models down by their dates, enforces the recorded limits and starts clocks at 2026-11-22.

    Raises ``ScenarioError`` and ``ClockError``, both ``ValueError``, for what cannot be read.
    """
    return Settings(
        scenario=starting_scenario(load_scenario(scenario), changes, profile),
        clock=ClockMode.parse(clock),
        seed=seed,
        wire="sdk" if others.get("loose") else wire,  # what rules let through, strict clients are to parse
        profile=profile,
        **others,
    )


def bootstrap(
    settings: Settings,
    *,
    clock: Clock | None = None,
    blobs: DiskBlobs | None = None,
    reader: DatasetReader | None = None,
    sender: WebhookSender | None = None,
) -> Services:
    """A server's services, with the shipped adapters unless others are given."""
    blobs = blobs or DiskBlobs(max_bytes=settings.max_disk_bytes)
    reader = reader or ThreadedDatasetReader()
    tokenizer = ToktokTokenizer()
    datasets = Datasets(reader, Grading(_text_metrics, tokenizer))
    defaults = SandboxDefaults(
        seed=settings.seed,
        clock=settings.clock,
        scenario=settings.scenario,
        max_sandboxes=settings.max_sandboxes,
        ttl_s=settings.sandbox_ttl_s,
        era=TODAY_START if settings.profile == "today" else None,
        start=_saved_at(settings),
        with_state=settings.state is not None,
        one_for_all=bool(settings.save_state_to),
        known_only=settings.known_keys_only,
        advance_on_poll=settings.advance_on_poll,
    )

    def make_sender() -> WebhookSender:
        """Imported when the first webhook is sent."""
        from mocktune.webhooks.delivery import HttpWebhookSender

        return sender or HttpWebhookSender(settings.allowed_webhook_hosts)

    def close() -> None:
        reader.close()
        blobs.close()

    return Services(
        settings=settings,
        clock=clock or SystemClock(),
        sandboxes=Sandboxes(MemoryStore(), defaults, secret=new_secret()),
        datasets=datasets,
        blobs=blobs,
        files=FileService(datasets),
        jobs=JobService(datasets, packaged_scenario if settings.inband else None),
        models=ModelService(),
        chat=ChatService(datasets, tokenizer),
        make_sender=make_sender,
        warm_up=reader.warm_up,
        close=close,
        state_keeper=StateFile(Path(settings.save_state_to)) if settings.save_state_to else None,
    )


def _saved_at(settings: Settings) -> VirtualTime | None:
    state = settings.state
    if state is None or state.now is None:
        return None
    from mocktune.domain.state import instant_of

    return instant_of(state.now)


def _text_metrics() -> TextMetrics:
    """Imported when the first text is compared."""
    from mocktune.text_metrics import LibraryMetrics

    return LibraryMetrics()
