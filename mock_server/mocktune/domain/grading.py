"""What a grader says of an answer, and of a whole dataset.

GRADDOC: a check answers 1 or 0, a likeness from 0 to 1, a model a number in its range, a multi grader the value of its
formula; what cannot be graded counts 0 and says why. Assumed: inside a multi grader too, whose formula then goes on
with the 0; times are played, since nothing here takes any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Literal, get_args

from mocktune.domain import draws
from mocktune.domain.formulas import FormulaValueError
from mocktune.domain.grader_kinds import (
    Grader,
    LabelModel,
    Metric,
    Multi,
    Python,
    ScoreModel,
    SingleGrader,
    StringCheck,
    TextMetrics,
    TextSimilarity,
    grader_json,
    grader_variables,
    single_graders,
)
from mocktune.domain.graders import parse_grader
from mocktune.domain.judging import Judge, Prompt, Usage
from mocktune.domain.templates import MAX_RENDERED_CHARS, Rendered, RenderError, Scope, render, scope_of

__all__ = [
    "MAX_GRADED_ROWS",
    "Grade",
    "GraderScore",
    "GraderSummary",
    "Judge",
    "TextMetrics",
    "Usage",
    "grade",
    "grader_json",
    "grader_variables",
    "parse_grader",
    "played_score",
    "python_paths",
    "summarise",
]

ErrorFlag = Literal[
    "formula_parse_error", "sample_parse_error", "truncated_observation_error", "invalid_variable_error", "other_error"
]
"""Those errors of a run that can happen here; the others are always false."""

MAX_GRADED_ROWS = 64
"""Rows of a dataset that are graded, evenly spaced: a mean is asked for, and a job's creation shall not wait long."""

_EXECUTION_S: dict[str, tuple[float, float]] = {
    # EVALPROTOCOL recorded 4.79 and 6.83 for python, SPEC shows 4.37 for score_model; the rest is assumed.
    "python": (4.5, 7.0),
    "score_model": (1.5, 5.0),
    "label_model": (1.0, 4.0),
    "text_similarity": (0.001, 0.02),
    "string_check": (0.0001, 0.001),
}


@dataclass(frozen=True, slots=True)
class Grade:
    """What one grader says of one answer.

    ``errors`` are those that happened, with their details. ``usage`` and ``model`` are those of a model grader;
    ``parts`` those of a multi grader's graders, by their keys. ``execution_time_s`` is virtual.
    """

    name: str
    type: str
    reward: float
    execution_time_s: float
    errors: Mapping[ErrorFlag, str] = field(default_factory=dict)
    usage: Usage | None = None
    model: str | None = None
    parts: Mapping[str, Grade] = field(default_factory=dict)

    @property
    def usage_per_model(self) -> dict[str, Usage]:
        used: dict[str, Usage] = {}
        for each in self.parts.values() or (self,):
            if each.model is not None and each.usage is not None:
                used[each.model] = used.get(each.model, Usage()) + each.usage
        return used


def grade(grader: Grader, item: Mapping[str, object], model_sample: str, metrics: TextMetrics, judge: Judge) -> Grade:
    """The grade of one answer, a pure function of its arguments; never raises for what is in them.

    A python grader is not run: its score is played, so callers who promise more refuse it first (``python_paths``).
    """
    scope = scope_of(item, model_sample)
    if not isinstance(grader, Multi):
        return _graded(grader, scope, metrics, judge)
    parts = {key: _graded(each, scope, metrics, judge) for key, each in grader.graders.items()}
    errors = {flag: details for part in parts.values() for flag, details in part.errors.items()}
    reward = 0.0
    if grader.formula is None:  # only where --loose let it pass
        errors["formula_parse_error"] = "the formula cannot be read"
    else:
        try:
            reward = grader.formula.value({key: part.reward for key, part in parts.items()})
        except FormulaValueError as error:
            errors["other_error"] = str(error)
    time_s = max(part.execution_time_s for part in parts.values())
    usages = [part.usage for part in parts.values() if part.usage is not None]
    usage = sum(usages, Usage()) if usages else None
    return Grade(grader.name, grader.type, reward, time_s, errors, usage, None, parts)


def python_paths(grader: Grader, param: str = "grader") -> list[str]:
    """Where in ``grader`` there are graders that nothing here can run."""
    return [
        f"{param}.graders.{key}" if isinstance(grader, Multi) else param
        for key, each in single_graders(grader).items()
        if isinstance(each, Python)
    ]


def played_score(grader: Python) -> float:
    """The score of a python grader in a reinforcement job: one number from 0.3 to 0.7, drawn from its source (assumed;
    the code is never run, so it is the same for every answer)."""
    return round(0.3 + 0.4 * draws.uniform(0, "python grader", grader.source), 4)


def _graded(grader: SingleGrader, scope: Scope, metrics: TextMetrics, judge: Judge) -> Grade:
    low, high = _EXECUTION_S[grader.type]
    drawn = draws.uniform(0, "execution", grader.name, str(scope.sample["output_text"]))
    time_s = round(low + (high - low) * drawn, 6)
    model = grader.model if isinstance(grader, ScoreModel | LabelModel) else None
    truncated: dict[ErrorFlag, str] = {}
    try:
        reward, usage, cut = _reward(grader, scope, metrics, judge)
    except RenderError as error:
        return Grade(grader.name, grader.type, 0.0, time_s, {error.flag: error.details}, None, model)
    if reward is None:
        errors: dict[ErrorFlag, str] = {"other_error": "there is no such operation or metric"}
        return Grade(grader.name, grader.type, 0.0, time_s, errors, usage, model)
    if cut:
        truncated["truncated_observation_error"] = "a text was too long and was cut"
    return Grade(grader.name, grader.type, reward, time_s, truncated, usage, model)


