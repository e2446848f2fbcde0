"""Moments in the life of a job, as people write them before there is a job; and durations that may be below zero.

``"90s"`` is that long after its creation, ``"40%"`` a share of its training, ``"40%+10m"`` ten minutes after that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mocktune.domain.clock import SECOND, ClockError, parse_duration, printable

_DURATION = r"(\d{1,12}(\.\d{1,6})?(ms|s|m|h|d))+"
DURATION_PATTERN = f"^{_DURATION}$"
OFFSET_PATTERN = f"^[+-]?{_DURATION}$"
MOMENT_PATTERN = rf"^({_DURATION}|\d{{1,3}}(\.\d{{1,6}})?%(\+{_DURATION})?)$"
"""How texts are written, for the published schema."""

MAX_OFFSET = 3650 * 86_400 * SECOND

_MOMENT = re.compile(r"(?:(?P<percent>\d{1,3}(?:\.\d{1,6})?)%)?(?P<plus>\+)?(?P<after>[^+%]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """``after`` microseconds after the creation of the job; with ``percent``, after that share of its training."""

    percent: float | None = None
    after: int = 0

    @classmethod
    def parse(cls, value: object) -> Moment:
        """Raises ``ClockError``."""
        found = _MOMENT.fullmatch(value) if isinstance(value, str) and len(value) <= 100 else None
        if found is None or not value or bool(found["plus"]) != bool(found["percent"] and found["after"]):
            raise ClockError(
                f'\'{printable(value)}\' is no moment: write "90s" (after the job\'s creation), "40%" (of its '
                'training) or "40%+10m"'
            )
        percent = None if found["percent"] is None else float(found["percent"])
        if percent is not None and percent > 100:
            raise ClockError(f"'{printable(value)}' is no moment: a training has 100%")
        return cls(percent, parse_duration(found["after"]) if found["after"] else 0)


def parse_offset(value: str) -> int:
    """``"-90s"``, ``"+2h"`` or ``"5m"`` in microseconds, ten years at most either way. Raises ``ClockError``."""
    sign = -1 if value.startswith("-") else 1
    offset = sign * parse_duration(value.removeprefix("-" if sign < 0 else "+"))
    if abs(offset) > MAX_OFFSET:
        raise ClockError(f"'{printable(value)}' is too far: ten years (3650d) either way are the most")
    return offset
