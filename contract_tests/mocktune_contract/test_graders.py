"""``/fine_tuning/alpha/graders``: checked and tried on one answer.

A run answers::

    {"reward": 1.0,
     "metadata": {"name": "check", "type": "string_check", "errors": {"formula_parse_error": false, ...},
                  "execution_time": 0.0007, "scores": {}, "token_usage": null, "sampled_model_name": null},
     "sub_rewards": {}, "model_grader_token_usage_per_model": {}}
"""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.types.graders import PythonGrader, ScoreModelGrader, StringCheckGrader, TextSimilarityGrader

from mocktune_contract.lab import Lab, Labs

pytestmark = pytest.mark.source("SPEC, GRADDOC")

CHECK: Any = {
    "type": "string_check",
    "name": "check",
    "input": "{{sample.output_text}}",
    "reference": "{{ item.answer }}",
    "operation": "eq",
}
SIMILARITY: Any = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "fuzzy_match",
}
PYTHON: Any = {"type": "python", "name": "code", "source": "def grade(sample, item):\n    return 1.0\n"}
SCORE: Any = {
    "type": "score_model",
    "name": "Example score model grader",
    "input": [
        {
            "role": "user",
            "content": "Score how close they are.\n\nReference: {{item.answer}}\n\nAnswer: {{sample.output_text}}",
        }
    ],
    "model": "gpt-4o-2024-08-06",
    "sampling_params": {"temperature": 1, "top_p": 1, "seed": 42},
}
MULTI: Any = {
    "type": "multi",
    "name": "both",
    "graders": {"name": SIMILARITY, "email": CHECK},
    "calculate_output": "(name + email) / 2",
}

ERRORS = [
    "formula_parse_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
    "invalid_variable_error",
    "other_error",
    "python_grader_server_error",
    "python_grader_server_error_type",
    "python_grader_runtime_error",
    "python_grader_runtime_error_details",
    "model_grader_server_error",
    "model_grader_refusal_error",
    "model_grader_parse_error",
    "model_grader_server_error_details",
]
"""SPEC's example, in its order."""

RUN, VALIDATE = "/fine_tuning/alpha/graders/run", "/fine_tuning/alpha/graders/validate"


def run(lab: Lab, grader: Any, sample: str = "Paris", **item: Any) -> dict[str, Any]:
    body = {"grader": grader, "model_sample": sample, "item": item}
    answer: dict[str, Any] = lab.http.post(RUN, json=body).raise_for_status().json()
    return answer


def normalized(lab: Lab, grader: Any) -> dict[str, Any]:
    answer: dict[str, dict[str, Any]] = lab.http.post(VALIDATE, json={"grader": grader}).raise_for_status().json()
    assert list(answer) == ["grader"]
    return answer["grader"]


@pytest.mark.source("SPEC")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
@pytest.mark.shape
def test_a_run_answers_in_the_shape_of_the_description(lab: Lab) -> None:
    """SPEC; the keys of a run in their order."""
    answer = run(lab, CHECK, "Paris", answer="Paris")
    assert list(answer) == ["reward", "metadata", "sub_rewards", "model_grader_token_usage_per_model"]
    metadata = answer["metadata"]
    assert list(metadata) == [
        "name", "type", "errors", "execution_time", "scores", "token_usage", "sampled_model_name"
    ]  # fmt: skip
    assert answer["reward"] == 1.0
    assert (metadata["name"], metadata["type"]) == ("check", "string_check")
    assert metadata["execution_time"] > 0
    assert (metadata["scores"], metadata["token_usage"], metadata["sampled_model_name"]) == ({}, None, None)
    assert (answer["sub_rewards"], answer["model_grader_token_usage_per_model"]) == ({}, {})
    assert not any(metadata["errors"].values())


@pytest.mark.source("SPEC, EVALPROTOCOL")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_a_run_has_every_error_key(lab: Lab) -> None:
    """SPEC names fourteen; two recorded answers have ten more among them (EVALPROTOCOL)."""
    errors = run(lab, CHECK, answer="")["metadata"]["errors"]
    assert [key for key in errors if key in ERRORS] == ERRORS
    assert all(
        value is None if key.endswith(("_details", "_type")) else value is False for key, value in errors.items()
    )


