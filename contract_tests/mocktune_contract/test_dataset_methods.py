"""Files of jobs with method ``dpo`` and ``reinforcement``, and files in the format of another method.

Recorded (CN1229): a chat file under dpo fails in validation; the hyperparameters stay as they were asked for. Its
message ends in a blank.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from mocktune_contract.lab import MODEL, Lab, training_file

pytestmark = [pytest.mark.needs("time"), pytest.mark.source("CN1229"), pytest.mark.operation("fine_tuning.jobs.create")]

EXPECTED: dict[str, dict[str, str]] = {
    name: expected
    for name, expected in tomllib.loads(training_file("invalid/expected.toml").decode()).items()
    if "method" in expected
}
REASONING = "o4-mini-2025-04-16"
GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.reference_answer }}",
    "operation": "eq",
}
METHODS: dict[str, dict[str, Any]] = {
    "supervised": {"type": "supervised"},
    "dpo": {"type": "dpo"},
    "reinforcement": {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
}
MODELS = {"reinforcement": REASONING}


def fail(lab: Lab, file_id: str, method: str, **parameters: Any) -> dict[str, Any]:
    parameters = {"model": MODELS.get(method, MODEL), "method": METHODS[method], **parameters}
    job = lab.create_job(file_id, **parameters)
    assert job.status == "validating_files"
    lab.clock.until(job.id, "failed")
    return lab.raw_job(job.id)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.source(each["source"])) for name, each in EXPECTED.items()]
)
def test_a_bad_file_fails_its_job_in_validation(lab: Lab, name: str) -> None:
    """The source of each text stands beside it in ``expected.toml``."""
    expected = EXPECTED[name]
    file = lab.upload_ready(training_file(f"invalid/{name}.jsonl"), f"{name}.jsonl")
    assert lab.client().files.retrieve(file.id).status == "processed"
    job = fail(lab, file.id, expected["method"])
    assert job["error"] == {"code": expected["code"], "message": expected["message"], "param": "training_file"}
    assert lab.raw_events(job["id"])[-1]["message"] == expected["message"]


def test_chat_under_dpo_is_told_in_the_recorded_words(lab: Lab) -> None:
    """OBS CN1229, with the blank at the end."""
    file = lab.upload_ready(training_file("valid/plain.jsonl"))
    job = fail(lab, file.id, "dpo")
    assert job["error"] == {
        "code": "invalid_training_file",
        "message": (
            f"The job failed due to an invalid training file. Invalid file format. Input file {file.id} is in the "
            "fine-tune-chat format, but the specified fine-tuning job is not using 'supervised' as the training "
            "method (provided method=dpo). "
        ),
        "param": "training_file",
    }
    assert job["finished_at"] is None
    auto = {"beta": 0.1, "batch_size": "auto", "learning_rate_multiplier": "auto", "n_epochs": "auto"}
    assert job["method"] == {"type": "dpo", "dpo": {"hyperparameters": auto}}


@pytest.mark.source("assumed")
@pytest.mark.parametrize(
    ("file", "method", "is_in", "needs"),
    [
        ("preference", "supervised", "fine-tune-preference", "dpo"),
        ("plain", "reinforcement", "fine-tune-chat", "supervised"),
    ],
)
def test_a_file_in_the_format_of_another_method_is_told_likewise(
    lab: Lab, file: str, method: str, is_in: str, needs: str
) -> None:
    """Modelled on the text recorded for chat under dpo; the words are assumed."""
    uploaded = lab.upload_ready(training_file(f"valid/{file}.jsonl"))
    error = fail(lab, uploaded.id, method, validation_file=uploaded.id)["error"]
    assert error["code"] == "invalid_training_file"
    assert error["message"].endswith(
        f"is in the {is_in} format, but the specified fine-tuning job is not using '{needs}' as the training method "
        f"(provided method={method}). "
    )


def test_prompt_and_completion_under_dpo_lack_the_input(lab: Lab) -> None:
    """Contract 3.4: seen of a file of prompts and completions."""
    file = lab.upload_ready(training_file("valid/prompt_completion.jsonl"))
    assert fail(lab, file.id, "dpo")["error"]["message"].endswith("Example 1 is missing key 'input'.")


@pytest.mark.source("assumed")
def test_a_bad_validation_file_is_named_as_such(lab: Lab) -> None:
    good = lab.upload_ready(training_file("valid/preference.jsonl"))
    chat = lab.upload_ready(training_file("valid/plain.jsonl"))
    error = fail(lab, good.id, "dpo", validation_file=chat.id)["error"]
    assert (error["code"], error["param"]) == ("invalid_validation_file", "validation_file")


@pytest.mark.source("assumed")
def test_preferences_are_billed_for_the_input_and_both_outputs(lab: Lab) -> None:
    """Assumed (contract 3.8)."""
    file = lab.upload_ready(training_file("valid/preference.jsonl"))
    method = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1}}}
    job = lab.create_job(file.id, method=method)
    lab.clock.until(job.id, "succeeded")
    chat = lab.finished_job(training_file("valid/plain.jsonl"), hyperparameters={"n_epochs": 1})
    of_preferences, of_chat = lab.job(job.id).trained_tokens, chat.trained_tokens
    assert of_preferences is not None
    assert of_chat is not None
    # In place of the answer's example, each line has one more message of six tokens: "I would rather not say."
    assert of_preferences - of_chat == 12 * (6 + 4)


@pytest.mark.source("SPEC")
@pytest.mark.observed_wire("the error of a job without one")
def test_prompts_of_reinforcement_are_accepted(lab: Lab) -> None:
    file = lab.upload_ready(training_file("valid/reinforcement.jsonl"))
    job = lab.create_job(file.id, model=REASONING, method=METHODS["reinforcement"], validation_file=file.id)
    lab.clock.until(job.id, "queued")
    assert lab.raw_job(job.id)["error"] == {}
