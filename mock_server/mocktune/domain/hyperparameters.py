"""Hyperparameters of a job: ``"auto"`` resolved to numbers, how a job shows them, and the number of steps that follows.

Contract 1.2 and 4.10. The epochs rule is the cookbook's, and every recorded job agrees with it (RUBY, CN1229, YiVal,
PINOLO, NERBOOK). The batch size is recorded as 1 up to 103 examples and assumed above; the multiplier is a column of
the model table. Preference training follows the same rules (assumed) with the recorded beta. No reinforcement job with
its numbers was ever seen: ``REINFORCEMENT_AUTO`` is assumed as a whole.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

from mocktune.domain.models import BaseModel, Method

ReasoningEffort = Literal["default", "low", "medium", "high"]

TARGET_EPOCHS = 3
MIN_TARGET_EXAMPLES = 100
MAX_TARGET_EXAMPLES = 25_000
MAX_DEFAULT_EPOCHS = 25
MAX_DEFAULT_BATCH_SIZE = 256
BATCH_SHARE = 0.002
"""The legacy guide's part of the training set that makes one batch (assumed still to hold)."""

PLAYABLE: dict[str, tuple[float, float]] = {
    "n_epochs": (1, 1000),
    "batch_size": (1, 2**62),
    "learning_rate_multiplier": (1e-300, 1e300),
    "beta": (1e-300, 1e300),
    "compute_multiplier": (1e-300, 1e300),
    "eval_interval": (1, 2**62),
    "eval_samples": (1, 2**62),
}
"""What a job can be played with: numbers beyond, which only ``--loose`` and states let through, become the nearest."""

AUTO_BETA = 0.1
"""CN1229: what dpo jobs without hyperparameters show, at once, while everything else still says "auto"."""


@dataclass(frozen=True, slots=True)
class Requested:
    """What the request asked for; None stands for ``"auto"`` or for nothing said.

    ``beta`` is of dpo, the last four are of reinforcement.
    """

    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    beta: float | None = None
    compute_multiplier: float | None = None
    eval_interval: int | None = None
    eval_samples: int | None = None
    reasoning_effort: ReasoningEffort | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the job trains with, as its object shows it; None for what its method does not have.

    A whole multiplier is an int: the service writes 2, not 2.0. ``reasoning_effort`` is never ``"default"``.
    """

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None = None
    compute_multiplier: float | None = None
    eval_interval: int | None = None
    eval_samples: int | None = None
    reasoning_effort: ReasoningEffort | None = None


REINFORCEMENT_AUTO = Resolved(
    n_epochs=2,
    batch_size=8,  # at most the training set
    learning_rate_multiplier=1,
    compute_multiplier=1,
    eval_interval=5,  # steps
    eval_samples=2,  # of every validation example: the guide's sample event has graded 20 of them
    reasoning_effort="medium",  # what o-series models do when nothing is said
)
"""What reinforcement makes of "auto" and of ``reasoning_effort: "default"`` (assumed)."""

_KEYS: dict[Method, tuple[str, ...]] = {
    "supervised": (),
    "dpo": ("beta",),
    "reinforcement": ("compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"),
}
"""What a method has beyond the three that all have, in the order of contract 1.2 and 4.8."""


def resolve(n_examples: int, model: BaseModel, requested: Requested, method: Method = "supervised") -> Resolved:
    """The numbers a job over ``n_examples`` training examples runs with; what its method does not have is dropped."""
    requested = _playable(requested)
    if method == "reinforcement":
        return _reinforcement(n_examples, requested)
    multiplier = requested.learning_rate_multiplier
    return Resolved(
        n_epochs=auto_epochs(n_examples) if requested.n_epochs is None else requested.n_epochs,
        batch_size=auto_batch_size(n_examples) if requested.batch_size is None else requested.batch_size,
        learning_rate_multiplier=_whole(model.learning_rate_multiplier if multiplier is None else multiplier),
        beta=_whole(AUTO_BETA if requested.beta is None else requested.beta) if method == "dpo" else None,
    )


def _playable(requested: Requested) -> Requested:
    changes = {}
    for name, (least, most) in PLAYABLE.items():
        value = getattr(requested, name)
        if value is not None and not least <= value <= most:
            changes[name] = type(value)(least if value < least else most)
    return replace(requested, **changes) if changes else requested


def _reinforcement(n_examples: int, requested: Requested) -> Resolved:
    asked = {key: value for key, value in asdict(requested).items() if value is not None and key != "beta"}
    if asked.get("reasoning_effort") == "default":
        del asked["reasoning_effort"]
    for key in ("learning_rate_multiplier", "compute_multiplier"):
        if key in asked:
            asked[key] = _whole(asked[key])
    asked.setdefault("batch_size", max(1, min(REINFORCEMENT_AUTO.batch_size, n_examples)))
    return replace(REINFORCEMENT_AUTO, **asked)


def shown(requested: Requested, resolved: Resolved | None, method: Method) -> dict[str, int | float | str]:
    """The JSON of ``method.<method>.hyperparameters``: all keys of the method, ``"auto"`` for what is not resolved yet.

    Two never say "auto": the beta of dpo, which is there from the start (CN1229), and the reasoning effort, whose
    word for it is "default" (SPEC).
    """
    values = resolved or requested
    unsaid: dict[str, float | str] = {"beta": AUTO_BETA, "reasoning_effort": "default"}
    found: dict[str, int | float | str] = {}
    for key in ("n_epochs", "batch_size", "learning_rate_multiplier", *_KEYS[method]):
        value = getattr(values, key)
        found[key] = unsaid.get(key, "auto") if value is None else value
    return found


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


def _whole(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number
