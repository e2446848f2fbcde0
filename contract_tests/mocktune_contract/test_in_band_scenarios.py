"""Scenarios that a client asks for itself, in a job's metadata: what they make of the answers.

``metadata: {"mocktune_scenario": NAME}`` is mocktune's own; what each scenario plays is known from the sources its
fields name, or assumed.
"""

from __future__ import annotations

import base64
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from mocktune_contract.lab import Lab, Labs, training_file

pytestmark = [pytest.mark.needs("mocktune"), pytest.mark.source("mocktune")]

PLAIN = training_file("valid/plain.jsonl")


def job_under(lab: Lab, scenario: str, **parameters: Any) -> FineTuningJob:
    return lab.create_job(lab.upload_ready(PLAIN).id, metadata={"mocktune_scenario": scenario}, **parameters)


def ended(lab: Lab, job: FineTuningJob, status: str) -> dict[str, Any]:
    lab.clock.until(job.id, "terminal")
    raw = lab.raw_job(job.id)
    assert raw["status"] == status
    return raw


@pytest.mark.needs("time")
def test_a_scenario_is_for_the_job_that_names_it(lab: Lab) -> None:
    job, other = job_under(lab, "cancelled-outside"), lab.create_job(lab.upload_ready(PLAIN).id)
    assert job.metadata == {"mocktune_scenario": "cancelled-outside"}
    ended(lab, job, "cancelled")
    assert lab.raw_events(job.id)[-1]["message"] == "The job has been cancelled"
    ended(lab, other, "succeeded")


@pytest.mark.needs("time")
@pytest.mark.observed_wire("the SDK's type has no status for a pause")
def test_a_job_is_paused_and_resumed_by_somebody_else(lab: Lab) -> None:
    job = job_under(lab, "paused-outside")
    lab.clock.until(job.id, "paused")
    assert lab.raw_job(job.id)["status"] == "paused"
    ended(lab, job, "succeeded")


@pytest.mark.needs("time")
def test_losses_that_are_no_numbers_are_null_in_events_and_nan_in_the_result(lab: Lab) -> None:
    job = job_under(lab, "loss-nan")
    raw = ended(lab, job, "succeeded")
    metrics = [each["data"] for each in lab.raw_events(job.id) if each["type"] == "metrics"]
    assert metrics[0]["train_loss"] > 0
    assert (metrics[-1]["train_loss"], metrics[-1]["train_mean_token_accuracy"]) == (None, 0.0)
    checkpoint = next(iter(lab.client().fine_tuning.jobs.checkpoints.list(job.id)))
    assert checkpoint.metrics.train_loss is None
    rows = base64.b64decode(lab.http.get(f"/files/{raw['result_files'][0]}/content").content).decode().splitlines()
    assert rows[-1] == f"{len(rows) - 1},nan,0.0,,"
    texts = [each.message for each in lab.events(job.id)]
    assert f"Step {len(metrics)}/{len(metrics)}: training loss=nan" in texts


@pytest.mark.needs("time")
@pytest.mark.observed_wire("types of events outside the SDK's")
def test_events_of_types_nobody_knows_are_listed_like_any_other(lab: Lab) -> None:
    job = job_under(lab, "unknown-event")
    ended(lab, job, "succeeded")
    lab.clock.advance(by="10m")
    events = lab.raw_events(job.id)
    assert {each["type"] for each in events} > {"message", "metrics", "moderation_checks"}
    assert [each.type for each in lab.events(job.id)] == [each["type"] for each in events]
    times = [each["created_at"] for each in events]
    assert times == sorted(times)
    assert events[-1]["message"] == "The job has successfully completed"
    (passed,) = [each for each in events if each["data"] and "blocked" in each["data"]]
    assert passed["data"]["blocked"] is False
    assert len(passed["data"]["results"]) == 13


@pytest.mark.needs("time")
def test_a_model_that_does_not_pass_its_checks_fails_the_job(lab: Lab) -> None:
    job = job_under(lab, "moderation-model")
    raw = ended(lab, job, "failed")
    assert raw["finished_at"] is not None
    assert (raw["fine_tuned_model"], raw["result_files"]) == (None, [])
    last = lab.raw_events(job.id)[-1]
    assert (last["level"], last["message"]) == ("error", raw["error"]["message"])


@pytest.mark.needs("time")
@pytest.mark.observed_wire("a status outside the SDK's type")
def test_a_status_nobody_knows_is_shown_for_a_while(lab: Lab) -> None:
    job = job_under(lab, "unknown-status")
    documented = {"validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"}
    seen = [job.status]
    while seen[-1] not in ("succeeded", "failed", "cancelled"):
        lab.clock.advance(by="10s")
        seen.append(lab.job(job.id).status)
    assert set(seen) - documented
    assert seen[-1] == "succeeded"


@pytest.mark.needs("time")
def test_a_late_result_file_comes_after_the_status(lab: Lab) -> None:
    job = job_under(lab, "late-result")
    assert ended(lab, job, "succeeded")["result_files"] == []
    lab.clock.advance(by="10m")
    (id,) = lab.raw_job(job.id)["result_files"]
    assert lab.client().files.retrieve(id).purpose == "fine-tune-results"


