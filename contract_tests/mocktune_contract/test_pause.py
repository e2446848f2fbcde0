"""A job that is paused and resumed.

::

    running -> paused -> queued -> running -> succeeded          pause, resume (4 s of queue), the rest of the steps

Meanwhile its progress stands still: what comes after comes later by just as long. The statuses are those of the public
description and of the reinforcement guide [SPEC, RFTDOC]; nobody recorded a pause, so what is refused, in which words,
and that a pause adds no event, is assumed.
"""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from mocktune_contract.lab import Lab, Labs, training_file

pytestmark = [pytest.mark.needs("time"), pytest.mark.source("SPEC, RFTDOC")]

PLAIN = training_file("valid/plain.jsonl")
STEPS, STEP_S, QUEUED_S = 96, 2.5, 4


def running_job(lab: Lab, **parameters: Any) -> FineTuningJob:
    job = lab.create_job(lab.upload_ready(PLAIN).id, **parameters)
    lab.clock.until(job.id, "running")
    return job


def pause(lab: Lab, job_id: str) -> str:
    return str(lab.client().fine_tuning.jobs.pause(job_id).status)


def resume(lab: Lab, job_id: str) -> str:
    return str(lab.client().fine_tuning.jobs.resume(job_id).status)


def steps_seen(lab: Lab, job_id: str) -> int:
    return sum(event["type"] == "metrics" for event in lab.raw_events(job_id))


# -- what is seen ------------------------------------------------------------------------------------------------------


@pytest.mark.source("SPEC")
@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
@pytest.mark.observed_wire("the SDK's type has no status for a pause")
def test_a_paused_job_queues_again_when_it_is_resumed(lab: Lab) -> None:
    """SPEC: the examples of the two routes answer ``paused`` and ``queued``."""
    job = running_job(lab)
    assert pause(lab, job.id) == "paused"
    assert lab.job(job.id).status == "paused"  # type: ignore[comparison-overlap]  # outside the SDK's type
    assert resume(lab, job.id) == "queued"
    assert lab.job(job.id).status == "queued"
    lab.clock.advance(by=f"{QUEUED_S}s")
    assert lab.job(job.id).status == "running"
    lab.clock.until(job.id, "terminal")
    assert lab.job(job.id).status == "succeeded"


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.jobs.pause")
@pytest.mark.shape
def test_under_the_sdk_wire_a_paused_job_is_queued(own_server: Labs) -> None:
    """mocktune's choice: it is the status that it will have when it is resumed."""
    lab = own_server(wire="sdk")
    job = running_job(lab)
    with lab.strict_client() as client:
        assert client.fine_tuning.jobs.pause(job.id).status == "queued"
        assert client.fine_tuning.jobs.retrieve(job.id).status == "queued"
        assert client.fine_tuning.jobs.list().data[0].status == "queued"


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.pause")
def test_a_paused_job_has_no_end(lab: Lab) -> None:
    job = running_job(lab)
    pause(lab, job.id)
    lab.clock.advance(by="30d")
    seen = lab.raw_job(job.id)
    assert [seen[field] for field in ("finished_at", "fine_tuned_model", "trained_tokens")] == [None, None, None]
    assert seen["result_files"] == []
    assert seen["hyperparameters"]["n_epochs"] == 8
    assert lab.http.get(f"/fine_tuning/jobs/{job.id}/checkpoints").json()["data"] == []


@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
def test_steps_stand_still_while_a_job_is_paused(lab: Lab) -> None:
    job = running_job(lab)
    lab.clock.advance(by="26s")  # ten steps, and a part of the eleventh
    assert steps_seen(lab, job.id) == 10
    pause(lab, job.id)
    before = lab.raw_events(job.id)
    lab.clock.advance(by="2h")
    assert lab.raw_events(job.id) == before
    resume(lab, job.id)
    lab.clock.advance(by=f"{QUEUED_S}s")
    assert lab.raw_events(job.id) == before
    lab.clock.advance(by="2s")  # the eleventh step goes on from where it stood
    assert steps_seen(lab, job.id) == 11


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
def test_everything_after_a_pause_comes_later_by_the_pause(own_server: Labs) -> None:
    """Two jobs of one life but for the pause of 100 s and the queue after it: events, checkpoints, the end."""
    lives = []
    for paused in (False, True):
        each = own_server(max_sandboxes=2000 + paused)  # two servers with one seed
        job = running_job(each)
        each.clock.advance(by="120s")
        if paused:
            pause(each, job.id)
            each.clock.advance(by="100s")
            resume(each, job.id)
        each.clock.until(job.id, "succeeded")
        each.clock.advance(by="10s")
        lives.append((each, job))
    shift = 100 + QUEUED_S
    paused_at = lives[0][1].created_at + 45 + 4 + 120

    def shifted(created_at: int) -> int:
        return created_at + shift if created_at >= paused_at else created_at

    ends = [each.job(job.id).finished_at or 0 for each, job in lives]
    assert ends[1] - ends[0] == shift
    times = [[event["created_at"] for event in each.raw_events(job.id)] for each, job in lives]
    assert times[1] == [shifted(at) for at in times[0]]
    checkpoints = [
        [row.created_at for row in each.client().fine_tuning.jobs.checkpoints.list(job.id)] for each, job in lives
    ]
    assert checkpoints[1] == [shifted(at) for at in checkpoints[0]]


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
def test_a_pause_changes_nothing_of_what_is_learned(lab: Lab) -> None:
    """The steps' numbers are those the job had from its creation."""
    job = running_job(lab)
    for _ in range(3):
        lab.clock.advance(by="10s")
        pause(lab, job.id)
        lab.clock.advance(by="1h")
        resume(lab, job.id)
        lab.clock.until(job.id, "running")
    lab.clock.until(job.id, "succeeded")
    steps = [event["data"]["step"] for event in lab.raw_events(job.id) if event["type"] == "metrics"]
    assert steps == list(range(1, STEPS + 1))
    assert lab.job(job.id).finished_at == job.created_at + 45 + 4 + STEPS * STEP_S + 3 * (3600 + QUEUED_S)


