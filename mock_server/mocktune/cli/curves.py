"""What the metric events of a job have told so far: one series of numbers for each name, by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any

MAX_POINTS = 500_000
"""Numbers kept of a job, in all series."""
MAX_STEP = 2**53

METRICS = (
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
    "train_mean_reward",
    "full_valid_mean_reward",
)
"""In the order in which they are shown; the rewards are those of reinforcement. Others are not kept."""

SMOOTHED_OVER = 9
"""Steps whose mean makes one point of a smoothed line; an odd number has a middle."""


@dataclass(slots=True)
class Curves:
    """Losses in nats a token, accuracies and rewards as parts of 1. Only finite numbers are taken in.

    ``lost_at`` is the step from which on the training loss was told, and was no number.
    """

    total_steps: int = 0
    series: dict[str, dict[int, float]] = field(default_factory=dict)
    last_step: int = 0
    points: int = 0
    lost_at: int | None = None

    def add(self, data: object) -> int | None:
        """Take in the ``data`` of one event, or a checkpoint's metrics; its step, None where there is none in it."""
        if not isinstance(data, Mapping):
            return None
        step = _step(data.get("step"))
        if step is None:
            return None
        self.total_steps = max(self.total_steps, _step(data.get("total_steps")) or 0, step)
        known = "train_loss" in data
        if known and step > self.last_step:
            lost = _number(data["train_loss"]) is None
            self.lost_at = (self.lost_at or step) if lost else None
        for name in METRICS:
            number = _number(data.get(name))
            if number is not None:
                known = True
                self.put(name, step, number)
        if known:
            self.last_step = max(self.last_step, step)
        return step if known else None

    def put(self, name: str, step: int, number: float) -> None:
        """One point; beyond ``MAX_POINTS`` new ones are left out."""
        points = self.series.setdefault(name, {})
        if step not in points:
            if self.points >= MAX_POINTS:
                return
            self.points += 1
        points[step] = number

    def of(self, name: str) -> dict[int, float]:
        """One series by step, in ascending order; empty where nothing was told."""
        points = self.series.get(name, {})
        if all(before <= after for before, after in pairwise(points)):
            return points
        return dict(sorted(points.items()))

    def latest(self, name: str) -> float | None:
        points = self.series.get(name)
        return points[max(points)] if points else None

    def validation(self, measure: str) -> dict[int, float]:
        """The validation series of ``loss`` or ``mean_token_accuracy`` or ``mean_reward``: what the whole validation
        file gave where that is known, since it says more than one batch of it."""
        return dict(sorted({**self.of(f"valid_{measure}"), **self.of(f"full_valid_{measure}")}.items()))


def smoothed(points: Mapping[int, float]) -> dict[int, float]:
    """The mean of the points around each one, as far as there are any: neighbours in the series, ascending. A long
    series is smoothed over a fortieth of it.
    """
    reach = max(SMOOTHED_OVER, len(points) // 40) // 2
    sums = [0.0, *accumulate(points.values())]
    means = {}
    for index, step in enumerate(points):
        first, end = max(0, index - reach), min(len(points), index + reach + 1)
        means[step] = (sums[end] - sums[first]) / (end - first)
    return means


def thinned(points: Mapping[int, float], most: int) -> dict[int, float]:
    """At most about ``most`` of the points: of each stretch of the series its lowest and its highest one."""
    if len(points) <= most:
        return dict(points)
    items = list(points.items())
    width = -(-2 * len(items) // most)
    kept: dict[int, float] = {}
    for start in range(0, len(items), width):
        stretch = items[start : start + width]
        low, high = (choose(stretch, key=lambda item: item[1]) for choose in (min, max))
        kept.update(sorted((low, high)))
    kept.update(dict((items[0], items[-1])))
    return dict(sorted(kept.items()))


def _step(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 < number <= MAX_STEP else None


def _number(value: Any) -> float | None:
    """JSON knows no other numbers; a server may write them as text, or not at all."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