def _reward(
    grader: SingleGrader, scope: Scope, metrics: TextMetrics, judge: Judge
) -> tuple[float | None, Usage | None, bool]:
    """The reward (None where --loose let an unknown word pass), what it took, and whether a text was cut."""
    match grader:
        case StringCheck():
            input, reference = render(grader.input, scope), render(grader.reference, scope)
            return _checked(grader.operation, input.text, reference.text), None, input.truncated or reference.truncated
        case TextSimilarity():
            input, reference = render(grader.input, scope), render(grader.reference, scope)
            cut = input.truncated or reference.truncated
            metric = _metric(grader.evaluation_metric)
            if metric is None:
                return None, None, cut
            return min(max(metrics.similarity(metric, input.text, reference.text), 0.0), 1.0), None, cut
        case Python():
            return played_score(grader), None, False
        case ScoreModel() | LabelModel():
            prompt, cut = _prompt(grader, scope)
            verdict = judge.score(grader, prompt) if isinstance(grader, ScoreModel) else judge.label(grader, prompt)
            return verdict.score, verdict.usage, cut


def _checked(operation: str, input: str, reference: str) -> float | None:
    match operation:
        case "eq":
            return float(input == reference)
        case "ne":
            return float(input != reference)
        case "like":
            return float(reference in input)
        case "ilike":
            return float(reference.casefold() in input.casefold())
    return None


def _metric(name: str) -> Metric | None:
    metric: Metric
    for metric in get_args(Metric):
        if metric == name:
            return metric
    return None


def _prompt(grader: ScoreModel | LabelModel, scope: Scope) -> tuple[Prompt, bool]:
    messages: list[tuple[str, str]] = []
    rendered: list[Rendered] = []
    left = MAX_RENDERED_CHARS  # of the prompt as a whole
    for message in grader.input:
        texts: list[str] = []
        for template in message.texts:
            if left < 0:
                break
            filled = render(template, scope)
            rendered.append(filled)
            texts.append(filled.text[:left])
            left -= len(filled.text)
        messages.append((message.role, "\n".join(texts)))
    prompt = Prompt(
        tuple(messages),
        sum(message.images for message in grader.input),
        tuple(value for each in rendered for value in each.item_values),
        tuple(value for each in rendered for value in each.sample_values),
    )
    return prompt, left < 0 or any(each.truncated for each in rendered)


@dataclass(frozen=True, slots=True)
class GraderScore:
    """Means of one grader over the graded rows: its reward, the share of rows with each error, tokens, virtual time.
    ``lowest`` and ``highest`` are 0 and 1, or the range of a score model, or what was seen beyond that."""

    name: str
    type: str
    model: str | None
    mean: float
    lowest: float
    highest: float
    parse_error_mean: float
    invalid_variable_mean: float
    other_error_mean: float
    prompt_tokens_mean: float
    completion_tokens_mean: float
    execution_latency_mean_s: float


@dataclass(frozen=True, slots=True)
class GraderSummary:
    """Means over the graded rows (RFTDOC's metric event is made of such): ``mean_reward``, the share of rows with an
    error of each kind, tokens of model graders a row. ``by_grader`` has a multi grader's graders, or the one."""

    rows: int
    mean_reward: float
    lowest: float
    highest: float
    parse_error_mean: float
    invalid_variable_mean: float
    other_error_mean: float
    prompt_tokens_mean: float
    completion_tokens_mean: float
    by_grader: tuple[GraderScore, ...]


def summarise(
    grader: Grader,
    rows: Sequence[Mapping[str, object]],
    samples: Sequence[str],
    metrics: TextMetrics,
    judge: Judge,
) -> GraderSummary:
    """Grade ``samples[i]`` against ``rows[i]``, for at most ``MAX_GRADED_ROWS`` evenly spaced ``i``; all means are 0
    where there are no rows. Takes some milliseconds a row for long texts: call it beside the loop."""
    count = min(len(rows), len(samples))
    graded = min(count, MAX_GRADED_ROWS)
    places = [index * count // graded for index in range(graded)]
    grades = [grade(grader, rows[place], samples[place], metrics, judge) for place in places]
    by_grader = []
    for key, single in single_graders(grader).items():
        of_one = [each.parts[key] if isinstance(grader, Multi) else each for each in grades]
        by_grader.append(_score_of(single, of_one))
    whole = _score_of(grader, grades)
    return GraderSummary(
        graded,
        whole.mean,
        whole.lowest,
        whole.highest,
        whole.parse_error_mean,
        whole.invalid_variable_mean,
        whole.other_error_mean,
        whole.prompt_tokens_mean,
        whole.completion_tokens_mean,
        tuple(by_grader),
    )


def _score_of(grader: Grader, grades: Sequence[Grade]) -> GraderScore:
    usages = [each.usage or Usage() for each in grades]
    rewards = [each.reward for each in grades]
    bounds = grader.range if isinstance(grader, ScoreModel) else (0.0, 1.0)
    return GraderScore(
        grader.name,
        grader.type,
        grader.model if isinstance(grader, ScoreModel | LabelModel) else None,
        _mean(rewards),
        min((bounds[0], *rewards)),
        max((bounds[1], *rewards)),
        _mean(["sample_parse_error" in each.errors for each in grades]),
        _mean(["invalid_variable_error" in each.errors for each in grades]),
        _mean([not each.errors.keys().isdisjoint(("other_error", "formula_parse_error")) for each in grades]),
        _mean([usage.prompt_tokens for usage in usages]),
        _mean([usage.completion_tokens for usage in usages]),
        _mean([each.execution_time_s for each in grades]),
    )


def _mean(values: Sequence[float]) -> float:
    return fsum(value / len(values) for value in values) if values else 0.0
