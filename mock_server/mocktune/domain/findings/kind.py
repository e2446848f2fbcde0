"""A finding as data: its words, and the predicate that raises it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocktune.domain.clock import VirtualTime

if TYPE_CHECKING:
    from mocktune.domain.deliveries import Attempt, Delivery
    from mocktune.domain.findings.conduct import Conduct
    from mocktune.domain.findings.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Evidence:
    """A request, or (``ordinal`` None) an attempt of a delivery: ``id`` is the request's or the delivery's."""

    ordinal: int | None
    id: str
    at: VirtualTime
    operation: str
    status: int
    what: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One time that a finding was earned: ``summary`` is a sentence, ``evidence`` in the order it happened."""

    summary: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class FindingKind:
    """``raised`` says when, as the predicate decides it; ``spared`` what looks alike and is none; ``costs`` what the
    mistake does on the real service; ``remedy`` what to do instead.
    """

    code: str
    title: str
    raised: str
    spared: str
    costs: str
    remedy: str
    find: Callable[[Conduct], Iterable[Instance]]

    @property
    def paragraphs(self) -> tuple[tuple[str, str], ...]:
        """What is told of it on its page and by ``mocktune explain``, each under its heading."""
        return (
            ("Raised", self.raised),
            ("Not raised", self.spared),
            ("Why it matters", self.costs),
            ("Instead", self.remedy),
        )


def instance(summary: str, exchanges: Sequence[Exchange]) -> Instance:
    return Instance(summary, tuple(evidence_of(each) for each in exchanges))


def evidence_of(exchange: Exchange) -> Evidence:
    entry = exchange.entry
    query = "?" + entry.query.decode("latin-1") if entry.query else ""
    what = f"{entry.method} {entry.path}{query}"
    if not exchange.shown:
        what += " (the answer did not arrive)"
    return Evidence(entry.ordinal, entry.id, entry.at, entry.operation, entry.status, what)


def delivered(delivery: Delivery, attempt: Attempt) -> Evidence:
    what = f"webhook {delivery.webhook_id}, signature {delivery.signature}"
    return Evidence(None, delivery.id, attempt.at, delivery.event_type, attempt.status_code or 0, what)
