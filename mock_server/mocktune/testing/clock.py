"""A sandbox's clock in the hands of a test, and as the engine of skipped sleeps moves it."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from mocktune.testing.control import ControlError, ControlPlane
from mocktune.testing.durations import Duration, Length, duration_text

T = TypeVar("T")

BUSY_TRIES = 5000
"""How often a clock that somebody else is moving is asked for again, 2 ms apart: 10 s."""

_BUSY_PAUSE_S = 0.002


@dataclass(frozen=True, slots=True)
class Fired:
    """Something that came due: the object ``id`` of a ``kind`` came to ``status`` at ``at`` (Unix seconds)."""

    at: float
    kind: str
    id: str
    status: str
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where the clock stands after it was moved. ``reached`` is False where the awaited status will never come;
    ``fired`` is what came due on the way, in order."""

    now: datetime
    elapsed: Duration
    reached: bool
    fired: tuple[Fired, ...]


class SandboxClock:
    """The virtual time of one sandbox."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    @property
    def now(self) -> datetime:
        """Where it stands, in UTC."""
        return _moment(self._control.get("clock")["now"])

    @property
    def elapsed(self) -> Duration:
        """How far it has come since the sandbox was opened."""
        return Duration.of_seconds(self._control.get("clock")["elapsed"])

    @property
    def mode(self) -> str:
        """``frozen``, ``real``, or a factor such as ``x60``."""
        return str(self._control.get("clock")["clock"])

    def set(self, mode: str | None = None, **change: object) -> None:
        """Another pace, and ``start`` or ``advance_on_poll`` as ``PUT /_mocktune/clock`` takes them."""
        body = {name: _written(value) for name, value in change.items()}
        if mode is not None:
            body["clock"] = mode
        when_free(lambda: self._control.put("clock", body))

    def advance(
        self,
        by: Length | None = None,
        *,
        to: datetime | float | str | None = None,
        until: object = None,
        status: str = "terminal",
        next: bool = False,
        max_virtual: Length | None = None,
    ) -> Advanced:
        """Move it forward: ``by`` a duration, ``to`` an instant, ``until`` an object (an id, an object of the SDK, or a
        mapping as the control plane takes it) has ``status``, or to the ``next`` thing that happens. What comes due on
        the way happens on the way. Raises ``ControlError`` for what cannot be.
        """
        body: dict[str, Any] = {}
        if by is not None:
            body["by"] = duration_text(by)
        if to is not None:
            body["to"] = _written(to)
        if until is not None:
            body["until"] = dict(until) if isinstance(until, Mapping) else awaited(until, status)
        if next:
            body["next"] = True
        if max_virtual is not None:
            body["max_virtual"] = duration_text(max_virtual)
        said = when_free(lambda: self._control.post("clock/advance", body))
        return Advanced(
            _moment(said["now"]),
            Duration.of_seconds(said["elapsed"]),
            said["reached"],
            tuple(Fired(**each) for each in said["fired"]),
        )

    def __repr__(self) -> str:
        said = self._control.get("clock")
        return f"<clock {said['clock']}, {_moment(said['now']):%Y-%m-%d %H:%M:%S}Z, {said['elapsed']:g} s on>"


class ControlledTime:
    """A sandbox's time for the engine of skipped sleeps: Unix seconds, never back."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    def now(self) -> float:
        return float(self._control.get("clock")["now"])

    def advance_by(self, seconds: float) -> float:
        """Where the clock stands then; one call instead of two, where nobody else moves the clock."""
        return float(when_free(lambda: self._control.post("clock/advance", {"by": f"{seconds:.6f}s"}))["now"])

    def advance_to(self, instant: float) -> float:
        """Where the clock stands then: at ``instant``, or further if it was further already."""

        def move() -> float:
            now = self.now()
            if now >= instant:
                return now
            try:
                return float(self._control.post("clock/advance", {"to": instant})["now"])
            except ControlError as error:
                if error.status == 409 and error.code is None:  # somebody has moved it past that instant meanwhile
                    return self.now()
                raise

        return when_free(move)


def when_free(ask: Callable[[], T]) -> T:
    """What ``ask`` answers, once nobody else is moving the clock any more."""
    for _ in range(BUSY_TRIES):
        try:
            return ask()
        except ControlError as error:
            if error.code != "clock_busy":
                raise
        pause()
    return ask()


def pause(seconds: float = _BUSY_PAUSE_S) -> None:
    """Wait in wall time, by a way that no skipping of sleeps gets between."""
    lock = _thread.allocate_lock()
    lock.acquire()
    lock.acquire(timeout=seconds)


def awaited(of: object, status: str) -> dict[str, str]:
    """``until`` of an advance, for an id or an object that has one."""
    id = of if isinstance(of, str) else getattr(of, "id", None)
    if not isinstance(id, str):
        raise TypeError(f"{of!r:.200} is no object to wait for: give an id, or a job, file or model of the SDK")
    kind = "job" if id.startswith("ftjob-") else "file" if id.startswith("file-") else "model"
    return {kind: id, "status": "ready" if kind == "model" and status == "terminal" else status}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _written(value: object) -> object:
    return value.timestamp() if isinstance(value, datetime) else value
