"""Deliveries: one event on its way to one endpoint, the attempts that were made, and when the next one is due.

::

    pending ──2xx──> delivered
       │  └─ any other answer, or none: the next attempt after RETRY_DELAYS ─> pending
       ├─ the last attempt failed, 410, the endpoint is gone ─> failed
       └─ a rule of faults says ``drop`` ─> dropped

Instants are virtual: an attempt is made *at* the instant it was due, whenever that was. What a receiver compares with
its own clock, the signature's timestamp, is wall time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from mocktune.domain.clock import SECOND, VirtualTime, WallTime
from mocktune.domain.draws import derive_seed, text
from mocktune.domain.faults import WebhookFault
from mocktune.domain.ids import object_id
from mocktune.domain.journal import FaultDecision
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.webhooks import WebhookEndpoint, WebhookRequest, message_id, signing_secret

_MINUTE, _HOUR = 60 * SECOND, 3600 * SECOND

RETRY_DELAYS: tuple[int, ...] = (
    0, 5 * SECOND, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
)  # fmt: skip
"""How long after the one before each attempt is made, the first when the event is due: the last comes 75 h 35 m 5 s
after it. Standard Webhooks suggests these as delays between attempts; of the real service it is only known that it goes
on for up to 72 hours, backing off exponentially (assumed).
"""

HELD_AT_MOST = _HOUR
"""How long a delivery that is to arrive out of order waits for another one to overtake it."""

STALE_FOR = 600 * SECOND
"""How old the timestamp of a stale request is: twice what the SDK accepts."""

ATTEMPT_TIMEOUT_S = 5.0
"""Of one attempt as a whole, in wall time. The guide says "a few seconds"; the number is assumed."""

MAX_ATTEMPTS = 100
"""Remembered of one delivery: resending is not limited."""

Signature = Literal["good", "forged", "missing", "stale", "rotated"]
"""How a request is signed: as it should be; with a secret that nobody has; without ``webhook-signature``; well, but ten
minutes ago; with a secret that the endpoint no longer has."""

SIGNATURES: tuple[Signature, ...] = get_args(Signature)

DeliveryFault = Literal["", "drop", "duplicate", "reorder", "delay"]
DeliveryState = Literal["pending", "delivered", "failed", "dropped"]
AttemptKind = Literal["scheduled", "duplicate", "resend"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, or (``failure`` says why) none. ``at`` is the virtual instant it was due, ``wall`` when it was made.

    ``secrets`` signed it. ``kind``: by the schedule, the second copy of a duplicate, or because somebody asked for it.
    """

    at: VirtualTime
    wall: WallTime
    status_code: int | None
    failure: str = ""
    secrets: tuple[str, ...] = ()
    kind: AttemptKind = "scheduled"

    @property
    def accepted(self) -> bool:
        """Only 2xx counts; a redirect is a failure [DOC, guide to webhooks]."""
        return self.status_code is not None and 200 <= self.status_code < 300


@dataclass(slots=True, eq=False)
class Delivery:
    """An event for an endpoint. ``ordinal`` is its place among all of its sandbox, in the order they were due.

    With another ``signature`` than ``good`` it is an impostor's request, sent once, before the honest delivery.
    ``job_id`` is None for an event about no job, ``url`` where the last attempt went, empty for a listener. ``next_at``
    is when the next attempt is due; None: no more. ``reason`` is why a delivery failed where no attempt tells it.
    ``pause`` is the delay that a rule of faults asks for. ``decisions`` are what the rules said.
    """

    id: str
    event_id: str
    webhook_id: str
    event_type: str
    job_id: str | None
    endpoint_id: str
    url: str
    body: bytes
    due_at: VirtualTime
    ordinal: int
    signature: Signature = "good"
    fault: DeliveryFault = ""
    attempts: list[Attempt] = field(default_factory=list)
    state: DeliveryState = "pending"
    next_at: VirtualTime | None = None
    tries: int = 0
    held: bool = False
    copied: bool = False
    pause: int | None = None
    reason: str = ""
    decisions: tuple[FaultDecision, ...] = ()

    def tried(self, attempt: Attempt) -> None:
        """An attempt was made: it is remembered, and decides what comes next."""
        self.attempts.append(attempt)
        del self.attempts[:-MAX_ATTEMPTS]
        if attempt.kind == "duplicate":
            self.next_at = None
        elif attempt.kind == "resend":
            self._resent(attempt)
        else:
            self._tried_by_schedule(attempt)

    def _resent(self, attempt: Attempt) -> None:
        if attempt.accepted and self.state != "delivered":
            self.state, self.next_at, self.held = "delivered", None, False

    def _tried_by_schedule(self, attempt: Attempt) -> None:
        self.tries += 1
        self.held = False
        self.next_at = None
        if self.state == "delivered":  # somebody had it sent again meanwhile
            return
        if attempt.accepted:
            self.state = "delivered"
            if self.fault == "duplicate":
                self.copied = True
                self.next_at = VirtualTime(attempt.at + (self.pause or 0))
        elif self.signature != "good" or attempt.status_code == 410 or self.tries == len(RETRY_DELAYS):
            self.state = "failed"
        else:
            self.next_at = VirtualTime(attempt.at + RETRY_DELAYS[self.tries])

    @property
    def next_kind(self) -> AttemptKind:
        return "duplicate" if self.copied else "scheduled"

    def give_up(self, reason: str) -> None:
        """Nothing more is sent on its own."""
        self.next_at = None
        if self.state == "pending":
            self.state, self.reason = "failed", reason

    def drop(self, attempt: Attempt) -> None:
        """It is never sent."""
        self.attempts.append(attempt)
        self.state, self.next_at = "dropped", None

    def release(self, at: VirtualTime) -> None:
        """Another one has overtaken it."""
        self.held, self.next_at = False, at


