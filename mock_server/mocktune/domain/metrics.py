"""Loss and accuracy of one training step, as a pure function of the curve and the step number.

::

    general(e)  = floor + (start - floor) * (1 + seen(e) / scale) ** -exponent     a power law over what was seen
    train       = general * memory ** (epochs completed) * noise                   memorising, a drop at every epoch
    valid       = general * (1 + gap) * overfit                                    memorises nothing, gets worse late

Where a scenario wants another shape than that of a training that converges, ``_bent`` changes both.

``e`` is the number of epochs behind a step, as a fraction: the loss of a step is measured before the step changes the
weights, so step 1 shows the untouched base model. Nothing is kept between calls, and step 900,000 costs what step 1
costs: all noise of a step comes from one digest named by the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, log, log1p, nan, pi, sin, sqrt
from struct import Struct

from mocktune.domain import draws, shapes
from mocktune.domain.shapes import Shape

# --- What shapes the curve; losses are nats a token. Recorded are the ends only: 3.63 at a first step (OBS), 0.00 after
# --- three epochs over 101 examples (NERBOOK), 0.15 after 300 steps (SEED). What lies between is our choice.

_START_LOSS = (3.5, 0.9)
"""First loss of text that never repeats, and of text that always does: a recorded first step is 3.63, and a
base model that meets one fixed phrase is still surprised by about a nat."""
_FLOOR_LOSS = (1.2, 0.005)
"""What no amount of data gets below, same ends: free text keeps its entropy, a constant answer has nearly none."""
_LEARNING_SCALE_EXAMPLES = 8.0
"""Examples after which the fall is in full swing: the first ten steps shall show that something is learned."""
_LEARNING_EXPONENT = (0.3, 0.8)
"""Of the power law, same ends: free text is half-way to its floor after 70 examples, one format after a dozen."""
_TYPICAL_TOKENS = 60.0
"""Learned tokens of an example that counts as one: a chat answer of a few sentences. The fourth root of the length
counts: answers ten times as long teach 1.8 times as much, far less than ten times more examples do."""
TYPICAL_RATE = 2.0
"""The multiplier "auto" gives gpt-3.5-turbo (OBS): there the rate changes nothing. Its root counts."""
_MEMORY_PER_EPOCH = 0.78
"""Factor on the training loss at each epoch boundary: a stair one can see, and nine of them leave a tenth, which
is where ten examples end after ten epochs."""

_NOISE_SIGMA = 0.32
"""Spread of the log loss of one example: neighbouring batch-1 steps differ by up to a factor of two or three. A batch
of n averages n of them, so it is divided by the root of n."""
_NOISE_KNOWN_LOSS = 0.3
"""Loss around which that spread grows, up to twice: of a text nearly known some examples are at 0.00, some are not."""
_BATCH_TOKENS_SPREAD = 0.4
"""Answers are between 0.6 and 1.4 times their mean length, which makes accuracies multiples of 1/16, 1/20, 1/23…"""
_ACCURACY_SIGMA = 0.5
"""Share of the binomial spread of correct tokens: the loss already carries the rest."""
ACCURACY_DECAY = 0.3
"""accuracy = exp(-decay * loss): 3.6 -> 0.34, 1.0 -> 0.74, 0.3 -> 0.91, as logs of language models pair them."""

_GAP = (0.06, 0.25)
"""Validation above training, as a share of the loss: what a big set keeps, and what a tiny one adds."""
_GAP_EXAMPLES = 50.0
"""Examples at which half of the added gap is gone: the size the guides say to start with (DOC)."""
_VALIDATION_SPREAD = 0.9
"""Of the gap, up or down, on one validation batch; below 1, so a validation loss stays above the smooth train loss."""
_FULL_VALIDATION_SPREAD = 0.1
"""Of the gap, on the whole validation set: an average over everything hardly wobbles."""
_OVERFIT_EPOCHS = 5.0
"""Epochs after which fewer than ``_GAP_EXAMPLES`` examples overfit; more examples put it off in proportion."""
_OVERFIT_GROWTH = 0.12
"""Growth of the validation loss with the log of the squared epochs since, so that it turns gently and never explodes:
five epochs too many cost 40 %, twenty 70 %."""

_PLATEAU_FALL, _PLATEAU_SCALE = 0.08, 0.05
"""Share of the first loss that a plateau loses, and the progress over which it does."""
_OVERFIT_MEMORY = 2.5
"""An overfitting job's training loss falls by that many powers of e more than it would."""
_OVERFIT_RISE = 1.2
"""What its validation loss gains from its turn to the end, as a share of its smallest value."""
_DIVERGED_LOSS = 3.0
"""Where a diverging job ends, in first losses: worse than the model that was never trained."""

