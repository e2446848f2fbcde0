"""The texts of a job's events, in one table with their sources. Metric events are worded with their metrics."""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.objects import Level


@dataclass(frozen=True, slots=True)
class EventKind:
    """``message`` is a template; ``source`` names where the words are known from, or says ``assumed``.

    ``bare``: the event's ``data`` is null instead of ``{}``. ``type`` is the event's.
    """

    message: str
    source: str
    level: Level = "info"
    bare: bool = False
    type: str = "message"


CREATED = EventKind("Created fine-tuning job: {job}", "PINOLO")
VALIDATING = EventKind("Validating training file: {training}", "PINOLO")
VALIDATING_BOTH = EventKind("Validating training file: {training} and validation file: {validation}", "PINOLO")
VALIDATED = EventKind("Files validated, moving job to queued state", "PINOLO")
STARTED = EventKind("Fine-tuning job started", "PINOLO, PY0225, CN1229", bare=True)
CHECKPOINT = EventKind("Checkpoint created at step {step} with Snapshot ID: {model}", "PINOLO")
NEW_MODEL = EventKind("New fine-tuned model created: {model}", "PINOLO")
COMPLETED = EventKind("The job has successfully completed", "PINOLO")
CANCELLED = EventKind("The job has been cancelled", "assumed")
FAILED = EventKind("{message}", "CN1229, PY0225", level="error")

_CHECKS = "moderation_checks"

EVALUATING = EventKind("Evaluating model against our usage policies", "REC 4.6", type=_CHECKS)
CHECKS_PASSED = EventKind("Moderation checks for snapshot {model} passed.", "REC 4.6", type=_CHECKS)
ENABLED = EventKind("Usage policy evaluations completed, model is now enabled for sampling", "REC 4.6", type=_CHECKS)
CHECKS_FAILED = EventKind("Moderation checks for snapshot {model} failed.", "assumed", level="error", type=_CHECKS)

METRICS: dict[str, tuple[str, str]] = {
    "supervised": ("Step {step}/{total_steps}: training loss={train_loss:.2f}, …", "NERBOOK, SEED"),
    "dpo": ("Step {step}/{total_steps}: training loss={train_loss:.2f}, …", "assumed"),
    "reinforcement": ("Step {step}/{total_steps} , train mean reward={train_mean_reward:.2f}, …", "RFTDOC"),
}
"""Metric events by method: shape and source."""
