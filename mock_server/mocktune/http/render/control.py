"""The control plane's answers."""

from __future__ import annotations

from mocktune.domain.clock import SECOND, format_duration
from mocktune.http.render import Json
from mocktune.service.clocks import Advanced, ClockView


def clock(view: ClockView) -> Json:
    step = view.advance_on_poll
    return {
        "clock": str(view.mode),
        "now": view.now / SECOND,
        "elapsed": view.elapsed / SECOND,
        "advance_on_poll": format_duration(step) if isinstance(step, int) else step,
    }


def advanced(result: Advanced) -> Json:
    return {
        "now": result.now / SECOND,
        "elapsed": result.elapsed / SECOND,
        "reached": result.reached,
        "fired": [
            {"at": each.at / SECOND, "kind": each.kind, "id": each.id, "status": each.status, "job": each.job_id}
            for each in result.fired
        ],
        "fired_dropped": result.fired_dropped,
    }
