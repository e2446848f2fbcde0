"""The control plane's clock: read it, change its pace, move it forward."""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import BackwardsError, ClockMode, ClockSegments, VirtualTime, WallTime, parse_instant
from mocktune.domain.error_kinds.control import BACKWARDS, NO_SUCH_JOB, NOTHING_DUE
from mocktune.domain.lifecycle import JobStatus
from mocktune.service.datasets import Datasets
from mocktune.service.records import JobRecord
from mocktune.service.sandboxes import Visit, begin_clock
from mocktune.service.timelines import timeline_of

MAX_FIRED = 1000
"""Transitions an advance lists; ``fired_dropped`` counts the rest."""


@dataclass(frozen=True, slots=True)
class ClockView:
    """``elapsed`` in microseconds since the sandbox's clock started."""

    mode: ClockMode
    now: VirtualTime
    elapsed: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A job that entered ``status`` at ``at`` while the clock was moved."""

    at: VirtualTime
    job_id: str
    status: JobStatus


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where the clock stands after an advance. ``reached`` is False when the awaited status will never come."""

    now: VirtualTime
    elapsed: int
    reached: bool
    fired: list[Fired]
    fired_dropped: int


class ClockService:
    """Everything under ``/_mocktune/clock``. Commands of one sandbox come one after the other (``clock_lock``)."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    def view(self, visit: Visit) -> ClockView:
        clock = visit.sandbox.clock
        return ClockView(ClockMode(clock.rate), visit.now, visit.now - clock.started)

    def change(self, visit: Visit, mode: ClockMode, start: VirtualTime | None) -> ClockView:
        """Another pace from now on. A sandbox in which nothing was created yet starts anew, at ``start`` if given."""
        sandbox = visit.sandbox
        if sandbox.fresh:
            start = sandbox.scenario.clock.start if start is None else start
            sandbox.clock = begin_clock(mode, visit.wall, start, sandbox.era)
        else:
            clock = sandbox.clock if start is None else _moved(sandbox.clock, start, visit.wall)
            sandbox.clock = clock.with_rate(mode, visit.wall)
        return self.view(_later(visit))

    async def advance_by(self, visit: Visit, duration: int) -> Advanced:
        return await self._advance(visit, VirtualTime(visit.now + duration))

    async def advance_to(self, visit: Visit, target: int | float | str) -> Advanced:
        return await self._advance(visit, parse_instant(target))

    async def advance_to_next(self, visit: Visit) -> Advanced:
        """To the next instant at which something a person would wait for changes; training counts as ten."""
        instants = [at for at in await self._landmarks(visit) if at > visit.now]
        if not instants:
            raise NOTHING_DUE()
        return await self._advance(visit, min(instants))

    async def advance_until(self, visit: Visit, job_id: str, status: str) -> Advanced:
        """To the instant ``job_id`` enters ``status`` ("terminal" for any end), or to its end when it never does."""
        job = visit.sandbox.jobs.get(job_id)
        if job is None:
            raise NO_SUCH_JOB(id=job_id)
        timeline = await timeline_of(job, self._datasets)
        instant = timeline.ends_at if status == "terminal" else timeline.instant_of(JobStatus(status))
        # A job that stays paused has no end to go to: the clock stays where it is.
        target = instant or timeline.ends_at or visit.now
        return await self._advance(visit, VirtualTime(max(target, visit.now)), reached=instant is not None)

    async def _advance(self, visit: Visit, target: VirtualTime, *, reached: bool = True) -> Advanced:
        sandbox = visit.sandbox
        _moved(sandbox.clock, target, visit.wall)  # refuses before anything is computed
        fired = sorted(
            [each for job in _unfinished(visit) for each in await self._transitions(job, visit.now, target)],
            key=lambda each: (each.at, each.job_id),
        )
        sandbox.clock = _moved(sandbox.clock, target, visit.wall)
        sandbox.moved = True
        return Advanced(
            target, target - sandbox.clock.started, reached, fired[:MAX_FIRED], max(0, len(fired) - MAX_FIRED)
        )

    async def _transitions(self, job: JobRecord, after: VirtualTime, until: VirtualTime) -> list[Fired]:
        timeline = await timeline_of(job, self._datasets)
        fired, status = [], timeline.status_at(after)
        for at in timeline.landmarks():
            if after < at <= until and (new := timeline.status_at(at)) is not status:
                fired.append(Fired(at, job.id, new))
                job.tell(new, at)
                status = new
        return fired

    async def _landmarks(self, visit: Visit) -> list[VirtualTime]:
        instants: list[VirtualTime] = []
        for file in visit.sandbox.files.newest_first():
            instants.append(file.ready_at)
            if file.expires_at is not None:
                instants.append(file.expires_at)
        instants += [upload.expires_at for upload in visit.sandbox.ledger("pending_upload").newest_first()]
        for job in visit.sandbox.jobs.newest_first():
            instants += (await timeline_of(job, self._datasets)).landmarks()
        return instants


def _unfinished(visit: Visit) -> list[JobRecord]:
    """Jobs that may still change; those whose whole plan lies behind are left alone."""
    return [
        job
        for job in visit.sandbox.jobs.newest_first()
        if job.timeline is None or (end := job.timeline.ends_at) is None or end > visit.now
    ]


def _moved(clock: ClockSegments, target: VirtualTime, wall: WallTime) -> ClockSegments:
    try:
        return clock.moved_to(target, wall)
    except BackwardsError as error:
        raise BACKWARDS(problem=error) from error


def _later(visit: Visit) -> Visit:
    sandbox = visit.sandbox
    return Visit(sandbox, sandbox.clock.now(visit.wall), visit.wall)
