"""Fine-tuning jobs: create, list, retrieve, cancel, their events and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mocktune.domain import ids
from mocktune.domain.clock import VirtualTime
from mocktune.domain.documents import ScenarioError
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds.jobs import (
    ALREADY_COMPLETED,
    INVALID_FILE,
    MODEL_NOT_AVAILABLE,
    NO_SUCH_JOB,
    TOO_MANY_PAUSES,
    UNKNOWN_SCENARIO,
    WRONG_STATE,
)
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.limits import Quota
from mocktune.domain.models import BaseModel
from mocktune.domain.objects import CheckpointView, EventView, JobRequest, JobView
from mocktune.domain.pauses import MAX_PAUSES
from mocktune.domain.scenario import Scenario
from mocktune.domain.timeline import Signal, Timeline
from mocktune.service.datasets import Datasets
from mocktune.service.faults import ensure_book
from mocktune.service.limits import check_create, plan_jobs
from mocktune.service.limits import remaining_usd as remaining_quota_usd
from mocktune.service.models import known_tuned, tunable_model
from mocktune.service.paging import Page, take, unknown_cursor, walk
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.retention import drop_unneeded
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.settling import expect_end, expect_moved_end
from mocktune.service.timelines import timeline_of

INBAND_KEY = "mocktune_scenario"
"""In a job's metadata it names a packaged scenario for that job alone."""

MetadataFilter = Mapping[str, str] | None
"""Pairs a job's metadata must contain; None selects the jobs whose metadata is null."""


