"""Rules of faults as the control plane answers them."""

from __future__ import annotations

from collections.abc import Iterable

from mocktune.domain.clock import SECOND
from mocktune.domain.scenario_document import sparse_document
from mocktune.http.render import Json
from mocktune.service.faults import KeptRule


def fault(kept: KeptRule) -> Json:
    """What the rule was given, then who made it when, and its counters."""
    return {
        "id": kept.rule.id,
        **sparse_document(kept.rule),
        "source": kept.source,
        "job": kept.job_id,
        "made_at": None if kept.made_at is None else kept.made_at / SECOND,
        "matched": kept.matched,
        "fired": kept.fired,
        "remaining": kept.remaining,
    }


def faults(kept: Iterable[KeptRule]) -> Json:
    return {"faults": [fault(each) for each in kept]}
