"""Graders read from a request, refused with the path of what is wrong, and written again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.errors import ApiError, ParameterError
from mocktune.domain.grader_kinds import METRICS, REASONING_MODELS
from mocktune.domain.graders import grader_json, grader_variables, parse_grader

CHECK: dict[str, Any] = {
    "type": "string_check",
    "name": "check",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
SIMILARITY: dict[str, Any] = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "bleu",
}
PYTHON: dict[str, Any] = {"type": "python", "name": "code", "source": "def grade(sample, item):\n    return 1.0\n"}
SCORE: dict[str, Any] = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o-2024-08-06",
    "input": [{"role": "user", "content": "{{item.answer}} {{sample.output_text}}"}],
}
LABEL: dict[str, Any] = {**SCORE, "type": "label_model", "labels": ["good", "bad"], "passing_labels": ["good"]}
MULTI: dict[str, Any] = {
    "type": "multi",
    "name": "both",
    "graders": {"a": CHECK, "b": SIMILARITY},
    "calculate_output": "0.5 * a + 0.5 * b",
}


def normalized(raw: dict[str, Any], **how: Any) -> dict[str, Any]:
    return grader_json(parse_grader(raw, **how))


def without(raw: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key not in names}


def refusal(raw: Any, **how: Any) -> ParameterError:
    with pytest.raises(ParameterError) as caught:
        parse_grader(raw, **how)
    return caught.value


@pytest.mark.parametrize("raw", [CHECK, SIMILARITY, PYTHON, MULTI], ids=lambda raw: raw["type"])
def test_a_complete_grader_is_echoed_as_it_is(raw: dict[str, Any]) -> None:
    assert normalized(raw) == raw
    assert list(normalized(raw))[:2] == ["type", "name"]


def test_neq_is_written_ne() -> None:
    assert normalized({**CHECK, "operation": "neq"})["operation"] == "ne"


def test_a_score_model_without_a_range_has_0_to_1() -> None:
    assert normalized(SCORE) == {**SCORE, "range": [0, 1]}
    assert normalized({**SCORE, "range": None})["range"] == [0, 1]


def test_what_was_given_of_the_optional_fields_is_echoed() -> None:
    for raw in (
        {**SIMILARITY, "pass_threshold": 0.9},
        {**PYTHON, "image_tag": "2025-05-08", "pass_threshold": 0.5},
        {**SCORE, "range": [0, 100], "sampling_params": {"seed": 1, "temperature": 1}, "pass_threshold": 50},
    ):
        assert normalized(raw) == raw


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_taken(metric: str) -> None:
    assert normalized({**SIMILARITY, "evaluation_metric": metric})["evaluation_metric"] == metric


def test_python_and_multi_may_have_no_name() -> None:
    """EVALPROTOCOL: ``grader-`` and twelve characters."""
    for raw in (without(PYTHON, "name"), without(MULTI, "name")):
        name = normalized(raw)["name"]
        assert name.startswith("grader-")
        assert len(name) == 19
        assert normalized(raw)["name"] == name
    assert refusal(without(CHECK, "name")).param == "grader.name"


def test_inside_multi_a_nameless_grader_has_the_name_of_its_key() -> None:
    raw = {**MULTI, "graders": {"a": without(CHECK, "name"), "b": without(PYTHON, "name")}}
    graders = normalized(raw)["graders"]
    assert {key: each["name"] for key, each in graders.items()} == {"a": "a", "b": "b"}


def test_a_list_of_graders_becomes_a_map_of_their_names() -> None:
    raw = {**MULTI, "graders": [CHECK, SIMILARITY], "calculate_output": "check * alike"}
    assert normalized(raw)["graders"] == {"check": CHECK, "alike": SIMILARITY}


def test_a_list_of_graders_can_be_asked_for_by_type() -> None:
    """SPEC's example, without its stray bracket; the names have spaces."""
    raw = {
        "type": "multi",
        "name": "example multi grader",
        "graders": [
            {**SIMILARITY, "name": "example text similarity grader"},
            {**CHECK, "name": "Example string check"},
        ],
        "calculate_output": "0.5 * text_similarity_score +  0.5 * string_check_score",
    }
    graders = normalized(raw)["graders"]
    assert list(graders) == ["text_similarity_score", "string_check_score"]
    assert graders["string_check_score"]["name"] == "Example string check"