def prepared(delivery: Delivery, fault: WebhookFault | None, pause: int | None, wall: WallTime, *, holds: bool) -> None:
    """Make of ``delivery`` what a rule of faults says. ``holds``: another one to its endpoint waits to be overtaken by
    this one, which is therefore not held.
    """
    at = delivery.next_at = delivery.due_at
    delivery.pause = pause
    match fault:
        case "drop":
            delivery.fault = "drop"
            delivery.drop(Attempt(at, wall, None, "dropped by a rule of faults"))
        case "duplicate":
            delivery.fault = "duplicate"
        case "reorder":
            delivery.fault = "reorder"
            if not holds:
                delivery.held = True
                delivery.next_at = VirtualTime(at + (HELD_AT_MOST if pause is None else pause))
        case "delay":
            delivery.fault = "delay"
            delivery.next_at = VirtualTime(at + (pause or 0))


def job_event_type(status: JobStatus) -> str:
    """The type of the event about a job that ended in ``status``."""
    return f"fine_tuning.job.{status}"


def job_event_id(job_seed: int) -> str:
    """The id of the event about a job's end: there is one."""
    return object_id("webhook_event", job_seed, "job ended")


def delivery_id(event_id: str, endpoint_id: str, signature: Signature) -> str:
    """The same whenever it is asked for: no count that another delivery could shift."""
    return "whd_" + text(0, 24, "delivery", event_id, endpoint_id, signature)


def new_delivery(
    event_id: str, event_type: str, body: bytes, endpoint: WebhookEndpoint, due_at: VirtualTime, ordinal: int,
    *, job_id: str | None = None, signature: Signature = "good", decisions: tuple[FaultDecision, ...] = (),
) -> Delivery:  # fmt: skip
    """A delivery that is due at once."""
    return Delivery(
        id=delivery_id(event_id, endpoint.id, signature),
        event_id=event_id,
        webhook_id=message_id(event_id),
        event_type=event_type,
        job_id=job_id,
        endpoint_id=endpoint.id,
        url=endpoint.url,
        body=body,
        due_at=due_at,
        ordinal=ordinal,
        signature=signature,
        next_at=due_at,
        decisions=decisions,
    )


def signing_secrets(endpoint: WebhookEndpoint, signature: Signature, now: VirtualTime, seed: int) -> tuple[str, ...]:
    """The secrets that sign a request at ``now``; ``seed`` is the sandbox's. One that was never rotated has no former
    secret: a rotated request is signed with one that nobody was told.
    """
    if signature == "forged":
        return (signing_secret(derive_seed(seed, "forged"), endpoint.id, 0),)
    if signature == "rotated":
        return (signing_secret(seed, endpoint.id, endpoint.rotations - 1),)
    return endpoint.secrets_at(now)


def request_of(delivery: Delivery, attempt: Attempt) -> WebhookRequest:
    """What an attempt sends, or has sent: the same bytes whenever it is asked for."""
    return WebhookRequest(
        id=delivery.webhook_id,
        url=delivery.url,
        body=delivery.body,
        secrets=attempt.secrets,
        sent_at=WallTime(attempt.wall - (STALE_FOR if delivery.signature == "stale" else 0)),
        signed=delivery.signature != "missing",
    )
