"""Rewards, errors, tokens and times of one step of reinforcement, as a pure function of the curve and the step number.

::

    learned(u) = u / (u + scale)                 u: updates so far, weighed by rates and by how much rewards differ
    reward     = start + (top - start) * headroom * learned * generality + noise

``start`` is what the grader gave the untrained model, so that step 1 shows the grader's own mean; where all samples get
the lowest or all the highest reward, nothing tells good from bad and the reward stays what it is (RFTDOC warns of
both). Nothing is kept between calls, and step 900,000 costs what step 1 costs. Contract 4.7 names the numbers; how
they move is assumed throughout. How they are written is the business of ``reward_events.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nlargest
from math import exp, inf, nan, sqrt
from struct import Struct
from typing import TYPE_CHECKING, Literal

from mocktune.domain import draws, shapes
from mocktune.domain.hyperparameters import ReasoningEffort
from mocktune.domain.shapes import Shape

if TYPE_CHECKING:  # at run time it would bring all of grading into every start of the server
    from mocktune.domain.grading import GraderSummary

Side = Literal["train", "valid"]
_Span = tuple[float, float, float]
"""The lowest reward, the first mean and the highest reward."""

_THREE = Struct(">3Q")
_UNIT = 2.0**-64

RETAINED_BEST = 3
"""RFTDOC: a checkpoint at each validation, of which the three with the highest valid_reward_mean are kept."""
MAX_RANKED = 1_000
"""Of a job with more validations only the latest so many are ranked (assumed), so that a job of a million steps is
answered in milliseconds; the reward rises, so the best lie among them."""

_HEADROOM: dict[ReasoningEffort, float] = {"default": 0.6, "low": 0.5, "medium": 0.6, "high": 0.7}
"""Share of the way from the first reward to the top of the range that endless training would cover."""
_SCALE_UPDATES = 8.0
"""Updates after which half of that is covered; the guide's sample job has 20 steps."""
_TYPICAL_BATCH = 8.0
_SAMPLES_AN_EXAMPLE = 16
"""Answers sampled for one example of a training batch at a compute multiplier of 1."""
_MAX_SAMPLES = 10**9
"""Of a step: ``eval_samples`` has no upper bound (SPEC), and sums shall stay numbers."""
_MAX_REWARD = 1e100
"""Above it, or below its negative, rewards count as that: a formula may give any float."""
_GENERALITY_EXAMPLES = 20.0
"""Training examples at which half of what is gained is gained on other prompts too."""
_SPREAD: dict[Side, float] = {"train": 0.5, "valid": 0.15}
"""Of a mean reward, as a share of the binomial spread over its examples. Training has other prompts at every step and
goes up and down, validation has the same ones and is steadier (RFTDOC says so of both)."""
_ERRORS_LEFT = 0.1
"""Share of the parse errors that training does not get rid of."""

_REASONING_TOKENS: dict[ReasoningEffort, float] = {"default": 2_000.0, "low": 700.0, "medium": 2_000.0, "high": 5_000.0}
_REASONING_DRIFT = (-0.4, 0.6)
"""Log of the factor on them that a job ends at, drawn: a model learns to think less, or more (RFTDOC)."""
_REASONING_SPREAD = 0.5
"""Of one example's tokens, as a share."""

_PLATEAU = 0.02
"""Share of what could be gained that a job on a plateau gains."""
_OVERFIT_GAIN = 0.8
"""Share of what is left to the top that an overfitting job gains in training by its end: it saw through its grader."""
_OVERFIT_LOST, _DIVERGED = 1.4, 0.95
"""What overfitting takes off the gain on other prompts, as a share; how far down the range a diverging job ends."""

_STEP_SHARES = (0.31, 0.55, 0.139)
"""Sampling, training and validation, of a step that validates, as in the guide's sample; the rest is overhead."""


@dataclass(frozen=True, slots=True)
class RewardCurve:
    """What a reinforcement job's metrics depend on.

    ``summary`` is what the job's grader gave to the answers of the untrained model.
    ``seed`` is the job's own for metrics; counts are at least 1, rates above 0. ``step_s`` is the mean length of a step
    in virtual seconds, ``answer_tokens_mean`` what an answer has beside its reasoning.
    """

    seed: int
    total_steps: int
    n_epochs: int
    examples: int
    summary: GraderSummary
    has_validation: bool
    validation_examples: int = 10
    batch_size: int = 8
    learning_rate_multiplier: float = 1.0
    compute_multiplier: float = 1.0
    eval_interval: int = 5
    eval_samples: int = 2
    reasoning_effort: ReasoningEffort = "medium"
    step_s: float = 600.0
    answer_tokens_mean: float = 50.0
    shape: Shape = "converge"


