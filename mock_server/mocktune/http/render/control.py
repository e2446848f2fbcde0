"""The control plane's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mocktune.domain.clock import SECOND, format_duration
from mocktune.http.render import Json
from mocktune.service.agenda import Fired
from mocktune.service.clocks import Advanced, ClockView

if TYPE_CHECKING:
    from mocktune.service.frozen_reads import FrozenReads
    from mocktune.service.history import History


def clock(view: ClockView) -> Json:
    step = view.advance_on_poll
    return {
        "clock": str(view.mode),
        "now": view.now / SECOND,
        "elapsed": view.elapsed / SECOND,
        "advance_on_poll": format_duration(step) if isinstance(step, int) else step,
        "max_frozen_reads": view.max_frozen_reads,
        "refused_reads": view.refused_reads,
    }


def advanced(result: Advanced) -> Json:
    return {
        "now": result.now / SECOND,
        "elapsed": result.elapsed / SECOND,
        "reached": result.reached,
        "fired": [_fired(each) for each in result.fired],
        "fired_dropped": result.fired_dropped,
    }


def timeline(history: History, reads: FrozenReads | None) -> Json:
    return {
        "started": history.started / SECOND,
        "now": history.now / SECOND,
        "elapsed": (history.now - history.started) / SECOND,
        "happened": [_fired(each) for each in history.happened],
        "happened_dropped": history.happened_dropped,
        "trained_tokens": history.trained_tokens,
        "cost_usd": history.cost_usd,
        "refused_reads": 0 if reads is None else reads.refused,
        "refused_because": "" if reads is None else reads.told,
    }


def _fired(fired: Fired) -> Json:
    return {"at": fired.at / SECOND, "kind": fired.kind, "id": fired.id, "status": fired.status, "job": fired.job_id}
