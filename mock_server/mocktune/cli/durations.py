"""Durations as people write them on the command line."""

from __future__ import annotations

from mocktune.cli.exits import fail


def seconds_of(text: str | None, option: str) -> float | None:
    """Seconds of ``90m``, ``1h30m`` or ``250ms``; None for None. Ends the command for what is none."""
    if text is None:
        return None
    from mocktune.domain.clock import SECOND, ClockError, parse_duration

    try:
        return parse_duration(text) / SECOND
    except ClockError as error:
        fail(f"{option}: {error}")
