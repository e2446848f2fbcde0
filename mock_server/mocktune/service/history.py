"""What happened in a sandbox so far, in order: told from its records, which time does not change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.plan import ModelWindow
from mocktune.service.agenda import RANKS, Fired
from mocktune.service.datasets import Datasets
from mocktune.service.deliveries import deliveries
from mocktune.service.limits import spent_usd, trained_tokens
from mocktune.service.records import JobRecord
from mocktune.service.sandboxes import Visit
from mocktune.service.timelines import timeline_of

MAX_HAPPENED = 1000
"""The newest that are listed; the others are counted."""


@dataclass(frozen=True, slots=True)
class History:
    """``elapsed`` in microseconds since the clock started, ``cost_usd`` what the trainings by now cost in reality."""

    started: VirtualTime
    now: VirtualTime
    happened: list[Fired]
    happened_dropped: int
    trained_tokens: int
    cost_usd: float


async def history_of(visit: Visit, datasets: Datasets) -> History:
    """From the start of the sandbox's clock to now. Planning a job may wait for its files to be read."""
    sandbox, started = visit.sandbox, visit.sandbox.clock.started
    happened: list[Fired] = []
    for file in sandbox.files.oldest_first():
        if file.result_of is None:
            happened.append(Fired(file.created_at, "file", file.id, "uploaded"))
            if file.ready_at <= visit.now:
                status = "processed" if await datasets.status_details(file) is None else "error"
                happened.append(Fired(file.ready_at, "file", file.id, status))
    for job in sandbox.jobs.oldest_first():
        happened += await _of_job(job, datasets)
    for model in sandbox.models.oldest_first():
        if sandbox.jobs.get(model.job.id) is not model.job:  # made ready, without a job that could tell
            happened += _of_window(model.id, model.window, model.job.id)
    for delivery in deliveries(sandbox).oldest_first():
        for attempt in delivery.attempts:
            status = "delivered" if attempt.accepted else "refused"
            happened.append(Fired(attempt.at, "delivery", delivery.id, status, delivery.job_id))
    seen = sorted((each for each in happened if started <= each.at <= visit.now), key=_place)
    dropped = max(0, len(seen) - MAX_HAPPENED)
    return History(started, visit.now, seen[dropped:], dropped, trained_tokens(visit), spent_usd(visit))


async def _of_job(job: JobRecord, datasets: Datasets) -> list[Fired]:
    timeline = await timeline_of(job, datasets)
    status = timeline.status_at(job.created_at)
    happened = [Fired(job.created_at, "job", job.id, status, job.id)]
    for at in timeline.landmarks():
        if (new := timeline.status_at(at)) is not status:
            happened.append(Fired(at, "job", job.id, new, job.id))
            status = new
    if timeline.succeeds and timeline.window is not None:
        happened += _of_window(timeline.fine_tuned_model, timeline.window, job.id)
    return happened


def _of_window(id: str, window: ModelWindow, job_id: str) -> Iterator[Fired]:
    if window.absent_until < window.ready_at:
        yield Fired(window.absent_until, "model", id, "loading", job_id)
    yield Fired(window.ready_at, "model", id, "ready", job_id)
    if window.gone_at is not None:
        yield Fired(window.gone_at, "model", id, "gone", job_id)


def _place(happened: Fired) -> tuple[VirtualTime, int]:
    return happened.at, RANKS[happened.kind]
