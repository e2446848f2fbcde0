"""Loss and accuracy of one step of preference training (dpo), as a pure function of the curve and the step number.

::

    margin(e) = gain * sqrt(beta) * log(1 + seen(e) / scale)          how far preferred answers were pulled ahead
    train     = -log sigmoid(margin * (1 + memory * epochs completed) * noise)
    valid     = -log sigmoid(margin * generality)                     memorises nothing

The loss is the one of direct preference optimisation, so a job starts at exactly ln 2 = 0.693: before the first step
the model is its own reference and prefers neither answer. Contract 4.8: loss fields have the names of supervised
training; reward metrics are third parties' guesses and are not there. So a step gives the same ``StepMetrics``, and
messages, data, checkpoints and result files come from ``metrics.py``. That ``train_mean_token_accuracy`` is that of the
preferred answers, where validations fall, and all numbers are assumed: no recorded dpo job ever trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p, nan, sqrt

from mocktune.domain import draws, shapes
from mocktune.domain.metrics import TYPICAL_RATE, VALIDATE_EVERY, StepMetrics, batch_accuracy, expected_accuracy
from mocktune.domain.shapes import Shape

_GAIN = 0.5
"""Margin gained each time what was seen grows e-fold: 100 pairs, three times, end at a training loss of about 0.2."""
_TYPICAL_BETA = 0.1
"""CN1229, the beta of every recorded job. A higher one holds the model back, so the margin grows with its root only."""
_SCALE_PAIRS = 40.0
"""Pairs after which the fall is in full swing."""
_MEMORY_PER_EPOCH = 0.2
"""Added to the factor on the training margin at each epoch boundary: a small stair."""
_GENERALITY = 0.9
"""Share of the training margin that a big set keeps on pairs it never saw."""
_GENERALITY_PAIRS = 25.0
"""Pairs at which half of that is left."""
_NOISE = 0.6
"""Spread of one pair's margin as a share of it; a batch of n averages n of them."""
_VALIDATION_NOISE = 0.1
"""Of the margin, up or down at most, on one validation batch; a validation loss stays above the smooth train loss."""
_FULL_VALIDATION_NOISE = 0.02
"""Likewise, on the whole validation set."""
_TOKEN_LOSS = (1.2, 0.3)
"""Nats a token of the preferred answer before training, of text that never repeats and of text that always does."""
_TOKEN_GAIN = 0.2
"""Share of that which goes as the margin grows: preferring an answer is hardly learning its words."""
_PLATEAU = 0.03
"""Share of the margin that a job on a plateau gains."""
_OVERFIT_MEMORY = 2.0
"""What an overfitting job adds to the factor on its training margin by its end."""
_OVERFIT_LOST = 3.0
"""What it takes off the margin of pairs it never saw, as a share: in the end it prefers the other answer."""
_DIVERGED_MARGIN = -4.0
"""Where a diverging job ends: a loss of 4."""


@dataclass(frozen=True, slots=True)
class PreferenceCurve:
    """What a dpo job's losses depend on.

    As ``metrics.Curve``; ``examples`` counts pairs, ``preferred_tokens`` (of one epoch, at least 0) and
    ``predictability`` are of the preferred answers. ``beta`` is above 0.
    """

    seed: int
    total_steps: int
    n_epochs: int
    examples: int
    preferred_tokens: int
    predictability: float
    has_validation: bool
    beta: float = 0.1
    learning_rate_multiplier: float = 2.0
    batch_size: int = 1
    shape: Shape = "converge"