class JobService:
    """Everything under ``/fine_tuning/jobs``."""

    def __init__(self, datasets: Datasets, scenario_named: Callable[[str], Scenario] | None = None) -> None:
        """``scenario_named`` finds the scenarios that metadata may name (``INBAND_KEY``); None: metadata is text."""
        self._datasets = datasets
        self._scenario_named = scenario_named

    async def create(self, visit: Visit, request: JobRequest) -> JobView:
        """Stores the inputs: a file may still be processing, and faults in it fail the job later. Where there are caps
        or a quota it waits for the plans of earlier jobs, else for nothing.

        Raises, in the order of contract 5.4, ``InvalidRequestError`` for a model that cannot be tuned and for a file
        that does not exist, ``RateLimitError`` for caps and quota.
        """
        sandbox = visit.sandbox
        await plan_jobs(visit, self._datasets)
        model, parent = _tunable_model(visit, request)
        training = _file(visit, request.training_file, "training_file")
        validation = _file(visit, request.validation_file, "validation_file") if request.validation_file else None
        scenario = self._scenario_of(visit, request)
        await check_create(visit, model, self._datasets)
        remaining_usd = await remaining_quota_usd(visit, self._datasets)
        ordinal = sandbox.next_ordinal("job")
        seed = derive_seed(sandbox.seed, "job", ordinal, -1 if request.seed is None else request.seed)
        job = JobRecord(
            id=ids.object_id("azure_job" if request.dialect == "azure" else "job", sandbox.seed, ordinal),
            ordinal=ordinal,
            seed=seed,
            created_at=visit.now,
            request=request,
            model=model,
            scenario=scenario,
            training=training,
            validation=validation,
            parent=parent,
            shown_seed=ids.service_seed(seed) if request.seed is None else request.seed,
            quota=None if remaining_usd is None else Quota(sandbox.organization_id, remaining_usd),
        )
        if scenario is not sandbox.scenario and scenario.faults:
            # Before anything knows of the job: where there is no room for its rules, there is no job.
            ensure_book(sandbox).add(scenario.faults, job_id=job.id, now=visit.now, wall=visit.wall)
        for file in (training, validation):
            if file is not None:
                file.jobs.append(job)
        sandbox.jobs.add(job.id, visit.now, job)
        expect_end(sandbox, job)
        job.tell(JobStatus.VALIDATING_FILES, visit.now)
        return _created_view(sandbox, job)

    async def list(self, visit: Visit, *, after: str | None, limit: int, metadata: MetadataFilter) -> Page[JobView]:
        """Newest first [OBS RUBY]. An empty ``metadata`` filters nothing."""
        jobs = walk(visit, visit.sandbox.jobs, after)
        page = take((job for job in jobs if _matches(job.request, metadata)), limit)
        return Page([await self._view(visit, job) for job in page.items], page.has_more)

    async def retrieve(self, visit: Visit, id: str) -> JobView:
        return await self._view(visit, _get(visit, id))

    async def cancel(self, visit: Visit, id: str) -> JobView:
        """Legal in every status that is not terminal."""
        job = _get(visit, id)
        timeline = await timeline_of(job, self._datasets)
        if not timeline.status_at(visit.now).terminal:
            job.timeline = timeline.with_signal(Signal(visit.now, "cancel"))
            drop_unneeded(job.training)
        elif not visit.loose:
            raise ALREADY_COMPLETED(id=id)
        return await self._view(visit, job)

    async def pause(self, visit: Visit, id: str) -> JobView:
        """Legal while the job runs: its progress stands still until it is resumed [SPEC, RFTDOC]."""
        job = _get(visit, id)
        timeline = await timeline_of(job, self._datasets)
        if timeline.status_at(visit.now) is JobStatus.RUNNING:
            if sum(signal.do == "pause" for signal in timeline.signals) >= MAX_PAUSES:
                raise TOO_MANY_PAUSES(id=id, most=MAX_PAUSES)
            job.timeline = timeline.with_signal(Signal(visit.now, "pause"))
            expect_moved_end(visit.sandbox, job)
        elif not visit.loose:
            raise WRONG_STATE(do="pause", id=id, status=timeline.status_at(visit.now))
        return await self._view(visit, job)

    async def resume(self, visit: Visit, id: str) -> JobView:
        """Legal while the job is paused: it queues again, then goes on from where it stood."""
        job = _get(visit, id)
        timeline = await timeline_of(job, self._datasets)
        if timeline.status_at(visit.now) is JobStatus.PAUSED:
            job.timeline = timeline.with_signal(Signal(visit.now, "resume"))
            expect_moved_end(visit.sandbox, job)
        elif not visit.loose:
            raise WRONG_STATE(do="resume", id=id, status=timeline.status_at(visit.now))
        return await self._view(visit, job)

    async def events(self, visit: Visit, id: str, *, after: str | None, limit: int) -> Page[EventView]:
        """Newest first; a page costs the same in a job of a million steps."""
        job = _get(visit, id)
        timeline = await timeline_of(job, self._datasets)
        before = None
        if after is not None:
            before = ids.event_index(job.seed, after)
            known = before is not None and before < timeline.event_count(visit.now)
            if not known and not visit.loose:
                raise unknown_cursor(after)
            before = before if known else None
        return take(timeline.events_newest_first(visit.now, before=before), limit)

    async def checkpoints(self, visit: Visit, id: str, *, after: str | None, limit: int) -> Page[CheckpointView]:
        """Highest step first; empty until the job has succeeded [OBS PINOLO]."""
        timeline = await timeline_of(_get(visit, id), self._datasets)
        checkpoints = timeline.checkpoints_at(visit.now)
        if after is not None:
            known = [checkpoint.id for checkpoint in checkpoints]
            if after in known:
                checkpoints = checkpoints[known.index(after) + 1 :]
            elif not visit.loose:
                raise unknown_cursor(after)
        return take(checkpoints, limit)

    async def _view(self, visit: Visit, job: JobRecord) -> JobView:
        timeline = job.timeline or await timeline_of(job, self._datasets)
        now = visit.now
        status = timeline.status_at(now)
        job.tell(status, now)
        succeeded = status is JobStatus.SUCCEEDED
        return JobView(
            id=job.id,
            request=job.request,
            model=job.shown_model,
            organization_id=visit.sandbox.organization_id,
            created_at=job.created_at,
            finished_at=timeline.finished_at(now),
            fine_tuned_model=timeline.fine_tuned_model if succeeded else None,
            result_files=_result_files(job, timeline, now) if succeeded else (),
            status=status,
            hyperparameters=timeline.hyperparameters_at(now),
            trained_tokens=timeline.plan.trained_tokens if succeeded else None,
            error=timeline.error_at(now),
            seed=job.shown_seed,
            estimated_finish=timeline.estimated_finish(now) if job.scenario.job.estimated_finish else None,
            written_status=_written_status(job, timeline, status, now),
            no_error=job.scenario.job.wire.no_error,
        )

    def _scenario_of(self, visit: Visit, request: JobRequest) -> Scenario:
        """The sandbox's, with what the one that the metadata names says of jobs and of what comes of them."""
        scenario = visit.sandbox.scenario
        if self._scenario_named is None or request.metadata is None:
            return scenario
        name = dict(request.metadata).get(INBAND_KEY)
        if name is None:
            return scenario
        try:
            named = self._scenario_named(name)
        except ScenarioError as error:
            raise UNKNOWN_SCENARIO(problem=error) from error
        return replace(
            scenario,
            name=named.name,
            summary=named.summary,
            catches=named.catches,
            job=named.job,
            metrics=named.metrics,
            model=named.model,
            events=named.events,
            result=named.result,
            signals=named.signals,
            faults=named.faults,
        )


