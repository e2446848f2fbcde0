"""The one place where a server is put together from its parts. Tests call it with other parts; nothing is patched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mocktune.clock import SystemClock
from mocktune.domain.clock import ClockMode
from mocktune.domain.scenario import with_settings
from mocktune.ports import Clock, DatasetReader
from mocktune.service.chat import ChatService
from mocktune.service.clocks import ClockService
from mocktune.service.datasets import Datasets
from mocktune.service.files import FileService
from mocktune.service.jobs import JobService
from mocktune.service.models import ModelService
from mocktune.service.sandboxes import SandboxDefaults, Sandboxes
from mocktune.service.services import Services
from mocktune.settings import Settings, Wire
from mocktune.storage.blobs import DiskBlobs
from mocktune.storage.dataset_reader import ThreadedDatasetReader, ToktokTokenizer
from mocktune.storage.memory import MemoryStore
from mocktune.storage.scenario_files import load_scenario
from mocktune.storage.secrets import new_secret


def make_settings(
    scenario: str = "quick",
    *,
    changes: Iterable[str] = (),
    clock: str = "real",
    seed: int = 0,
    wire: Wire = "observed",
    **others: Any,
) -> Settings:
    """Settings as people write them: a scenario's name, ``changes`` such as ``"model.absent_for=20s"``, and a clock
    that is ``real``, ``frozen`` or ``x60``; ``others`` are further fields of ``Settings``.

    Raises ``ScenarioError`` and ``ClockError``, both ``ValueError``, for what cannot be read.
    """
    return Settings(
        scenario=with_settings(load_scenario(scenario), changes),
        clock=ClockMode.parse(clock),
        seed=seed,
        wire=wire,
        **others,
    )


def bootstrap(
    settings: Settings,
    *,
    clock: Clock | None = None,
    blobs: DiskBlobs | None = None,
    reader: DatasetReader | None = None,
) -> Services:
    """A server's services, with the shipped adapters unless others are given."""
    blobs = blobs or DiskBlobs(max_bytes=settings.max_disk_bytes)
    reader = reader or ThreadedDatasetReader()
    datasets = Datasets(reader)
    defaults = SandboxDefaults(
        seed=settings.seed,
        clock=settings.clock,
        scenario=settings.scenario,
        max_sandboxes=settings.max_sandboxes,
        ttl_s=settings.sandbox_ttl_s,
    )
    return Services(
        settings=settings,
        clock=clock or SystemClock(),
        sandboxes=Sandboxes(MemoryStore(), defaults, secret=new_secret()),
        datasets=datasets,
        blobs=blobs,
        files=FileService(datasets),
        jobs=JobService(datasets),
        models=ModelService(),
        chat=ChatService(datasets, ToktokTokenizer()),
        clocks=ClockService(datasets),
        warm_up=reader.warm_up,
        close=blobs.close,
    )
