"""Cancel, pause, resume, delete: done once, and known to be done although an answer was lost."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from mocktune_client import JobAlreadyEnded, JobNotInStatus, ModelUnknown, ObjectUnknown, PermissionRefused, WaitTimeout

from .lab import MARV, Lab, fixtures, html, lose_answer, refuse

FEW = b"".join(MARV.splitlines(keepends=True)[:9])
CANCEL, PAUSE, RESUME = (f"POST /fine_tuning/jobs/[^/]*/{verb}" for verb in ("cancel", "pause", "resume"))
DELETE_FILE, DELETE_MODEL = "DELETE /files/[^/]*", "DELETE /models/[^/]*"

server, lab = fixtures("files.processing=2m", "job.step=500ms", "model.absent_for=0s", "model.loading_for=0s")


def status(lab: Lab, job: str) -> str:
    return lab.unbroken.fine_tuning.jobs.retrieve(job).status


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_a_job_is_cancelled_and_cancelled_again_is_as_it_was(lab: Lab) -> None:
    job = lab.job(until="running")
    assert lab.tuner().cancel(job).status == "cancelled"
    assert lab.tuner().cancel(job).status == "cancelled"


@pytest.mark.parametrize(("verb", "operation"), [("cancel", CANCEL), ("pause", PAUSE)])
def test_what_a_lost_answer_has_done_counts_as_done(lab: Lab, verb: str, operation: str) -> None:
    job = lab.job(until="running")
    for breaking in (lose_answer, html(502)):
        lab.breaks(operation, breaking, times=1)
    changed = getattr(lab.tuner(), verb)(job)
    assert changed.status == status(lab, job) == {"cancel": "cancelled", "pause": "paused"}[verb]
    assert lab.count(operation) == 3


def test_a_paused_job_is_resumed_also_where_the_answer_is_lost(lab: Lab) -> None:
    job = lab.job(until="running")
    assert lab.tuner().pause(job).status == "paused"  # type: ignore[comparison-overlap]  # in no SDK's types
    assert lab.tuner().pause(job).status == "paused"  # type: ignore[comparison-overlap]
    lab.breaks(RESUME, lose_answer, times=1)
    assert lab.tuner().resume(job).status == status(lab, job) == "queued"
    assert lab.count(RESUME) == 2


def test_a_job_that_has_ended_can_no_longer_be_changed_and_says_how_it_ended(lab: Lab) -> None:
    job = lab.job(until="succeeded")
    for verb in ("cancel", "pause", "resume"):
        with pytest.raises(JobAlreadyEnded, match=rf"{job} has ended as 'succeeded' and cannot be {verb}.*Its model"):
            getattr(lab.tuner(), verb)(job)
    failed = lab.job(FEW, until="failed")
    with pytest.raises(JobAlreadyEnded, match="its error says why"):
        lab.tuner().cancel(failed)


def test_a_job_that_does_not_run_yet_cannot_be_paused(lab: Lab) -> None:
    job = lab.job()
    with pytest.raises(JobNotInStatus, match=r"'validating_files' and cannot be paused now. Only a job that runs"):
        lab.tuner().pause(job)


def test_a_job_that_is_not_there_is_told(lab: Lab) -> None:
    with pytest.raises(ObjectUnknown, match=r"Could not find fine tune: ftjob-none.*Check the id"):
        lab.tuner().cancel("ftjob-none")


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_in_processing_is_deleted_when_that_is_over(lab: Lab) -> None:
    file = lab.upload()
    lab.tuner().delete_file(file)
    assert lab.unbroken.files.list().data == []
    assert lab.now >= 120
    assert lab.count(DELETE_FILE) == 2  # and not as often as it was looked at
    assert lab.count("GET /files/[^/]*") > 10


def test_a_file_that_stays_in_processing_is_not_waited_for_without_an_end(lab: Lab) -> None:
    with pytest.raises(WaitTimeout, match=r"after \d+ s. Files of many megabytes take minutes"):
        lab.tuner().delete_file(lab.upload(), timeout_s=50)
    assert lab.now == pytest.approx(50)


def test_a_delete_whose_answer_is_lost_is_no_missing_file(lab: Lab) -> None:
    file = lab.upload()
    lab.advance(by="5m")
    lab.breaks(DELETE_FILE, lose_answer, times=1)
    lab.tuner().delete_file(file)
    assert lab.count(DELETE_FILE) == 2
    with pytest.raises(ObjectUnknown, match="No such File object"):
        lab.tuner().delete_file(file)
    with pytest.raises(openai.NotFoundError):
        lab.tuner().delete_file(file)


# -- models ------------------------------------------------------------------------------------------------------------


def test_a_model_is_deleted_once(lab: Lab) -> None:
    model = lab.unbroken.fine_tuning.jobs.retrieve(lab.job(until="succeeded")).fine_tuned_model
    assert model
    lab.breaks(DELETE_MODEL, html(502), times=1)
    lab.tuner().delete_model(model)
    with pytest.raises(ModelUnknown, match=r"does not exist.*Check the name"):
        lab.tuner().delete_model(model)
    with pytest.raises(PermissionRefused, match="ask whoever owns the project"):
        lab.tuner().delete_model("gpt-4o-mini")
    lab.breaks(DELETE_MODEL, refuse(404, None, "gone"))
    with pytest.raises(ObjectUnknown):
        lab.tuner().delete_model(model)


def test_an_asynchronous_client_does_all_of_it_too(lab: Lab) -> None:
    job, ended = lab.job(until="running"), lab.job(until="succeeded")
    model = lab.unbroken.fine_tuning.jobs.retrieve(ended).fine_tuned_model or ""
    file = lab.upload()
    job = lab.job(until="running")

    async def control() -> list[Any]:
        async with lab.async_client as client:
            tuner = lab.async_tuner(client)
            statuses = [(await change(job)).status for change in (tuner.pause, tuner.resume, tuner.cancel)]
            await tuner.delete_file(file)
            await tuner.delete_model(model)
            best = await tuner.best_checkpoint(ended)
            return [*statuses, len(await tuner.checkpoints(ended)), best]

    assert asyncio.run(control()) == ["paused", "queued", "cancelled", 1, None]
    assert file not in [each.id for each in lab.unbroken.files.list()]
    assert model not in [each.id for each in lab.unbroken.models.list()]