def _result_files(job: JobRecord, timeline: Timeline, now: VirtualTime) -> tuple[str, ...]:
    result_at = timeline.result_at
    return () if result_at is None or now < result_at else (job.result_file_id,)


def _written_status(job: JobRecord, timeline: Timeline, status: JobStatus, now: VirtualTime) -> str | None:
    """What is written in the place of ``status``, where the scenario wants that."""
    wire = job.scenario.job.wire
    if wire.status is None or status != wire.instead_of:
        return None
    if wire.shown_for is None:
        return wire.status
    begins = timeline.instant_of(status) or now
    return wire.status if now < begins + wire.shown_for.drawn(job.seed, "written status") else None


def _created_view(sandbox: Sandbox, job: JobRecord) -> JobView:
    """The answer of create: everything is still open, whatever the plan will be."""
    wire = job.scenario.job.wire
    begun = JobStatus(wire.initial_status)
    return JobView(
        id=job.id,
        request=job.request,
        model=job.shown_model,
        organization_id=sandbox.organization_id,
        created_at=job.created_at,
        finished_at=None,
        fine_tuned_model=None,
        result_files=(),
        status=begun,
        hyperparameters=None,
        trained_tokens=None,
        error=None,
        seed=job.shown_seed,
        written_status=wire.status if wire.status is not None and wire.instead_of == begun else None,
        no_error=wire.no_error,
    )


def _get(visit: Visit, id: str) -> JobRecord:
    job = visit.sandbox.jobs.get(id)
    if job is None:
        raise NO_SUCH_JOB(id=id)
    return job


def _file(visit: Visit, id: str, param: str) -> FileRecord:
    file = visit.sandbox.files.get(id)
    if file is None:
        raise INVALID_FILE(which=param, id=id, param=param)
    return file


def _tunable_model(visit: Visit, request: JobRequest) -> tuple[BaseModel, ModelRecord | None]:
    """The base model, and the tuned one to go on from. A name of another sandbox is as unknown as any (assumed)."""
    model = tunable_model(visit, request.model, request.method)
    if model is None:
        raise MODEL_NOT_AVAILABLE(model=request.model)
    return model, known_tuned(visit, request.model)


def _matches(request: JobRequest, wanted: MetadataFilter) -> bool:
    if wanted is None:
        return request.metadata is None
    if not wanted:
        return True
    have = dict(request.metadata or ())
    return all(have.get(key) == value for key, value in wanted.items())
