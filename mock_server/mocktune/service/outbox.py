"""The outbox of a sandbox: whose ends are to be told of, what is on its way, and who waits for it.

There is one from the first webhook endpoint or listener on. Events are derived: whatever was done to a job, its last
event is due when its timeline says, and that is looked at before any request looks at the sandbox. So nobody who
cancels, pauses or deletes has to remember webhooks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from mocktune.domain.clock import VirtualTime
from mocktune.domain.deliveries import Delivery
from mocktune.domain.timeline import Timeline
from mocktune.ports import Ledger
from mocktune.service.listeners import ListenerRecord, listeners
from mocktune.service.records import JobRecord
from mocktune.service.sandboxes import Sandbox
from mocktune.service.waiters import Waiters
from mocktune.service.webhook_records import WebhookEndpointRecord, webhook_endpoints

MAX_DELIVERIES = 1000
"""Kept of one sandbox; the oldest that is over goes first, and is counted."""

Target = WebhookEndpointRecord | ListenerRecord


def deliveries(sandbox: Sandbox) -> Ledger[Delivery]:
    """A sandbox's deliveries, in the order they were due."""
    return sandbox.ledger("delivery")


def targets(sandbox: Sandbox) -> Iterator[Target]:
    """Everybody who may be sent events, in the order they were made."""
    return chain(webhook_endpoints(sandbox).oldest_first(), listeners(sandbox).oldest_first())


def target(sandbox: Sandbox, id: str) -> Target | None:
    return webhook_endpoints(sandbox).get(id) or listeners(sandbox).get(id)


@dataclass(slots=True, eq=False)
class AwaitedEnd:
    """A job whose end is to come. ``at`` is when its last event is listed, by ``timeline``; None: never, as it stands.
    Before the job is planned ``at`` is the earliest instant at which it may be. An end by ``since`` is not told: there
    was nobody to be told then.
    """

    job: JobRecord
    since: VirtualTime | None
    timeline: Timeline | None
    at: VirtualTime | None

    @property
    def is_old(self) -> bool:
        return self.since is not None and self.timeline is not None and self.at is not None and self.at <= self.since

    def look(self) -> VirtualTime | None:
        """``at``, as it is since the last thing that was done to the job."""
        if self.job.timeline is not self.timeline:
            self.timeline = self.job.timeline
            self.at = None if self.timeline is None else self.timeline.last_listed_at
        return self.at