def test_two_graders_of_one_type_cannot_be_asked_for_by_it() -> None:
    raw = {**MULTI, "graders": [CHECK, {**CHECK, "name": "other"}], "calculate_output": "string_check_score"}
    assert refusal(raw).param == "grader.calculate_output"


def test_one_grader_alone_is_taken_as_the_sdk_types_it() -> None:
    assert normalized({**MULTI, "graders": CHECK, "calculate_output": "check"})["graders"] == {"check": CHECK}
    by_type = {**MULTI, "graders": CHECK, "calculate_output": "string_check_score"}
    assert normalized(by_type)["graders"] == {"string_check_score": CHECK}


def test_a_label_model_is_taken_inside_multi() -> None:
    raw = {**MULTI, "graders": {"a": LABEL}, "calculate_output": "a"}
    assert normalized(raw) == raw
    assert refusal(LABEL).param == "grader.type"


PART = {"type": "input_text", "text": "{{item.q}}"}


@pytest.mark.parametrize(
    "content",
    [
        "text",
        PART,
        [PART, "more", {"type": "output_text", "text": "x"}],
        [{"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}],
        [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}],
    ],
)
def test_a_message_says_text_images_and_audio(content: Any) -> None:
    raw = {**SCORE, "input": [{"role": "developer", "content": content, "type": "message"}], "range": [0, 1]}
    assert normalized(raw) == raw


def test_the_variables_of_a_grader_are_named() -> None:
    assert grader_variables(parse_grader(CHECK)) == {"sample.output_text", "item.answer"}
    message = {"role": "user", "content": [PART, "{{ sample.output_tools[0].function.name }}"]}
    raw = {**MULTI, "graders": {"a": CHECK, "b": {**SCORE, "input": [message]}, "c": PYTHON}}
    assert grader_variables(parse_grader(raw)) == {
        "sample.output_text",
        "item.answer",
        "item.q",
        "sample.output_tools[0].function.name",
    }


def multi(key: str, **changes: Any) -> dict[str, Any]:
    return {**MULTI, "graders": {**MULTI["graders"], key: {**MULTI["graders"][key], **changes}}}


DEEP = {**SCORE, "input": [{"role": "user", "content": [PART, {"type": "input_text"}]}]}
REASONING = {**SCORE, "model": REASONING_MODELS[0]}

REFUSED: list[tuple[Any, str, str, str]] = [
    ([], "grader", "invalid_type", "expected an object, but got an array"),
    ({}, "grader.type", "missing_required_parameter", "'grader.type'"),
    ({"type": 1}, "grader.type", "invalid_type", "expected a string, but got an integer"),
    ({"type": "x"}, "grader.type", "invalid_value", "'string_check', 'text_similarity', "),
    (without(CHECK, "reference"), "grader.reference", "missing_required_parameter", "grader.reference"),
    ({**CHECK, "input": None}, "grader.input", "invalid_type", "got null"),
    ({**CHECK, "operation": "contains"}, "grader.operation", "invalid_value", "'eq', 'ne', 'like', and 'ilike'"),
    ({**CHECK, "pass_threshold": 1}, "grader.pass_threshold", "unknown_parameter", "grader.pass_threshold"),
    ({**CHECK, "input": "{{ answer }}"}, "grader.input", "invalid_value", "{{ answer }}"),
    ({**CHECK, "input": "x" * 300_000}, "grader.input", "string_above_max_length", "300000"),
    ({**SIMILARITY, "evaluation_metric": "cosine"}, "grader.evaluation_metric", "invalid_value", "for evals"),
    ({**SIMILARITY, "evaluation_metric": "rouge_6"}, "grader.evaluation_metric", "invalid_value", "rouge_6"),
    ({**SIMILARITY, "pass_threshold": "1"}, "grader.pass_threshold", "invalid_type", "expected a number"),
    ({**SIMILARITY, "pass_threshold": True}, "grader.pass_threshold", "invalid_type", "got a boolean"),
    ({**SIMILARITY, "pass_threshold": float("nan")}, "grader.pass_threshold", "invalid_value", "within reason"),
    ({**PYTHON, "source": "def grade(sample):\n  return 1"}, "grader.source", "invalid_value", "exactly two arguments"),
    ({**PYTHON, "source": "def grade(a, b, *c): ..."}, "grader.source", "invalid_value", "exactly two arguments"),
    ({**PYTHON, "source": "def grade(a, b, *, c): ..."}, "grader.source", "invalid_value", "exactly two arguments"),
    ({**PYTHON, "source": "def grade(a, b, **c): ..."}, "grader.source", "invalid_value", "exactly two arguments"),
    ({**PYTHON, "source": "x = 1"}, "grader.source", "invalid_value", "has 0"),
    ({**PYTHON, "source": PYTHON["source"] * 2}, "grader.source", "invalid_value", "has 2"),
    ({**PYTHON, "source": "async def grade(a, b): ..."}, "grader.source", "invalid_value", "has 0"),
    ({**PYTHON, "source": "def grade(a, b) return 1"}, "grader.source", "invalid_value", "line 1"),
    ({**PYTHON, "source": "\x00"}, "grader.source", "invalid_value", "not valid Python"),
    ({**PYTHON, "source": "(" * 5000}, "grader.source", "invalid_value", "not valid Python"),
    ({**PYTHON, "source": "-" * 100_000 + "1"}, "grader.source", "invalid_value", "not valid Python"),
    ({**PYTHON, "source": PYTHON["source"] + "#" + "é" * 131_072}, "grader.source", "invalid_value", "than 256kB"),
    ({**PYTHON, "image_tag": "latest"}, "grader.image_tag", "invalid_value", "Supported values are: '2025-05-08'"),
    ({**SCORE, "model": "gpt-4o"}, "grader.model", "invalid_value", "'gpt-4o-2024-08-06'"),
    ({**SCORE, "input": "text"}, "grader.input", "invalid_type", "expected an array"),
    ({**SCORE, "input": []}, "grader.input", "invalid_value", "at least one message"),
    ({**SCORE, "input": [{}] * 200}, "grader.input", "array_above_max_length", "200"),
    ({**SCORE, "input": [{"role": "tool", "content": ""}]}, "grader.input[0].role", "invalid_value", "'developer'"),
    ({**SCORE, "input": [{"role": "user"}]}, "grader.input[0].content", "missing_required_parameter", "content"),
    ({**SCORE, "input": [{"role": "user", "content": 1}]}, "grader.input[0].content", "invalid_type", "integer"),
    (DEEP, "grader.input[0].content[1].text", "missing_required_parameter", "text"),
    ({**SCORE, "range": [0]}, "grader.range", "invalid_value", "two numbers, but got 1"),
    ({**SCORE, "range": [1, 0]}, "grader.range", "invalid_value", "lower bound first"),
    ({**SCORE, "range": [0, "1"]}, "grader.range[1]", "invalid_type", "a number"),
    ({**SCORE, "sampling_params": []}, "grader.sampling_params", "invalid_type", "an object"),
    ({**SCORE, "sampling_params": {"x": 1}}, "grader.sampling_params.x", "unknown_parameter", "x"),
    ({**SCORE, "sampling_params": {"seed": 1.5}}, "grader.sampling_params.seed", "invalid_type", "an integer"),
    ({**SCORE, "sampling_params": {"top_p": 2}}, "grader.sampling_params.top_p", "invalid_value", "from 0 to 1"),
    (
        {**SCORE, "sampling_params": {"max_completions_tokens": 0}},
        "grader.sampling_params.max_completions_tokens", "invalid_value", "at least 1",
    ),
    (
        {**SCORE, "sampling_params": {"reasoning_effort": "low"}},
        "grader.sampling_params.reasoning_effort", "invalid_value", "not a reasoning model",
    ),
    (
        {**REASONING, "sampling_params": {"temperature": 0.5}},
        "grader.sampling_params.temperature", "invalid_value", "takes no temperature",
    ),
    ({**MULTI, "graders": {}}, "grader.graders", "invalid_value", "1 to 32 graders, but got 0"),
    ({**MULTI, "graders": "x"}, "grader.graders", "invalid_type", "expected an object, but got a string"),
    ({**MULTI, "graders": {"input": "x"}, "calculate_output": "1"}, "grader.graders.input", "invalid_type", "a string"),
    ({**MULTI, "graders": [CHECK, CHECK], "calculate_output": "check"}, "grader.graders[1]", "invalid_value", "second"),
    ({**MULTI, "graders": [1], "calculate_output": "1"}, "grader.graders[0]", "invalid_type", "an object"),
    ({**MULTI, "graders": {"a": MULTI}, "calculate_output": "a"}, "grader.graders.a", "invalid_value", "cannot"),
    (multi("a", operation="x"), "grader.graders.a.operation", "invalid_value", "Supported values"),
    (multi("b", input=5), "grader.graders.b.input", "invalid_type", "'grader.graders.b.input'"),
    ({**MULTI, "calculate_output": "a + c"}, "grader.calculate_output", "invalid_value", "unknown variable 'c'"),
    ({**MULTI, "calculate_output": "a +"}, "grader.calculate_output", "invalid_value", "ends too early"),
    ({**MULTI, "x": 1}, "grader.x", "unknown_parameter", "grader.x"),
    (
        {**MULTI, "graders": {"a": {**LABEL, "passing_labels": ["fine"]}}, "calculate_output": "a"},
        "grader.graders.a.passing_labels[0]", "invalid_value", "'good' and 'bad'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "param", "code", "said"), REFUSED, ids=[f"{i}-{each[1]}" for i, each in enumerate(REFUSED)]
)
def test_a_bad_grader_is_refused_with_the_path_of_what_is_wrong(raw: Any, param: str, code: str, said: str) -> None:
    error = refusal(raw)
    assert (error.param, error.code) == (param, code)
    assert said in error.message


def test_the_sources_of_a_multi_grader_count_together() -> None:
    half = {**PYTHON, "source": PYTHON["source"] + "#" * 140_000}
    raw = {**MULTI, "graders": {"a": half, "b": half}}
    assert parse_grader({**raw, "graders": {"a": half, "b": PYTHON}})
    assert refusal(raw).param == "grader.graders.b.source"


def test_the_path_begins_where_the_caller_says() -> None:
    param = "method.reinforcement.grader"
    error = refusal({**CHECK, "operation": "x"}, param=param)
    assert error.param == param + ".operation"


def test_the_default_temperature_is_no_change_of_it() -> None:
    raw = {**REASONING, "sampling_params": {"temperature": 1, "reasoning_effort": "low"}, "range": [0, 1]}
    assert normalized(raw) == raw


LENIENT = [
    {**CHECK, "operation": "contains"},
    {**CHECK, "more": 1},
    {**CHECK, "input": "{{ answer }}"},
    {**SIMILARITY, "evaluation_metric": "cosine"},
    {**PYTHON, "image_tag": "latest"},
    {**SCORE, "model": "gpt-4o"},
    {**SCORE, "range": [1, 0]},
    {**SCORE, "sampling_params": {"top_p": 3, "reasoning_effort": "huge"}},
    LABEL,
    {**MULTI, "calculate_output": "a + c"},
    {**MULTI, "calculate_output": "a +"},
]


@pytest.mark.parametrize("raw", LENIENT, ids=range(len(LENIENT)))
def test_loose_lets_values_pass_that_are_refused_else(raw: dict[str, Any]) -> None:
    assert refusal(raw)
    once = normalized(raw, loose=True)
    assert normalized(once, loose=True) == once


@pytest.mark.parametrize("raw", [{}, {**CHECK, "type": "x"}, {**CHECK, "input": 1}, {**PYTHON, "source": "x"}])
def test_loose_does_not_let_pass_what_nobody_could_work_with(raw: dict[str, Any]) -> None:
    assert refusal(raw, loose=True)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([CHECK, SCORE, [0, 1]]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "a", "role", "content"]), inner)
    ),
    max_leaves=6,
)
FIELDS = ["name", "input", "reference", "operation", "model", "range", "graders", "sampling_params", "labels", "source"]


@settings(deadline=None)
@given(
    st.sampled_from([CHECK, SIMILARITY, PYTHON, SCORE, LABEL, MULTI]),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3),
    st.booleans(),
)
def test_any_object_is_a_grader_or_an_error_of_the_api(
    raw: dict[str, Any], changes: dict[str, Any], loose: bool
) -> None:
    """What is a grader is written as one that reads the same."""
    refused: ApiError | None = None
    try:
        grader = parse_grader({**raw, **changes}, loose=loose)
    except ApiError as error:
        refused = error
    if refused is not None:
        assert (refused.param or "").startswith("grader")
        return
    written = grader_json(grader)
    assert grader_json(parse_grader(written, loose=loose)) == written
    assert grader_variables(parse_grader(written, loose=loose)) == grader_variables(grader)