# -- what else may happen to it ----------------------------------------------------------------------------------------


@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
def test_a_paused_job_can_be_cancelled(lab: Lab) -> None:
    """Contract 4.1: cancel is legal in every status that is no end."""
    job = running_job(lab)
    pause(lab, job.id)
    lab.clock.advance(by="1h")
    assert lab.client().fine_tuning.jobs.cancel(job.id).status == "cancelled"
    lab.clock.advance(by="1d")
    assert lab.job(job.id).status == "cancelled"
    assert lab.raw_events(job.id)[-1]["message"] == "The job has been cancelled"
    with pytest.raises(openai.BadRequestError, match=f'Cannot resume job {job.id} with status "cancelled"'):
        resume(lab, job.id)


@pytest.mark.source("SPEC, words assumed")
@pytest.mark.operation("fine_tuning.jobs.pause")
def test_pausing_says_in_which_status_it_cannot_be_done(lab: Lab) -> None:
    """Contract 5.2: the words are assumed."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    for status in ("validating_files", "queued", "succeeded"):
        if status != "validating_files":
            lab.clock.until(job.id, status)
        with pytest.raises(openai.BadRequestError) as refused:
            pause(lab, job.id)
        assert refused.value.body == {
            "message": f'Cannot pause job {job.id} with status "{status}".',
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.pause")
def test_a_paused_job_cannot_be_paused_again(lab: Lab) -> None:
    job = running_job(lab)
    pause(lab, job.id)
    with pytest.raises(openai.BadRequestError, match=r'Cannot pause job .* with status "paused"'):
        pause(lab, job.id)


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.resume")
@pytest.mark.parametrize("status", ["validating_files", "queued", "running", "succeeded"])
def test_only_a_paused_job_can_be_resumed(lab: Lab, status: str) -> None:
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    if status != "validating_files":
        lab.clock.until(job.id, status)
    with pytest.raises(openai.BadRequestError, match=f'Cannot resume job {job.id} with status "{status}"'):
        resume(lab, job.id)


@pytest.mark.source("RUBY")
@pytest.mark.parametrize("do", ["pause", "resume"])
def test_no_such_job(lab: Lab, do: str) -> None:
    """RUBY: the 404 of every route of a job."""
    with pytest.raises(openai.NotFoundError) as missing:
        getattr(lab.client().fine_tuning.jobs, do)("ftjob-none")
    assert (missing.value.code, missing.value.param) == ("fine_tune_not_found", "fine_tune_id")


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
def test_loose_answers_the_job_as_it_is(own_server: Labs) -> None:
    """``--loose`` refuses neither, and neither has an effect."""
    lab = own_server(loose=True)
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    for do in (pause, resume):
        assert do(lab, job.id) == "validating_files"
    lab.clock.until(job.id, "running")
    assert resume(lab, job.id) == "running"
    lab.clock.until(job.id, "succeeded")
    assert pause(lab, job.id) == "succeeded"


@pytest.mark.operation("fine_tuning.jobs.pause", "fine_tuning.jobs.resume")
@pytest.mark.anyio
async def test_a_job_is_paused_and_resumed_asynchronously(lab: Lab) -> None:
    job = running_job(lab)
    async with lab.async_client() as client:
        await client.fine_tuning.jobs.pause(job.id)
        lab.clock.advance(by="1d")
        assert (await client.fine_tuning.jobs.resume(job.id)).status == "queued"
