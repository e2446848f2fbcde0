"""What a poll waits for: the next instant at which what it asks about looks different.

With ``advance_on_poll`` a read moves the clock before it is answered, as a command issued before. Finished objects
change no more, so reading them moves nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from mocktune.domain.clock import VirtualTime
from mocktune.domain.timeline import Timeline
from mocktune.service.datasets import Datasets
from mocktune.service.records import JobRecord, ModelRecord
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.timelines import timeline_of

if TYPE_CHECKING:
    from mocktune.service.model_memory import ModelUse

T = TypeVar("T")

PolledKind = Literal["file", "job", "events", "checkpoints", "model", "answer", "deployment"]
"""``model``: whether its name is known; ``answer``: whether it answers."""


@dataclass(frozen=True, slots=True)
class Polled:
    """One object, or (``id`` None) all of its kind in the sandbox."""

    kind: PolledKind
    id: str | None = None


async def next_change(visit: Visit, polled: Polled, datasets: Datasets) -> VirtualTime | None:
    """None for what is finished, unknown, or paused without an end."""
    return min([at async for at in _changes(visit, polled, datasets) if at > visit.now], default=None)


async def _changes(visit: Visit, polled: Polled, datasets: Datasets) -> AsyncIterator[VirtualTime]:
    sandbox, id = visit.sandbox, polled.id
    if polled.kind == "file":
        for file in sandbox.files.newest_first() if id is None else _found(sandbox.files.get(id)):
            yield file.ready_at
    elif polled.kind == "deployment":
        deployments = sandbox.ledger("deployments")
        for deployment in deployments.newest_first() if id is None else _found(deployments.get(id)):
            yield deployment.ready_at
    elif polled.kind in ("model", "answer"):
        for model in sandbox.models.newest_first() if id is None else _found(sandbox.models.get(id)):
            yield model.window.absent_until
            if polled.kind == "answer":
                yield answers_at(sandbox, model)
    else:
        for job in list(sandbox.jobs.newest_first() if id is None else _found(sandbox.jobs.get(id))):
            if not _is_over(job, visit.now):
                for at in _landmarks(await timeline_of(job, datasets), polled.kind):
                    yield at


def answers_at(sandbox: Sandbox, model: ModelRecord) -> VirtualTime:
    """When a model answers, as far as it was asked: one that was unloaded loads again when it is asked."""
    use: ModelUse | None = sandbox.ledger("model_use").get(model.id)
    return model.window.ready_at if use is None else max(model.window.ready_at, use.loading_until)


def _found(record: T | None) -> Iterable[T]:
    return () if record is None else (record,)


def _is_over(job: JobRecord, now: VirtualTime) -> bool:
    """Whether nothing of a job is still to come, for those whose plan is made; it spares lists most of the work."""
    timeline = job.timeline
    if timeline is None or (end := timeline.last_listed_at) is None or end > now:
        return False
    return timeline.result_at is None or timeline.result_at <= now


def _landmarks(timeline: Timeline, kind: PolledKind) -> list[VirtualTime]:
    """Those of a job's landmarks that its events show, or that it shows itself."""
    ends_at = timeline.ends_at
    seen = [at for at in timeline.landmarks() if ends_at is None or at <= ends_at]
    if kind == "events":
        later = (at for at in timeline.landmarks() if ends_at is not None and at > ends_at)
        seen += [at for at in later if timeline.event_count(at) > timeline.event_count(VirtualTime(at - 1))]
    elif kind == "job" and timeline.succeeds and timeline.result_at is not None:
        seen.append(timeline.result_at)
    return seen
