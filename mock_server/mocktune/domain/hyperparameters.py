"""Hyperparameters of a supervised job: ``"auto"`` resolved to numbers, and the number of steps that follows.

Contract 4.10. The epochs rule is the cookbook's, and every recorded job agrees with it (RUBY, CN1229, YiVal, PINOLO,
NERBOOK). The batch size is recorded as 1 up to 103 examples and assumed above; the multiplier is a column of the model
table.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.models import BaseModel

TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MAX_DEFAULT_EPOCHS = 25
MAX_DEFAULT_BATCH_SIZE = 256
BATCH_SHARE = 0.002
"""The legacy guide's part of the training set that makes one batch (assumed still to hold)."""


@dataclass(frozen=True, slots=True)
class Requested:
    """What the request asked for; None stands for ``"auto"`` or for nothing said."""

    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the job trains with, as its object shows it. A whole multiplier is an int: the service writes 2, not 2.0."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float


def resolve(n_examples: int, model: BaseModel, requested: Requested) -> Resolved:
    """The numbers a job over ``n_examples`` training examples runs with."""
    multiplier = requested.learning_rate_multiplier
    if multiplier is None:
        multiplier = model.learning_rate_multiplier
    return Resolved(
        n_epochs=auto_epochs(n_examples) if requested.n_epochs is None else requested.n_epochs,
        batch_size=auto_batch_size(n_examples) if requested.batch_size is None else requested.batch_size,
        learning_rate_multiplier=int(multiplier) if float(multiplier).is_integer() else multiplier,
    )


def auto_epochs(n_examples: int) -> int:
    """Three epochs; more for a small set, so that about 100 examples are seen, fewer for one over 25,000 / 3."""
    if n_examples * TARGET_EPOCHS < MIN_TARGET_EXAMPLES:
        return min(MAX_DEFAULT_EPOCHS, MIN_TARGET_EXAMPLES // max(n_examples, 1))
    if n_examples * TARGET_EPOCHS > MAX_TARGET_EXAMPLES:
        return max(1, MAX_TARGET_EXAMPLES // n_examples)
    return TARGET_EPOCHS


def auto_batch_size(n_examples: int) -> int:
    """0.2 % of the training set, between 1 and 256."""
    return max(1, min(MAX_DEFAULT_BATCH_SIZE, round(BATCH_SHARE * n_examples)))


def total_steps(resolved: Resolved, n_examples: int) -> int:
    """Steps of the whole job: the last batch of an epoch may be smaller, and counts."""
    return resolved.n_epochs * -(-n_examples // resolved.batch_size)