@dataclass(frozen=True, slots=True)
class GraderTally:
    """One grader over the samples of a step: means and sums."""

    reward_mean: float
    prompt_tokens: int
    completion_tokens: int
    other_errors: int
    sample_parse_errors: int
    invalid_variable_errors: int
    latency_s: float


@dataclass(frozen=True, slots=True)
class Tally:
    """All samples of a step, of training or of validation. ``graders`` are in the summary's order."""

    samples: int
    reward_mean: float
    parse_error_mean: float
    reasoning_tokens: int
    graders: tuple[GraderTally, ...]

    @property
    def reasoning_tokens_mean(self) -> float:
        return self.reasoning_tokens / self.samples


@dataclass(frozen=True, slots=True)
class RewardMetrics:
    """One step as measured; ``valid`` and ``eval_s`` are None where nothing was validated. Times in virtual seconds."""

    step: int
    total_steps: int
    summary: GraderSummary
    train: Tally
    valid: Tally | None
    answer_tokens_mean: float
    eval_s: float | None
    sampling_s: float
    training_s: float
    full_iteration_s: float


def reward_metrics_at(curve: RewardCurve, step: int) -> RewardMetrics:
    """The metrics of ``step``, counted from 1, in constant time; ValueError outside ``1..total_steps``."""
    if not 1 <= step <= curve.total_steps:
        raise ValueError(f"step {step} is outside 1..{curve.total_steps}")
    validated = validates(curve, step)
    one, two, three = _THREE.unpack(draws.digest(curve.seed, "times", step, size_bytes=24))
    sampling, training, evaluation = (
        share * curve.step_s * (0.9 + 0.2 * draw * _UNIT)
        for share, draw in zip(_STEP_SHARES, (one, two, three), strict=True)
    )
    eval_s = evaluation if validated else None
    overhead = curve.step_s * (1.0 - sum(_STEP_SHARES))
    return RewardMetrics(
        step=step,
        total_steps=curve.total_steps,
        summary=curve.summary,
        train=_tally(curve, step, "train"),
        valid=_tally(curve, step, "valid") if validated else None,
        answer_tokens_mean=curve.answer_tokens_mean,
        eval_s=eval_s,
        sampling_s=sampling,
        training_s=training,
        full_iteration_s=sampling + training + (eval_s or 0.0) + overhead,
    )


def validates(curve: RewardCurve, step: int) -> bool:
    """Every ``eval_interval`` steps and at the last one (assumed), where there is something to validate on."""
    return curve.has_validation and (step % curve.eval_interval == 0 or step == curve.total_steps)


def retained_checkpoint_steps(curve: RewardCurve) -> tuple[int, ...]:
    """The steps of the checkpoints that are kept, ascending; the last is the last step, which is the model itself.

    Kept are the three best by valid_reward_mean (RFTDOC), of equals the later one. The model is where training ended,
    not its best moment: RFTDOC sends those who want to know the end model to the final step's validation. It is always
    listed (PINOLO: of a list the first is the model itself), as a fourth where three others were better (assumed).
    Without validation it is alone. At most ``MAX_RANKED`` validations are looked at.
    """
    last = curve.total_steps
    if not curve.has_validation:
        return (last,)
    interval = curve.eval_interval
    latest = (last - 1) // interval
    earlier = [number * interval for number in range(latest, max(0, latest - MAX_RANKED + 1), -1)]
    best = nlargest(RETAINED_BEST, ((_ranked(curve, step), step) for step in (last, *earlier)))
    return tuple(sorted({last, *(step for _, step in best)}))


def _ranked(curve: RewardCurve, step: int) -> float:
    reward = _mean_reward(curve, step, "valid")
    return reward if reward == reward else -inf  # what is no number is the worst


def smooth_reward(curve: RewardCurve, step: int, side: Side = "train") -> float:
    """The mean reward of ``step`` without noise."""
    return _reward(curve, _whole_span(curve), step, side, 0.0)


def _learned(curve: RewardCurve, step: int, side: Side) -> float:
    """Share in 0..1 of what can be learned. Training samples are drawn before a step's update, validation after it."""
    low, seen, high = _whole_span(curve)
    # Rewards that are all alike teach nothing, those half-way teach most.
    signal = 4.0 * ((seen - low) / (high - low)) * ((high - seen) / (high - low)) if high > low else 0.0
    speed = sqrt(curve.learning_rate_multiplier) * sqrt(curve.compute_multiplier)
    speed *= sqrt(sqrt(curve.batch_size / _TYPICAL_BATCH))
    updates = (step - 1 if side == "train" else step) * speed * signal
    return updates / (updates + _SCALE_UPDATES)


