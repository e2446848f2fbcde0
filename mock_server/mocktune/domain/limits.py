"""How much an organization may train: jobs at once, jobs a day, and money.

A day is a UTC day of virtual time. What counts is decided here, what happened is told by the service layer. Whether a
cap is enforced is the scenario's affair (``limits.caps``, ``limits.quota_usd``).
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.models import BaseModel, cost_usd
from mocktune.domain.objects import JobError

_DAY = 86_400 * SECOND
_HOUR = 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class Quota:
    """What an organization had left when a job was created, in US dollars."""

    organization_id: str
    remaining_usd: float


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Of one base model: jobs that are not over yet, running ones among them, and jobs created in one day."""

    max_pending_jobs: int
    max_jobs_per_day: int


JOB_LIMITS: dict[str, JobLimits] = {
    "gpt-3.5-turbo-0125": JobLimits(3, 48),
    "gpt-3.5-turbo-1106": JobLimits(3, 48),
    "gpt-4.1-2025-04-14": JobLimits(3, 8),
    "gpt-4.1-mini-2025-04-14": JobLimits(6, 24),
    "gpt-4.1-nano-2025-04-14": JobLimits(6, 24),
    "gpt-4o-2024-08-06": JobLimits(3, 8),
    "gpt-4o-mini-2024-07-18": JobLimits(5, 24),
    "o4-mini-2025-04-16": JobLimits(2, 4),
}
"""LIMITS: those of one organization in mid 2025."""

ASSUMED_LIMITS = JobLimits(3, 12)
"""Of every other model (assumed): the numbers people met in August and September 2023."""


@dataclass(frozen=True, slots=True)
class JobCounts:
    """The jobs of one base model at an instant: ``running``, not over for another reason, and created since midnight.

    A tuned model that is tuned again counts for its base model; jobs that failed or were cancelled count for the day
    (both assumed).
    """

    running: int = 0
    waiting: int = 0
    today: int = 0

    @property
    def active(self) -> int:
        return self.running + self.waiting


@dataclass(frozen=True, slots=True)
class ModelLimitsView:
    """A row of ``GET /fine_tuning/model_limits``."""

    model: str
    counts: JobCounts
    limits: JobLimits


def limits_of(model: BaseModel) -> JobLimits:
    """How many jobs of ``model`` there may be."""
    return JOB_LIMITS.get(model.id, ASSUMED_LIMITS)


def midnight_before(now: VirtualTime) -> VirtualTime:
    """The beginning of the UTC day ``now`` lies in."""
    return VirtualTime(now - now % _DAY)


def training_cost_usd(model: BaseModel, trained_tokens: int, training_lasted: int) -> float:
    """What a training costs in US dollars: by tokens over all epochs, or by its time in microseconds where that is
    billed (RFTDOC: of the core training loop alone).
    """
    by_tokens = cost_usd(model.prices, trained_tokens)
    if by_tokens is not None:
        return by_tokens
    return (model.prices.training_hour or 0.0) * training_lasted / _HOUR


def quota_failure(job_id: str, organization_id: str, cost_usd: float, remaining_usd: float) -> JobError | None:
    """How a job fails validation that costs more than what is left; None for one that can be paid.

    Both amounts are US dollars. The words, and that they are the job's failure and no error, are assumed.
    """
    if cost_usd <= remaining_usd:
        return None
    return JobError(
        "exceeded_quota",
        "Creating this fine-tuning job would exceed your hard limit, please check your plan and billing details. "
        f"Cost of job {job_id}: USD {cost_usd:.2f}. Quota remaining for {organization_id}: USD {remaining_usd:.2f}.",
        None,
    )