@pytest.mark.needs("mocktune")
@pytest.mark.source("EVALPROTOCOL, SPEC")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
@pytest.mark.shape
@pytest.mark.observed_wire("the SDK's type has fewer errors")
def test_a_run_has_the_recorded_error_keys(lab: Lab) -> None:
    """EVALPROTOCOL: two answers to a python grader, with these keys between and after those of SPEC."""
    errors = run(lab, CHECK, answer="")["metadata"]["errors"]
    assert len(errors) == 24
    assert list(errors)[1:3] == ["sample_parse_error", "sample_parse_error_details"]
    assert list(errors)[-1] == "endpoint_grader_safety_check_error"


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
@pytest.mark.observed_wire("the SDK's type has fewer errors")
def test_an_error_has_its_details(lab: Lab) -> None:
    errors = run(lab, {**CHECK, "input": "{{item.city[0].name}}"}, answer="")["metadata"]["errors"]
    assert errors["invalid_variable_error_details"] == "there is no 'item.city[0].name'"
    assert errors["sample_parse_error_details"] is None


@pytest.mark.source("SDK")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_the_sdk_runs_a_grader(lab: Lab) -> None:
    answer = lab.client().fine_tuning.alpha.graders.run(grader=CHECK, model_sample="Rome", item={"answer": "Paris"})
    assert answer.reward == 0.0
    assert answer.metadata.errors.api_model_grader_parse_error is False


@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_a_run_needs_no_item(lab: Lab) -> None:
    grader: Any = {**CHECK, "reference": "Paris"}
    answer = lab.client().fine_tuning.alpha.graders.run(grader=grader, model_sample="Paris")
    assert answer.reward == 1.0


@pytest.mark.source("SDK")
@pytest.mark.operation("fine_tuning.alpha.graders.validate")
def test_the_sdk_validates_each_kind_of_grader(lab: Lab) -> None:
    graders = lab.client().fine_tuning.alpha.graders
    for grader, kind in (
        (CHECK, StringCheckGrader),
        (SIMILARITY, TextSimilarityGrader),
        (PYTHON, PythonGrader),
        (SCORE, ScoreModelGrader),
    ):
        answer = graders.validate(grader=grader).grader
        assert isinstance(answer, kind)
        assert answer.name == grader["name"]


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.alpha.graders.validate")
@pytest.mark.observed_wire("a map of graders is no grader")
def test_validate_answers_the_grader_as_it_is_understood(lab: Lab) -> None:
    assert normalized(lab, {**CHECK, "operation": "neq"}) == {**CHECK, "operation": "ne"}
    assert normalized(lab, SCORE) == {**SCORE, "range": [0, 1]}
    listed = {**MULTI, "graders": [SIMILARITY, CHECK], "calculate_output": "text_similarity_score * check"}
    assert normalized(lab, listed)["graders"] == {"text_similarity_score": SIMILARITY, "check": CHECK}


@pytest.mark.source("EVALPROTOCOL")
@pytest.mark.operation("fine_tuning.alpha.graders.validate")
def test_a_grader_without_a_name_is_given_one(lab: Lab) -> None:
    """EVALPROTOCOL."""
    nameless = {key: value for key, value in PYTHON.items() if key != "name"}
    grader = normalized(lab, nameless)
    assert grader["name"].startswith("grader-")
    assert len(grader["name"]) == len("grader-R5FhpA6BFQlo")
    assert {**grader, "name": None} == {**nameless, "name": None}


@pytest.mark.source("GRADDOC")
@pytest.mark.operation("fine_tuning.alpha.graders.run", "fine_tuning.alpha.graders.validate")
@pytest.mark.observed_wire("a map of graders is no grader")
def test_a_multi_grader_is_a_map_of_graders(lab: Lab) -> None:
    """GRADDOC's example: the address is wrong, the name is nearly right."""
    assert normalized(lab, MULTI) == MULTI
    answer = run(lab, MULTI, "Paris.", answer="Paris")
    assert list(answer["sub_rewards"]) == ["name", "email"]
    assert answer["sub_rewards"]["email"] == 0.0
    assert answer["reward"] == pytest.approx(answer["sub_rewards"]["name"] / 2)


