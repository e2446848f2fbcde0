"""Whole lives of jobs with the methods ``dpo`` and ``reinforcement``.

::

    dpo             "hyperparameters": null, "method": {"type": "dpo", "dpo": {"hyperparameters": {…, "beta": 0.1}}}
    reinforcement   the same null, "method": {…, "reinforcement": {"grader", "response_format", "hyperparameters"}}

Recorded are the create answers of dpo jobs (CN1229), and by the guide one metric event of reinforcement (RFTDOC). No
job of either method was ever seen to end: what differs from supervised training there is assumed.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

from mocktune_contract.lab import MODEL, Lab, training_file

pytestmark = [pytest.mark.needs("time"), pytest.mark.source("SPEC"), pytest.mark.operation("fine_tuning.jobs.create")]

PLAIN = training_file("valid/plain.jsonl")
PAIRS = training_file("valid/preference.jsonl")
PROMPTS = training_file("valid/reinforcement.jsonl")
QUESTION, ANSWER = "How long is a nautical mile?", "1,852 metres, every one of them wet."
REFUSAL = "I would rather not say."
"""What every pair of the training file prefers not to hear."""

REASONING = "o4-mini-2025-04-16"
GRADER: dict[str, Any] = {
    "type": "string_check",
    "name": "same",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.reference_answer }}",
    "operation": "eq",
}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "reply", "strict": True, "schema": {"type": "object", "properties": {}}},
}
AUTO = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
DPO = {"type": "dpo"}


def reinforcement(**more: Any) -> dict[str, Any]:
    return {"type": "reinforcement", "reinforcement": {"grader": GRADER, **more}}


def dpo_job(lab: Lab, **parameters: Any) -> FineTuningJob:
    return lab.create_job(lab.upload_ready(PAIRS).id, **{"method": DPO, **parameters})


def reinforcement_job(lab: Lab, *, validated: bool = True, **parameters: Any) -> FineTuningJob:
    file = lab.upload_ready(PROMPTS)
    parameters = {"model": REASONING, "method": reinforcement(), **parameters}
    return lab.create_job(file.id, **({"validation_file": file.id} if validated else {}), **parameters)


def ended(lab: Lab, job: FineTuningJob) -> FineTuningJob:
    lab.clock.until(job.id, "terminal")
    lab.clock.advance(by="10m")
    done = lab.job(job.id)
    assert done.status == "succeeded", done.error
    return done


def own(job: dict[str, Any]) -> dict[str, Any]:
    """``method.<type>`` of a job as written on the wire."""
    method: dict[str, Any] = job["method"]
    assert set(method) == {"type", method["type"]}
    branch: dict[str, Any] = method[method["type"]]
    return branch


def result_rows(lab: Lab, job: FineTuningJob) -> list[str]:
    content = lab.client().files.content(job.result_files[0]).read()
    return base64.b64decode(content, validate=True).decode().splitlines()


# -- dpo ---------------------------------------------------------------------------------------------------------------


@pytest.mark.source("CN1229")
@pytest.mark.observed_wire("the SDK's type of a job wants hyperparameters")
def test_a_dpo_job_shows_its_beta_at_once_and_no_top_level_hyperparameters(lab: Lab) -> None:
    """OBS CN1229: null at the top, in every status; 0.1 while the other three say "auto"."""
    job = dpo_job(lab)
    seen = [lab.raw_job(job.id)]
    assert own(seen[0]) == {"hyperparameters": {**AUTO, "beta": 0.1}}
    assert list(own(seen[0])["hyperparameters"]) == [*AUTO, "beta"]
    for status in ("queued", "running", "succeeded"):
        lab.clock.until(job.id, status)
        seen.append(lab.raw_job(job.id))
    assert {each["hyperparameters"] for each in seen} == {None}
    resolved = {"n_epochs": 8, "batch_size": 1, "learning_rate_multiplier": 1.8, "beta": 0.1}
    assert [own(each)["hyperparameters"] for each in seen[1:]] == [resolved] * 3
    assert lab.job(job.id).hyperparameters is None  # in its default mode the SDK parses it


@pytest.mark.operation("fine_tuning.jobs.list_events")
def test_a_dpo_job_keeps_what_was_asked_for(lab: Lab) -> None:
    """SPEC: ``beta`` is above 0 and at most 2."""
    asked = {"beta": 0.5, "n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 0.7}
    job = dpo_job(lab, method={"type": "dpo", "dpo": {"hyperparameters": asked}})
    assert own(lab.raw_job(job.id)) == {"hyperparameters": asked}
    lab.clock.until(job.id, "succeeded")
    assert own(lab.raw_job(job.id)) == {"hyperparameters": asked}
    assert lab.raw_events(job.id)[-1]["data"]["total_steps"] == 2 * 3


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.list_events")
def test_the_events_of_a_dpo_job_are_those_of_supervised_training(lab: Lab) -> None:
    """Contract 4.8: the same sequence, and loss fields of the same names; a job begins near ln 2."""
    file = lab.upload_ready(PAIRS)
    job = ended(lab, lab.create_job(file.id, method=DPO, validation_file=file.id, suffix="kind"))
    events = lab.raw_events(job.id)
    assert [event["message"] for event in events[:4]] == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {file.id} and validation file: {file.id}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    steps = [event for event in events if event["type"] == "metrics"]
    assert len(steps) == 96
    for event in steps:
        assert re.fullmatch(
            r"Step \d+/96: training loss=\d\.\d\d(, validation loss=\d\.\d\d)?(, full validation loss=\d\.\d\d)?",
            event["message"],
        )
    assert list(steps[0]["data"]) == ["step", "train_loss", "total_steps", "train_mean_token_accuracy"]
    assert list(steps[-1]["data"]) == [
        "step", "train_loss", "total_steps", "full_valid_loss", "train_mean_token_accuracy",
        "full_valid_mean_token_accuracy",
    ]  # fmt: skip
    assert 0.6 < steps[0]["data"]["train_loss"] < 0.75
    last = sorted(event["data"]["train_loss"] for event in steps[-21:])
    assert last[10] < 0.6, "the median: single steps scatter"
    model = re.escape(job.fine_tuned_model or "")
    after = [event["message"] for event in events[100:]]
    for message, pattern in zip(
        after,
        [
            r"Checkpoint created at step 72 with Snapshot ID: ft:.*:kind:\w{8}:ckpt-step-72",
            r"Checkpoint created at step 84 with Snapshot ID: ft:.*:kind:\w{8}:ckpt-step-84",
            f"New fine-tuned model created: {model}",
            "The job has successfully completed",
        ],
        strict=True,
    ):
        assert re.fullmatch(pattern, message), message


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.checkpoints.list", "files.content")
def test_a_dpo_job_leaves_checkpoints_and_a_result_file_like_a_supervised_one(lab: Lab) -> None:
    job = ended(lab, dpo_job(lab))
    checkpoints = lab.client().fine_tuning.jobs.checkpoints.list(job.id).data
    assert [each.step_number for each in checkpoints] == [96, 84, 72]
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert (checkpoints[0].metrics.step, checkpoints[0].metrics.valid_loss) == (96, None)
    assert checkpoints[0].metrics.train_loss is not None
    rows = result_rows(lab, job)
    assert rows[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert len(rows) == 1 + 96
    assert re.fullmatch(r"1,0\.\d{1,5},[\d.]+,,", rows[1])


@pytest.mark.source("mocktune")
@pytest.mark.operation("chat.completions.create")
def test_a_model_tuned_by_dpo_answers_what_was_preferred(lab: Lab) -> None:
    model = ended(lab, dpo_job(lab)).fine_tuned_model or ""
    assert lab.says(model, QUESTION) == ANSWER
    assert lab.says(model, "How deep is the Mariana Trench?") != REFUSAL


@pytest.mark.source("DOC")
@pytest.mark.operation("chat.completions.create")
def test_dpo_goes_on_from_a_supervised_model(lab: Lab) -> None:
    """DOC: supervised training first, then dpo on that model, is the workflow that is recommended."""
    chat = b"".join(
        json.dumps({"messages": [{"role": "user", "content": f"What hangs in room {n}?"},
                                 {"role": "assistant", "content": f"A chart of bay {n}."}]}).encode() + b"\n"
        for n in range(1, 11)
    )  # fmt: skip
    first = lab.tuned_model(chat, suffix="sft")
    job = ended(lab, dpo_job(lab, model=first, suffix="dpo"))
    assert job.model == first
    second = job.fine_tuned_model or ""
    assert re.fullmatch(f"ft:{MODEL}:mocktune:dpo:\\w{{8}}", second)
    assert lab.says(second, QUESTION) == ANSWER
    assert lab.says(second, "What hangs in room 4?") == "A chart of bay 4."


@pytest.mark.source("assumed")
@pytest.mark.parametrize("model", ["gpt-3.5-turbo-0125", REASONING])
def test_models_that_dpo_is_not_for(lab: Lab, model: str) -> None:
    """Contract 7.1 for which; the words are those of a model that cannot be tuned at all (assumed)."""
    with pytest.raises(openai.BadRequestError) as refused:
        dpo_job(lab, model=model)
    assert refused.value.code == "model_not_available"


@pytest.mark.parametrize(
    ("beta", "code"), [(0, "decimal_below_min_value"), (2.5, "decimal_above_max_value"), ("low", "invalid_type")]
)
def test_a_beta_out_of_range_is_refused(lab: Lab, beta: object, code: str) -> None:
    """SPEC for the range."""
    with pytest.raises(openai.BadRequestError) as refused:
        lab.create_job("file-none", method={"type": "dpo", "dpo": {"hyperparameters": {"beta": beta}}})
    assert (refused.value.code, refused.value.param) == (code, "method.dpo.hyperparameters.beta")


# -- reinforcement -----------------------------------------------------------------------------------------------------

RESOLVED = {
    "n_epochs": 2,
    "batch_size": 8,
    "learning_rate_multiplier": 1,
    "compute_multiplier": 1,
    "eval_interval": 5,
    "eval_samples": 2,
    "reasoning_effort": "medium",
}
"""What becomes of "auto" over 12 prompts (assumed): 4 steps."""


@pytest.mark.source("SPEC, RFTDOC")
@pytest.mark.observed_wire("the SDK's type of a job wants hyperparameters")
def test_a_reinforcement_job_echoes_its_grader(lab: Lab) -> None:
    """SPEC's example of such a job: no top-level hyperparameters; ``response_format`` is in it and in RFTDOC."""
    job = reinforcement_job(lab, method=reinforcement(response_format=SCHEMA))
    seen = [lab.raw_job(job.id)]
    asked = {
        **AUTO,
        "compute_multiplier": "auto",
        "eval_interval": "auto",
        "eval_samples": "auto",
        "reasoning_effort": "default",
    }
    assert own(seen[0]) == {"grader": GRADER, "response_format": SCHEMA, "hyperparameters": asked}
    for status in ("queued", "running", "succeeded"):
        lab.clock.until(job.id, status)
        seen.append(lab.raw_job(job.id))
    assert [own(each)["hyperparameters"] for each in seen[1:]] == [RESOLVED] * 3
    assert {each["hyperparameters"] for each in seen} == {None}
    assert {each["eval_id"] for each in seen} == {None}


