"""Moments before there is a job, and durations below zero: what is written is read, what is not so is refused."""

from __future__ import annotations

import re

import pytest

from mocktune.domain.clock import SECOND, ClockError
from mocktune.domain.moments import MOMENT_PATTERN, OFFSET_PATTERN, Moment, parse_offset


@pytest.mark.parametrize(
    ("text", "percent", "seconds"),
    [("90s", None, 90), ("1h30m", None, 5400), ("40%", 40, 0), ("40%+10m", 40, 600), ("12.5%", 12.5, 0),
     ("0%", 0, 0), ("100%+1ms", 100, 0.001), ("0s", None, 0)],
)  # fmt: skip
def test_a_moment_is_a_time_a_share_or_both(text: str, percent: float | None, seconds: float) -> None:
    assert Moment.parse(text) == Moment(percent, round(seconds * SECOND))
    assert re.search(MOMENT_PATTERN, text)


@pytest.mark.parametrize(
    "value",
    ["", "40", "%", "40%10m", "+10m", "101%", "40%+", "x", "-90s", "40%+%", "40 %", "1e2%", "9" * 200 + "s", 5, None],
)  # fmt: skip
def test_what_is_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ClockError):
        Moment.parse(value)
    if isinstance(value, str) and value not in ("101%",) and len(value) < 100:
        assert not re.search(MOMENT_PATTERN, value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("-90s", -90), ("+2h", 7200), ("5m", 300), ("-0s", 0), ("3650d", 315360000)]
)
def test_an_offset_has_a_sign(text: str, seconds: int) -> None:
    assert parse_offset(text) == seconds * SECOND
    assert re.search(OFFSET_PATTERN, text)


@pytest.mark.parametrize("text", ["--5s", "+-5s", "-", "", "5", "3651d", "-3651d"])
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(ClockError):
        parse_offset(text)
