"""What an organization may train now, asked of the jobs it has: caps, quota, and whether it may train at all."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from mocktune.domain.clock import parse_instant
from mocktune.domain.error_kinds.limits import (
    DOWNLOAD_NOT_ON_FREE_PLAN,
    FREE_PLAN,
    INSUFFICIENT_QUOTA,
    TOO_MANY_ACTIVE_JOBS,
    TOO_MANY_JOBS_TODAY,
    TRAINING_NOT_AVAILABLE,
)
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.limits import JobCounts, ModelLimitsView, limits_of, midnight_before, training_cost_usd
from mocktune.domain.models import TRAINING_ENDS, BaseModel
from mocktune.service.datasets import Datasets
from mocktune.service.models import base_models, is_trainable
from mocktune.service.records import JobRecord
from mocktune.service.sandboxes import Visit
from mocktune.service.timelines import timeline_of


def check_organization(visit: Visit) -> None:
    """Whether the caller's organization may create jobs at all: asked before the body is read (contract 5.4).

    Raises ``PermissionDeniedError`` where the scenario says so; under the profile ``today`` also for an organization
    this server was not told of, and for everybody once the platform has ended (assumed: the same words).
    """
    standing = visit.sandbox.scenario.limits.org
    if standing == "free":
        raise FREE_PLAN()
    if standing == "wound_down" or (visit.rules.profile == "today" and not _trains_today(visit)):
        raise TRAINING_NOT_AVAILABLE()


def _trains_today(visit: Visit) -> bool:
    known = visit.caller.organization in visit.rules.known_organizations
    return known and visit.now < parse_instant(TRAINING_ENDS.date)


async def plan_jobs(visit: Visit, datasets: Datasets) -> None:
    """Wait for what the checks of a create need to know, where its sandbox has limits: for the files of other jobs to
    be read. Called before anything of the create is looked up, so that nothing changes between look-up and storing.
    """
    limits = visit.sandbox.scenario.limits
    if limits.caps == "observed" or limits.quota_usd is not None:
        await _plan_all(visit, datasets)


async def check_create(visit: Visit, model: BaseModel, datasets: Datasets) -> None:
    """Whether one more job on ``model`` may be created now: asked after its files were looked up.

    Raises ``RateLimitError``: too many jobs at once, too many today, nothing left of the quota, in this order
    (assumed). After ``plan_jobs`` it waits for nothing, so of two creates at once only one gets the last place.
    """
    await plan_jobs(visit, datasets)
    limits = visit.sandbox.scenario.limits
    if limits.caps == "observed":
        counts, allowed = _with_others(visit, model, _counts(visit)[model.id]), limits_of(model)
        if counts.active >= allowed.max_pending_jobs:
            raise TOO_MANY_ACTIVE_JOBS(
                most=allowed.max_pending_jobs, running=counts.running, pending=counts.waiting, model=model.id
            )
        if counts.today >= allowed.max_jobs_per_day:
            raise TOO_MANY_JOBS_TODAY(most=allowed.max_jobs_per_day, model=model.id)
    if limits.quota_usd is not None and spent_usd(visit) >= limits.quota_usd:
        raise INSUFFICIENT_QUOTA()


def check_download(visit: Visit, purpose: str) -> None:
    """Whether a file of ``purpose`` may be read back. Raises ``InvalidRequestError`` on the free plan [OBS]; that it
    concerns training files alone follows from its words.
    """
    if purpose == "fine-tune" and visit.sandbox.scenario.limits.org == "free":
        raise DOWNLOAD_NOT_ON_FREE_PLAN()


async def remaining_usd(visit: Visit, datasets: Datasets) -> float | None:
    """What is left of the quota at ``visit.now``, in US dollars, not below 0; None where there is no quota.

    Spent is what succeeded jobs cost, and cancelled ones up to then (assumed); failed jobs cost nothing (assumed).
    """
    quota_usd = visit.sandbox.scenario.limits.quota_usd
    if quota_usd is None:
        return None
    await plan_jobs(visit, datasets)
    return max(0.0, quota_usd - spent_usd(visit))


async def model_limits(visit: Visit, datasets: Datasets) -> list[ModelLimitsView]:
    """The caps of every model that can be tuned now and how much of them is used, whether or not they are enforced.
    Sorted by name, as recorded in LIMITS.
    """
    await _plan_all(visit, datasets)
    models = [model for model in base_models(visit) if model.methods and is_trainable(visit, model)]
    counts = _counts(visit)
    return [
        ModelLimitsView(model.id, _with_others(visit, model, counts[model.id]), limits_of(model))
        for model in sorted(models, key=lambda model: model.id)
    ]


async def _plan_all(visit: Visit, datasets: Datasets) -> None:
    """See to it that every job has its timeline, those too that come meanwhile."""
    while unplanned := [job for job in visit.sandbox.jobs.newest_first() if job.timeline is None]:
        for job in unplanned:
            await timeline_of(job, datasets)


def _counts(visit: Visit) -> defaultdict[str, JobCounts]:
    """The jobs of every base model, by its name; all of them have their timelines."""
    midnight = midnight_before(visit.now)
    counts: defaultdict[str, JobCounts] = defaultdict(JobCounts)
    for job in visit.sandbox.jobs.newest_first():
        before = counts[job.model.id]
        status = job.timeline.status_at(visit.now) if job.timeline else JobStatus.VALIDATING_FILES
        running = status is JobStatus.RUNNING
        counts[job.model.id] = JobCounts(
            running=before.running + running,
            waiting=before.waiting + (not running and not status.terminal),
            today=before.today + (job.created_at >= midnight),
        )
    return counts


def _with_others(visit: Visit, model: BaseModel, counts: JobCounts) -> JobCounts:
    """``counts`` with the jobs that other projects of the organization have, as the scenario says."""
    sandbox, allowed = visit.sandbox, limits_of(model)
    limits, since = sandbox.scenario.limits, sandbox.scenario_since or sandbox.clock.started
    over_at = None if limits.active_for is None else since + limits.active_for.drawn(sandbox.seed, "active_for")
    elsewhere = limits.active_elsewhere if over_at is None or visit.now < over_at else 0
    today = limits.used_today if midnight_before(visit.now) <= since else 0
    return JobCounts(
        running=counts.running + min(elsewhere, allowed.max_pending_jobs),
        waiting=counts.waiting,
        today=counts.today + min(today, allowed.max_jobs_per_day),
    )


def spent_usd(visit: Visit) -> float:
    """What the jobs of a sandbox have cost by ``visit.now``, as far as they were planned."""
    return sum(_billed(visit, job).usd for job in visit.sandbox.jobs.newest_first())


def trained_tokens(visit: Visit) -> int:
    """Of the jobs that are billed."""
    return sum(_billed(visit, job).tokens for job in visit.sandbox.jobs.newest_first())


class _Bill(NamedTuple):
    tokens: int
    usd: float


_NOTHING = _Bill(0, 0.0)


def _billed(visit: Visit, job: JobRecord) -> _Bill:
    """Of a job by ``visit.now``: only those that succeeded or were cancelled are billed."""
    timeline = job.timeline
    if timeline is None or (training := timeline.plan.training) is None:
        return _NOTHING
    tokens = timeline.plan.trained_tokens
    match timeline.status_at(visit.now):
        case JobStatus.SUCCEEDED:
            return _Bill(tokens, training_cost_usd(job.model, tokens, training.lasts))
        case JobStatus.CANCELLED if timeline.cancelled_at is not None:
            # Pauses are not billed (RFTDOC): what counts is how far the job's own time had come.
            reached = timeline.own_time(timeline.cancelled_at)
            lasted = min(max(0, reached - training.starts), training.lasts)
            trained = tokens * training.steps_ended(reached) // training.curve.total_steps
            return _Bill(trained, training_cost_usd(job.model, trained, lasted))
    return _NOTHING
