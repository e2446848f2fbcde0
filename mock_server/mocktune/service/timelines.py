"""A job's timeline, planned at the first question that needs it."""

from __future__ import annotations

from dataclasses import replace

from mocktune.domain.plan import PlanInputs
from mocktune.domain.timeline import Timeline
from mocktune.domain.validation import FileOutlook, first_fault
from mocktune.service.datasets import Datasets
from mocktune.service.records import JobRecord


async def timeline_of(job: JobRecord, datasets: Datasets) -> Timeline:
    """The job's timeline. Planning may wait for its files to be read."""
    if job.timeline is None:
        inputs = await _inputs_of(job, datasets)
        if job.timeline is None:  # another request may have planned it meanwhile
            job.timeline = Timeline(inputs)
    return job.timeline


async def _inputs_of(job: JobRecord, datasets: Datasets) -> PlanInputs:
    encoding, method = job.model.encoding, job.request.method
    moderated = job.scenario.limits.moderation == "observed"
    training = await datasets.outlook(job.training, encoding, method, moderated=moderated)
    validation = None
    if job.validation is not None:
        validation = await datasets.outlook(job.validation, encoding, method, moderated=moderated)
    inputs = inputs_of(job, training, validation)
    if method == "reinforcement" and training.report is not None and _are_good(inputs):
        graded = await datasets.grading.of(job, training.report.examples, datasets)
        inputs = replace(inputs, graded=graded)
    return inputs


def _are_good(inputs: PlanInputs) -> bool:
    """Whether the files are, as long as nobody deletes one."""
    files = inputs.training, inputs.validation
    return first_fault(inputs.model, *files, by=inputs.created_at, method=inputs.request.method) is None


def inputs_of(job: JobRecord, training: FileOutlook, validation: FileOutlook | None) -> PlanInputs:
    """All that decides the job's future, from its record and from what is known of its files."""
    return PlanInputs(
        job_id=job.id,
        seed=job.seed,
        created_at=job.created_at,
        request=job.request,
        model=job.model,
        scenario=job.scenario,
        training=training,
        validation=validation,
        fine_tuned_model=job.given_model,
        quota=job.quota,
    )