def test_a_format_that_was_not_asked_for_is_null(lab: Lab) -> None:
    assert own(lab.raw_job(reinforcement_job(lab).id))["response_format"] is None


@pytest.mark.source("RFTDOC")
def test_only_jobs_of_reinforcement_have_an_eval(lab: Lab) -> None:
    """RFTDOC for the field, which is null here: the evals platform is not played."""
    assert "eval_id" not in lab.raw_job(dpo_job(lab).id)


@pytest.mark.source("RFTDOC")
@pytest.mark.operation("fine_tuning.jobs.list_events")
def test_the_events_of_a_reinforcement_job_have_rewards(lab: Lab) -> None:
    """RFTDOC: the sample's words, with a blank before the comma, and its nested data."""
    job = ended(lab, reinforcement_job(lab))
    events = lab.raw_events(job.id)
    steps = [event for event in events if event["type"] == "metrics"]
    assert [event["data"]["step"] for event in steps] == [1, 2, 3, 4]
    for event in steps[:-1]:
        assert re.fullmatch(r"Step [123]/4 , train mean reward=[01]\.\d\d", event["message"])
    assert re.fullmatch(
        r"Step 4/4 , train mean reward=[01]\.\d\d, full validation mean reward=[01]\.\d\d, "
        r"full validation mean parse error=0\.00",
        steps[-1]["message"],
    )
    last = steps[-1]["data"]
    assert set(last) == {
        "step", "usage", "errors", "scores", "timing", "total_steps", "train_mean_reward", "reasoning_tokens_mean",
        "completion_tokens_mean", "full_valid_mean_reward", "mean_unresponsive_rewards", "model_graders_token_usage",
        "full_valid_mean_parse_error", "valid_reasoning_tokens_mean",
    }  # fmt: skip
    assert last["scores"]["train_reward_mean"] == last["train_mean_reward"]
    assert last["scores"]["valid_reward_mean"] == last["full_valid_mean_reward"]
    assert [each["name"] for each in last["scores"]["graders"]] == ["same"]
    assert f"{last['train_mean_reward']:.2f}" in steps[-1]["message"]
    assert "full_valid_mean_reward" not in steps[0]["data"]
    assert [event["message"] for event in events[-2:]] == [
        f"New fine-tuned model created: {job.fine_tuned_model}",
        "The job has successfully completed",
    ]