@pytest.mark.operation("fine_tuning.alpha.graders.run")
@pytest.mark.parametrize(
    "metric",
    ["fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_3", "rouge_4", "rouge_5", "rouge_l"],
)
def test_every_metric_tells_near_from_far(lab: Lab, metric: str) -> None:
    grader = {**SIMILARITY, "evaluation_metric": metric}
    sentence = "the quick brown fox jumps over the lazy dog"
    same, near, far = (
        run(lab, grader, text, answer=sentence)["reward"] for text in (sentence, sentence[4:] + " s", "no")
    )
    assert far < near < same <= 1
    assert same > 0.99


# -- model graders -----------------------------------------------------------------------------------------------------


@pytest.mark.source("SPEC")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
@pytest.mark.observed_wire("the SDK's type of the usage is a number")
def test_a_model_grader_says_what_it_used(lab: Lab) -> None:
    """SPEC's example: equal texts, a reward of 1."""
    answer = run(lab, SCORE, "fuzzy wuzzy was a bear", answer="fuzzy wuzzy was a bear")
    assert answer["reward"] == 1.0
    metadata = answer["metadata"]
    assert metadata["sampled_model_name"] == "gpt-4o-2024-08-06"
    usage = metadata["token_usage"]
    assert list(usage) == ["prompt_tokens", "total_tokens", "completion_tokens", "cached_tokens"]
    assert usage["prompt_tokens"] > 15
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer["model_grader_token_usage_per_model"] == {"gpt-4o-2024-08-06": usage}


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_a_model_grader_answers_the_same_question_the_same(lab: Lab) -> None:
    answers = [run(lab, {**SCORE, "range": [0, 10]}, "about Paris", answer="Paris") for _ in range(2)]
    assert answers[0] == answers[1]
    assert 0 < answers[0]["reward"] < 10


# -- errors of a run ---------------------------------------------------------------------------------------------------


@pytest.mark.operation("fine_tuning.alpha.graders.run")
@pytest.mark.parametrize(
    ("changes", "sample", "error"),
    [
        ({"input": "{{item.missing}}"}, "x", "invalid_variable_error"),
        ({"input": "{{sample.output_json.city}}"}, "no json", "sample_parse_error"),
        ({"input": "{{sample.output_json.city}}"}, "{}", "invalid_variable_error"),
    ],
)
def test_what_cannot_be_graded_counts_0_and_says_why(
    lab: Lab, changes: dict[str, str], sample: str, error: str
) -> None:
    answer = run(lab, {**CHECK, **changes}, sample, answer="Paris")
    assert answer["reward"] == 0.0
    assert [key for key, value in answer["metadata"]["errors"].items() if value is True] == [error]


@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_an_answer_in_json_can_be_graded_by_its_parts(lab: Lab) -> None:
    answer = run(lab, {**CHECK, "input": "{{sample.output_json.city}}"}, '{"city": "Paris"}', answer="Paris")
    assert answer["reward"] == 1.0


@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_a_division_by_zero_counts_0(lab: Lab) -> None:
    answer = run(lab, {**MULTI, "calculate_output": "name / (email - email)"}, answer="Paris")
    assert answer["reward"] == 0.0
    assert any(value is True for value in answer["metadata"]["errors"].values())


# -- refused -----------------------------------------------------------------------------------------------------------

