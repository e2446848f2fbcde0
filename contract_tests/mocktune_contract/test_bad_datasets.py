"""Training files that validation refuses: the upload and the create succeed, then the job fails (layer V of 3.7).

::

    job.error   {"code": "invalid_n_examples", "message": "Training file has 7 example(s), …", "param": "training_file"}
    event       {"level": "error", "type": "message", "message": the same text, "data": {}}

The files stand in ``data/training_files``; ``invalid/expected.toml`` says what each fails with, and how we know.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from mocktune_contract.lab import MODEL, TRAINING_FILES, Lab, training_file

pytestmark = [pytest.mark.needs("time"), pytest.mark.source("CN1229"), pytest.mark.operation("fine_tuning.jobs.create")]

EXPECTED: dict[str, dict[str, str]] = tomllib.loads(training_file("invalid/expected.toml").decode())
VALID = {"prompt_completion": "babbage-002", "vision": "gpt-4o-2024-08-06"}
"""The model of a valid file, where it is not the usual one."""
OF_OTHER_METHODS = {"preference", "reinforcement"}
"""Valid files that are for ``test_dataset_methods.py``, as are the invalid ones that name a method."""


def names_of(folder: str) -> list[str]:
    files = (each.name for each in TRAINING_FILES.joinpath(folder).iterdir())
    return sorted(name.removesuffix(".jsonl") for name in files if name.endswith(".jsonl"))


def fail(lab: Lab, training_file_id: str, **parameters: Any) -> dict[str, Any]:
    job = lab.create_job(training_file_id, **parameters)
    assert job.status == "validating_files"
    lab.clock.until(job.id, "failed")
    return lab.raw_job(job.id)


@pytest.mark.source("mocktune")
def test_every_bad_file_has_its_expected_error() -> None:
    assert names_of("invalid") == sorted(EXPECTED)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.source(expected["source"]))
        for name, expected in EXPECTED.items()
        if "method" not in expected
    ],
)
def test_a_bad_file_fails_its_job_in_validation(lab: Lab, name: str) -> None:
    """The source of each text stands beside it in ``expected.toml``."""
    expected = EXPECTED[name]
    uploaded = lab.upload_ready(training_file(f"invalid/{name}.jsonl"), f"{name}.jsonl")
    file = lab.client().files.retrieve(uploaded.id)
    assert file.status == ("error" if "status_details" in expected else "processed")
    assert file.status_details == expected.get("status_details")

    job = fail(lab, file.id, model=expected.get("model", MODEL))
    assert job["error"] == {"code": expected["code"], "message": expected["message"], "param": "training_file"}
    newest = lab.raw_events(job["id"])[-1]
    assert {key: newest[key] for key in ("level", "type", "message", "data")} == {
        "level": "error",
        "type": "message",
        "message": expected["message"],
        "data": {},
    }


@pytest.mark.source("CN1229, PY0225")
def test_a_job_that_failed_validation_shows_nothing_of_training(lab: Lab) -> None:
    """OBS CN1229, PY0225: ``finished_at`` stays null and the hyperparameters stay "auto"."""
    job = fail(lab, lab.upload_ready(training_file("invalid/seven_examples.jsonl")).id)
    auto = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    assert job["status"] == "failed"
    assert job["finished_at"] is None
    assert job["fine_tuned_model"] is None
    assert job["trained_tokens"] is None
    assert job["result_files"] == []
    assert job["hyperparameters"] == auto
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": auto}}


@pytest.mark.source("CN1229, PY0225")
def test_the_events_of_a_job_that_failed_validation(lab: Lab) -> None:
    """OBS CN1229, PY0225: created, validating, error."""
    job = fail(lab, lab.upload_ready(training_file("invalid/seven_examples.jsonl")).id)
    assert [event["message"] for event in lab.raw_events(job["id"])] == [
        f"Created fine-tuning job: {job['id']}",
        f"Validating training file: {job['training_file']}",
        "Training file has 7 example(s), but must have at least 10 examples",
    ]


@pytest.mark.source("SFTDOC")
@pytest.mark.parametrize("name", [name for name in names_of("valid") if name not in OF_OTHER_METHODS])
def test_a_good_file_of_each_kind_is_trained_on(lab: Lab, name: str) -> None:
    """Contract 3.2, 3.3 and 3.6: plain, weights, tools, legacy functions, names, content parts, developer, images,
    completions."""
    job = lab.finished_job(training_file(f"valid/{name}.jsonl"), model=VALID.get(name, MODEL))
    assert job.trained_tokens


@pytest.mark.source("OBS, community, assumed")
@pytest.mark.parametrize(
    ("bad", "code", "prefix"),
    [
        ("missing_role", "invalid_validation_file", "The job failed due to an invalid validation file. "),
        ("extra_keys", "invalid_file_format", "The job failed due to a file format error in the validation file. "),
    ],
)
def test_a_bad_validation_file_is_named_as_such(lab: Lab, bad: str, code: str, prefix: str) -> None:
    """OBS community 699409 for the sentence and the param; that the code follows is assumed."""
    good = lab.upload_ready(training_file("valid/plain.jsonl"))
    validation = lab.upload_ready(training_file(f"invalid/{bad}.jsonl"))
    job = fail(lab, good.id, validation_file=validation.id)
    _, _, detail = EXPECTED[bad]["message"].partition(" training file. ")
    assert job["error"] == {"code": code, "message": prefix + detail, "param": "validation_file"}


@pytest.mark.source("assumed")
def test_the_training_file_is_judged_before_the_validation_file(lab: Lab) -> None:
    """Contract 3.7: only the first defect is reported; the order of the files is assumed."""
    bad = lab.upload_ready(training_file("invalid/missing_role.jsonl"))
    job = fail(lab, bad.id, validation_file=bad.id)
    assert job["error"]["param"] == "training_file"


@pytest.mark.source("assumed")
def test_a_short_validation_file_is_good_enough(lab: Lab) -> None:
    """No minimum was ever recorded for validation files (contract 3.1)."""
    validation = lab.upload_ready(training_file("invalid/seven_examples.jsonl"))
    lab.finished_job(training_file("valid/plain.jsonl"), validation_file=validation.id)


@pytest.mark.source("assumed")
def test_a_file_of_another_purpose_fails_its_job(lab: Lab) -> None:
    """Contract 3.7 row 15: the layer is recorded, the words are assumed."""
    file = lab.upload(training_file("valid/plain.jsonl"), purpose="user_data")
    assert fail(lab, file.id)["error"] == {
        "code": "invalid_training_file",
        "message": (
            "The job failed due to an invalid training file. "
            f"File '{file.id}' has purpose 'user_data', but must have 'fine-tune'."
        ),
        "param": "training_file",
    }


@pytest.mark.source("CN1229, assumed")
@pytest.mark.parametrize(
    ("file", "model", "is_in", "needs"),
    [
        ("plain", "babbage-002", "fine-tune-chat", "fine-tune-prompt-completion"),
        ("prompt_completion", "gpt-4o-mini-2024-07-18", "fine-tune-prompt-completion", "fine-tune-chat"),
    ],
)
def test_a_file_in_the_format_of_another_model_fails_its_job(
    lab: Lab, file: str, model: str, is_in: str, needs: str
) -> None:
    """Modelled on the recorded text for the wrong method (OBS CN1229); the words are assumed."""
    uploaded = lab.upload_ready(training_file(f"valid/{file}.jsonl"))
    assert fail(lab, uploaded.id, model=model)["error"] == {
        "code": "invalid_training_file",
        "message": (
            f"The job failed due to an invalid training file. Invalid file format. Input file {uploaded.id} is in the "
            f"{is_in} format, but the specified model needs the {needs} format (provided model={model})."
        ),
        "param": "training_file",
    }


@pytest.mark.source("assumed")
def test_a_file_that_is_deleted_before_it_was_validated_fails_its_job(lab: Lab) -> None:
    """Assumed (contract 8)."""
    file = lab.upload_ready(training_file("valid/plain.jsonl"))
    job = lab.create_job(file.id)
    lab.client().files.delete(file.id)
    lab.clock.until(job.id, "failed")
    assert lab.raw_job(job.id)["error"] == {
        "code": "invalid_training_file",
        "message": (
            f"The job failed due to an invalid training file. File '{file.id}' was deleted before it was validated."
        ),
        "param": "training_file",
    }


@pytest.mark.source("assumed")
def test_a_file_that_is_deleted_after_it_was_validated_is_not_missed(lab: Lab) -> None:
    """Assumed (contract 8): the job goes on, and the model answers from what it has learned."""
    file = lab.upload_ready(training_file("valid/plain.jsonl"))
    job = lab.create_job(file.id)
    lab.clock.until(job.id, "queued")
    lab.client().files.delete(file.id)
    lab.clock.until(job.id, "succeeded")
    lab.clock.advance(by="10m")
    model = lab.job(job.id).fine_tuned_model
    assert model is not None
    assert lab.says(model, "How long is a nautical mile?") == "1,852 metres, every one of them wet."


@pytest.mark.source("VISDOC, assumed")
def test_images_on_a_model_without_vision_fail_the_job(lab: Lab) -> None:
    """VISDOC names the models; the words are assumed."""
    file = lab.upload_ready(training_file("valid/vision.jsonl"))
    assert fail(lab, file.id)["error"] == {
        "code": "invalid_training_file",
        "message": (
            f"The job failed due to an invalid training file. Invalid file format. Input file {file.id} contains "
            f"images, but the specified model does not support vision fine-tuning (provided model={MODEL})."
        ),
        "param": "training_file",
    }


@pytest.mark.source("VISDOC, assumed")
def test_an_image_that_cannot_be_used_is_skipped(lab: Lab) -> None:
    """VISDOC: such an image is left out and the job goes on. That it costs nothing is assumed; 85 tokens are VISDOC's
    for ``detail: low``."""

    def trained_tokens(data: bytes) -> int:
        job = lab.finished_job(data, model="gpt-4o-2024-08-06", hyperparameters={"n_epochs": 1})
        assert job.trained_tokens is not None
        return job.trained_tokens

    good = training_file("valid/vision.jsonl")
    broken = good.replace(b"data:image/png;base64,iVBOR", b"data:image/png;base64,AAAAA")
    assert trained_tokens(good) - trained_tokens(broken) == 85 * good.count(b"data:image/png")
