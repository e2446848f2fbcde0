"""Two kinds of time that never mix, and the one formula that leads from one to the other.

*Wall time* is what a clock on the wall shows. *Virtual time* is what a sandbox believes. A sandbox's clock is a list of
segments ``(wall_0, virtual_0, rate)``; the last one gives ``now = virtual_0 + rate * (wall - wall_0)``. Rate 1 is a
real clock, 60 a scaled one, 0 a frozen one, and a jump is a new segment. Virtual time only moves forward.

Both are integers, microseconds since the Unix epoch: ``advance(a); advance(b)`` must equal ``advance(a + b)`` exactly,
which floats do not promise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NewType

VirtualTime = NewType("VirtualTime", int)
WallTime = NewType("WallTime", int)

SECOND = 1_000_000
"""Microseconds."""

FROZEN_START = VirtualTime(1_768_435_200 * SECOND)
"""2026-01-15T00:00:00Z: where a frozen sandbox starts unless told otherwise."""

MAX_RATE = 1_000_000
MAX_VIRTUAL = VirtualTime(32_503_680_000 * SECOND)
"""The year 3000: no clock goes further, so that every instant still fits the API's integers and ISO dates."""

_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86_400 * SECOND}
_DURATION = re.compile(r"(?:\d{1,12}(?:\.\d{1,6})?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


class ClockError(ValueError):
    """A clock, a duration or an instant that cannot be read or reached; the text says why."""


class BackwardsError(ClockError):
    """Virtual time would have to run backwards."""


@dataclass(frozen=True, slots=True)
class ClockSegment:
    """From ``wall_0`` on, virtual time starts at ``virtual_0`` and runs ``rate`` times as fast as the wall."""

    wall_0: WallTime
    virtual_0: VirtualTime
    rate: float

    def at(self, wall: WallTime) -> VirtualTime:
        if self.rate == 0:
            return self.virtual_0
        return VirtualTime(min(MAX_VIRTUAL, self.virtual_0 + round(self.rate * max(0, wall - self.wall_0))))


@dataclass(frozen=True, slots=True)
class ClockSegments:
    """A sandbox's clock. Only the last segment runs; ``started`` is kept to tell what has elapsed.

    While an advance goes from one due instant to the next the clock is *held*: it stands, and ``pace`` is the rate it
    will go on at.
    """

    started: VirtualTime
    last: ClockSegment
    pace: float | None = None

    @classmethod
    def begin(cls, mode: ClockMode, wall: WallTime, start: VirtualTime | None = None) -> ClockSegments:
        """A new clock: frozen ones start at ``FROZEN_START``, moving ones at wall time, unless ``start`` is given."""
        if start is None:
            start = FROZEN_START if mode.rate == 0 else VirtualTime(wall)
        return cls(start, ClockSegment(wall, start, mode.rate))

    def now(self, wall: WallTime) -> VirtualTime:
        return self.last.at(wall)

    @property
    def rate(self) -> float:
        return self.last.rate if self.pace is None else self.pace

    def held_at(self, target: VirtualTime) -> ClockSegments:
        """The clock standing at ``target`` until it is moved again: ``moved_to`` lets it go on."""
        return ClockSegments(self.started, ClockSegment(self.last.wall_0, target, 0), self.rate)

    def with_rate(self, mode: ClockMode, wall: WallTime) -> ClockSegments:
        """The same instant, another pace."""
        return ClockSegments(self.started, ClockSegment(wall, self.now(wall), mode.rate))

    def moved_to(self, target: VirtualTime, wall: WallTime) -> ClockSegments:
        """A jump forward to ``target``. Raises ``BackwardsError`` for an instant that has passed."""
        now = self.now(wall)
        if target < now:
            raise BackwardsError(
                f"the clock stands at {format_instant(now)} and cannot go back to {format_instant(target)}; "
                "open a new sandbox (use another API key) to start earlier"
            )
        if target > MAX_VIRTUAL:
            raise ClockError(f"no clock goes beyond {format_instant(MAX_VIRTUAL)}")
        return ClockSegments(self.started, ClockSegment(wall, target, self.rate))


@dataclass(frozen=True, slots=True)
class ClockMode:
    """How fast virtual time runs. People spell it ``real``, ``frozen`` or ``x60``, one way everywhere."""

    rate: float

    @classmethod
    def parse(cls, text: str) -> ClockMode:
        if text == "real":
            return cls(1)
        if text == "frozen":
            return cls(0)
        if re.fullmatch(r"x\d{1,7}(\.\d{1,6})?", text, re.ASCII) and 0 < float(text[1:]) <= MAX_RATE:
            return cls(float(text[1:]))
        raise ClockError(
            f"'{printable(text)}' is no clock: use 'real', 'frozen' or a factor such as 'x60' (at most x{MAX_RATE})"
        )

    def __str__(self) -> str:
        if self.rate == 0:
            return "frozen"
        return "real" if self.rate == 1 else f"x{self.rate:g}"


def printable(text: object) -> str:
    """At most 100 characters of what somebody sent, fit for any message: no lone surrogates."""
    return str(text)[:100].encode("utf-8", "replace").decode()


def parse_duration(text: str) -> int:
    """``"45s"``, ``"2h"``, ``"1h30m"``, ``"250ms"`` or ``"7d"`` in microseconds."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ClockError(f"'{printable(text)}' is no duration: write it like '250ms', '45s', '10m', '1h30m' or '7d'")
    return sum(round(float(value) * _UNITS[unit]) for value, unit in _DURATION_PART.findall(text))


def format_duration(duration: int) -> str:
    """Microseconds as text that ``parse_duration`` reads back, down to the millisecond: ``"1h30m"``."""
    milliseconds = round(duration / 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    if milliseconds or not parts:
        parts.append(f"{milliseconds / 1000:g}s")
    return "".join(parts)


def parse_instant(value: int | float | str) -> VirtualTime:
    """Unix seconds, or an ISO 8601 date and time with its zone."""
    if isinstance(value, bool):
        raise ClockError("an instant is a number of Unix seconds or an ISO 8601 text")
    if isinstance(value, int | float):
        if not 0 <= value <= MAX_VIRTUAL // SECOND:
            raise ClockError(f"{value} is no instant: Unix seconds between 0 and {MAX_VIRTUAL // SECOND} are")
        return VirtualTime(round(value * SECOND))
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ClockError(f"'{printable(value)}' is no instant: write Unix seconds or '2026-01-15T00:00:00Z'") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return parse_instant(moment.timestamp())


def format_instant(instant: VirtualTime) -> str:
    """ISO 8601 in UTC, with a fraction only where there is one."""
    seconds, fraction = divmod(instant, SECOND)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{fraction:06d}".rstrip("0") if fraction else "") + "Z"


def unix_seconds(instant: VirtualTime) -> int:
    """The whole second an instant lies in: how the API writes every time."""
    return instant // SECOND
