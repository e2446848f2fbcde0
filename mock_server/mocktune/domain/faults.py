"""Rules of injected faults: which requests they are about, when they fire, and what they do to an answer.

The names of what a connection suffers are WireMock's. A rule is data, of a scenario, of the control plane or of a job.
What rules may say is checked in ``fault_checks.py``, whether one fires in ``fault_draws.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mocktune.domain.clock import SECOND
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

FaultSource = Literal["scenario", "control", "job"]
"""Who made a rule: the sandbox's scenario, the control plane, or the scenario of one job."""

MAX_COUNT = 1_000_000_000

MAX_DELAY = 600 * SECOND
"""Wall time that an answer may be held back."""

STALL_FOR = 300 * SECOND
"""Wall time that a ``STALL`` without a ``delay`` is silent."""

MAX_RULES = 100
"""Of one sandbox, beside those of single jobs."""

MAX_JOB_RULES = 1000
"""Of one sandbox's jobs together."""


@dataclass(frozen=True, slots=True)
class FaultAnswer:
    """An answer in the place of the real one: any status, with the API's envelope unless ``body`` is given.

    ``message``, ``type``, ``code`` and ``param`` are the envelope's; where they are not given, those of the status
    (``fault_answers.py``). ``retry_after`` is literal, in seconds or as an HTTP date. ``content_type`` is
    that of what the ``body`` begins like, HTML, JSON or plain text, unless it is given.
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
    equal (a body's fields by their dotted path); ``job_status`` is that of the job the path names. The rule lives from
    ``after`` on, for ``ttl`` of virtual and ``ttl_wall`` of wall time since it was made: before and afterwards it is
    about nothing. Of the matches the first ``skip_first`` pass, then every ``every_nth`` may fire, with
    ``probability``, at most ``times``. ``delay`` holds the answer back, in wall time; with ``dribble`` the body arrives
    in pieces over that time. A rule with ``webhook`` is about deliveries instead of requests, and its ``operation``
    names the type of their event.
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


@dataclass(frozen=True, slots=True)
class FaultSubject:
    """What rules are asked about: a request, or (``webhook``) a delivery whose event's type is ``operation``.

    ``headers`` by their names in lower case; ``body`` is parsed JSON, None where there is none; ``job_id`` the job that
    the path names, or whose event is delivered, and ``job_status`` how it stands.
    """

    operation: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    job_status: str | None = None
    webhook: bool = False
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fired. ``delay`` is drawn, in microseconds; ``seed`` is for whatever else is."""

    rule: FaultRule
    delay: int | None
    seed: int