@pytest.mark.needs("time")
def test_a_missing_result_file_never_comes(lab: Lab) -> None:
    job = job_under(lab, "missing-result")
    ended(lab, job, "succeeded")
    lab.clock.advance(by="10d")
    named = lab.raw_job(job.id)["result_files"]
    assert all(lab.http.get(f"/files/{id}/content").status_code == 404 for id in named)
    assert lab.client().files.list(purpose="fine-tune-results").data == []


@pytest.mark.needs("time")
def test_a_model_is_unloaded_when_nobody_asks_it(lab: Lab) -> None:
    job = job_under(lab, "model-evicted")
    model = ended(lab, job, "succeeded")["fine_tuned_model"]
    lab.clock.advance(by="1h")
    for _ in range(2):
        with pytest.raises(openai.RateLimitError) as caught:
            lab.ask(model, "Hello")
        wait = caught.value.response.headers["retry-after"]
        lab.clock.advance(by=f"{wait}s")
        assert lab.ask(model, "Hello").model == model
        lab.clock.advance(by="1h")


@pytest.mark.needs("time")
def test_a_model_that_is_gone_is_unknown_to_everything(lab: Lab) -> None:
    model = ended(lab, job_under(lab, "model-gone"), "succeeded")["fine_tuned_model"]
    lab.clock.advance(by="30d")
    for refused in (lambda: lab.ask(model, "Hello"), lambda: lab.client().models.retrieve(model)):
        with pytest.raises(openai.NotFoundError) as caught:
            refused()
        assert caught.value.code == "model_not_found"


# -- servers of their own ----------------------------------------------------------------------------------------------

STALL = ("model.absent_for=0s", "model.loading_for=1h", "model.loading_as=stall")


@pytest.mark.needs("time")
def test_a_stalled_model_answers_503_when_the_stall_is_over(own_server: Labs) -> None:
    lab = own_server(scenario=(*STALL, "model.stall_for=300ms"))
    model = ended(lab, lab.create_job(lab.upload_ready(PLAIN).id), "succeeded")["fine_tuned_model"]
    begun = time.monotonic()
    with pytest.raises(openai.InternalServerError) as caught:
        lab.ask(model, "Hello")
    assert time.monotonic() - begun >= 0.3
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"]


@pytest.mark.needs("time")
def test_a_client_may_give_up_on_a_stalled_model_and_the_server_goes_on(own_server: Labs) -> None:
    lab = own_server(scenario=(*STALL, "model.stall_for=10m"))
    model = ended(lab, lab.create_job(lab.upload_ready(PLAIN).id), "succeeded")["fine_tuned_model"]
    with pytest.raises(openai.APITimeoutError):
        lab.client().with_options(timeout=0.2).chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hello"}]
        )
    assert lab.job(next(iter(lab.client().fine_tuning.jobs.list())).id).status == "succeeded"


@pytest.mark.needs("time")
def test_others_are_answered_while_one_waits_for_a_stalled_model(own_server: Labs) -> None:
    lab = own_server(scenario=(*STALL, "model.stall_for=500ms"))
    model = ended(lab, lab.create_job(lab.upload_ready(PLAIN).id), "succeeded")["fine_tuned_model"]
    statuses: list[int] = []

    def wait() -> None:
        with lab.open(base_url=lab.base_url, headers={"authorization": f"Bearer {lab.key}"}) as http:
            body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
            statuses.append(http.post("/chat/completions", json=body).status_code)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert lab.http.get("/models").status_code == 200
    assert statuses == []
    waiting.join(10)
    assert statuses == [503]


@pytest.mark.parametrize(("skew", "seconds"), [("1h", 3600), ("-1d", -86400)])
def test_a_skewed_server_is_off_in_its_date_and_in_what_it_creates(own_server: Labs, skew: str, seconds: int) -> None:
    lab = own_server(scenario=(f"clock.skew={skew}",))
    answer = lab.http.get("/models")
    (date,) = answer.headers.get_list("date")
    assert abs(parsedate_to_datetime(date).timestamp() - time.time() - seconds) < 30
    assert lab.upload(PLAIN).created_at == 1_768_435_200 + seconds


@pytest.mark.needs("tcp")
def test_a_server_that_is_not_skewed_sends_one_true_date(lab: Lab) -> None:
    (date,) = lab.http.get("/models").headers.get_list("date")
    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 30


@pytest.mark.observed_wire("an error outside the SDK's type")
@pytest.mark.parametrize(
    ("no_error", "expected"), [("none", None), ("nulls", dict.fromkeys(("code", "message", "param")))]
)
def test_the_error_of_a_healthy_job_may_look_otherwise(own_server: Labs, no_error: str, expected: object) -> None:
    """OBS: services of this API write null, or an object of nulls, where the recordings have ``{}``."""
    lab = own_server(scenario=(f"job.wire.no_error={no_error}",), wire="observed")
    assert lab.raw_job(lab.create_job(lab.upload(PLAIN).id).id)["error"] == expected


def test_a_job_without_an_error_key_can_be_read(own_server: Labs) -> None:
    lab = own_server(scenario=("job.wire.no_error=absent",), wire="observed")
    job = lab.create_job(lab.upload(PLAIN).id)
    assert "error" not in lab.raw_job(job.id)
    assert lab.job(job.id).error is None
