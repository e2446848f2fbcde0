"""How long a training still takes, told from when its steps came."""

from __future__ import annotations

from collections import deque

WINDOW = 50
"""Steps that are looked back: a training may change its tempo."""
MIN_SEEN_S = 0.2
"""The span of arrivals, in seconds, from which a tempo is told."""


class StepClock:
    """Told when steps arrive and when the service says they happened, both in seconds, each of its own origin.

    Steps come in bursts, one look at the job's events may bring many, and the first look after attaching brings all
    that happened before. So the tempo is that of arrivals, beginning with the last one of the first look. Until there
    is a second look it is that of the service's own times. A virtual clock that runs faster than the wall makes
    those two differ.
    """

    def __init__(self) -> None:
        self._arrived: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._happened: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._total = 0

    def step(self, step: int, total: int, *, arrived_s: float, happened_s: float | None) -> None:
        self._total = max(self._total, total)
        if happened_s is not None:
            _note(self._happened, happened_s, step)
        if self._arrived and arrived_s - self._arrived[-1][0] < MIN_SEEN_S:
            # One look: of a burst the last step counts.
            self._arrived[-1] = (self._arrived[-1][0], max(step, self._arrived[-1][1]))
        else:
            _note(self._arrived, arrived_s, step)

    def interrupted(self) -> None:
        """The training stands still, such as paused: what was measured before says nothing of what follows."""
        self._arrived.clear()
        self._happened.clear()

    def left_s(self, now_s: float) -> float | None:
        """Seconds until the last step, from ``now_s`` of the clock of arrivals; None while that cannot be said."""
        tempo = _seconds_a_step(self._arrived) or _seconds_a_step(self._happened)
        if tempo is None or not self._arrived:
            return None
        seen_s, step = self._arrived[-1]
        if step >= self._total:
            return 0.0
        return max(0.0, tempo * (self._total - step) - (now_s - seen_s))


def _note(looks: deque[tuple[float, int]], at_s: float, step: int) -> None:
    # Events may come late and out of order.
    if not looks or (step > looks[-1][1] and at_s >= looks[-1][0]):
        looks.append((at_s, step))


def _seconds_a_step(looks: deque[tuple[float, int]]) -> float | None:
    if len(looks) < 2:
        return None
    (first_s, first), (last_s, last) = looks[0], looks[-1]
    return (last_s - first_s) / (last - first) if last > first and last_s > first_s else None
