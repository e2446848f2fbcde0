"""How often each number occurs, and what that says: extremes, mean, quantiles and a histogram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mocktune_client.dataset.report import Distribution

EXACT_BELOW = 8192
"""Numbers below are kept as they are; greater ones to 13 binary digits, one part in 8,192. So however many examples
there are, there are at most some ten thousand different numbers."""

MAX_BUCKETS = 20


def coarse(number: int) -> int:
    digits = number.bit_length() - 13
    return number if digits <= 0 else number >> digits << digits


class Tally:
    """Numbers, 0 or more; ``counts`` says how often each occurred."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.total = 0
        self.max = 0

    def add(self, numbers: list[int]) -> None:
        if not numbers:
            return
        self.total += sum(numbers)
        most = max(numbers)
        self.max = max(self.max, most)
        self.counts.update(numbers if most < EXACT_BELOW else map(coarse, numbers))

    def add_counts(self, counts: Mapping[int, int], total: int, most: int) -> None:
        self.total += total
        self.max = max(self.max, most)
        for number, count in counts.items():
            self.counts[number] += count

    def distribution(self) -> Distribution | None:
        """None where there are no numbers."""
        count = self.counts.total()
        if not count:
            return None
        numbers = sorted(self.counts.items())
        low = numbers[0][0]
        p5, median, p95 = _quantiles(numbers, count, (0.05, 0.5, 0.95))
        return Distribution(
            count=count,
            min=low,
            max=self.max,
            mean=self.total / count,
            median=median,
            p5=p5,
            p95=p95,
            buckets=_buckets(numbers, low, self.max),
        )


def _quantiles(numbers: list[tuple[int, int]], count: int, parts: Iterable[float]) -> list[float]:
    """Between two numbers, in the proportion of the part: numpy's ``quantile``, and so the notebook's."""
    found = []
    for part in parts:
        place = part * (count - 1)
        lower = int(place)
        below, above = _at(numbers, lower), _at(numbers, min(lower + 1, count - 1))
        found.append(below + (above - below) * (place - lower))
    return found


def _at(numbers: list[tuple[int, int]], place: int) -> int:
    for number, count in numbers:
        place -= count
        if place < 0:
            return number
    return numbers[-1][0]


def _buckets(numbers: list[tuple[int, int]], low: int, high: int) -> tuple[tuple[int, int, int], ...]:
    """At most 20 of equal, round width; those at both ends are not empty."""
    width = _round_width((high - low + 1) / MAX_BUCKETS)
    start = low // width * width
    if (high - start) // width >= MAX_BUCKETS:
        width = _round_width(width + 1)
        start = low // width * width
    counts = [0] * ((high - start) // width + 1)
    for number, count in numbers:
        counts[(number - start) // width] += count
    return tuple((start + width * n, start + width * (n + 1) - 1, count) for n, count in enumerate(counts))


def _round_width(least: float) -> int:
    """The least of 1, 2, 5, 10, 20, 50, … that is not below."""
    width = 1
    while True:
        for step in (1, 2, 5):
            if width * step >= least:
                return width * step
        width *= 10
