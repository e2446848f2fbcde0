"""What the future of a sandbox holds, as far as it is known: what a clock that is moved comes by.

Nothing here decides anything. Timelines and records say what happens when; the agenda puts it in one order, and takes
up what is changed or created on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal, Protocol, TypeVar

from mocktune.domain.clock import VirtualTime
from mocktune.domain.plan import ModelWindow
from mocktune.domain.timeline import Timeline
from mocktune.service.datasets import Datasets
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.sandboxes import Sandbox
from mocktune.service.timelines import timeline_of
from mocktune.service.upload_records import UploadRecord


class _Numbered(Protocol):
    ordinal: int


Record = TypeVar("Record", bound=_Numbered)

FiredKind = Literal["file", "upload", "job", "model", "delivery"]

RANKS: dict[FiredKind, int] = {"file": 0, "upload": 1, "job": 2, "model": 3, "delivery": 4}
"""The order of what happens at one instant."""


@dataclass(frozen=True, slots=True)
class Fired:
    """Something that happened while a clock was moved: the object ``id`` came to ``status``; ``job_id`` is the job it
    belongs to.
    """

    at: VirtualTime
    kind: FiredKind
    id: str
    status: str
    job_id: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """``of`` the record; what a job will do is read from its ``timeline``, and holds as long as the job has that."""

    at: VirtualTime
    kind: FiredKind
    id: str
    status: str
    of: FileRecord | UploadRecord | JobRecord | ModelRecord
    timeline: Timeline | None = None


class Agenda:
    """Everything that will happen after ``since``, in order."""

    def __init__(self, sandbox: Sandbox, datasets: Datasets, since: VirtualTime) -> None:
        self._sandbox = sandbox
        self._datasets = datasets
        self._since = since
        self._heap: list[tuple[VirtualTime, int, int, _Entry]] = []
        self._entered = 0
        self._counted: dict[str, int] = {}
        self._timelines: dict[str, tuple[JobRecord, Timeline]] = {}

    @classmethod
    async def of(cls, sandbox: Sandbox, datasets: Datasets, since: VirtualTime) -> Agenda:
        agenda = cls(sandbox, datasets, since)
        await agenda.refresh()
        for model in sandbox.models.oldest_first():
            if sandbox.jobs.get(model.job.id) is not model.job:  # made ready, without a job that could tell
                agenda._enter_window(model.id, model.window, model)
        return agenda

    async def refresh(self) -> None:
        """Enter what was created, and what was done to jobs, since the last time."""
        sandbox = self._sandbox
        # Result files are there at once, stay, and are counted by their jobs.
        for file in self._new("file", (each for each in sandbox.files.newest_first() if each.result_of is None)):
            self._enter_file(file)
        for upload in self._new("upload", sandbox.ledger("pending_upload").newest_first()):
            self._enter(_Entry(upload.expires_at, "upload", upload.id, "expired", upload))
        for job in self._new("job", sandbox.jobs.newest_first()):
            await self._enter_job(job)
        for job, timeline in list(self._timelines.values()):
            if job.timeline is not timeline:
                await self._enter_job(job)

    def _new(self, kind: str, newest_first: Iterator[Record]) -> list[Record]:
        """What was created since the last time: objects of a kind are counted. At first, everything.

        A ready-made object was created before others that have been there longer: all are looked through.
        """
        counted = self._counted.get(kind, -1)
        if self._sandbox.counts.get(kind, 0) <= counted:
            return []
        found: list[Record] = [each for each in newest_first if each.ordinal >= counted]
        self._counted[kind] = max([counted, *(each.ordinal + 1 for each in found)])
        return found

    def _enter(self, entry: _Entry) -> None:
        if entry.at > self._since:
            self._entered += 1
            heappush(self._heap, (entry.at, RANKS[entry.kind], self._entered, entry))

    def _enter_file(self, file: FileRecord) -> None:
        self._enter(_Entry(file.ready_at, "file", file.id, "processed", file))
        if file.expires_at is not None:
            self._enter(_Entry(file.expires_at, "file", file.id, "expired", file))

    async def _enter_job(self, job: JobRecord) -> None:
        if _is_past(job, self._since):
            self._timelines.pop(job.id, None)
            return
        timeline = await timeline_of(job, self._datasets)
        self._timelines[job.id] = job, timeline
        status = timeline.status_at(max(self._since, job.created_at))
        for at in timeline.landmarks():
            if at > self._since and (new := timeline.status_at(at)) is not status:
                self._enter(_Entry(at, "job", job.id, new, job, timeline))
                status = new
        if timeline.succeeds and timeline.window is not None:
            self._enter_window(timeline.fine_tuned_model, timeline.window, job, timeline)

    def _enter_window(
        self, id: str, window: ModelWindow, of: JobRecord | ModelRecord, timeline: Timeline | None = None
    ) -> None:
        if window.absent_until < window.ready_at:
            self._enter(_Entry(window.absent_until, "model", id, "loading", of, timeline))
        self._enter(_Entry(window.ready_at, "model", id, "ready", of, timeline))
        if window.gone_at is not None:
            self._enter(_Entry(window.gone_at, "model", id, "gone", of, timeline))

    def next_at(self) -> VirtualTime | None:
        """When the next thing happens; None: nothing will."""
        while self._heap:
            at, _, _, entry = self._heap[0]
            if self._stands(entry):
                return at
            heappop(self._heap)
        return None

    def _stands(self, entry: _Entry) -> bool:
        """Whether it still happens: nothing was deleted, cancelled or paused meanwhile."""
        sandbox, of = self._sandbox, entry.of
        if isinstance(of, FileRecord):
            return sandbox.files.get(of.id) is of
        if isinstance(of, UploadRecord):
            return of.ended is None
        if isinstance(of, ModelRecord):
            return sandbox.models.get(of.id) is of
        if of.timeline is not entry.timeline or sandbox.jobs.get(of.id) is not of:
            return False
        return entry.kind == "job" or of.models_left is None or sandbox.models.get(entry.id) is not None

    async def fire(self, until: VirtualTime) -> list[Fired]:
        """What happens up to ``until``, in order; it is over then. To be asked before it is entered into the lists."""
        fired = []
        while (at := self.next_at()) is not None and at <= until:
            entry = heappop(self._heap)[3]
            fired.append(await self._fired(entry))
        self._since = until
        return fired

    async def _fired(self, entry: _Entry) -> Fired:
        status, of = entry.status, entry.of
        job_id: str | None = None
        if isinstance(of, FileRecord) and status == "processed":
            status = "processed" if await self._datasets.status_details(of) is None else "error"
        elif isinstance(of, ModelRecord):
            job_id = of.job.id
        elif isinstance(of, JobRecord):
            job_id = of.id
            if entry.kind == "job" and entry.timeline is not None:
                of.tell(entry.timeline.status_at(entry.at), entry.at)
        return Fired(entry.at, entry.kind, entry.id, status, job_id)


def _is_past(job: JobRecord, now: VirtualTime) -> bool:
    """Whether the whole plan of a job lies behind, its model's first minutes too."""
    timeline = job.timeline
    if timeline is None or (end := timeline.ends_at) is None or end > now:
        return False
    if not timeline.succeeds:
        return True
    window = timeline.window
    return window is None or (window.gone_at or window.ready_at) <= now
