"""Models of the control plane."""

from __future__ import annotations

from typing import Literal

from mocktune.http.wire.base import Request, Response


class ClockChange(Request):
    """``clock`` is ``real``, ``frozen`` or ``x60``; ``start`` an instant, Unix seconds or ISO 8601."""

    clock: str
    start: int | float | str | None = None


class AdvanceUntil(Request):
    job: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled", "terminal"]


class ClockAdvance(Request):
    """Exactly one of the four."""

    by: str | None = None
    to: int | float | str | None = None
    until: AdvanceUntil | None = None
    next: Literal[True] | None = None


class ClockState(Response):
    clock: str
    now: float
    elapsed: float


class FiredTransition(Response):
    at: float
    job: str
    status: str


class AdvanceResult(Response):
    now: float
    elapsed: float
    reached: bool
    fired: list[FiredTransition]
    fired_dropped: int


class Health(Response):
    status: Literal["ok"]
    version: str
