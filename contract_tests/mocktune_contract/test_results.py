"""What a job leaves behind: checkpoints and the result file.

::

    checkpoints   {"object": "list", "data": [highest step first], "has_more", "first_id", "last_id"}
    result file   base64 of  step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\\n1,3.63265,0.5,,\\n…
"""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from openai.types.fine_tuning import FineTuningJob

from mocktune_contract.lab import Lab, Labs, training_file

pytestmark = [
    pytest.mark.needs("time"),
    pytest.mark.source("PINOLO"),
    pytest.mark.operation("fine_tuning.jobs.checkpoints.list"),
]

PLAIN = training_file("valid/plain.jsonl")
STEPS = 96
"""12 examples, one a batch, 8 epochs."""

HEADER = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"


def validated_job(lab: Lab) -> FineTuningJob:
    """A job with a validation file, at the instant it succeeded."""
    file = lab.upload_ready(PLAIN)
    return lab.finished_job(PLAIN, validation_file=file.id)


def checkpoints(lab: Lab, job_id: str, **query: Any) -> dict[str, Any]:
    answer = lab.http.get(f"/fine_tuning/jobs/{job_id}/checkpoints", params=query)
    page: dict[str, Any] = answer.raise_for_status().json()
    return page


# -- checkpoints -------------------------------------------------------------------------------------------------------


def test_there_are_no_checkpoints_before_the_end(lab: Lab) -> None:
    """OBS PINOLO: the list stays empty until the end of the job."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    lab.clock.until(job.id, "running")
    lab.clock.advance(by=f"{STEPS * 2.5 - 1}s")
    assert len(lab.raw_events(job.id)) > STEPS * 0.9
    assert checkpoints(lab, job.id) == {
        "object": "list",
        "data": [],
        "has_more": False,
        "first_id": None,
        "last_id": None,
    }
    lab.clock.advance(by="1s")
    assert len(checkpoints(lab, job.id)["data"]) == 3


@pytest.mark.source("SFTDOC, PINOLO")
def test_the_last_three_epochs_are_kept_highest_step_first(lab: Lab) -> None:
    """SFTDOC, OBS PINOLO."""
    job = lab.finished_job(PLAIN)
    page = checkpoints(lab, job.id)
    assert [each["step_number"] for each in page["data"]] == [96, 84, 72]
    assert page["has_more"] is False
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])


def test_the_first_checkpoint_is_the_model_and_the_others_have_ids_of_their_own(lab: Lab) -> None:
    """OBS PINOLO: never derive a checkpoint's name from the model's."""
    job = lab.finished_job(PLAIN, suffix="pip")
    names = [each["fine_tuned_model_checkpoint"] for each in checkpoints(lab, job.id)["data"]]
    assert names[0] == job.fine_tuned_model
    ids = [name.split(":")[4] for name in names]
    assert len(set(ids)) == 3
    for name, step in zip(names[1:], (84, 72), strict=True):
        assert re.fullmatch(rf"ft:gpt-4o-mini-2024-07-18:[a-z0-9-]+:pip:[A-Za-z0-9]{{8}}:ckpt-step-{step}", name)


@pytest.mark.shape
def test_a_checkpoint_has_the_recorded_keys_and_the_metrics_of_its_step(lab: Lab) -> None:
    """OBS PINOLO for the keys and their order; full_valid_* from the newer doc example."""
    job = validated_job(lab)
    data = {event["data"]["step"]: event["data"] for event in lab.raw_events(job.id) if event["type"] == "metrics"}
    for each in checkpoints(lab, job.id)["data"]:
        assert list(each) == [
            "object", "id", "created_at", "fine_tuned_model_checkpoint", "fine_tuning_job_id", "metrics", "step_number",
        ]  # fmt: skip
        assert each["object"] == "fine_tuning.job.checkpoint"
        assert re.fullmatch("ftckpt_[A-Za-z0-9]{24}", each["id"])
        assert each["fine_tuning_job_id"] == job.id
        assert list(each["metrics"]) == [
            "step", "train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy",
            "full_valid_loss", "full_valid_mean_token_accuracy",
        ]  # fmt: skip
        of_step = data[each["step_number"]]
        for key in ("step", "train_loss", "train_mean_token_accuracy", "full_valid_loss"):
            assert each["metrics"][key] == of_step[key]


@pytest.mark.source("SPEC")
def test_a_checkpoint_without_validation_has_training_metrics_only(lab: Lab) -> None:
    """Contract 2.3: every metric is optional."""
    job = lab.finished_job(PLAIN)
    for each in checkpoints(lab, job.id)["data"]:
        assert list(each["metrics"]) == ["step", "train_loss", "train_mean_token_accuracy"]


def test_a_checkpoint_was_made_when_its_epoch_ended(lab: Lab) -> None:
    """OBS PINOLO: created_at lies in training, long before the checkpoint can be seen."""
    job = validated_job(lab)
    ended = {
        event["data"]["step"]: event["created_at"] for event in lab.raw_events(job.id) if event["type"] == "metrics"
    }
    for each in checkpoints(lab, job.id)["data"]:
        assert each["created_at"] == ended[each["step_number"]]


@pytest.mark.source("PINOLO, SFTDOC")
@pytest.mark.parametrize(("n_epochs", "steps"), [(1, [12]), (2, [24, 12]), (3, [36, 24, 12]), (4, [48, 36, 24])])
def test_fewer_epochs_leave_fewer_checkpoints(lab: Lab, n_epochs: int, steps: list[int]) -> None:
    """OBS PINOLO: one at the end of each epoch; SFTDOC: the last three are kept."""
    job = lab.finished_job(PLAIN, hyperparameters={"n_epochs": n_epochs})
    assert [each["step_number"] for each in checkpoints(lab, job.id)["data"]] == steps


@pytest.mark.source("SPEC")
def test_checkpoints_come_in_pages(lab: Lab) -> None:
    """Contract 1.1: ``after`` is excluded."""
    job = lab.finished_job(PLAIN)
    every = [each["id"] for each in checkpoints(lab, job.id)["data"]]
    first = checkpoints(lab, job.id, limit=2)
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (every[:2], True)
    rest = checkpoints(lab, job.id, limit=2, after=first["last_id"])
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (every[2:], False)
    assert [each.id for each in lab.client().fine_tuning.jobs.checkpoints.list(job.id, limit=1)] == every


@pytest.mark.source("assumed")
def test_a_job_that_did_not_succeed_has_no_checkpoints(lab: Lab) -> None:
    """Contract 4.1, assumed for a job cancelled after its first epochs."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    lab.clock.until(job.id, "running")
    lab.clock.advance(by="200s")
    lab.client().fine_tuning.jobs.cancel(job.id)
    assert checkpoints(lab, job.id)["data"] == []


