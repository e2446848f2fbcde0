"""What a job's steps measure, whatever its method: one door to the metrics of each.

Supervised and preference training measure losses (``metrics.py``, ``preferences.py``), reinforcement measures rewards
(``rewards.py``).
"""

from __future__ import annotations

from mocktune.domain import metrics as losses
from mocktune.domain.metrics import Curve, StepMetrics

RETAINED_CHECKPOINTS = 3
"""SFTDOC: a checkpoint at the end of each epoch, of which the last three are kept."""

AnyCurve = Curve
AnyMetrics = StepMetrics
Json = dict[str, object]


def measure(curve: AnyCurve, step: int) -> AnyMetrics:
    """The metrics of ``step``, counted from 1, in constant time."""
    return losses.metrics_at(curve, step)


def message(metrics: AnyMetrics) -> str:
    """The text of a metric event."""
    return losses.event_message(metrics)


def data(metrics: AnyMetrics) -> dict[str, int | float]:
    """The ``data`` of a metric event."""
    return losses.event_data(metrics)


def checkpoint(metrics: AnyMetrics) -> dict[str, int | float]:
    """The ``metrics`` of a checkpoint."""
    return losses.checkpoint_metrics(metrics)


def earlier_checkpoints(curve: AnyCurve) -> tuple[int, ...]:
    """The steps of the retained checkpoints before the last one, which is the model itself."""
    epochs, steps = curve.n_epochs, curve.total_steps
    return tuple(epoch * steps // epochs for epoch in range(max(1, epochs - RETAINED_CHECKPOINTS + 1), epochs))


def csv_header(curve: AnyCurve) -> str:
    return losses.csv_header()


def csv_row(metrics: AnyMetrics) -> str:
    return losses.csv_row(metrics)