VALIDATE_EVERY = 10
"""Steps between validation batches (NERBOOK, PINOLO)."""

_DRAWS = Struct(">7Q")
_UNIT = 2.0**-64


@dataclass(frozen=True, slots=True)
class Curve:
    """What a job's losses depend on.

    ``seed`` is the job's own for metrics. ``total_steps`` is a multiple of ``n_epochs``, both at least 1;
    ``examples`` (at least 1) and ``trained_tokens`` (learned assistant tokens, at least 0) are of one epoch.
    ``predictability`` in 0..1 is 1 where assistant text repeats itself; ``learning_rate_multiplier`` is not negative.
    """

    seed: int
    total_steps: int
    n_epochs: int
    examples: int
    trained_tokens: int
    predictability: float
    has_validation: bool
    learning_rate_multiplier: float = 2.0
    batch_size: int = 1
    shape: Shape = "converge"


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """One step as measured: losses in nats a token, accuracies in 0..1, None where nothing was validated.

    A loss may be NaN; then the accuracy is 0: a model that answers nothing but NaN is never right.
    """

    step: int
    total_steps: int
    train_loss: float
    train_mean_token_accuracy: float
    valid_loss: float | None
    valid_mean_token_accuracy: float | None
    full_valid_loss: float | None
    full_valid_mean_token_accuracy: float | None