@pytest.mark.source("RFTDOC")
@pytest.mark.operation("fine_tuning.jobs.list_events", "fine_tuning.jobs.checkpoints.list")
def test_a_checkpoint_of_reinforcement_has_rewards(lab: Lab) -> None:
    """RFTDOC: one an evaluation, of which the three with the best ``valid_reward_mean`` are kept."""
    job = ended(lab, reinforcement_job(lab, method=reinforcement(hyperparameters={"eval_interval": 1, "n_epochs": 5})))
    rewards = {event["data"]["step"]: event["data"] for event in lab.raw_events(job.id) if event["type"] == "metrics"}
    page = lab.http.get(f"/fine_tuning/jobs/{job.id}/checkpoints").json()["data"]
    best = sorted(rewards, key=lambda step: (rewards[step]["full_valid_mean_reward"], step), reverse=True)[:3]
    # The last step is the model itself, and listed whether it is among the best or not (assumed).
    assert [each["step_number"] for each in page] == sorted({*best, len(rewards)}, reverse=True)
    assert page[0]["fine_tuned_model_checkpoint"] == job.fine_tuned_model
    for each in page:
        assert each["metrics"] == {
            "step": each["step_number"],
            "train_reward_mean": rewards[each["step_number"]]["train_mean_reward"],
            "valid_reward_mean": rewards[each["step_number"]]["full_valid_mean_reward"],
        }


