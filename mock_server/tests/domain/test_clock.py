"""One formula, forward only, exact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.clock import (
    FROZEN_START,
    MAX_VIRTUAL,
    SECOND,
    BackwardsError,
    ClockError,
    ClockMode,
    ClockSegments,
    VirtualTime,
    WallTime,
    format_duration,
    format_instant,
    parse_duration,
    parse_instant,
)

WALL = WallTime(1_790_000_000 * SECOND)


def test_a_frozen_clock_starts_in_january_2026_and_stands() -> None:
    clock = ClockSegments.begin(ClockMode.parse("frozen"), WALL)
    assert format_instant(clock.now(WallTime(WALL + 3600 * SECOND))) == "2026-01-15T00:00:00Z"


def test_a_real_clock_starts_at_wall_time_and_keeps_pace() -> None:
    clock = ClockSegments.begin(ClockMode.parse("real"), WALL)
    assert clock.now(WallTime(WALL + 5 * SECOND)) == WALL + 5 * SECOND


def test_a_scaled_clock_runs_its_factor_faster() -> None:
    clock = ClockSegments.begin(ClockMode.parse("x60"), WALL)
    assert clock.now(WallTime(WALL + SECOND)) == WALL + 60 * SECOND


def test_a_change_of_pace_leaves_the_instant_where_it_is() -> None:
    clock = ClockSegments.begin(ClockMode.parse("x60"), WALL)
    later = WallTime(WALL + 7 * SECOND)
    assert clock.with_rate(ClockMode.parse("frozen"), later).now(WallTime(later + SECOND)) == clock.now(later)


def test_a_clock_never_goes_back_even_when_the_wall_does() -> None:
    clock = ClockSegments.begin(ClockMode.parse("real"), WALL)
    assert clock.now(WallTime(WALL - 5 * SECOND)) == WALL


def test_going_back_is_refused_and_names_the_way_out() -> None:
    clock = ClockSegments.begin(ClockMode.parse("frozen"), WALL)
    with pytest.raises(BackwardsError, match="open a new sandbox"):
        clock.moved_to(VirtualTime(FROZEN_START - 1), WALL)


def test_no_clock_goes_beyond_the_year_3000() -> None:
    clock = ClockSegments.begin(ClockMode.parse("frozen"), WALL)
    with pytest.raises(ClockError, match="beyond"):
        clock.moved_to(VirtualTime(MAX_VIRTUAL + 1), WALL)
    assert ClockSegments.begin(ClockMode.parse("x1000000"), WALL).now(WallTime(WALL * 2)) == MAX_VIRTUAL


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_two_advances_equal_one_of_their_sum(first: int, second: int) -> None:
    clock = ClockSegments.begin(ClockMode.parse("frozen"), WALL)
    twice = clock.moved_to(VirtualTime(FROZEN_START + first), WALL)
    twice = twice.moved_to(VirtualTime(twice.now(WALL) + second), WALL)
    assert twice.now(WALL) == clock.moved_to(VirtualTime(FROZEN_START + first + second), WALL).now(WALL)


@pytest.mark.parametrize("text", ["", "fast", "x", "x0", "x-2", "x1e9", "60x", "X60", "x99999999", "x٦"])
def test_what_is_no_clock_is_refused(text: str) -> None:
    with pytest.raises(ClockError, match="is no clock"):
        ClockMode.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("2h", 7200), ("1h30m", 5400), ("250ms", 0.25), ("7d", 604800), ("1.5s", 1.5)]
)
def test_durations_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == round(seconds * SECOND)


@pytest.mark.parametrize("text", ["", "45", "s", "-5s", "5 s", "1w", "1h-2m", "9" * 13 + "s", "٤s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ClockError, match="is no duration"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds * 1000)) == milliseconds * 1000


@pytest.mark.parametrize(
    "value", [1_768_435_200, 1_768_435_200.0, "2026-01-15T00:00:00Z", "2026-01-15", "2026-01-15T01:00+01:00"]
)
def test_an_instant_is_unix_seconds_or_iso(value: float | str) -> None:
    assert parse_instant(value) == FROZEN_START


@pytest.mark.parametrize("value", [-1, 1e300, float("nan"), float("inf"), "soon", "1768435200", True, "9999-01-01"])
def test_what_is_no_instant_is_refused(value: float | str) -> None:
    with pytest.raises(ClockError):
        parse_instant(value)
