"""Durations as tests write and compare them: ``"2h"``, ``timedelta(hours=2)`` and 7200 are the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mocktune.domain.clock import SECOND, format_duration, parse_duration

Length = str | int | float | timedelta
"""A duration: text as ``45s``, ``2h``, ``1h30m``; a number of seconds; or a timedelta."""


def microseconds(length: Length) -> int:
    """Raises ``ValueError`` for text that is no duration, ``TypeError`` for anything else that is none."""
    if isinstance(length, str):
        return parse_duration(length)
    if isinstance(length, timedelta):
        return (length.days * 86_400 + length.seconds) * SECOND + length.microseconds
    if isinstance(length, bool) or not isinstance(length, int | float):
        raise TypeError(f"{length!r} is no duration: give text such as '2h', a number of seconds, or a timedelta")
    return round(length * SECOND)


def duration_text(length: Length) -> str:
    """As the control plane reads it. Raises as ``microseconds``."""
    if isinstance(length, str):
        parse_duration(length)
        return length
    value = microseconds(length)
    if value < 0:
        raise ValueError(f"{length!r} is negative, and time only moves forward")
    seconds, rest = divmod(value, SECOND)
    return f"{seconds}.{rest:06d}s" if rest else f"{seconds}s"


class Duration(timedelta):
    """A timedelta that compares with text and with numbers of seconds too: ``elapsed > "5m"``."""

    @classmethod
    def of_seconds(cls, seconds: float) -> Duration:
        return cls(microseconds=round(seconds * SECOND))

    def __lt__(self, other: Any) -> bool:
        return microseconds(self) < microseconds(other)

    def __le__(self, other: Any) -> bool:
        return microseconds(self) <= microseconds(other)

    def __gt__(self, other: Any) -> bool:
        return microseconds(self) > microseconds(other)

    def __ge__(self, other: Any) -> bool:
        return microseconds(self) >= microseconds(other)

    def __eq__(self, other: object) -> bool:
        try:
            return microseconds(self) == microseconds(other)  # type: ignore[arg-type]  # what is none is unequal
        except (TypeError, ValueError):
            return False

    def __hash__(self) -> int:
        return super().__hash__()

    def __float__(self) -> float:
        return self.total_seconds()

    def __str__(self) -> str:
        return format_duration(microseconds(self))

    def __repr__(self) -> str:
        return f"<{self}>"
