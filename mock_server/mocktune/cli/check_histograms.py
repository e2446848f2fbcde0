"""Distributions as bars: rows for a terminal, few enough to be seen at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_ROWS = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Bar:
    """``low`` to ``high``, both included, and how many examples lie there. Both None: a gap of empty ones."""

    low: int | None
    high: int | None
    count: int

    @property
    def label(self) -> str:
        if self.low is None or self.high is None:
            return "⋮"
        return f"{self.low:,}" if self.low == self.high else f"{self.low:,}-{self.high:,}"


def bars(buckets: Sequence[tuple[int, int, int]], most: int = MAX_ROWS) -> list[Bar]:
    """Neighbours put together until there are at most ``most``; three empty ones in a row become a gap."""
    together = max(1, -(-len(buckets) // most))
    merged = [buckets[start : start + together] for start in range(0, len(buckets), together)]
    rows: list[Bar] = []
    empty: list[Bar] = []
    for group in merged:
        bar = Bar(group[0][0], group[-1][1], sum(count for _, _, count in group))
        if bar.count:
            rows += [Bar(None, None, 0)] if len(empty) > 2 else empty
            empty = []
            rows.append(bar)
        else:
            empty.append(bar)
    return rows + empty


def line_of(count: int, most: int, columns: int, *, blocks: bool) -> str:
    """A bar of at most ``columns`` characters; what is not nothing can be seen. Without ``blocks`` in ASCII."""
    if not count:
        return ""
    eighths = max(1, round(count / most * columns * 8))
    if not blocks:
        return "#" * max(1, round(eighths / 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
