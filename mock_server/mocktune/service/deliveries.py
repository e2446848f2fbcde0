"""Deliveries performed: what is due is sent, once, in the order it was due, and what came of it decides what is next.

Two may want to at one moment, the driver of a moving clock and a command that advances it: whoever holds the outbox's
lock performs, and the other finds nothing left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mocktune.domain import ids
from mocktune.domain.clock import VirtualTime
from mocktune.domain.deliveries import (
    Attempt,
    AttemptKind,
    Delivery,
    DeliveryState,
    Signature,
    request_of,
    signing_secrets,
)
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds.deliveries import (
    NO_SUCH_DELIVERY,
    NO_SUCH_JOB,
    NOT_SENT_AGAIN,
    NOT_THE_EVENT_OF_A_JOB,
)
from mocktune.domain.webhooks import WebhookAnswer, event_body, sample_data
from mocktune.ports import Clock, WebhookSender
from mocktune.service.announcing import Event, announce, send_out
from mocktune.service.datasets import Datasets
from mocktune.service.listeners import ListenerRecord, listeners
from mocktune.service.outbox import Outbox, Target, deliveries, open_outbox, target
from mocktune.service.paging import Page, take, walk
from mocktune.service.sandboxes import Sandbox, Visit

MAX_AT_ONCE = 64
"""Requests to receivers under way at one moment, of all sandboxes."""

_SENT_NOTHING = WebhookAnswer(None, "a --stateless server sends nothing")

__all__ = ["Awaited", "DeliveryFilter", "DeliveryService", "deliveries"]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are meant; None: any."""

    job: str | None = None
    event_type: str | None = None
    endpoint: str | None = None
    state: DeliveryState | None = None
    signature: Signature | None = None

    def matches(self, delivery: Delivery) -> bool:
        pairs = (
            (self.job, delivery.job_id),
            (self.event_type, delivery.event_type),
            (self.endpoint, delivery.endpoint_id),
            (self.state, delivery.state),
            (self.signature, delivery.signature),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)


@dataclass(frozen=True, slots=True)
class Awaited:
    """How many deliveries there were in the end, and whether that was enough."""

    count: int
    reached: bool


