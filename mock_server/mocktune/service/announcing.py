"""The ends of jobs as events: for each endpoint that subscribed to them at that instant, a delivery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime, WallTime
from mocktune.domain.deliveries import Delivery, Signature, job_event_id, job_event_type, new_delivery, prepared
from mocktune.domain.faults import FaultSubject, WebhookFault
from mocktune.domain.journal import FaultDecision
from mocktune.domain.webhooks import event_body
from mocktune.service.datasets import Datasets
from mocktune.service.outbox import AwaitedEnd, Outbox, Target, targets
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.timelines import timeline_of

_SIGNATURES: dict[WebhookFault, Signature] = {
    "forged": "forged", "missing": "missing", "stale": "stale", "rotated": "rotated",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """Something that endpoints are told of."""

    id: str
    type: str
    body: bytes
    due_at: VirtualTime
    job_id: str | None = None


async def announce(visit: Visit, datasets: Datasets) -> None:
    """Enter the events that were due by ``visit.now``, in the order they were due. Nothing is sent here."""
    sandbox, now = visit.sandbox, visit.now
    outbox = sandbox.outbox
    if outbox is None:
        return
    while due := [end for end in outbox.ends(sandbox) if (at := end.look()) is not None and at <= now]:
        unplanned = [end.job for end in due if end.timeline is None]
        if not unplanned:
            _tell(sandbox, outbox, due, visit.wall)
            break
        for job in unplanned:
            await timeline_of(job, datasets)
    outbox.looked_at = max(outbox.looked_at, now)


def _tell(sandbox: Sandbox, outbox: Outbox, due: list[AwaitedEnd], wall: WallTime) -> None:
    for end in sorted(due, key=lambda end: (end.at, end.job.ordinal)):
        outbox.told(end)
        if not end.is_old:
            send_out(sandbox, outbox, _event_of(end), wall)


def _event_of(end: AwaitedEnd) -> Event:
    job, at, timeline = end.job, end.at, end.timeline
    assert at is not None  # it is due
    assert timeline is not None  # it was planned
    id, type = job_event_id(job.seed), job_event_type(timeline.status_at(at))
    return Event(id, type, event_body(id, type, at, {"id": job.id}), at, job.id)


def send_out(
    sandbox: Sandbox, outbox: Outbox, event: Event, wall: WallTime, signature: Signature | None = None
) -> list[Delivery]:
    """A delivery for every endpoint that is subscribed; what rules of faults say is done to it. With ``signature`` all
    of them are signed like that, and no rule is asked.
    """
    made = []
    for to in subscribed(sandbox, event.type):
        if signature is not None:
            made.append(_put(sandbox, outbox, event, to, signature))
            continue
        fault, pause, decisions = _decided(sandbox, event, wall)
        if fault is not None and fault in _SIGNATURES:
            # Somebody else's request, which keeps the honest one from nobody.
            made.append(_put(sandbox, outbox, event, to, _SIGNATURES[fault], decisions))
            fault, pause, decisions = None, None, ()
        delivery = _put(sandbox, outbox, event, to, "good", decisions)
        waiting = any(each.held and each.endpoint_id == delivery.endpoint_id for each in outbox.pending.values())
        prepared(delivery, fault, pause, wall, holds=waiting)
        outbox.note(delivery)
        made.append(delivery)
    return made


def subscribed(sandbox: Sandbox, event_type: str) -> Iterator[Target]:
    """Who is sent events of this type, in the order they were made."""
    return (to for to in targets(sandbox) if to.disabled_at is None and event_type in to.endpoint.event_types)


def _put(
    sandbox: Sandbox, outbox: Outbox, event: Event, to: Target, signature: Signature,
    decisions: tuple[FaultDecision, ...] = (),
) -> Delivery:  # fmt: skip
    delivery = new_delivery(
        event.id,
        event.type,
        event.body,
        to.endpoint,
        event.due_at,
        outbox.next_ordinal(),
        job_id=event.job_id,
        signature=signature,
        decisions=decisions,
    )
    outbox.put(sandbox, delivery)
    return delivery


def _decided(
    sandbox: Sandbox, event: Event, wall: WallTime
) -> tuple[WebhookFault | None, int | None, tuple[FaultDecision, ...]]:
    """What the rules of faults say of a delivery, and the delay they ask for."""
    book = sandbox.faults
    if book is None:
        return None, None, ()
    subject = FaultSubject(event.type, webhook=True, job_id=event.job_id)
    rule, decisions = book.decide(subject, event.due_at, wall)
    if rule is None:
        return None, None, decisions
    return rule.webhook, None if rule.delay is None else rule.delay.low, decisions
