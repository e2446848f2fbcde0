"""Objects that time brings forth: when a job has succeeded, its result file and its models exist.

They are derived, not made by a background task: before a request looks at a sandbox at ``now``, whatever was due by
``now`` is entered into its lists, in the order it was due. So the lists are the same however often they were looked at.
"""

from __future__ import annotations

from heapq import heappop, heappush

from mocktune.domain.clock import VirtualTime
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.timeline import PlanInputs, Timeline, earliest_end, result_file_id
from mocktune.service.datasets import Datasets
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.sandboxes import Sandbox, Visit


async def timeline_of(job: JobRecord, datasets: Datasets) -> Timeline:
    """The job's timeline, planned at the first question that needs it."""
    if job.timeline is None:
        encoding = job.model.encoding
        training = await datasets.outlook(job.training, encoding)
        validation = await datasets.outlook(job.validation, encoding) if job.validation else None
        if job.timeline is None:  # another request may have planned it meanwhile
            job.timeline = Timeline(
                PlanInputs(
                    job_id=job.id,
                    seed=job.seed,
                    created_at=job.created_at,
                    request=job.request,
                    model=job.model,
                    scenario=job.scenario,
                    training=training,
                    validation=validation,
                )
            )
    return job.timeline


def expect(sandbox: Sandbox, job: JobRecord) -> None:
    """Remember that ``job`` may bring forth objects, not earlier than its scenario allows."""
    ready_at = max(job.training.ready_at, job.validation.ready_at if job.validation else VirtualTime(0))
    heappush(sandbox.due, (earliest_end(job.created_at, ready_at, job.scenario, job.seed), job.ordinal, job))


async def settle(visit: Visit, datasets: Datasets) -> None:
    """Enter everything that was due by ``visit.now``."""
    sandbox, now = visit.sandbox, visit.now
    while sandbox.due and sandbox.due[0][0] <= now:
        due, _, job = sandbox.due[0]
        timeline = await timeline_of(job, datasets)
        if not sandbox.due or sandbox.due[0][2] is not job or sandbox.due[0][0] != due:
            continue  # another request settled it while this one waited for the plan
        heappop(sandbox.due)
        succeeds_at = timeline.plan.finished_at
        if succeeds_at is None or timeline.status_at(succeeds_at) is not JobStatus.SUCCEEDED:
            continue
        if due < succeeds_at:
            heappush(sandbox.due, (succeeds_at, job.ordinal, job))
        else:
            _bring_forth(sandbox, job, timeline, succeeds_at)


def _bring_forth(sandbox: Sandbox, job: JobRecord, timeline: Timeline, at: VirtualTime) -> None:
    training, window = timeline.plan.training, timeline.plan.window
    assert training is not None
    assert window is not None  # a job that succeeds has both
    result = FileRecord(
        id=result_file_id(job.seed),
        purpose="fine-tune-results",
        filename="step_metrics.csv",
        created_at=at,
        ready_at=at,
        scripted_error=None,
        blob=None,
        result_of=job,
    )
    sandbox.files.add(result.id, at, result)
    named = [(step, timeline.checkpoint_model(step)) for step in timeline.earlier_checkpoint_steps]
    named.append((training.curve.total_steps, timeline.fine_tuned_model))
    for step, name in named:
        sandbox.models.add(name, at, ModelRecord(name, at, job, window, step))
