"""Rules of injected faults: which requests they are about, when they fire, and what they do to an answer.

The names of what a connection suffers are WireMock's. A rule is data, of a scenario or of the control plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mocktune.domain.documents import Duration, bounded

FaultKind = Literal[
    "CONNECTION_RESET_BY_PEER",
    "EMPTY_RESPONSE",
    "MALFORMED_RESPONSE_CHUNK",
    "RANDOM_DATA_THEN_CLOSE",
    "TRUNCATE",
    "STALL",
]
"""What the connection suffers instead of, or in the midst of, an answer."""

FaultPoint = Literal["before_handler", "after_commit", "mid_body"]
"""Before anything happened; after it happened, in the place of the answer; in the middle of the answer's body."""

WebhookFault = Literal["drop", "duplicate", "reorder", "delay", "forged", "missing", "stale", "rotated"]
"""What becomes of a webhook: of its delivery, or of its signature."""

MAX_COUNT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FaultAnswer:
    """An answer in the place of the real one: any status, with the API's envelope unless ``body`` is given.

    ``retry_after`` is literal, in seconds or as an HTTP date.
    """

    status: int = bounded(500, 200, 599)
    message: str | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    body: str | None = None
    content_type: str | None = None
    retry_after: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A rule. A request it is about is a *match*; a match fires unless a limit or a draw says no.

    ``operation`` is a name in the SDK's words, or a glob of one; ``headers`` and ``body`` name values that must be
    equal (a body's fields by their dotted path); ``job_status`` is that of the job the path names. Of the matches
    the first ``skip_first`` pass, then every ``every_nth`` may fire, with ``probability``, at most ``times``; only from
    ``after`` on, for ``ttl`` of virtual or ``ttl_wall`` of wall time since the rule was made. ``delay`` holds the
    answer back, in wall time; with ``dribble`` it arrives in pieces over that time. A rule with ``webhook`` is about
    deliveries instead of requests, and its ``operation`` names the type of their event.
    """

    id: str = ""
    operation: str = "*"
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    job_status: str | None = None
    at: FaultPoint = "before_handler"
    fault: FaultKind | None = None
    webhook: WebhookFault | None = None
    answer: FaultAnswer | None = None
    delay: Duration | None = None
    dribble: bool = False
    probability: float = bounded(1.0, 0, 1)
    skip_first: int = bounded(0, 0, MAX_COUNT)
    every_nth: int = bounded(1, 1, MAX_COUNT)
    times: int | None = bounded(None, 1, MAX_COUNT)
    after: Duration | None = None
    ttl: Duration | None = None
    ttl_wall: Duration | None = None
