"""How a curve bends that does not simply converge: where it turns, and what becomes of it then.

Progress is the share of the steps done, from 0 at the first to 1 at the last. No recording shows a training that went
wrong: where the curves turn, and how far they go, is assumed throughout.
"""

from __future__ import annotations

from typing import Literal

Shape = Literal["converge", "overfit", "diverge", "plateau", "nan"]

TURNS = 0.3
"""Progress at which an overfitting or diverging curve turns."""
BREAKS = 0.4
"""Progress from which on nothing is a number any more."""


def progress(step: int, total_steps: int) -> float:
    """Of ``step``, counted from 1; the only step of a job is its first."""
    return (step - 1) / (total_steps - 1) if total_steps > 1 else 0.0


def turned(done: float) -> float:
    """How far beyond its turn a curve is, in 0..1."""
    return max(0.0, (done - TURNS) / (1.0 - TURNS))


def is_nan(shape: Shape, done: float) -> bool:
    return shape == "nan" and done >= BREAKS


def number(value: float) -> float | None:
    """As JSON has it: a loss that is no number is null (assumed: JSON has no other word for it)."""
    return value if value == value else None
