"""A job's timeline, planned at the first question that needs it."""

from __future__ import annotations

from mocktune.domain.plan import PlanInputs
from mocktune.domain.timeline import Timeline
from mocktune.service.datasets import Datasets
from mocktune.service.records import JobRecord


async def timeline_of(job: JobRecord, datasets: Datasets) -> Timeline:
    """The job's timeline. Planning may wait for its files to be read."""
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
