"""Quirks of a job's life: contract section 10, rows 2, 3, 9, 11, 13, 16, 20, 22 and 25."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from mocktune_client import JobFailed, ModelUnnamed, Tuner, WaitTimeout
from mocktune_client.events import StepSeen, step_of
from mocktune_client.progress import EventSeen, JobKnown, JobSeen, Waiting

from .lab import MODEL, Lab, change, fixtures
from .quirks import CREATE, FILES, RETRIEVE, Told, at_fault, failing, play, tune

server, lab = fixtures()

LAST = "The job has successfully completed"


def job_of(told: Told) -> Any:
    return next(each.job for each in told if isinstance(each, JobKnown))


def test_quirk_02_validation_problems_surface_minutes_after_a_200(lab: Lab) -> None:
    """Scenario ``bad-line``: a created job is followed until it has ended, and fails with its reason."""
    play(lab, "bad-line")
    told = Told()
    error = failing(lambda: tune(lab, told))
    assert isinstance(error, JobFailed)
    assert lab.now > 40
    assert told.statuses == ["validating_files", "failed"]
    assert error.code == "invalid_file_format"
    assert "Example 6174 message contains an invalid token: <|fim_suffix|>" in str(error)
    assert "mocktune check names every line at fault" in str(error)
    assert error.file_id == error.job.training_file
    assert (lab.count(CREATE), at_fault(lab)) == (1, [])


@pytest.mark.parametrize("no_error", ["empty", "none", "nulls", "absent"])
def test_quirk_03_the_error_of_a_healthy_job_is_truthy(lab: Lab, no_error: str) -> None:
    """Scenario ``realistic``, in each form that was seen: only the status tells the end."""
    play(lab, "realistic", **{"job.wire.no_error": no_error})
    assert tune(lab).job.status == "succeeded"


def test_quirk_09_fine_tuned_model_is_null_until_the_end(lab: Lab) -> None:
    """Scenario ``realistic``: nobody is given a name before there is one, also where it comes after the status."""
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="succeeded", fine_tuned_model=None)), times=2)
    job = lab.job(until="succeeded")
    tuned = lab.tuner().follow_to_the_end(job)
    assert tuned.model == tuned.job.fine_tuned_model
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="succeeded", fine_tuned_model=None)))
    error = failing(lambda: lab.tuner().follow_to_the_end(job))
    assert isinstance(error, ModelUnnamed)
    assert "Look at the job again later" in str(error)


def test_quirk_11_finished_at_is_null_on_failures_and_early_on_success(lab: Lab) -> None:
    """Scenarios ``bad-line`` and ``late-events``: it ends nothing, and the last events are waited for."""
    play(lab, "bad-line")
    error = failing(lambda: tune(lab))
    assert isinstance(error, JobFailed)
    assert error.job.finished_at is None
    play(lab, "late-events")
    told = Told()
    job = tune(lab, told, again=True).job
    last = [each.event for each in told if isinstance(each, EventSeen)][-1]
    assert job.finished_at is not None
    assert last.created_at - job.finished_at == 300
    assert told.messages[-1] == LAST
    assert at_fault(lab) == []


def test_quirk_13_events_come_newest_first_and_metrics_hide_messages(lab: Lab) -> None:
    """Scenario ``late-events``: pages are read to the end, sorted, without duplicates, up to the very last."""
    play(lab, "late-events")
    job = lab.job(until="running")
    followed = [event.id for event in lab.tuner(page_size=20, poll_s=60).follow(job)]
    listed = [event.id for event in lab.unbroken.fine_tuning.jobs.list_events(job, limit=1000).data]
    assert followed == listed[::-1]
    assert len(followed) > 40
    assert at_fault(lab) == []


@pytest.mark.parametrize("scenario", ["paused-outside", "unknown-status", "unknown-event"])
def test_quirk_16_statuses_types_and_enum_values_outside_the_sdks_types(lab: Lab, scenario: str) -> None:
    """Scenarios ``paused-outside``, ``unknown-status``, ``unknown-event``: what is not terminal by name goes on."""
    play(lab, scenario)
    told = Told()
    assert tune(lab, told, poll_s=30).job.status == "succeeded"
    expected = {"paused-outside": "paused", "unknown-status": "preparing", "unknown-event": "running"}
    assert expected[scenario] in told.statuses
    types = {each.event.type for each in told if isinstance(each, EventSeen)}
    assert ({"moderation_checks", "capacity_notice"} <= types) is (scenario == "unknown-event")  # type: ignore[comparison-overlap]
    assert at_fault(lab) == []


def test_quirk_16_an_operation_that_only_the_guide_knows_is_passed_on(lab: Lab) -> None:
    """Scenario ``realistic``: ``neq`` is no value of the SDK's type, and none of our business."""
    grader = {
        "type": "string_check",
        "name": "differs",
        "input": "{{sample.output_text}}",
        "reference": "no",
        "operation": "neq",
    }
    method: Any = {"type": "reinforcement", "reinforcement": {"grader": grader}}
    file = lab.upload((FILES / "valid" / "reinforcement.jsonl").read_bytes())
    job = lab.tuner().create(model="o4-mini-2025-04-16", training_file=file, validation_file=file, method=method)
    shown: Any = job.to_dict(warnings=False)
    assert shown["method"]["reinforcement"]["grader"]["operation"] == "ne"