# -- the result file ---------------------------------------------------------------------------------------------------


@pytest.mark.source("RUBY")
@pytest.mark.operation("files.retrieve", "files.list", "files.delete")
def test_the_result_file_is_a_file_like_others(lab: Lab) -> None:
    """OBS RUBY files_list: name, purpose and status."""
    job = lab.finished_job(PLAIN)
    (file_id,) = job.result_files
    client = lab.client()
    file = client.files.retrieve(file_id)
    assert re.fullmatch("file-[A-Za-z0-9]{22}", file_id)
    assert (file.filename, file.purpose, file.status) == ("step_metrics.csv", "fine-tune-results", "processed")
    assert file.created_at == job.finished_at
    assert [each.id for each in client.files.list(purpose="fine-tune-results")] == [file_id]
    client.files.delete(file_id)
    assert client.files.list(purpose="fine-tune-results").data == []


@pytest.mark.source("cookbook, RUBY")
@pytest.mark.operation("files.content")
@pytest.mark.shape
def test_the_result_file_arrives_base64_encoded_and_counts_its_plain_bytes(lab: Lab) -> None:
    """OBS, the cookbook notebook of June 2024 and zzz-api #21; recorded sizes are no multiples of four (RUBY)."""
    (file_id,) = lab.finished_job(PLAIN).result_files
    content = lab.client().files.content(file_id).read()
    csv = base64.b64decode(content, validate=True)
    assert csv.startswith(HEADER.encode() + b"\n")
    assert lab.client().files.retrieve(file_id).bytes == len(csv)


@pytest.mark.source("OBS")
@pytest.mark.operation("files.content")
def test_the_result_file_can_be_served_plain(own_server: Labs) -> None:
    """OBS Azure: clients must take both."""
    lab = own_server(scenario=("result.encoding=plain",))
    (file_id,) = lab.finished_job(PLAIN).result_files
    assert lab.client().files.content(file_id).read().startswith(HEADER.encode())


@pytest.mark.source("OBS")
@pytest.mark.operation("files.content")
@pytest.mark.parametrize("validated", [False, True])
def test_the_result_file_has_one_row_a_step_with_the_numbers_of_the_events(lab: Lab, validated: bool) -> None:
    """OBS: ``repr(round(x, 5))`` (no padding, exponent form), empty cells, LF; full_valid_* are not in it."""
    job = validated_job(lab) if validated else lab.finished_job(PLAIN)
    csv = base64.b64decode(lab.client().files.content(job.result_files[0]).read()).decode("ascii")
    expected = [HEADER]
    for event in lab.raw_events(job.id):
        if event["type"] == "metrics":
            keys = ("train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy")
            cells = (repr(round(event["data"][key], 5)) if key in event["data"] else "" for key in keys)
            expected.append(f"{event['data']['step']},{','.join(cells)}")
    assert len(expected) == 1 + STEPS
    assert csv == "\n".join(expected) + "\n"
    assert ("valid_loss" in str(lab.raw_events(job.id))) is validated