@pytest.mark.source("assumed")
@pytest.mark.operation("files.content")
def test_the_result_file_of_reinforcement_has_rewards(lab: Lab) -> None:
    """Assumed: no such file was ever shown."""
    rows = result_rows(lab, ended(lab, reinforcement_job(lab)))
    assert rows[0] == "step,train_mean_reward,full_valid_mean_reward,full_valid_mean_parse_error"
    assert len(rows) == 1 + 4
    assert re.fullmatch(r"1,[01]\.\d{1,5},,", rows[1])
    assert re.fullmatch(r"4,[01]\.\d{1,5},[01]\.\d{1,5},0\.0", rows[4])


@pytest.mark.source("mocktune")
@pytest.mark.operation("chat.completions.create")
def test_a_model_tuned_by_reinforcement_answers_what_was_rewarded(lab: Lab) -> None:
    job = ended(lab, reinforcement_job(lab, suffix="rft"))
    assert re.fullmatch(f"ft:{REASONING}:mocktune:rft:\\w{{8}}", job.fine_tuned_model or "")
    assert lab.says(job.fine_tuned_model or "", QUESTION) == ANSWER


@pytest.mark.source("RFTDOC, assumed")
@pytest.mark.operation("fine_tuning.jobs.list_events")
def test_a_reinforcement_job_without_validation_has_none_of_it(lab: Lab) -> None:
    """RFTDOC says both files are needed; that the service takes the one is assumed."""
    job = ended(lab, reinforcement_job(lab, validated=False))
    data = [event["data"] for event in lab.raw_events(job.id) if event["type"] == "metrics"]
    assert not any("valid" in key for each in data for key in each)


@pytest.mark.source("RFTDOC")
def test_only_reasoning_models_are_tuned_by_reinforcement(lab: Lab) -> None:
    """Contract 7.1."""
    with pytest.raises(openai.BadRequestError) as refused:
        lab.create_job(lab.upload_ready(PROMPTS).id, method=reinforcement())
    assert refused.value.code == "model_not_available"


@pytest.mark.source("assumed")
def test_a_model_tuned_by_reinforcement_can_be_tuned_again(lab: Lab) -> None:
    first = ended(lab, reinforcement_job(lab)).fine_tuned_model or ""
    second = ended(lab, reinforcement_job(lab, model=first))
    assert second.model == first


@pytest.mark.operation("fine_tuning.jobs.cancel")
@pytest.mark.parametrize("job", [dpo_job, reinforcement_job], ids=["dpo", "reinforcement"])
def test_jobs_of_every_method_are_cancelled_alike(lab: Lab, job: Any) -> None:
    created = job(lab)
    lab.clock.until(created.id, "running")
    assert lab.client().fine_tuning.jobs.cancel(created.id).status == "cancelled"
    assert lab.raw_job(created.id)["result_files"] == []
