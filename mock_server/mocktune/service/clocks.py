"""The control plane's clock: read it, change its pace, move it forward.

An advance goes from one due instant to the next. At each the clock is held, what is due is entered and deliveries are
performed, and whatever a receiver asks of the server meanwhile is answered at that instant. So it makes no difference
in how many steps a stretch of time is gone: ``advance(a); advance(b)`` is ``advance(a + b)``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Literal

from mocktune.domain.awaited import TERMINAL, Awaited
from mocktune.domain.clock import (
    MAX_VIRTUAL,
    SECOND,
    BackwardsError,
    ClockMode,
    ClockSegments,
    VirtualTime,
    WallTime,
    format_duration,
    format_instant,
    parse_instant,
)
from mocktune.domain.error_kinds.control import (
    BACKWARDS,
    BOUND_REACHED,
    CLOCK_BUSY,
    NO_SUCH_FILE,
    NO_SUCH_JOB,
    NO_SUCH_MODEL,
    NOTHING_DUE,
)
from mocktune.domain.errors import ApiError
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.timeline import Timeline
from mocktune.ports import Clock, Deliverer
from mocktune.service.agenda import Agenda, Fired
from mocktune.service.datasets import Datasets
from mocktune.service.frozen_reads import FrozenReads
from mocktune.service.models import base_model
from mocktune.service.polls import answers_at
from mocktune.service.sandboxes import Sandbox, Visit, begin_clock
from mocktune.service.settling import settle
from mocktune.service.timelines import timeline_of

if TYPE_CHECKING:
    from mocktune.domain.deliveries import Delivery

MAX_FIRED = 1000
"""Of what happened on the way of an advance, how much is listed; ``fired_dropped`` counts the rest."""

ROUNDS_AT_ONCE = 100
"""Due instants an advance goes through before others are answered."""

PollStep = int | Literal["next"]
"""How far a poll moves the clock: microseconds, or to the next change of what is polled."""


@dataclass(frozen=True, slots=True)
class ClockView:
    """``elapsed`` in microseconds since the sandbox's clock started."""

    mode: ClockMode
    now: VirtualTime
    elapsed: int
    advance_on_poll: PollStep | None = None
    max_frozen_reads: int | None = None
    refused_reads: int = 0


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What a command sets; None leaves it as it is. ``sets_poll``: ``advance_on_poll`` is set, to None too, and
    ``sets_frozen_reads`` the same of ``max_frozen_reads``.
    """

    mode: ClockMode | None = None
    start: VirtualTime | None = None
    sets_poll: bool = False
    advance_on_poll: PollStep | None = None
    sets_frozen_reads: bool = False
    max_frozen_reads: int | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far an advance goes at most: microseconds (None: as far as it is told to), and things that happen."""

    max_virtual: int | None = None
    max_events: int = 100_000


DEFAULT_MAX_VIRTUAL = 30 * 86_400 * SECOND
"""Where nobody says how far: ``until`` and ``next``."""

UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where the clock stands after an advance. ``reached`` is False when the awaited status will never come."""

    now: VirtualTime
    elapsed: int
    reached: bool
    fired: list[Fired]
    fired_dropped: int


Aim = Callable[[], Awaitable[tuple[VirtualTime, bool]]]
"""Where an advance ends, as far as it is known now, and whether that is what was awaited."""


class NoDeliveries:
    """Of a server that sends nothing."""

    def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
        return None

    async def perform_due(self, visit: Visit) -> list[Delivery]:
        return []


def is_being_moved(sandbox: Sandbox) -> bool:
    """Whether somebody moves the clock whom nobody waits for."""
    return sandbox.advancing


@asynccontextmanager
async def clock_command(sandbox: Sandbox) -> AsyncIterator[None]:
    """For a command that sets or moves the clock. Raises ``ConflictError`` while another one does."""
    if is_being_moved(sandbox):
        raise CLOCK_BUSY()
    sandbox.advancing = True
    try:
        async with sandbox.clock_lock:  # a poll may be moving it a little
            yield
    finally:
        sandbox.advancing = False


class ClockService:
    """Everything under ``/_mocktune/clock``. Who calls one of its commands does so within ``clock_command``."""

    def __init__(self, datasets: Datasets, clock: Clock, deliverer: Callable[[], Deliverer] = NoDeliveries) -> None:
        self._datasets = datasets
        self._clock = clock
        self._deliverer = deliverer

    def view(self, visit: Visit) -> ClockView:
        sandbox = visit.sandbox
        elapsed = visit.now - sandbox.clock.started
        view = ClockView(ClockMode(sandbox.clock.rate), visit.now, elapsed, sandbox.advance_on_poll)
        reads = sandbox.frozen_reads
        return view if reads is None else replace(view, max_frozen_reads=reads.most, refused_reads=reads.refused)

    def change(self, visit: Visit, change: ClockChange) -> ClockView:
        """Another pace from now on. A sandbox in which nothing was created yet starts anew, at ``start`` if given."""
        sandbox, start = visit.sandbox, change.start
        if change.mode is not None or start is not None:
            mode = ClockMode(sandbox.clock.rate) if change.mode is None else change.mode
            if sandbox.fresh:
                sandbox.clock = begin_clock(mode, visit.wall, sandbox.scenario.clock, sandbox.era, start=start)
                if sandbox.faults is not None:
                    sandbox.faults.begin(sandbox.clock.started, visit.wall)
            else:
                clock = sandbox.clock if start is None else _moved(sandbox.clock, start, visit.wall)
                sandbox.clock = clock.with_rate(mode, visit.wall)
        if change.sets_poll:
            sandbox.advance_on_poll = change.advance_on_poll
        if change.sets_frozen_reads:
            most = change.max_frozen_reads
            sandbox.frozen_reads = None if most is None else FrozenReads(most)
        return self.view(Visit(sandbox, sandbox.clock.now(visit.wall), visit.wall))

    # -- commands ----------------------------------------------------------------------------------------------------

    async def advance_by(self, visit: Visit, duration: int, bounds: Bounds = UNBOUNDED) -> Advanced:
        return await self._advance(visit, _to(VirtualTime(visit.now + duration)), bounds)

    async def advance_to(self, visit: Visit, target: int | float | str, bounds: Bounds = UNBOUNDED) -> Advanced:
        return await self._advance(visit, _to(parse_instant(target)), bounds)

    async def advance_to_next(self, visit: Visit, bounds: Bounds = UNBOUNDED) -> Advanced:
        """To the next instant at which something a person would wait for changes; training counts as ten."""
        advanced: Advanced | None = None
        while True:
            instants = [at for at in await self._landmarks(visit) if at > visit.now]
            due = self._deliverer().next_due(visit.sandbox)
            maybe = [due] if due is not None and due > visit.now else []
            if not instants and not maybe:
                if advanced is not None:
                    return advanced
                raise NOTHING_DUE()
            target = min(instants + maybe)
            advanced = await self._advance(visit, _to(target), bounds)
            if advanced.fired or target in instants:
                return advanced
            # Something might have been due there, and was not.
            visit = Visit(visit.sandbox, advanced.now, self._wall(visit), visit.caller, visit.rules)

    async def advance_until(self, visit: Visit, job_id: str, status: str) -> Advanced:
        """To the instant a job comes to ``status``, or to its end when it never does."""
        return await self.advance_until_awaited(visit, Awaited.of("job", job_id, status))

    async def advance_until_awaited(self, visit: Visit, awaited: Awaited, bounds: Bounds = UNBOUNDED) -> Advanced:
        """The same of any object."""
        return await self._advance(visit, self._aim(visit, awaited), bounds, until=awaited)

    async def poll(self, visit: Visit, target: VirtualTime) -> None:
        """To ``target``, before a poll is answered. Polls that come meanwhile follow; but nobody waits for deliveries,
        who may be their receiver."""
        sandbox = visit.sandbox
        if is_being_moved(sandbox) or (sandbox.outbox is not None and sandbox.outbox.lock.locked()):
            return
        async with sandbox.clock_lock:
            now = sandbox.clock.now(wall := self._wall(visit))
            if now < target:
                visit = Visit(sandbox, now, wall, visit.caller, visit.rules)
                await self._walk(visit, _to(target), UNBOUNDED)

    # -- where to ----------------------------------------------------------------------------------------------------

    def _aim(self, visit: Visit, awaited: Awaited) -> Aim:
        """Raises ``NotFoundError`` for an object that there is not."""
        sandbox, id = visit.sandbox, awaited.id
        if awaited.kind == "job":
            job = sandbox.jobs.get(id)
            if job is None:
                raise NO_SUCH_JOB(id=id)

            async def job_comes() -> tuple[VirtualTime, bool]:
                timeline = await timeline_of(job, self._datasets)
                instant, end = _instant_of(timeline, awaited), timeline.ends_at
                # A job that stays paused has no end to go to: the clock stays where it is.
                return instant or end or visit.now, instant is not None

            return job_comes
        if awaited.kind == "file":
            file = sandbox.files.get(id)
            if file is None:
                raise NO_SUCH_FILE(id=id)

            async def file_comes() -> tuple[VirtualTime, bool]:
                status = "processed" if await self._datasets.status_details(file) is None else "error"
                return file.ready_at, awaited.status in (status, TERMINAL)

            return file_comes
        model = sandbox.models.get(id)
        if model is None:
            if base_model(visit, id) is None:
                raise NO_SUCH_MODEL(id=id)
            return _to(visit.now)
        return _to(answers_at(sandbox, model) if awaited.status == "ready" else model.window.absent_until)

    async def _landmarks(self, visit: Visit) -> list[VirtualTime]:
        sandbox = visit.sandbox
        instants: list[VirtualTime] = []
        for file in sandbox.files.newest_first():
            instants.append(file.ready_at)
            if file.expires_at is not None:
                instants.append(file.expires_at)
        instants += [upload.expires_at for upload in sandbox.ledger("pending_upload").newest_first()]
        for job in sandbox.jobs.newest_first():
            instants += (await timeline_of(job, self._datasets)).landmarks()
        for model in sandbox.models.newest_first():
            window = model.window
            instants += (window.absent_until, window.ready_at, window.gone_at or window.ready_at)
        return instants

    # -- the way there -----------------------------------------------------------------------------------------------

    async def _advance(self, visit: Visit, aim: Aim, bounds: Bounds, until: Awaited | None = None) -> Advanced:
        target, _ = await aim()
        if until is None:
            _moved(visit.sandbox.clock, target, visit.wall)  # refuses before anything happens
        way = await self._walk(visit, aim, bounds)
        if way.bound is not None:
            raise _bound_reached(way, bounds, format_instant(target) if until is None else str(until))
        elapsed = way.now - visit.sandbox.clock.started
        return Advanced(way.now, elapsed, way.reached, way.fired, way.happened - len(way.fired))

    def _wall(self, visit: Visit) -> WallTime:
        """Wall time, which never goes back behind what a visit was made with."""
        return max(visit.wall, self._clock.wall())

    async def _walk(self, visit: Visit, aim: Aim, bounds: Bounds) -> _Way:
        sandbox, deliverer = visit.sandbox, self._deliverer()
        # What a moving clock has come by since the visit counts as on the way.
        way = _Way(visit.now, max(visit.now, sandbox.clock.now(self._wall(visit))))
        horizon = MAX_VIRTUAL if bounds.max_virtual is None else min(MAX_VIRTUAL, way.begins + bounds.max_virtual)
        sandbox.moved = True
        held = sandbox.clock = sandbox.clock.held_at(way.now)
        futile: VirtualTime | None = None
        try:
            agenda = await Agenda.of(sandbox, self._datasets, way.begins)
            while sandbox.clock is held:  # else it was taken out of our hands: a state was put in
                target, way.reached = await aim()
                goal = max(way.now, min(target, horizon))
                due = deliverer.next_due(sandbox)
                if due == futile:
                    due = None
                ahead = [at for at in (agenda.next_at(), due) if at is not None and at <= goal]
                if not ahead:
                    way.now = VirtualTime(goal)
                    way.bound = "max_virtual" if target > goal else None
                    return way
                if way.happened >= bounds.max_events:
                    way.bound = "max_events"
                    return way
                way.now = max(way.now, min(ahead))
                for each in await agenda.fire(way.now):
                    way.add(each, f"{each.kind} {each.id}")
                held = sandbox.clock = sandbox.clock.held_at(way.now)
                here = Visit(sandbox, way.now, self._wall(visit), visit.caller, visit.rules)
                await settle(here, self._datasets)
                if due is not None and due <= way.now:
                    performed = await self._perform(deliverer, here)
                    for delivery, each in zip(performed, _attempts(performed), strict=True):
                        way.add(each, f"endpoint {delivery.endpoint_id}")
                    futile = None if performed else due  # what was not due after all is not asked for again
                await agenda.refresh()
                await way.rest()
            return way
        finally:
            if sandbox.clock is held:
                sandbox.clock = held.moved_to(way.now, self._wall(visit))

    async def _perform(self, deliverer: Deliverer, visit: Visit) -> list[Delivery]:
        """Nobody waits for the clock meanwhile: a receiver may be who asks."""
        sandbox, advancing = visit.sandbox, visit.sandbox.advancing
        sandbox.advancing = True
        try:
            return await deliverer.perform_due(visit)
        finally:
            sandbox.advancing = advancing


@dataclass(slots=True)
class _Way:
    """How far an advance has come, and what happened on its way. ``bound`` is the one that stopped it."""

    begins: VirtualTime
    now: VirtualTime
    reached: bool = True
    bound: Literal["max_virtual", "max_events"] | None = None
    fired: list[Fired] = field(default_factory=list)
    happened: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    _rounds: int = 0

    def add(self, fired: Fired, source: str) -> None:
        self.happened += 1
        self.sources[source] += 1
        if len(self.fired) < MAX_FIRED:
            self.fired.append(fired)

    async def rest(self) -> None:
        """Let others be answered, now and then."""
        self._rounds += 1
        if not self._rounds % ROUNDS_AT_ONCE:
            await asyncio.sleep(0)


def _attempts(performed: list[Delivery]) -> list[Fired]:
    """One for each attempt. A delivery that is to be tried again is retrying."""
    left = Counter(delivery.id for delivery in performed)
    found = []
    for delivery in performed:
        later = left[delivery.id] = left[delivery.id] - 1
        at = delivery.attempts[-1 - later].at if len(delivery.attempts) > later else delivery.due_at
        status = "retrying" if later or delivery.state == "pending" else delivery.state
        found.append(Fired(at, "delivery", delivery.id, status, delivery.job_id))
    return found


def _bound_reached(way: _Way, bounds: Bounds, aim: str) -> ApiError:
    hottest = "Nothing happened on the way."
    if way.sources:
        (source, count), *_ = way.sources.most_common(1)
        hottest = f"{way.happened} things happened on the way, {count} of them to {source}."
        if way.happened == 1:
            hottest = f"One thing happened on the way, to {source}."
    limit = str(bounds.max_events)
    if way.bound == "max_virtual" and bounds.max_virtual is not None:
        limit = format_duration(bounds.max_virtual)
    return BOUND_REACHED(
        bound=way.bound,
        limit=limit,
        aim=aim,
        now=format_instant(way.now),
        elapsed=format_duration(way.now - way.begins),
        hottest=hottest,
    )


def _to(target: VirtualTime) -> Aim:
    async def there() -> tuple[VirtualTime, bool]:
        return target, True

    return there


def _instant_of(timeline: Timeline, awaited: Awaited) -> VirtualTime | None:
    """When the job comes to the awaited status; None where it never does."""
    if awaited.status == TERMINAL:
        return timeline.ends_at
    if awaited.progress is None:
        return timeline.instant_of(JobStatus(awaited.status))
    training, end = timeline.plan.training, timeline.ends_at
    if training is None:
        return None
    step = ceil(awaited.progress * training.curve.total_steps)
    instant = timeline.instant_at(training.step_ends(step) if step else training.starts)
    return None if instant is None or (end is not None and instant > end) else instant


def _moved(clock: ClockSegments, target: VirtualTime, wall: WallTime) -> ClockSegments:
    try:
        return clock.moved_to(target, wall)
    except BackwardsError as error:
        raise BACKWARDS(problem=error) from error