REFUSED = [
    ({**CHECK, "operation": "contains"}, "grader.operation", "invalid_value"),
    ({**CHECK, "input": 1}, "grader.input", "invalid_type"),
    ({**CHECK, "more": 1}, "grader.more", "unknown_parameter"),
    ({"type": "string_check", "name": "x"}, "grader.input", "missing_required_parameter"),
    ({**SIMILARITY, "evaluation_metric": "cosine"}, "grader.evaluation_metric", "invalid_value"),
    ({**PYTHON, "source": "def grade(sample): return 1"}, "grader.source", "invalid_value"),
    ({**SCORE, "model": "gpt-2"}, "grader.model", "invalid_value"),
    ({**SCORE, "type": "label_model"}, "grader.type", "invalid_value"),
    ({**MULTI, "calculate_output": "name + other"}, "grader.calculate_output", "invalid_value"),
    ({**MULTI, "calculate_output": "__import__('os')"}, "grader.calculate_output", "invalid_value"),
    ({**MULTI, "graders": {"name": MULTI}}, "grader.graders.name", "invalid_value"),
    (
        {**MULTI, "graders": {"name": {**CHECK, "input": []}, "email": CHECK}},
        "grader.graders.name.input",
        "invalid_type",
    ),
]


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.alpha.graders.run", "fine_tuning.alpha.graders.validate")
@pytest.mark.parametrize(("grader", "param", "code"), REFUSED, ids=[each[1] for each in REFUSED])
def test_a_bad_grader_is_refused_by_validate_and_by_run(lab: Lab, grader: Any, param: str, code: str) -> None:
    graders = lab.client().fine_tuning.alpha.graders
    for call in (lambda: graders.validate(grader=grader), lambda: graders.run(grader=grader, model_sample="x")):
        with pytest.raises(openai.BadRequestError) as caught:
            call()
        assert (caught.value.param, caught.value.code) == (param, code)


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        (RUN, {"grader": CHECK}, "model_sample", "missing_required_parameter"),
        (RUN, {"model_sample": "x"}, "grader", "missing_required_parameter"),
        (RUN, {"grader": CHECK, "model_sample": 1}, "model_sample", "invalid_type"),
        (RUN, {"grader": CHECK, "model_sample": "x", "item": []}, "item", "invalid_type"),
        (RUN, {"grader": CHECK, "model_sample": "x", "reference_answer": "y"}, "reference_answer", "unknown_parameter"),
        (VALIDATE, {}, "grader", "missing_required_parameter"),
        (VALIDATE, {"grader": "x"}, "grader", "invalid_type"),
    ],
)
def test_a_bad_request_is_refused(lab: Lab, path: str, body: Any, param: str, code: str) -> None:
    answer = lab.http.post(path, json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.alpha.graders.run")
def test_mocktune_runs_no_code_of_a_client(lab: Lab) -> None:
    with pytest.raises(openai.BadRequestError, match="runs no code") as caught:
        lab.client().fine_tuning.alpha.graders.run(grader=PYTHON, model_sample="x")
    assert (caught.value.param, caught.value.code) == ("grader", "python_grader_not_run")


# -- other servers -----------------------------------------------------------------------------------------------------


@pytest.mark.source("SDK")
@pytest.mark.operation("fine_tuning.alpha.graders.run", "fine_tuning.alpha.graders.validate")
@pytest.mark.shape
def test_answers_lie_within_the_sdks_types_under_wire_sdk(own_server: Labs) -> None:
    """``token_usage`` is a number there, and there are no error keys the SDK does not know."""
    scored: Any = {**MULTI, "graders": {"name": SCORE, "email": SCORE}}
    with own_server(wire="sdk").strict_client() as client:
        graders = client.fine_tuning.alpha.graders
        for grader in (CHECK, SIMILARITY, SCORE, MULTI, scored):
            answer = graders.run(grader=grader, model_sample="Paris", item={"answer": "Paris"})
            assert answer.metadata.model_extra == answer.metadata.errors.model_extra == {}
            assert answer.metadata.token_usage is None or answer.metadata.token_usage > 10
        for grader in (CHECK, SIMILARITY, SCORE, PYTHON):
            assert graders.validate(grader=grader).grader is not None


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.alpha.graders.run", "fine_tuning.alpha.graders.validate")
@pytest.mark.observed_wire("an operation that the SDK does not know")
def test_loose_lets_values_pass_that_are_refused_else(own_server: Labs) -> None:
    graders = own_server(loose=True).client().fine_tuning.alpha.graders
    odd: Any = {**CHECK, "operation": "contains", "more": 1}
    assert graders.validate(grader=odd).grader is not None
    answer = graders.run(grader=odd, model_sample="x")
    assert answer.reward == 0.0
    invalid: Any = {**MULTI, "calculate_output": "name +"}
    assert graders.run(grader=invalid, model_sample="x").metadata.errors.formula_parse_error is True