def test_quirk_20_jobs_are_queued_or_stuck_for_hours(lab: Lab) -> None:
    """Scenario ``long-queue``: no time-out of our own; with one, the job goes on, and a cancel is safe."""
    play(lab, "long-queue")
    assert tune(lab, poll_s=60).job.status == "succeeded"
    assert lab.now > 5 * 3600
    assert at_fault(lab) == []
    job = lab.job(until="queued")
    error = failing(lambda: lab.tuner(poll_s=60).wait(job, timeout_s=3600))
    assert isinstance(error, WaitTimeout)
    assert "It goes on without you" in str(error)
    assert lab.tuner().cancel(job).status == "cancelled"


def test_quirk_22_a_long_retry_after_makes_the_sdk_give_up(lab: Lab) -> None:
    """Scenario ``long-retry-after``: the 180 s are waited, no more and no less."""
    play(lab, "long-retry-after")
    told = Told()
    assert tune(lab, told).job.status == "succeeded"
    waits = (each for each in told if isinstance(each, Waiting))
    [waited] = [each for each in waits if isinstance(each.error, openai.InternalServerError)]
    assert waited.delay_s == 180
    assert at_fault(lab) == []


def test_quirk_22_hours_of_errors_do_not_end_a_follow(lab: Lab) -> None:
    """Scenario ``html-502``, for three hours: the job that goes on is not left behind."""
    job = lab.job(until="queued")
    play(lab, "html-502")
    rule: Any = {"operation": "fine_tuning.jobs.*", "answer": {"status": 502, "body": "<html>"}, "skip_first": 4}
    lab.control.post("/_mocktune/faults", json={**rule, "id": "gateway"}).raise_for_status()
    until = lab.now + 3 * 3600

    def sleep(seconds: float) -> None:
        lab.sleep(seconds)
        if lab.now >= until:
            lab.control.delete("/_mocktune/faults/gateway")

    tuner = Tuner(lab.client, sleep=sleep, now=lambda: lab.now)
    assert [event.message for event in tuner.follow(job)][-1] == LAST
    assert lab.now >= until


def test_quirk_25_estimated_finish_is_nearly_always_null(lab: Lab) -> None:
    """Scenario ``realistic``: progress comes from the events of steps, by their data or their words."""
    told = Told()
    tune(lab, told, model=MODEL)
    assert {each.job.estimated_finish for each in told if isinstance(each, JobSeen)} == {None}
    events = [each.event for each in told if isinstance(each, EventSeen)]
    steps = list(filter(None, map(step_of, events)))
    assert steps == [StepSeen(step, 40) for step in range(1, 41)]
    for event in events:
        event.data = None
    assert list(filter(None, map(step_of, events))) == steps
