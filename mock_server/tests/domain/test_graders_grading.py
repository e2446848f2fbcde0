"""What graders say of answers, and of datasets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.grader_kinds import Grader, Metric
from mocktune.domain.grading import (
    MAX_GRADED_ROWS,
    Grade,
    GraderSummary,
    grade,
    parse_grader,
    played_score,
    python_paths,
    summarise,
)
from mocktune.domain.judging import PlayedJudge, Usage


class Lengths:
    """Texts of the same length are the same; a metric that leaves 0..1 is brought back."""

    def similarity(self, metric: Metric, input: str, reference: str) -> float:
        return 7.0 if metric == "bleu" else float(len(input) == len(reference))


def count(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


CHECK = {"type": "string_check", "name": "check", "input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
SIMILARITY = {**CHECK, "type": "text_similarity", "name": "alike", "evaluation_metric": "meteor"}
PYTHON = {"type": "python", "name": "code", "source": "def grade(a, b):\n  return 1.0"}
SCORE = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o-2024-08-06",
    "input": [
        {"role": "developer", "content": "Compare them."},
        {"role": "user", "content": "Reference: {{item.answer}}. Answer: {{sample.output_text}}"},
    ],
}
LABEL = {**SCORE, "type": "label_model", "name": "label", "labels": ["bad", "good"], "passing_labels": ["good"]}


def multi(formula: str, **graders: Any) -> Grader:
    return parse_grader({"type": "multi", "graders": graders, "calculate_output": formula})


def graded(grader: Grader | dict[str, Any], answer: object = "yes", sample: str = "yes", seed: int = 1) -> Grade:
    parsed = parse_grader(grader, loose=True) if isinstance(grader, dict) else grader
    return grade(parsed, {"answer": answer}, sample, Lengths(), PlayedJudge(seed, count))


@pytest.mark.parametrize(
    ("operation", "answer", "sample", "reward"),
    [
        ("eq", "yes", "yes", 1.0),
        ("eq", "yes", "Yes", 0.0),
        ("ne", "yes", "Yes", 1.0),
        ("neq", "yes", "yes", 0.0),
        ("like", "es", "yes", 1.0),
        ("like", "yes", "es", 0.0),
        ("like", "ES", "yes", 0.0),
        ("ilike", "ES", "yes", 1.0),
        ("ilike", "STRASSE", "die Straße", 1.0),
        ("eq", True, "true", 1.0),
    ],
)
def test_a_string_check_is_1_or_0(operation: str, answer: object, sample: str, reward: float) -> None:
    result = graded({**CHECK, "operation": operation}, answer, sample)
    assert (result.reward, result.errors) == (reward, {})


def test_a_likeness_is_what_the_metric_says_within_0_and_1() -> None:
    assert graded(SIMILARITY, "abc", "xyz").reward == 1.0
    assert graded(SIMILARITY, "abc", "x").reward == 0.0
    assert graded({**SIMILARITY, "evaluation_metric": "bleu"}).reward == 1.0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"input": "{{item.missing}}"}, "invalid_variable_error"),
        ({"input": "{{sample.output_json.a}}"}, "sample_parse_error"),
        ({"input": "{{answer}}"}, "invalid_variable_error"),
        ({"operation": "contains"}, "other_error"),
        ({"input": "{{sample.output_text}}" * 900}, "truncated_observation_error"),
    ],
)
def test_what_cannot_be_graded_counts_0_and_says_why(changes: dict[str, str], error: Any) -> None:
    result = graded({**CHECK, "operation": "eq", **changes}, sample="x" * 1000)
    assert result.reward == 0.0
    assert list(result.errors) == [error]
    assert result.errors[error]


def test_an_unknown_metric_that_loose_let_pass_counts_0() -> None:
    result = graded({**SIMILARITY, "evaluation_metric": "cosine"})
    assert (result.reward, list(result.errors)) == (0.0, ["other_error"])


def test_a_multi_grader_is_the_value_of_its_formula() -> None:
    check = {**CHECK, "operation": "eq"}
    result = graded(multi("0.25 * a + 0.5 * b", a=check, b=SIMILARITY), "yes", "yep")
    assert result.reward == 0.5
    assert {key: part.reward for key, part in result.parts.items()} == {"a": 0.0, "b": 1.0}
    assert (result.usage, result.model, result.errors) == (None, None, {})


def test_a_formula_without_a_value_counts_0() -> None:
    check = {**CHECK, "operation": "eq"}
    assert list(graded(multi("1 / (a - a)", a=check)).errors) == ["other_error"]
    raw = {"type": "multi", "graders": {"a": check}, "calculate_output": "a +"}
    result = graded(raw)
    assert (result.reward, list(result.errors)) == (0.0, ["formula_parse_error"])


def test_the_errors_of_its_graders_are_those_of_a_multi_grader() -> None:
    check = {**CHECK, "operation": "eq"}
    result = graded(multi("a + b", a=check, b={**check, "input": "{{item.missing}}"}))
    assert result.reward == 1.0
    assert list(result.errors) == ["invalid_variable_error"]


# -- model graders -----------------------------------------------------------------------------------------------------


def test_a_played_judge_gives_more_to_what_is_more_alike() -> None:
    def score(sample: str) -> float:
        return graded(SCORE, "The capital of France is Paris.", sample).reward

    assert score("The capital of France is Paris.") == 1.0
    assert 0.8 < score("The capital of France is Pariss") < 1.0
    assert score("The capital of France is Pariss") > score("The capital is Rome") > score("zzz")


def test_a_score_lies_in_the_range() -> None:
    assert graded({**SCORE, "range": [0, 100]}).reward == 100
    assert graded({**SCORE, "range": [-2, -1]}, "abc", "xyz").reward < -1.8
    assert graded({**SCORE, "range": [3, 3]}, "abc", "xyz").reward == 3
    assert graded({**SCORE, "range": [-1e308, 1e308]}, "yes", "yep").reward < 1e308


def test_the_same_question_has_the_same_score_and_another_seed_another() -> None:
    def score(raw: dict[str, Any], seed: int) -> float:
        return graded({**raw, "range": [0, 1000]}, "some answer", "another answer", seed).reward

    other = {**SCORE, "model": "o3-2025-04-16"}
    sampled = [{**SCORE, "sampling_params": {"seed": seed}} for seed in range(5)]
    assert score(SCORE, 1) == score(SCORE, 1)
    assert len({score(SCORE, seed) for seed in range(5)}) > 2
    assert len({score(each, 1) for each in sampled}) > 2
    assert score(other, 1) != score(SCORE, 1)


def test_a_prompt_without_a_reference_has_a_drawn_score() -> None:
    alone = {**SCORE, "input": [{"role": "user", "content": "How good is {{sample.output_text}}?"}]}
    scores = {graded(alone, sample=f"answer {n}").reward for n in range(20)}
    assert len(scores) > 5
    assert all(0.2 <= score <= 0.9 for score in scores)


def test_a_model_grader_uses_tokens_of_its_model() -> None:
    result = graded(SCORE)
    assert result.model == "gpt-4o-2024-08-06"
    assert result.usage is not None
    # 2 messages of 4 tokens, 3 for the reply, and the words "Compare them." and "Reference: yes. Answer: yes".
    assert result.usage.prompt_tokens == 2 * 4 + 3 + 2 + 4
    assert result.usage.completion_tokens > 5
    assert result.usage.total_tokens == result.usage.prompt_tokens + result.usage.completion_tokens


def test_tokens_of_a_multi_grader_are_those_of_its_models() -> None:
    o3 = {**SCORE, "model": "o3-2025-04-16"}
    one = graded(SCORE).usage
    assert one is not None
    result = graded(multi("(a + b + c + d) / 4", a=SCORE, b=SCORE, c=o3, d={**CHECK, "operation": "eq"}))
    assert result.usage == one + one + one
    assert result.usage_per_model == {"gpt-4o-2024-08-06": one + one, "o3-2025-04-16": one}
    assert graded(SCORE).usage_per_model == {"gpt-4o-2024-08-06": one}
    assert graded(SIMILARITY).usage_per_model == {}


def test_a_label_is_a_passing_one_for_an_answer_that_agrees() -> None:
    assert graded(multi("a", a=LABEL)).reward == 1.0
    assert graded(multi("a", a=LABEL), "abc", "xyz").reward == 0.0
    all_pass = {**LABEL, "passing_labels": ["bad", "good"]}
    assert graded(multi("a", a=all_pass), "abc", "xyz").reward == 1.0


def test_an_image_takes_tokens() -> None:
    image = {"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a.png"}]}
    with_image = graded({**SCORE, "input": [*SCORE["input"], image]}).usage
    without = graded({**SCORE, "input": [*SCORE["input"], {"role": "user", "content": ""}]}).usage
    assert with_image is not None
    assert without is not None
    assert with_image.prompt_tokens - without.prompt_tokens == 85


def test_a_prompt_is_cut_as_a_whole() -> None:
    message = {"role": "user", "content": ["{{sample.output_text}}"] * 100}
    result = graded({**SCORE, "input": [message] * 100}, sample="word " * 50_000)
    assert list(result.errors) == ["truncated_observation_error"]
    assert result.usage is not None
    assert 50_000 < result.usage.prompt_tokens < 60_000


# -- python graders ----------------------------------------------------------------------------------------------------


def test_a_python_grader_is_played_by_its_source() -> None:
    result = graded(PYTHON)
    assert result.reward == graded(PYTHON, "no", "other", seed=9).reward == played_score(parse_grader(PYTHON))  # type: ignore[arg-type]
    assert 0.3 <= result.reward <= 0.7
    assert graded({**PYTHON, "source": PYTHON["source"] + " "}).reward != result.reward


def test_python_graders_are_found_wherever_they_are() -> None:
    assert python_paths(parse_grader(PYTHON)) == ["grader"]
    assert python_paths(multi("a + b", a=SIMILARITY, b=PYTHON)) == ["grader.graders.b"]
    assert python_paths(parse_grader(SIMILARITY)) == []


def test_virtual_time_is_that_of_the_kind_of_grader() -> None:
    check = {**CHECK, "operation": "eq"}
    python, quick = graded(PYTHON).execution_time_s, graded(check).execution_time_s
    assert 4.5 <= python <= 7
    assert 0 < quick <= 0.001
    assert graded(multi("a + b", a=check, b=PYTHON)).execution_time_s == python
    assert graded(check).execution_time_s == quick


# -- datasets ----------------------------------------------------------------------------------------------------------


def summary(grader: Grader, pairs: list[tuple[str, str]]) -> GraderSummary:
    rows, samples = [{"answer": answer} for answer, _ in pairs], [sample for _, sample in pairs]
    return summarise(grader, rows, samples, Lengths(), PlayedJudge(1, count))


def test_a_summary_has_the_means_of_the_rows() -> None:
    both = multi("0.5 * a + 0.5 * b", a={**CHECK, "operation": "eq"}, b={**SCORE, "range": [0, 10]})
    made = summary(both, [("yes", "yes"), ("yes", "yes"), ("abc", "xyz"), ("abc", "xyz")])
    assert made.rows == 4
    a, b = made.by_grader
    assert (a.name, a.type, a.model, a.mean, a.lowest, a.highest) == ("check", "string_check", None, 0.5, 0, 1)
    assert (b.name, b.type, b.model) == ("judge", "score_model", "gpt-4o-2024-08-06")
    assert (b.lowest, b.highest) == (0, 10)
    assert made.mean_reward == pytest.approx(0.5 * a.mean + 0.5 * b.mean)
    assert (made.lowest, made.highest) == (0, 5.5)
    assert made.prompt_tokens_mean == b.prompt_tokens_mean > a.prompt_tokens_mean == 0
    assert made.completion_tokens_mean == b.completion_tokens_mean > 0
    assert b.execution_latency_mean_s > a.execution_latency_mean_s > 0


def test_a_summary_counts_errors() -> None:
    grader = parse_grader({**CHECK, "operation": "eq", "input": "{{sample.output_json.a}}"})
    pairs = [("1", '{"a": 1}'), ("1", '{"b": 1}'), ("1", "no json"), ("1", "none")]
    made = summary(grader, pairs)
    assert (made.mean_reward, made.parse_error_mean, made.invalid_variable_mean) == (0.25, 0.5, 0.25)
    assert made.other_error_mean == 0
    assert made.by_grader[0].parse_error_mean == 0.5
    divided = summary(multi("1 / a", a={**CHECK, "operation": "eq"}), [("a", "a"), ("a", "b")])
    assert (divided.mean_reward, divided.other_error_mean) == (0.5, 0.5)


def test_a_summary_of_many_rows_looks_at_some_all_over() -> None:
    pairs = [("yes", "yes" if n < 5_000 else "no") for n in range(10_000)]
    made = summary(parse_grader({**CHECK, "operation": "eq"}), pairs)
    assert (made.rows, made.mean_reward) == (MAX_GRADED_ROWS, 0.5)


def test_a_summary_of_no_rows_is_0() -> None:
    made = summary(parse_grader(SCORE), [])
    assert (made.rows, made.mean_reward, made.by_grader[0].mean) == (0, 0.0, 0.0)


TEMPLATES = st.sampled_from(
    ["{{item.answer}}", "{{sample.output_text}}", "{{sample.output_json.a}}", "{{item.b}}", "x"]
)
GRADERS = st.one_of(
    st.builds(lambda a, b: {**CHECK, "operation": "like", "input": a, "reference": b}, TEMPLATES, TEMPLATES),
    st.builds(lambda a: {**SCORE, "range": [-1, 5], "input": [{"role": "user", "content": a}]}, TEMPLATES),
    st.just(LABEL),
    st.just(PYTHON),
)
FORMULAS = st.sampled_from(["a / b", "log(a - b)", "a ^ -9999", "exp(a * 9999)", "min(a, b)", "sqrt(b - a)"])


@settings(deadline=None)
@given(GRADERS, GRADERS, FORMULAS, st.text(max_size=8), st.one_of(st.text(max_size=8), st.just('{"a": [1]}')))
def test_grading_never_raises_and_is_always_the_same(a: Any, b: Any, formula: str, answer: str, sample: str) -> None:
    grader = multi(formula, a=a, b=b)
    result = graded(grader, answer, sample)
    assert result == graded(grader, answer, sample)
    assert json.loads(json.dumps(result.reward, allow_nan=False)) == result.reward
    assert result.usage is None or result.usage.total_tokens >= Usage().total_tokens
    if result.errors.keys() & {"other_error"}:
        assert result.reward == 0