class Outbox:
    """What a sandbox sends. ``looked_at`` is the instant up to which ends are told of, ``dropped`` counts deliveries
    that are no longer kept. Who performs attempts holds ``lock``: none is made twice.
    """

    __slots__ = ("_awaited", "_count", "_known", "_waiters", "dropped", "lock", "looked_at", "pending")

    def __init__(self, sandbox: Sandbox, now: VirtualTime) -> None:
        """What ended by ``now`` is told to nobody."""
        self.looked_at = now
        self.pending: dict[str, Delivery] = {}
        self.lock = asyncio.Lock()
        self.dropped = 0
        self._count = 0
        self._awaited: dict[str, AwaitedEnd] = {}
        self._known: set[str] = set()
        self._waiters = Waiters()
        for job in sandbox.jobs.oldest_first():
            self._take_in(job, now)

    # -- ends of jobs ------------------------------------------------------------------------------------------------

    def ends(self, sandbox: Sandbox) -> Iterable[AwaitedEnd]:
        """Of the jobs whose end is to be told of. Those that are new are taken in."""
        missing = len(sandbox.jobs) - len(self._known)
        if missing:
            for job in islice((each for each in sandbox.jobs.newest_first() if each.id not in self._known), missing):
                # A job that is older than the last look was put there as it is.
                self._take_in(job, self.looked_at if job.created_at < self.looked_at else None)
        return self._awaited.values()

    def _take_in(self, job: JobRecord, since: VirtualTime | None) -> None:
        self._known.add(job.id)
        timeline = job.timeline
        end = AwaitedEnd(job, since, timeline, _earliest_end(job) if timeline is None else timeline.last_listed_at)
        if not end.is_old:
            self._awaited[job.id] = end

    def told(self, end: AwaitedEnd) -> None:
        del self._awaited[end.job.id]

    def next_end(self, sandbox: Sandbox) -> VirtualTime | None:
        """When the next event may be due."""
        soonest: VirtualTime | None = None
        for end in self.ends(sandbox):  # asked for at every request: no call for each job
            at = end.at if end.job.timeline is end.timeline else end.look()
            if at is not None and (soonest is None or at < soonest):
                soonest = at
        return soonest

    def ends_due(self, sandbox: Sandbox, now: VirtualTime) -> bool:
        """Whether by ``now`` something may have to be told. Where not, ``now`` was looked at."""
        at = self.next_end(sandbox)
        if at is not None and at <= now:
            return True
        self.looked_at = max(self.looked_at, now)
        return False

    # -- attempts ----------------------------------------------------------------------------------------------------

    def next_attempt(self) -> VirtualTime | None:
        instants = (each.next_at for each in self.pending.values())
        return min((at for at in instants if at is not None), default=None)

    def attempts_at(self, at: VirtualTime) -> list[Delivery]:
        """The deliveries whose next attempt is due at ``at``, or was before, in their order."""
        due = [each for each in self.pending.values() if each.next_at is not None and each.next_at <= at]
        return sorted(due, key=lambda each: each.ordinal)

    def resume(self, sandbox: Sandbox) -> None:
        """Go on with the deliveries that a state brought along."""
        for each in deliveries(sandbox).oldest_first():
            self._count = max(self._count, each.ordinal + 1)
            self.note(each)

    def next_ordinal(self) -> int:
        self._count += 1
        return self._count - 1

    def put(self, sandbox: Sandbox, delivery: Delivery) -> None:
        """Keep a delivery that is new."""
        log = deliveries(sandbox)
        if len(log) >= MAX_DELIVERIES:
            oldest = next((each for each in log.oldest_first() if each.next_at is None), None)
            oldest = oldest or next(log.oldest_first())
            log.remove(oldest.id)
            self.pending.pop(oldest.id, None)
            self.dropped += 1
        log.add(delivery.id, delivery.due_at, delivery)
        self.note(delivery)

    def note(self, delivery: Delivery) -> None:
        """A delivery has changed: remember whether anything of it is still to be sent, and tell who waits."""
        if delivery.next_at is None:
            self.pending.pop(delivery.id, None)
        else:
            self.pending[delivery.id] = delivery
        self._waiters.wake()

    def release_overtaken(self, by: Delivery, at: VirtualTime) -> None:
        """What was held back for a later delivery to the same endpoint follows it at once."""
        for each in self.pending.values():
            if each.held and each.endpoint_id == by.endpoint_id and each.ordinal < by.ordinal:
                each.release(at)

    def give_up(self, sandbox: Sandbox, endpoint_id: str, reason: str, since: VirtualTime | None = None) -> None:
        """Send an endpoint nothing more. What only came up after ``since`` is as if it had never been."""
        for each in list(self.pending.values()):
            if each.endpoint_id == endpoint_id:
                if since is not None and each.due_at > since and not each.attempts:
                    deliveries(sandbox).remove(each.id)
                each.give_up(reason)
                self.note(each)

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def changed(self) -> None:
        """Wait until a delivery is new, or was attempted."""
        await self._waiters.changed()


def open_outbox(sandbox: Sandbox, now: VirtualTime) -> Outbox:
    """The sandbox's outbox, made if there is none: what ended by ``now`` is told to nobody."""
    if sandbox.outbox is None:
        sandbox.outbox = Outbox(sandbox, now)
    return sandbox.outbox


def _earliest_end(job: JobRecord) -> VirtualTime:
    """Before that no job ends on its own: its files must be processed first."""
    files = [file.ready_at for file in (job.training, job.validation) if file is not None]
    return max([job.created_at, *files])