class DeliveryService:
    """The deliveries of every sandbox. ``clock`` tells wall time, which signatures carry. A ``stateless`` server sends
    nothing.
    """

    def __init__(self, datasets: Datasets, sender: WebhookSender, clock: Clock, *, stateless: bool = False) -> None:
        self._datasets = datasets
        self._sender = sender
        self._clock = clock
        self._stateless = stateless
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)

    # -- what is due -------------------------------------------------------------------------------------------------

    def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
        """The earliest instant at which an attempt or a job's event may be due; None: nothing will be, as it stands."""
        outbox = sandbox.outbox
        if outbox is None or self._stateless:
            return None
        instants = (outbox.next_attempt(), outbox.next_end(sandbox))
        return min((at for at in instants if at is not None), default=None)

    async def perform_due(self, visit: Visit) -> list[Delivery]:
        """Make every attempt that was due by ``visit.now``, and answer its delivery: once for each attempt, in order.

        Each takes 5 s of wall time at most; several endpoints are sent to at once, one of them its deliveries one
        after the other.
        """
        outbox = visit.sandbox.outbox
        if outbox is None or self._stateless:
            return []
        performed: list[Delivery] = []
        async with outbox.lock:
            await announce(visit, self._datasets)
            while (at := outbox.next_attempt()) is not None and at <= visit.now:
                due = outbox.attempts_at(at)
                await self._attempt_all(visit.sandbox, outbox, due, at)
                performed += due
        return performed

    async def _attempt_all(self, sandbox: Sandbox, outbox: Outbox, due: Iterable[Delivery], at: VirtualTime) -> None:
        by_endpoint: dict[str, list[Delivery]] = {}
        for each in due:
            by_endpoint.setdefault(each.endpoint_id, []).append(each)

        async def one_after_the_other(of_one: list[Delivery]) -> None:
            for each in of_one:
                if each.next_at is not None:  # else its endpoint was given up meanwhile
                    await self._attempt(sandbox, outbox, each, at, each.next_kind)

        async with asyncio.TaskGroup() as group:
            for of_one in by_endpoint.values():
                group.create_task(one_after_the_other(of_one))

    async def _attempt(
        self, sandbox: Sandbox, outbox: Outbox, delivery: Delivery, at: VirtualTime, kind: AttemptKind
    ) -> None:
        to = self._reachable(sandbox, outbox, delivery)
        if to is None:
            return
        delivery.url = to.endpoint.url
        secrets = signing_secrets(to.endpoint, delivery.signature, at, sandbox.seed)
        sender: WebhookSender = to if isinstance(to, ListenerRecord) else self._sender
        async with self._at_once:
            wall = self._clock.wall()
            request = request_of(delivery, Attempt(at, wall, None, secrets=secrets))
            answer = _SENT_NOTHING if self._stateless else await sender.send(request)
        delivery.tried(Attempt(at, wall, answer.status_code, answer.failure, secrets, kind))
        if answer.status_code == 410 and not isinstance(to, ListenerRecord):
            to.disabled_at = at
            outbox.give_up(sandbox, to.endpoint.id, "its endpoint answered 410", since=at)
        outbox.note(delivery)
        if delivery.signature == "good":
            outbox.release_overtaken(delivery, at)

    def _reachable(self, sandbox: Sandbox, outbox: Outbox, delivery: Delivery) -> Target | None:
        """Whom it is sent to. A listener that went away is forgotten."""
        to = target(sandbox, delivery.endpoint_id)
        if isinstance(to, ListenerRecord) and to.is_gone(self._clock.wall()):
            listeners(sandbox).remove(to.endpoint.id)
            outbox.give_up(sandbox, to.endpoint.id, "its listener went away")
            return None
        if to is None or to.disabled_at is not None:
            delivery.give_up("its endpoint is gone" if to is None else "its endpoint is disabled")
            outbox.note(delivery)
            return None
        return to

    # -- commands ----------------------------------------------------------------------------------------------------

    async def resend(self, visit: Visit, id: str) -> Delivery:
        """One more attempt, now, whatever became of those before: the same event and id, signed anew.

        Raises ``NotFoundError``, and ``ConflictError`` where there is nobody to send it to.
        """
        delivery, sandbox = self.retrieve(visit, id), visit.sandbox
        to, outbox = target(sandbox, delivery.endpoint_id), open_outbox(sandbox, visit.now)
        if to is None or to.disabled_at is not None:
            raise NOT_SENT_AGAIN(id=id, why="deleted" if to is None else "disabled, because it answered 410")
        await self._attempt(sandbox, outbox, delivery, visit.now, "resend")
        return delivery

    async def trigger(
        self,
        visit: Visit,
        type: str,
        *,
        job_id: str | None = None,
        data: Mapping[str, object] = MappingProxyType({}),
        signature: Signature | None = None,
    ) -> list[Delivery]:
        """Send an event now to every endpoint that is subscribed to its type: about a job, or else a sample, with
        ``data`` put into its own.

        Rules of faults apply, unless ``signature`` says how it is to be signed. Raises ``NotFoundError`` for an unknown
        job, ``ParameterError`` for a job with an event that is about none.
        """
        sandbox = visit.sandbox
        if job_id is not None and not type.startswith("fine_tuning.job."):
            raise NOT_THE_EVENT_OF_A_JOB(type=type)
        if job_id is not None and sandbox.jobs.get(job_id) is None:
            raise NO_SUCH_JOB(id=job_id)
        # Counted on their own: what is triggered never shifts the id of an event that a job brings forth.
        seed = derive_seed(sandbox.seed, "webhook trigger", sandbox.next_ordinal("webhook_trigger"))
        event_id = ids.object_id("webhook_event", seed)
        about = sample_data(type, seed) if job_id is None else {"id": job_id}
        event = Event(event_id, type, event_body(event_id, type, visit.now, {**about, **data}), visit.now, job_id)
        made = send_out(sandbox, open_outbox(sandbox, visit.now), event, visit.wall, signature)
        await self.perform_due(visit)
        return made

    # -- the log -----------------------------------------------------------------------------------------------------

    def retrieve(self, visit: Visit, id: str) -> Delivery:
        delivery = deliveries(visit.sandbox).get(id)
        if delivery is None:
            raise NO_SUCH_DELIVERY(id=id)
        return delivery

    def list(
        self, visit: Visit, wanted: DeliveryFilter, *, after: str | None, limit: int, newest_first: bool
    ) -> Page[Delivery]:
        """Raises ``ParameterError`` for an ``after`` that is not in the log."""
        found = walk(visit, deliveries(visit.sandbox), after, "desc" if newest_first else "asc")
        return take((each for each in found if wanted.matches(each)), limit)

    async def wait_for_count(self, visit: Visit, wanted: DeliveryFilter, count: int, timeout_s: float) -> Awaited:
        """Until there are at least ``count``, or until ``timeout_s`` of wall time are over."""
        log, outbox = deliveries(visit.sandbox), open_outbox(visit.sandbox, visit.now)

        def found() -> int:
            return sum(wanted.matches(each) for each in log.oldest_first())

        try:
            async with asyncio.timeout(timeout_s):
                while found() < count:
                    await outbox.changed()
        except TimeoutError:
            pass
        return Awaited(found(), found() >= count)
