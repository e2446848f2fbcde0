"""Creating a job exactly once, and waiting for its end by status alone."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest

from mocktune_client import CreateOutcomeUnknown, JobCancelled, JobFailed, WaitTimeout

from .lab import (
    MARV,
    MODEL,
    Lab,
    answer,
    change,
    cut_connection,
    fixtures,
    html,
    lose_answer,
    refuse,
    sdk_http,
)

CREATE = "POST /fine_tuning/jobs"
LIST = "GET /fine_tuning/jobs"
RETRIEVE = "GET /fine_tuning/jobs/[^/]*"
FEW = b"".join(MARV.splitlines(keepends=True)[:9])


server, lab = fixtures("job.validating=20s", "job.step=200ms")


def garbage(_: Any) -> sdk_http.Response:
    return sdk_http.Response(200, content=b'{"id": "ftj', headers={"content-type": "application/json"})


def as_status(status: str) -> Any:
    return change(lambda job: job.update(status=status))


# -- create ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [lose_answer, html(502), html(200), garbage, refuse(500, None), refuse(503, "server_is_overloaded")],
    ids=["timeout", "bad gateway", "a proxy's page", "half an answer", "500", "503"],
)
def test_a_create_whose_answer_is_lost_is_sent_once_and_its_job_found(lab: Lab, loss: Any) -> None:
    lab.breaks(CREATE, loss)
    job = lab.tuner().create(model=MODEL, training_file=lab.upload(), metadata={"run": "7"})
    assert lab.count(CREATE) == 1
    assert [each.id for each in lab.unbroken.fine_tuning.jobs.list()] == [job.id]
    assert job.metadata
    assert job.metadata["run"] == "7"


def test_a_lost_create_is_sent_once_by_an_asynchronous_client_too(lab: Lab) -> None:
    lab.breaks(CREATE, lose_answer)
    file = lab.upload()

    async def create() -> str:
        async with lab.async_client as client:
            return (await lab.async_tuner(client).create(model=MODEL, training_file=file)).id

    assert [asyncio.run(create())] == [each.id for each in lab.unbroken.fine_tuning.jobs.list()]
    assert lab.count(CREATE) == 1


def test_the_found_job_is_the_one_of_this_request_among_others(lab: Lab) -> None:
    """Also on a server that ignores the metadata filter."""
    file = lab.upload()
    wanted = lab.tuner().create(model=MODEL, training_file=file, suffix="first")
    others = [wanted.to_dict(), {**wanted.to_dict(), "id": "ftjob-none", "metadata": None}]
    lab.breaks(CREATE, lose_answer)
    lab.breaks(LIST, change(lambda page: page.update(data=others + page["data"])))
    job = lab.tuner().create(model=MODEL, training_file=file, suffix="second")
    assert job.to_dict()["user_provided_suffix"] == "second"


def test_a_job_that_appears_late_in_the_list_is_found(lab: Lab) -> None:
    lab.breaks(CREATE, lose_answer)
    lab.breaks(LIST, change(lambda page: page["data"].clear()), times=2)
    lab.breaks(LIST, html(502), times=1)
    assert lab.tuner().create(model=MODEL, training_file=lab.upload()).id
    assert lab.count(LIST) == 4


def test_a_lost_create_that_made_no_job_leaves_the_outcome_unknown(lab: Lab) -> None:
    lab.breaks(CREATE, refuse(500, None), reaches_service=False)
    with pytest.raises(CreateOutcomeUnknown, match="paying twice") as caught:
        lab.tuner().create(model=MODEL, training_file=lab.upload())
    assert lab.count(CREATE) == 1
    assert lab.count(LIST) > 3
    assert isinstance(caught.value.__cause__, openai.InternalServerError)
    assert caught.value.looked_up
    assert f"{caught.value.key}={caught.value.marker}" in str(caught.value)


def test_the_outcome_stays_unknown_where_looking_it_up_fails(lab: Lab) -> None:
    lab.breaks(CREATE, cut_connection)
    lab.breaks(LIST, refuse(403, "missing_scope"))
    with pytest.raises(CreateOutcomeUnknown, match="could not be listed") as caught:
        lab.tuner().create(model=MODEL, training_file=lab.upload())
    assert not caught.value.looked_up
    assert isinstance(caught.value.__cause__, openai.PermissionDeniedError)
    assert lab.count(LIST) == 1


def test_a_look_for_a_lost_job_that_fails_is_repeated_until_one_is_answered(lab: Lab) -> None:
    lab.breaks(CREATE, lose_answer)
    lab.breaks(LIST, refuse(503, None), times=9)  # longer than a job is looked for
    job = lab.tuner().create(model=MODEL, training_file=lab.upload())
    assert lab.now > 60
    assert [each.id for each in lab.unbroken.fine_tuning.jobs.list()] == [job.id]


def test_a_lost_job_is_looked_for_when_the_service_wants_to_be_asked_again(lab: Lab) -> None:
    lab.breaks(CREATE, refuse(503, "server_is_overloaded", retry_after="90"))
    job = lab.tuner().create(model=MODEL, training_file=lab.upload())
    assert lab.slept == [90]
    assert [each.id for each in lab.unbroken.fine_tuning.jobs.list()] == [job.id]


def test_an_outage_of_the_list_longer_than_the_patience_leaves_the_outcome_unknown(lab: Lab) -> None:
    lab.breaks(CREATE, lose_answer)
    lab.breaks(LIST, refuse(503, None))
    with pytest.raises(CreateOutcomeUnknown):
        lab.tuner(patience_s=100).create(model=MODEL, training_file=lab.upload())
    assert 100 <= lab.now <= 131


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "training_not_available"), (429, "daily_rate_limit_exceeded"), (429, "insufficient_quota"), (401, None)],
)
def test_a_refused_create_raises_at_once(lab: Lab, status: int, code: str | None) -> None:
    lab.breaks(CREATE, refuse(status, code), reaches_service=False)
    with pytest.raises(openai.APIStatusError) as caught:
        lab.tuner().create(model=MODEL, training_file="file-x")
    assert caught.value.status_code == status
    assert lab.sent == [CREATE]
    assert lab.slept == []


def test_a_create_that_is_refused_for_a_while_is_sent_again(lab: Lab) -> None:
    """A 429 says that no job was made, and a place among the active ones is free when another ends."""
    lab.breaks(CREATE, refuse(429, "rate_limit_exceeded", retry_after="20"), times=3, reaches_service=False)
    job = lab.tuner().create(model=MODEL, training_file=lab.upload())
    assert lab.count(CREATE) == 4
    assert lab.slept == [20, 20, 20]
    assert [each.id for each in lab.unbroken.fine_tuning.jobs.list()] == [job.id]


def test_a_create_that_is_refused_for_longer_than_the_patience_raises_its_error(lab: Lab) -> None:
    lab.breaks(CREATE, refuse(429, "rate_limit_exceeded"), reaches_service=False)
    with pytest.raises(openai.RateLimitError):
        lab.tuner(patience_s=100).create(model=MODEL, training_file="file-x")
    assert lab.now == pytest.approx(100)


def test_a_create_the_service_itself_refuses_raises_at_once(lab: Lab) -> None:
    with pytest.raises(openai.BadRequestError, match="invalid training_file"):
        lab.tuner().create(model=MODEL, training_file="file-x")
    assert lab.sent == [CREATE]


def test_what_is_not_given_is_not_sent(lab: Lab) -> None:
    """Older validators refuse an explicit null."""
    bodies: list[Any] = []

    def keep(request: sdk_http.Request) -> None:
        bodies.append(json.loads(request.read()))

    file = lab.upload()
    lab.http.event_hooks = {"request": [keep]}
    lab.tuner().create(model=MODEL, training_file=file)
    assert bodies[0].keys() == {"model", "training_file", "metadata"}


def test_metadata_must_leave_room_for_the_marker(lab: Lab) -> None:
    with pytest.raises(ValueError, match="at most 15 pairs"):
        lab.tuner().create(model=MODEL, training_file="file-x", metadata={str(n): "" for n in range(16)})
    with pytest.raises(ValueError, match="mocktune_client_request"):
        lab.tuner().create(model=MODEL, training_file="file-x", metadata={"mocktune_client_request": "mine"})
    assert lab.sent == []
    lab.tuner().create(model=MODEL, training_file=lab.upload(), metadata={str(n): "" for n in range(15)})


# -- wait --------------------------------------------------------------------------------------------------------------


def test_a_bad_dataset_fails_the_job_with_code_and_message(lab: Lab) -> None:
    """Validation failures leave ``finished_at`` null, so only the status can end the wait."""
    with pytest.raises(JobFailed, match="must have at least 10 examples") as caught:
        lab.tuner().wait(lab.job(FEW))
    failed = caught.value
    error = lab.unbroken.fine_tuning.jobs.retrieve(failed.job.id).error
    assert error
    assert (failed.code, failed.message, failed.param) == (error.code, error.message, "training_file")
    assert failed.code
    assert failed.code in str(failed)
    assert failed.job.training_file in str(failed)
    assert failed.job.finished_at is None


def test_a_failed_job_raises_from_an_asynchronous_client_too(lab: Lab) -> None:
    job = lab.job(FEW)

    async def wait() -> None:
        async with lab.async_client as client:
            await lab.async_tuner(client).wait(job)

    with pytest.raises(JobFailed, match="must have at least 10 examples"):
        asyncio.run(wait())


@pytest.mark.parametrize("error", [{}, {"code": None, "message": None, "param": None}, None])
def test_an_empty_error_object_is_no_failure(lab: Lab, error: Any) -> None:
    lab.breaks(RETRIEVE, change(lambda job: job.update(error=error)))
    assert lab.tuner().wait(lab.job()).status == "succeeded"


@pytest.mark.parametrize("error", [{}, {"code": None, "message": None}, None])
def test_a_failed_job_without_a_reason_has_still_failed(lab: Lab, error: Any) -> None:
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="failed", error=error)))
    with pytest.raises(JobFailed, match="gave no reason") as caught:
        lab.tuner().wait(lab.job())
    assert (caught.value.code, caught.value.message) == (None, None)


def test_statuses_that_the_sdk_does_not_know_are_waited_out(lab: Lab) -> None:
    for status in ("paused", "pausing", "moderating", "created"):
        lab.breaks(RETRIEVE, as_status(status), times=1)
    assert lab.tuner().wait(lab.job()).status == "succeeded"


def test_a_finish_time_is_no_end(lab: Lab) -> None:
    lab.breaks(RETRIEVE, change(lambda job: job.update(finished_at=1)))
    assert lab.tuner().wait(lab.job()).status == "succeeded"


def test_a_cancelled_job_is_told_from_a_failed_one(lab: Lab) -> None:
    job = lab.job(until="running")
    lab.unbroken.fine_tuning.jobs.cancel(job)
    with pytest.raises(JobCancelled, match="was cancelled") as caught:
        lab.tuner().wait(job)
    assert (caught.value.job.id, caught.value.code, caught.value.message) == (job, None, None)


def test_outages_shorter_than_the_patience_are_waited_out(lab: Lab) -> None:
    job = lab.job()
    for breaking in (html(502), lose_answer, cut_connection, html(200), refuse(429, "slow_down"), garbage):
        lab.breaks(RETRIEVE, breaking, times=2)
    assert lab.tuner().wait(job).status == "succeeded"


@pytest.mark.parametrize("timeout_s", [None, 1000])
def test_an_outage_longer_than_the_patience_raises_its_error(lab: Lab, timeout_s: float | None) -> None:
    job = lab.job()
    lab.breaks(RETRIEVE, html(502))
    with pytest.raises(openai.InternalServerError) as caught:
        lab.tuner(patience_s=100).wait(job, timeout_s=timeout_s)
    assert lab.now == pytest.approx(100)
    assert "ask again later" in caught.value.__notes__[0]


@pytest.mark.parametrize("timeout_s", [None, 60])
def test_a_refused_look_at_the_job_raises_at_once(lab: Lab, timeout_s: float | None) -> None:
    with pytest.raises(openai.NotFoundError):
        lab.tuner().wait("ftjob-none", timeout_s=timeout_s)
    assert lab.slept == []


def test_waiting_for_a_job_ends_after_its_timeout(lab: Lab) -> None:
    job = lab.job()
    with pytest.raises(WaitTimeout, match="is still 'validating_files' after 12 s"):
        lab.tuner().wait(job, timeout_s=12)
    assert lab.now == pytest.approx(12)
    assert lab.tuner().wait(job).status == "succeeded"


def test_a_paused_job_says_so_when_the_wait_times_out(lab: Lab) -> None:
    lab.breaks(RETRIEVE, as_status("paused"))
    with pytest.raises(WaitTimeout, match="Resume it"):
        lab.tuner().wait(lab.job(), timeout_s=12)


def test_a_timeout_during_an_outage_is_a_timeout(lab: Lab) -> None:
    lab.breaks(RETRIEVE, html(502))
    with pytest.raises(WaitTimeout, match="could not be asked") as caught:
        lab.tuner().wait(lab.job(), timeout_s=12)
    assert lab.now == pytest.approx(12)
    assert isinstance(caught.value.__cause__, openai.InternalServerError)


def test_a_retry_after_beyond_the_sdks_limit_is_honoured(lab: Lab) -> None:
    """The SDK gives up on a Retry-After of more than two minutes [EXP]."""
    job = lab.job()
    lab.breaks(RETRIEVE, answer(503, {"error": {"message": "busy"}}, retry_after="300"), times=1)
    lab.tuner().wait(job)
    assert lab.slept[0] == 300