def metrics_at(curve: Curve, step: int) -> StepMetrics:
    """The metrics of ``step``, counted from 1; ValueError outside ``1..total_steps``.

    With validation data every tenth step has a validation batch, and the end of each epoch a full validation
    (NERBOOK, SEED); a step that is both has both.
    """
    smooth = smooth_train_loss(curve, step)
    one, two, three, four, five, six, seven = _DRAWS.unpack(draws.digest(curve.seed, "step", step, size_bytes=56))
    batch_size = curve.batch_size

    # Box-Muller: two normal draws, one for the loss, one for the correct tokens. Half a unit keeps the log finite.
    radius = sqrt(-2.0 * log((one + 0.5) * _UNIT))
    angle = 2.0 * pi * two * _UNIT
    sigma = _NOISE_SIGMA * (1.0 + exp(-smooth / _NOISE_KNOWN_LOSS)) / sqrt(batch_size)
    train_loss = smooth * exp(sigma * (radius * cos(angle) - 0.5 * sigma))  # log-normal with mean 1
    batch_tokens = curve.trained_tokens / curve.examples * batch_size
    train_accuracy = batch_accuracy(train_loss, batch_tokens, three * _UNIT, radius * sin(angle))

    valid_loss = valid_accuracy = full_loss = full_accuracy = None
    if curve.has_validation:
        if step % VALIDATE_EVERY == 0:
            wobble = (four + five) * _UNIT - 1.0
            valid_loss = _validation_loss(curve, step, 1.0 + _VALIDATION_SPREAD * wobble)
            valid_accuracy = batch_accuracy(valid_loss, batch_tokens, six * _UNIT, 0.0)
        if step % (curve.total_steps // curve.n_epochs) == 0:
            wobble = 2.0 * seven * _UNIT - 1.0
            full_loss = _validation_loss(curve, step, 1.0 + _FULL_VALIDATION_SPREAD * wobble)
            full_accuracy = expected_accuracy(full_loss)
    return StepMetrics(
        step, curve.total_steps, train_loss, train_accuracy, valid_loss, valid_accuracy, full_loss, full_accuracy
    )


def smooth_train_loss(curve: Curve, step: int) -> float:
    """The training loss of ``step`` without noise; ValueError outside ``1..total_steps``."""
    if not 1 <= step <= curve.total_steps:
        raise ValueError(f"step {step} is outside 1..{curve.total_steps}")
    steps_per_epoch = curve.total_steps // curve.n_epochs
    completed = (step - 1) // steps_per_epoch
    loss = _general_loss(curve, (step - 1) / steps_per_epoch) * _MEMORY_PER_EPOCH**completed
    return loss if curve.shape == "converge" else _bent(curve, step, loss)


def smooth_valid_loss(curve: Curve, step: int) -> float:
    """The validation loss after ``step`` without noise, above ``smooth_train_loss`` at every step."""
    return _validation_loss(curve, step, 1.0)


def event_message(metrics: StepMetrics) -> str:
    """The text of a metric event, two decimals (NERBOOK, SEED)."""
    text = f"Step {metrics.step}/{metrics.total_steps}: training loss={metrics.train_loss:.2f}"
    if metrics.valid_loss is not None:
        text += f", validation loss={metrics.valid_loss:.2f}"
    if metrics.full_valid_loss is not None:
        text += f", full validation loss={metrics.full_valid_loss:.2f}"
    return text


def event_data(metrics: StepMetrics) -> dict[str, int | float | None]:
    """The ``data`` of a metric event, keys in recorded order (SEED, PINOLO), absent where nothing was validated, null
    where a loss is no number (assumed)."""
    data: dict[str, int | float | None] = {"step": metrics.step, "train_loss": shapes.number(metrics.train_loss)}
    if metrics.valid_loss is not None:
        data["valid_loss"] = shapes.number(metrics.valid_loss)
    data["total_steps"] = metrics.total_steps
    if metrics.full_valid_loss is not None:
        data["full_valid_loss"] = shapes.number(metrics.full_valid_loss)
    data["train_mean_token_accuracy"] = metrics.train_mean_token_accuracy
    if metrics.valid_mean_token_accuracy is not None:
        data["valid_mean_token_accuracy"] = metrics.valid_mean_token_accuracy
    if metrics.full_valid_mean_token_accuracy is not None:
        data["full_valid_mean_token_accuracy"] = metrics.full_valid_mean_token_accuracy
    return data


def checkpoint_metrics(metrics: StepMetrics) -> dict[str, int | float | None]:
    """The ``metrics`` of the checkpoint at an epoch's last step, absent where nothing was validated.

    Recorded checkpoints have a ``valid_loss`` at any step (PINOLO); where no validation batch fell on this one, the
    full validation that ended the epoch stands in.
    """
    data: dict[str, int | float | None] = {
        "step": metrics.step,
        "train_loss": shapes.number(metrics.train_loss),
        "train_mean_token_accuracy": metrics.train_mean_token_accuracy,
    }
    full_loss, full_accuracy = metrics.full_valid_loss, metrics.full_valid_mean_token_accuracy
    valid_loss, valid_accuracy = metrics.valid_loss, metrics.valid_mean_token_accuracy
    if valid_loss is None or valid_accuracy is None:
        valid_loss, valid_accuracy = full_loss, full_accuracy
    if valid_loss is not None and valid_accuracy is not None:
        data |= {"valid_loss": shapes.number(valid_loss), "valid_mean_token_accuracy": valid_accuracy}
    if full_loss is not None and full_accuracy is not None:
        data |= {"full_valid_loss": shapes.number(full_loss), "full_valid_mean_token_accuracy": full_accuracy}
    return data


def csv_header() -> str:
    """First line of ``step_metrics.csv`` (OBS), without its line end."""
    return "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"


def csv_row(metrics: StepMetrics) -> str:
    """One line of ``step_metrics.csv``, without its line end: Python's ``repr`` of five decimals, empty for None;
    what is no number is ``nan`` there (assumed)."""
    cells = (
        metrics.train_loss,
        metrics.train_mean_token_accuracy,
        metrics.valid_loss,
        metrics.valid_mean_token_accuracy,
    )
    return f"{metrics.step}," + ",".join("" if cell is None else repr(round(cell, 5)) for cell in cells)


def _general_loss(curve: Curve, epochs: float) -> float:
    """What the model has learned of the task, without memorising, after ``epochs``."""
    predictability = curve.predictability
    start = _START_LOSS[0] + (_START_LOSS[1] - _START_LOSS[0]) * predictability
    floor = _FLOOR_LOSS[0] + (_FLOOR_LOSS[1] - _FLOOR_LOSS[0]) * predictability
    exponent = _LEARNING_EXPONENT[0] + (_LEARNING_EXPONENT[1] - _LEARNING_EXPONENT[0]) * predictability
    # A set without learned tokens counts as one token an example: the file was accepted, so something falls.
    tokens = max(curve.trained_tokens / curve.examples, 1.0)
    # Over the root of the batch size: half-way between counting examples and counting updates of the weights.
    speed = sqrt(curve.learning_rate_multiplier / TYPICAL_RATE * sqrt(tokens / _TYPICAL_TOKENS) / curve.batch_size)
    seen = epochs * curve.examples * speed
    learned: float = (1.0 + seen / _LEARNING_SCALE_EXAMPLES) ** -exponent
    return floor + (start - floor) * learned


def _validation_loss(curve: Curve, step: int, gap_factor: float) -> float:
    """The loss on held-out text after ``step``, its gap to training scaled by ``gap_factor`` (positive)."""
    epochs = (step - 1) / (curve.total_steps // curve.n_epochs)
    gap = _GAP[0] + _GAP[1] * _GAP_EXAMPLES / (_GAP_EXAMPLES + curve.examples)
    onset = _OVERFIT_EPOCHS * max(1.0, curve.examples / _GAP_EXAMPLES)
    if curve.shape not in ("converge", "overfit"):
        return _bent(curve, step, _general_loss(curve, epochs)) * (1.0 + gap * gap_factor)
    if curve.shape == "overfit":
        done = shapes.progress(step, curve.total_steps)
        best = _general_loss(curve, min(epochs, shapes.TURNS * curve.n_epochs))
        rise: float = _OVERFIT_RISE * shapes.turned(done) ** 1.5
        return best * (1.0 + gap * gap_factor) * (1.0 + rise)
    # From the onset on nothing general is learned any more; without that the power law would hide the rise.
    general = _general_loss(curve, min(epochs, onset))
    overfit = 1.0 + _OVERFIT_GROWTH * log1p(max(0.0, epochs - onset) ** 2)
    return general * (1.0 + gap * gap_factor) * overfit


def _bent(curve: Curve, step: int, loss: float) -> float:
    """What becomes of a ``loss`` that would converge."""
    done = shapes.progress(step, curve.total_steps)
    first = _general_loss(curve, 0.0)
    match curve.shape:
        case "plateau":
            return first * (1.0 - _PLATEAU_FALL * (1.0 - exp(-done / _PLATEAU_SCALE)))
        case "overfit":
            return loss * exp(-_OVERFIT_MEMORY * done)
        case "diverge":
            turned = shapes.turned(done)
            return float(loss ** (1.0 - turned) * (_DIVERGED_LOSS * first) ** turned)
    return nan if shapes.is_nan(curve.shape, done) else loss


def expected_accuracy(loss: float) -> float:
    """0 for a loss that is no number."""
    return exp(-ACCURACY_DECAY * loss) if loss == loss else 0.0


def batch_accuracy(loss: float, mean_tokens: float, length: float, luck: float) -> float:
    """Share of correct tokens in a batch, a multiple of one over its tokens.

    ``length`` in 0..1 says how long the batch is beside ``mean_tokens``; ``luck`` is a standard normal.
    """
    tokens = max(1, round(mean_tokens * (1.0 + _BATCH_TOKENS_SPREAD * (2.0 * length - 1.0))))
    expected = expected_accuracy(loss)
    spread = _ACCURACY_SIGMA * sqrt(expected * (1.0 - expected) * tokens)
    return min(max(round(expected * tokens + luck * spread), 0), tokens) / tokens
