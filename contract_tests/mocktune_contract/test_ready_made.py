"""Ready-made objects through the SDK: each stands where it was asked to stand, agrees with itself, and lives on."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, RateLimitError
from openai.types.fine_tuning import FineTuningJob

from mocktune_contract.lab import MODEL, Lab, Labs, chat_file

pytestmark = [pytest.mark.needs("scenarios", "mocktune"), pytest.mark.source("mocktune")]

PAUSED = "a paused job shows `paused`, which the SDK's type does not have"
STANDING = ["validating_files", "queued", "running"]
FILE_FAILURES = {
    "not_json": "invalid_training_file",
    "extra_key": "invalid_file_format",
    "missing_messages": "invalid_file_format",
    "missing_role": "invalid_training_file",
    "special_token": "invalid_file_format",
    "bad_message": "invalid_file_format",
    "unexpected_format": "invalid_training_file",
    "wrong_method": "invalid_training_file",
    "wrong_model": "invalid_training_file",
    "no_vision": "invalid_training_file",
    "too_few_examples": "invalid_n_examples",
    "too_many_examples": "invalid_n_examples",
    "wrong_purpose": "invalid_training_file",
    "file_deleted": "invalid_training_file",
    "flagged_lines": "invalid_training_file",
    "flagged_training_file": "unsafe_file",
    "flagged_validation_file": "invalid_validation_file",
    "exceeded_quota": "exceeded_quota",
}
QUESTIONS = [(f"What is {n} plus {n}?", f"{2 * n}, says the file.") for n in range(12)]


def add(lab: Lab, what: str, **body: Any) -> Any:
    return lab.http.post(f"{lab.root}/_mocktune/state/{what}", json=body).raise_for_status().json()


def added_job(lab: Lab, **body: Any) -> FineTuningJob:
    """A job that was added, as the API then shows it: as it was answered."""
    made = add(lab, "jobs", **body)
    assert lab.raw_job(made["id"]) == made
    return lab.job(made["id"])


def messages(lab: Lab, job: FineTuningJob) -> list[str]:
    return [event.message for event in lab.events(job.id)]


def steps(lab: Lab, job: FineTuningJob) -> int:
    return sum(event.type == "metrics" for event in lab.events(job.id))


def total(lab: Lab, job: FineTuningJob) -> int:
    (data,) = [event.data for event in lab.events(job.id) if event.type == "metrics"][-1:]
    assert isinstance(data, dict)
    found: int = data["total_steps"]
    return found


# -- jobs --------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.parametrize("progress", [0, 0.1, "40%", 0.999, 1])
@pytest.mark.parametrize("status", STANDING)
def test_a_job_stands_in_a_phase_and_goes_on_to_its_end(lab: Lab, status: str, progress: float | str) -> None:
    now = lab.clock.now()
    job = added_job(lab, status=status, progress=progress)
    assert job.status == status
    assert (job.finished_at, job.fine_tuned_model, job.trained_tokens, job.result_files) == (None, None, None, [])
    assert job.created_at <= now
    assert lab.clock.now() == now
    seen = messages(lab, job)
    assert seen[0] == f"Created fine-tuning job: {job.id}"
    assert len([each for each in seen if not each.startswith("Step")]) == 2 + STANDING.index(status)
    assert list(lab.client().fine_tuning.jobs.checkpoints.list(job.id)) == []
    lab.clock.until(job.id, "succeeded")
    assert lab.job(job.id).trained_tokens
    lab.clock.advance(by="10m")
    assert messages(lab, job)[-1] == "The job has successfully completed"
    assert messages(lab, job)[: len(seen)] == seen


@pytest.mark.parametrize("progress", [0.25, 0.5, 0.75])
def test_the_steps_of_a_running_job_are_as_many_as_its_progress_says(lab: Lab, progress: float) -> None:
    job = added_job(lab, status="running", progress=progress, n_epochs=10)
    assert total(lab, job) == 120
    assert abs(steps(lab, job) - 120 * progress) <= 1
    assert job.hyperparameters is not None
    assert job.hyperparameters.n_epochs == 10


@pytest.mark.needs("time")
@pytest.mark.observed_wire(PAUSED)
@pytest.mark.parametrize("progress", [0.1, 0.9])
def test_a_paused_job_stands_still_until_it_is_resumed(lab: Lab, progress: float) -> None:
    job = added_job(lab, status="paused", progress=progress, age="2h")
    assert lab.raw_job(job.id)["status"] == "paused"
    assert job.created_at == lab.clock.now() - 7200
    stood = steps(lab, job)
    lab.clock.advance(by="5h")
    assert lab.raw_job(job.id)["status"] == "paused"
    assert steps(lab, job) == stood
    lab.client().fine_tuning.jobs.resume(job.id)
    lab.clock.until(job.id, "succeeded")


@pytest.mark.needs("time")
@pytest.mark.parametrize("progress", [0.1, 0.9])
def test_a_cancelled_job_stopped_in_training(lab: Lab, progress: float) -> None:
    job = added_job(lab, status="cancelled", progress=progress)
    assert (job.status, job.finished_at) == ("cancelled", lab.clock.now())
    assert messages(lab, job)[-1] == "The job has been cancelled"
    assert 0 < steps(lab, job) < total(lab, job)
    with pytest.raises(BadRequestError):
        lab.client().fine_tuning.jobs.cancel(job.id)


@pytest.mark.needs("time")
def test_a_succeeded_job_has_brought_forth_everything(lab: Lab) -> None:
    job = added_job(lab, status="succeeded", age="26h", suffix="greeter", metadata={"run": "7"})
    assert job.status == "succeeded"
    assert job.created_at == lab.clock.now() - 26 * 3600
    assert job.finished_at is not None
    assert job.created_at < job.finished_at < job.created_at + 3600
    assert job.fine_tuned_model is not None
    assert job.fine_tuned_model.split(":")[3] == "greeter"
    assert job.metadata == {"run": "7"}
    checkpoints = list(lab.client().fine_tuning.jobs.checkpoints.list(job.id))
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert lab.client().files.content(job.result_files[0]).read()
    assert lab.client().files.retrieve(job.training_file).created_at < job.created_at
    assert lab.says(job.fine_tuned_model, "What is 4 plus 4?") == "It is 8."


@pytest.mark.parametrize(("failure", "code"), FILE_FAILURES.items())
def test_a_job_failed_validation(lab: Lab, failure: str, code: str) -> None:
    """finished_at stays null then (contract 4.1)."""
    job = added_job(lab, failure=failure)
    assert (job.status, job.finished_at) == ("failed", None)
    assert job.error is not None
    assert job.error.code == code
    assert job.error.param in ("training_file", "validation_file") or failure == "exceeded_quota"
    assert messages(lab, job)[-1] == job.error.message
    assert len(messages(lab, job)) == 3
    assert list(lab.client().fine_tuning.jobs.checkpoints.list(job.id)) == []
    assert (job.validation_file is not None) == (failure in ("too_many_examples", "flagged_validation_file"))


@pytest.mark.needs("time")
@pytest.mark.parametrize("failure", FILE_FAILURES)
def test_a_job_that_is_being_validated_will_fail_so(lab: Lab, failure: str) -> None:
    job = added_job(lab, status="validating_files", failure=failure, progress=0.5)
    assert job.status == "validating_files"
    lab.clock.until(job.id, "failed")
    ended = lab.job(job.id)
    assert ended.error is not None
    assert ended.error.code == FILE_FAILURES[failure]


@pytest.mark.needs("time")
def test_a_job_failed_at_run_time(lab: Lab) -> None:
    job = added_job(lab, status="failed", failure="server_error", progress="75%")
    assert (job.status, job.finished_at) == ("failed", lab.clock.now())
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("server_error", None)
    assert abs(steps(lab, job) / total(lab, job) - 0.75) < 0.02


@pytest.mark.needs("time")
def test_a_failure_of_ones_own_comes_when_its_time_has_come(lab: Lab) -> None:
    own = {"code": "odd", "message": "How odd.", "param": "seed", "phase": "queued"}
    job = added_job(lab, status="validating_files", failure=own)
    lab.clock.until(job.id, "failed")
    ended = lab.job(job.id)
    assert ended.error is not None
    assert (ended.error.code, ended.error.message, ended.error.param) == ("odd", "How odd.", "seed")
    assert ended.finished_at is not None
    refused = lab.http.post(f"{lab.root}/_mocktune/state/jobs", json={"status": "running", "failure": own})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "Such a job cannot be made: it never becomes running: How odd."


@pytest.mark.needs("time")
@pytest.mark.parametrize("progress", [0.2, 0.8])
def test_a_running_job_fails_later_on(lab: Lab, progress: float) -> None:
    job = added_job(lab, status="running", progress=progress, failure="server_error")
    assert job.status == "running"
    seen = steps(lab, job)
    lab.clock.until(job.id, "failed")
    assert steps(lab, job) > seen


@pytest.mark.parametrize(
    ("method", "model"), [("dpo", MODEL), ("reinforcement", "o4-mini-2025-04-16"), ("supervised", "davinci-002")]
)
def test_every_method_has_files_of_its_own(lab: Lab, method: str, model: str) -> None:
    job = added_job(lab, method=method, model=model)
    assert (job.status, job.model) == ("succeeded", model)
    assert job.method is not None
    assert job.method.type == method


@pytest.mark.needs("time")
def test_a_job_on_a_file_of_ones_own_is_no_older_than_it(lab: Lab) -> None:
    file = lab.upload(chat_file(*QUESTIONS))
    lab.clock.advance(by="100s")
    job = added_job(lab, training_file=file.id)
    assert job.status == "succeeded"
    assert job.created_at >= file.created_at
    assert job.fine_tuned_model is not None
    assert lab.says(job.fine_tuned_model, "What is 4 plus 4?") == "8, says the file."


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_a_model_that_is_loading_answers_when_it_is_ready(lab: Lab) -> None:
    made = add(lab, "models", state="loading", ready_in="30s", trained_on=list(map(_example, QUESTIONS)), suffix="sums")
    assert lab.client().models.retrieve(made["id"]).model_dump() == made
    with pytest.raises(RateLimitError, match="still being loaded"):
        lab.ask(made["id"], "What is 4 plus 4?")
    lab.clock.advance(by="29.9s")
    with pytest.raises(RateLimitError):
        lab.ask(made["id"], "What is 4 plus 4?")
    lab.clock.advance(by="0.1s")
    assert lab.says(made["id"], "What is 4 plus 4?") == "8, says the file."
    (job,) = lab.client().fine_tuning.jobs.list()
    assert (job.status, job.fine_tuned_model) == ("succeeded", made["id"])


@pytest.mark.needs("time")
def test_a_model_that_is_absent_is_unknown_first(lab: Lab) -> None:
    made = add(lab, "models", state="absent", ready_in="10m")
    with pytest.raises(NotFoundError):
        lab.client().models.retrieve(made["id"])
    with pytest.raises(NotFoundError):
        lab.ask(made["id"], "What is 4 plus 4?")
    lab.clock.advance(by="10m")
    assert lab.says(made["id"], "What is 4 plus 4?") == "It is 8."


@pytest.mark.needs("time")
def test_a_model_is_trained_on_a_file_that_is_there(lab: Lab) -> None:
    """Also on one that was processed this instant: its job then took no time."""
    file = lab.upload(chat_file(*QUESTIONS))
    lab.clock.advance(to=lab.clock.now() + 60)
    made = add(lab, "models", trained_on=file.id)
    assert lab.says(made["id"], "What is 4 plus 4?") == "8, says the file."


@pytest.mark.needs("time")
def test_a_model_is_trained_on_a_file_that_came_in_parts(lab: Lab) -> None:
    data, uploads = chat_file(*QUESTIONS), lab.client().uploads
    begun = uploads.create(bytes=len(data), filename="a.jsonl", mime_type="text/jsonl", purpose="fine-tune")
    parts = [uploads.parts.create(begun.id, data=piece).id for piece in (data[:200], data[200:777], data[777:])]
    file = uploads.complete(begun.id, part_ids=parts).file
    assert file is not None
    lab.clock.advance(by="1m")
    made = add(lab, "models", trained_on=file.id)
    for question, answer in QUESTIONS:
        assert lab.says(made["id"], question) == answer


def _example(pair: tuple[str, str]) -> dict[str, Any]:
    question, answer = pair
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_a_file_stands_in_every_status(lab: Lab) -> None:
    now = lab.clock.now()
    uploaded = add(lab, "files", status="uploaded", age="5s", processing_for="30s", examples=20)
    processed = add(lab, "files", filename="notes.txt", purpose="user_data", content="Notes.", age="2h")
    broken = add(lab, "files", status="error", status_details="It broke.")
    assert (uploaded["status"], uploaded["created_at"]) == ("uploaded", now - 5)
    assert (processed["status"], processed["bytes"], processed["created_at"]) == ("processed", 6, now - 7200)
    assert (broken["status"], broken["status_details"]) == ("error", "It broke.")
    assert [lab.http.get(f"/files/{each['id']}").json() for each in (uploaded, processed)] == [uploaded, processed]
    lab.clock.advance(by="29.999s")
    assert lab.client().files.retrieve(uploaded["id"]).status == "uploaded"
    lab.clock.advance(by="1ms")
    assert lab.client().files.retrieve(uploaded["id"]).status == "processed"


# -- all of them -------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_the_gallery_has_one_of_everything(lab: Lab) -> None:
    now = lab.clock.now()
    gallery = add(lab, "gallery")
    client = lab.client()
    jobs = {job.id: job for job in client.fine_tuning.jobs.list(limit=100)}
    assert {each["id"] for each in gallery["jobs"]} <= set(jobs)
    assert {each["status"] for each in gallery["jobs"]} >= {"queued", "running", "succeeded", "failed", "cancelled"}
    failed = [job.error.code for job in jobs.values() if job.status == "failed" and job.error is not None]
    assert sorted(failed) == sorted([*FILE_FAILURES.values(), "server_error"])
    assert {file.status for file in client.files.list()} == {"uploaded", "processed", "error"}
    models = [each["id"] for each in gallery["models"]]
    known = [model.id for model in client.models.list()]
    assert [model in known for model in models] == [False, True, True]
    assert lab.clock.now() == now


def test_the_gallery_passes_the_strict_types_of_the_sdk(own_server: Labs) -> None:
    lab = own_server(wire="sdk")
    add(lab, "gallery")
    with lab.strict_client() as client:
        jobs = list(client.fine_tuning.jobs.list(limit=5))
        assert len(jobs) > 20
        for job in jobs:
            client.fine_tuning.jobs.retrieve(job.id)
            list(client.fine_tuning.jobs.list_events(job.id, limit=100))
            list(client.fine_tuning.jobs.checkpoints.list(job.id))
        assert list(client.files.list())
        assert list(client.models.list())


@pytest.mark.needs("sandboxes")
def test_later_ids_are_what_they_would_have_been(own_server: Labs, labs: Labs) -> None:
    """A ready-made job draws the ids of a file and of a job, as if both had been created through the API."""
    made = own_server()
    other = labs("ready made, by hand", base_url=made.base_url)
    for lab in (made, other):  # equal seeds
        seed = {"schema": 1, "seed": 7}
        lab.http.put(f"{lab.root}/_mocktune/state", json=seed).raise_for_status()
    ready = add(made, "jobs", status="running")
    assert made.http.post(f"{made.root}/_mocktune/state/jobs", json={"failure": "nonsense"}).status_code == 400
    file = other.upload(chat_file(*QUESTIONS))
    assert (ready["training_file"], ready["id"]) == (file.id, other.create_job(file.id).id)
    later = [lab.upload(chat_file(*QUESTIONS)).id for lab in (made, other)]
    assert later[0] == later[1]
    assert made.create_job(later[0]).id == other.create_job(later[1]).id
