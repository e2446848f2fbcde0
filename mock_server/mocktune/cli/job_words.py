"""One job in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mocktune.cli.listing import number, print_fields, usd, when

if TYPE_CHECKING:
    from openai import OpenAI

MEASURES = ("train loss", "accuracy", "valid loss", "valid accuracy", "reward")


def measures(metrics: Any) -> list[str | None]:
    """The metrics of a checkpoint, in the order of ``MEASURES``; None for what it does not have."""

    def first(*names: str) -> str | None:
        return next((told for name in names if (told := number(getattr(metrics, name, None)))), None)

    return [
        first("train_loss"),
        first("train_mean_token_accuracy"),
        # The whole validation file says more than one batch of it.
        first("full_valid_loss", "valid_loss"),
        first("full_valid_mean_token_accuracy", "valid_mean_token_accuracy"),
        first("full_valid_mean_reward", "valid_reward_mean", "train_mean_reward"),
    ]


def print_job(job: Any, client: OpenAI) -> None:
    """Every field that says something, and what to do about a job that failed."""
    print_fields(_fields(job, client))


def _fields(job: Any, client: OpenAI) -> Iterator[tuple[str, object]]:
    yield "id", job.id
    yield "status", job.status
    if job.status in ("running", "paused"):
        yield "step", _step(job, client)
    yield "model", job.model
    yield "tuned model", job.fine_tuned_model
    yield "suffix", getattr(job, "user_provided_suffix", None)
    yield "training file", job.training_file
    yield "validation file", job.validation_file
    yield "method", getattr(job.method, "type", None)
    yield "hyperparameters", _pairs(job.hyperparameters)
    yield "seed", job.seed
    yield "metadata", _pairs(job.metadata)
    yield "integrations", ", ".join(str(each.type) for each in job.integrations or ()) or None
    yield "created", when(job.created_at)
    yield "finished", when(job.finished_at)
    yield "took", _took(job)
    yield "estimated end", when(job.estimated_finish)
    yield "trained tokens", f"{job.trained_tokens:,}" if job.trained_tokens else None
    yield "price", _price(job)
    yield "result file", ", ".join(job.result_files or ()) or None
    yield "error", _error(job)


def _step(job: Any, client: OpenAI) -> str | None:
    """Where training is, from the latest events: ``estimated_finish`` is nearly always null [OBS]."""
    from mocktune_client.events import step_of

    for event in client.fine_tuning.jobs.list_events(job.id, limit=20).data or ():
        if seen := step_of(event):
            return f"{seen.step} of {seen.total_steps}"
    return None


def _pairs(given: Any) -> str | None:
    """What is null on real jobs of some methods [OBS] is left out."""
    if given is None:
        return None
    document = given if isinstance(given, dict) else given.to_dict()
    return "  ".join(f"{name}={value}" for name, value in document.items() if value is not None) or None


def _took(job: Any) -> str | None:
    if not job.finished_at or not job.created_at:
        return None
    from mocktune.domain.clock import SECOND, format_duration

    return format_duration(max(0, job.finished_at - job.created_at) * SECOND)


def _price(job: Any) -> str | None:
    from mocktune.domain.models import PRICED_ON, cost_usd
    from mocktune_client.model_names import base_model_of

    base = base_model_of(job.model)
    cost = cost_usd(base.prices, job.trained_tokens) if base and job.trained_tokens else None
    return None if cost is None else f"{usd(cost)} by the prices of {PRICED_ON}"


def _error(job: Any) -> str | None:
    if job.status not in ("failed", "cancelled"):
        return None  # the error of a healthy job is {} or an object of nulls [OBS]
    from mocktune_client import JobCancelled, JobFailed

    return str(JobFailed(job) if job.status == "failed" else JobCancelled(job))
