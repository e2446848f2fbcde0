"""The system clock: the only place that reads wall time."""

from __future__ import annotations

import time

from mocktune.domain.clock import WallTime


class SystemClock:
    """Wall time in microseconds since the Unix epoch."""

    def wall(self) -> WallTime:
        return WallTime(time.time_ns() // 1000)


def stopwatch_ns() -> int:
    """Nanoseconds of a monotonic counter, for measuring how long an answer took."""
    return time.perf_counter_ns()
