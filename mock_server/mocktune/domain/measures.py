"""What a job's steps measure, whatever its method: one door to the metrics of each.

Supervised training measures losses (``metrics.py``), dpo the loss of preferences (``preferences.py``) in the same
shape, reinforcement measures rewards (``rewards.py``). The modules of the last two are imported by the jobs that need
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mocktune.domain import metrics as losses
from mocktune.domain.metrics import Curve, StepMetrics

if TYPE_CHECKING:
    from mocktune.domain.preferences import PreferenceCurve
    from mocktune.domain.rewards import RewardCurve, RewardMetrics

    AnyCurve = Curve | PreferenceCurve | RewardCurve
    AnyMetrics = StepMetrics | RewardMetrics

RETAINED_CHECKPOINTS = 3
"""SFTDOC: a checkpoint at the end of each epoch, of which the last three are kept."""


def measure(curve: AnyCurve, step: int) -> AnyMetrics:
    """The metrics of ``step``, counted from 1, in constant time."""
    if isinstance(curve, Curve):
        return losses.metrics_at(curve, step)
    from mocktune.domain.rewards import RewardCurve, reward_metrics_at

    if isinstance(curve, RewardCurve):
        return reward_metrics_at(curve, step)
    from mocktune.domain.preferences import preference_metrics_at

    return preference_metrics_at(curve, step)


def message(metrics: AnyMetrics) -> str:
    """The text of a metric event."""
    return str(_words(metrics).event_message(metrics))


def data(metrics: AnyMetrics) -> dict[str, Any]:
    """The ``data`` of a metric event."""
    data: dict[str, Any] = _words(metrics).event_data(metrics)
    return data


def checkpoint(metrics: AnyMetrics) -> dict[str, Any]:
    """The ``metrics`` of a checkpoint."""
    data: dict[str, Any] = _words(metrics).checkpoint_metrics(metrics)
    return data


def csv_header(curve: AnyCurve) -> str:
    """The first line of the result file, without its line end."""
    return str(_words(measure(curve, curve.total_steps)).csv_header())


def csv_row(metrics: AnyMetrics) -> str:
    """A line of the result file, without its line end."""
    return str(_words(metrics).csv_row(metrics))


def earlier_checkpoints(curve: AnyCurve) -> tuple[int, ...]:
    """The steps of the retained checkpoints before the last one, which is the model itself."""
    if not isinstance(curve, Curve):
        from mocktune.domain.rewards import RewardCurve, retained_checkpoint_steps

        if isinstance(curve, RewardCurve):
            return retained_checkpoint_steps(curve)[:-1]
    epochs, steps = curve.n_epochs, curve.total_steps
    return tuple(epoch * steps // epochs for epoch in range(max(1, epochs - RETAINED_CHECKPOINTS + 1), epochs))


def _words(metrics: AnyMetrics) -> Any:
    """The module that words these metrics."""
    if isinstance(metrics, StepMetrics):
        return losses
    from mocktune.domain import reward_events

    return reward_events