def _span(lowest: float, first: float, highest: float) -> _Span:
    low, first, high = (min(max(each, -_MAX_REWARD), _MAX_REWARD) for each in (lowest, first, highest))
    return min(low, first), first, max(high, first)


def _whole_span(curve: RewardCurve) -> _Span:
    return _span(curve.summary.lowest, curve.summary.mean_reward, curve.summary.highest)


def _examples(curve: RewardCurve, side: Side) -> int:
    """How many examples are behind the numbers of a step."""
    return curve.batch_size if side == "train" else curve.validation_examples


def _samples(curve: RewardCurve, side: Side) -> int:
    each = curve.eval_samples if side == "valid" else max(_SAMPLES_AN_EXAMPLE * curve.compute_multiplier, 1.0)
    return round(min(_examples(curve, side) * each, _MAX_SAMPLES))


def _reward(curve: RewardCurve, span: _Span, step: int, side: Side, luck: float) -> float:
    low, first, high = span
    gained = _HEADROOM[curve.reasoning_effort] * _learned(curve, step, side)
    if side == "valid":
        gained *= curve.examples / (curve.examples + _GENERALITY_EXAMPLES)
    if curve.shape != "converge":
        gained = _bent(curve, step, side, gained)
        if gained != gained:
            return nan
    reward = first + (high - first if gained >= 0.0 else first - low) * gained
    spread = _SPREAD[side] * sqrt(max(0.0, reward - low) * max(0.0, high - reward) / _examples(curve, side))
    return min(max(reward + luck * spread, low), high)


def _bent(curve: RewardCurve, step: int, side: Side, gained: float) -> float:
    """What becomes of the share that is ``gained``: below 0 it is a share of the way down."""
    done = shapes.progress(step, curve.total_steps)
    turned = shapes.turned(done)
    match curve.shape:
        case "plateau":
            return gained * _PLATEAU
        case "overfit" if side == "train":
            return gained + (1.0 - gained) * _OVERFIT_GAIN * done
        case "overfit":
            return gained * (1.0 - _OVERFIT_LOST * turned)
        case "diverge":
            return gained * (1.0 - turned) - _DIVERGED * turned
    return nan if shapes.is_nan(curve.shape, done) else gained


def _mean_reward(curve: RewardCurve, step: int, side: Side) -> float:
    return _reward(curve, _whole_span(curve), step, side, draws.normals(curve.seed, side, step)[0])


def _tally(curve: RewardCurve, step: int, side: Side) -> Tally:
    summary, learned = curve.summary, _learned(curve, step, side)
    examples, samples = _examples(curve, side), _samples(curve, side)
    luck, other_luck = draws.normals(curve.seed, side, step)
    left = _ERRORS_LEFT + (1.0 - _ERRORS_LEFT) * (1.0 - learned)
    low, high = _REASONING_DRIFT
    drift = exp((low + (high - low) * draws.uniform(curve.seed, "reasoning")) * learned)
    thinking = _REASONING_TOKENS[curve.reasoning_effort] * drift
    thinking *= exp(_REASONING_SPREAD / sqrt(examples) * other_luck)

    graders = []
    for index, score in enumerate(summary.by_grader):
        own_luck, wobble = draws.normals(curve.seed, side, step, index)
        # A lone grader's mean is the job's; the graders of a multi grader go up and down together, but not quite.
        shared = luck if len(summary.by_grader) == 1 else 0.8 * luck + 0.6 * own_luck
        reward = _reward(curve, _span(score.lowest, score.mean, score.highest), step, side, shared)
        graders.append(
            GraderTally(
                reward_mean=reward,
                prompt_tokens=round(score.prompt_tokens_mean * samples),
                completion_tokens=round(score.completion_tokens_mean * samples * exp(0.3 / sqrt(samples) * wobble)),
                other_errors=_count(samples, score.other_error_mean, wobble),
                sample_parse_errors=_count(samples, score.parse_error_mean * left, other_luck),
                invalid_variable_errors=_count(samples, score.invalid_variable_mean * left, other_luck),
                latency_s=score.execution_latency_mean_s * exp(0.2 * own_luck),
            )
        )
    return Tally(
        samples=samples,
        reward_mean=_reward(curve, _whole_span(curve), step, side, luck),
        parse_error_mean=_count(samples, summary.parse_error_mean * left, other_luck) / samples,
        reasoning_tokens=round(thinking * samples),
        graders=tuple(graders),
    )


def _count(samples: int, mean: float, luck: float) -> int:
    """How many of the samples have what one of them has with probability ``mean``."""
    spread = sqrt(max(0.0, samples * mean * (1.0 - mean)))
    return min(max(round(samples * mean + luck * spread), 0), samples)
