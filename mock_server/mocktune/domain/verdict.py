"""What is to be said of a client, from what it did: findings, each a pure predicate over the journal.

The predicates and their words stand in ``mocktune.domain.findings``; ``docs/reference/verdict.md`` and ``mocktune
explain`` are written from ``FINDINGS``. A finding is raised only for what the client was shown: an answer that was lost
on the way counts for nothing that it said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mocktune.domain.findings.conduct import Conduct
from mocktune.domain.findings.kind import Evidence, FindingKind, Instance
from mocktune.domain.findings.models import GAVE_UP_ON_MODEL, NO_BACKING_OFF
from mocktune.domain.findings.polling import POLLS_TOO_FAST, STOPPED_AT_FIRST_PAGE, STOPPED_EARLY
from mocktune.domain.findings.reading import NEVER_LOOKED_AT_FILE, NULL_ID, READ_TOO_EARLY
from mocktune.domain.findings.repeating import (
    DUPLICATE_CREATE,
    GAVE_UP_AT_ONCE,
    IGNORED_RETRY_AFTER,
    RETRIED_IN_VAIN,
)
from mocktune.domain.findings.webhooks import ACCEPTED_FORGERY, ACTED_TWICE

FINDINGS: tuple[FindingKind, ...] = (
    POLLS_TOO_FAST,
    STOPPED_EARLY,
    STOPPED_AT_FIRST_PAGE,
    DUPLICATE_CREATE,
    RETRIED_IN_VAIN,
    IGNORED_RETRY_AFTER,
    NO_BACKING_OFF,
    GAVE_UP_ON_MODEL,
    NULL_ID,
    READ_TOO_EARLY,
    ACCEPTED_FORGERY,
    ACTED_TWICE,
    GAVE_UP_AT_ONCE,
    NEVER_LOOKED_AT_FILE,
)
"""In the order of their codes, which never change."""

BY_CODE = {kind.code: kind for kind in FINDINGS}

MAX_EVIDENCE = 20
"""Of one finding."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind of finding that was earned ``times`` times; ``evidence`` is of the first of them."""

    kind: FindingKind
    summary: str
    times: int
    evidence: tuple[Evidence, ...]

    @property
    def page(self) -> str:
        """Where the finding is explained, below the root of the documentation."""
        return f"docs/reference/verdict.md#{self.kind.code.lower()}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``dropped`` counts requests that the journal no longer has: then more may have happened than is told."""

    findings: tuple[Finding, ...]
    allowed: tuple[str, ...]
    requests: int
    dropped: int

    @property
    def clean(self) -> bool:
        return not self.findings

    @property
    def complete(self) -> bool:
        return not self.dropped


def judge(conduct: Conduct, *, allow: Collection[str] = (), dropped: int = 0) -> Verdict:
    """The findings that ``conduct`` earns, in the order of their codes, without those that are allowed.

    ``allowed`` of the verdict names those of ``allow`` that were earned all the same.
    """
    found = [finding for kind in FINDINGS if (finding := _found(kind, list(kind.find(conduct))))]
    return Verdict(
        findings=tuple(each for each in found if each.kind.code not in allow),
        allowed=tuple(each.kind.code for each in found if each.kind.code in allow),
        requests=len(conduct.exchanges),
        dropped=dropped,
    )


def _found(kind: FindingKind, instances: list[Instance]) -> Finding | None:
    if not instances:
        return None
    evidence = [each for instance in instances for each in instance.evidence]
    more = f" (and {len(instances) - 1} more like it)" if len(instances) > 1 else ""
    return Finding(kind, instances[0].summary + more, len(instances), tuple(evidence[:MAX_EVIDENCE]))
