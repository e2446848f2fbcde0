"""The control plane's answers."""

from __future__ import annotations

from mocktune.domain.clock import SECOND
from mocktune.http.render import Json
from mocktune.service.clocks import Advanced, ClockView


def clock(view: ClockView) -> Json:
    return {"clock": str(view.mode), "now": view.now / SECOND, "elapsed": view.elapsed / SECOND}


def advanced(result: Advanced) -> Json:
    return {
        "now": result.now / SECOND,
        "elapsed": result.elapsed / SECOND,
        "reached": result.reached,
        "fired": [{"at": each.at / SECOND, "job": each.job_id, "status": each.status} for each in result.fired],
        "fired_dropped": result.fired_dropped,
    }