def preference_metrics_at(curve: PreferenceCurve, step: int) -> StepMetrics:
    """The metrics of ``step``, counted from 1, in constant time; ValueError outside ``1..total_steps``.

    Validations fall where those of supervised training do (assumed): a batch every tenth step, all at an epoch's end.
    """
    general, memory = _margins(curve, step)
    pull, luck = draws.normals(curve.seed, "pair", step)
    length = draws.uniform(curve.seed, "length", step)
    tokens = curve.preferred_tokens / curve.examples * curve.batch_size
    margin = general * memory
    noise = _NOISE if margin >= 0.0 else _NOISE / 2.0  # pairs differ less in how far a diverging job is off
    train_loss = _loss(margin * (1.0 + noise / sqrt(curve.batch_size) * pull))
    train_accuracy = batch_accuracy(_token_loss(curve, margin), tokens, length, luck)

    valid_loss = valid_accuracy = full_loss = full_accuracy = None
    if curve.has_validation:
        held_out = general
        if general > 0.0:
            held_out *= _GENERALITY * curve.examples / (curve.examples + _GENERALITY_PAIRS)
        if curve.shape == "overfit":
            held_out *= 1.0 - _OVERFIT_LOST * shapes.turned(shapes.progress(step, curve.total_steps))
        wobble = draws.uniform(curve.seed, "validation", step) + draws.uniform(curve.seed, "other", step) - 1.0
        if step % VALIDATE_EVERY == 0:
            valid_loss = _loss(held_out * (1.0 + _VALIDATION_NOISE * wobble))
            valid_accuracy = batch_accuracy(_token_loss(curve, held_out), tokens, 1.0 - length, 0.0)
        if step % (curve.total_steps // curve.n_epochs) == 0:
            full_loss = _loss(held_out * (1.0 + _FULL_VALIDATION_NOISE * wobble))
            full_accuracy = expected_accuracy(_token_loss(curve, held_out))
    return StepMetrics(
        step, curve.total_steps, train_loss, train_accuracy, valid_loss, valid_accuracy, full_loss, full_accuracy
    )


def smooth_preference_loss(curve: PreferenceCurve, step: int) -> float:
    """The training loss of ``step`` without noise; ValueError outside ``1..total_steps``."""
    general, memory = _margins(curve, step)
    return _loss(general * memory)


def _margins(curve: PreferenceCurve, step: int) -> tuple[float, float]:
    """The margin that was learned of the task before ``step``, and the factor that memorising adds in training."""
    if not 1 <= step <= curve.total_steps:
        raise ValueError(f"step {step} is outside 1..{curve.total_steps}")
    steps_per_epoch = curve.total_steps // curve.n_epochs
    speed = sqrt(curve.learning_rate_multiplier / TYPICAL_RATE / curve.batch_size)
    seen = (step - 1) / steps_per_epoch * curve.examples * speed
    margin = _GAIN * sqrt(curve.beta / _TYPICAL_BETA) * log1p(seen / _SCALE_PAIRS)
    memory = 1.0 + _MEMORY_PER_EPOCH * ((step - 1) // steps_per_epoch)
    if curve.shape != "converge":
        return _bent(curve.shape, shapes.progress(step, curve.total_steps), margin, memory)
    return margin, memory


def _bent(shape: Shape, done: float, margin: float, memory: float) -> tuple[float, float]:
    """What becomes of margin and memory in a job that does not simply converge, when that share of it is ``done``."""
    match shape:
        case "plateau":
            return margin * _PLATEAU, 1.0
        case "overfit":
            return margin, memory + _OVERFIT_MEMORY * done
        case "diverge":
            turned = shapes.turned(done)
            return margin * (1.0 - turned) + _DIVERGED_MARGIN * turned, memory if turned == 0.0 else 1.0
    return (nan if shapes.is_nan(shape, done) else margin), memory


def _loss(margin: float) -> float:
    """``-log sigmoid(margin)``, for any margin: nothing overflows."""
    return log1p(exp(-margin)) if margin > 0 else log1p(exp(margin)) - margin


def _token_loss(curve: PreferenceCurve, margin: float) -> float:
    start = _TOKEN_LOSS[0] + (_TOKEN_LOSS[1] - _TOKEN_LOSS[0]) * curve.predictability
    return start * (1.0 - _TOKEN_GAIN * (1.0 - exp(-margin)))
