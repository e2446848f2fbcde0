"""Reward metrics as the API writes them: event text and data, checkpoint metrics, result file.

RFTDOC shows one whole event of a real job; names, nesting and order are its. The order is that of a PostgreSQL
``jsonb``, shorter keys first and equally long ones by alphabet, and so it is in every recorded metric event: keys that
were not shown are put in where that rule has them. Where nothing was validated, everything of validation is absent
(assumed, after what supervised training does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mocktune.domain.rewards import GraderTally, RewardMetrics
from mocktune.domain.shapes import number

Json = dict[str, object]


def event_message(metrics: RewardMetrics) -> str:
    """The text of a metric event (RFTDOC), two decimals; the space before the comma is in the guide's sample."""
    text = f"Step {metrics.step}/{metrics.total_steps} , train mean reward={metrics.train.reward_mean:.2f}"
    if metrics.valid is not None:
        text += f", full validation mean reward={metrics.valid.reward_mean:.2f}"
        text += f", full validation mean parse error={metrics.valid.parse_error_mean:.2f}"
    return text


def event_data(metrics: RewardMetrics) -> Json:
    """The ``data`` of a metric event (RFTDOC)."""
    train, valid = metrics.train, metrics.valid
    samples: Json = {"train_reasoning_tokens_mean": train.reasoning_tokens_mean}
    if valid is not None:
        samples["valid_reasoning_tokens_mean"] = valid.reasoning_tokens_mean
    samples["train_reasoning_tokens_count"] = float(train.reasoning_tokens)
    if valid is not None:
        samples["valid_reasoning_tokens_count"] = float(valid.reasoning_tokens)
    scores: Json = {
        "graders": _by_grader(metrics, _reward),
        "train_reward_mean": number(train.reward_mean),
    }
    if valid is not None:
        scores["valid_reward_mean"] = number(valid.reward_mean)
    times: Json = {} if metrics.eval_s is None else {"eval": metrics.eval_s}
    times |= {
        "sampling": metrics.sampling_s,
        "training": metrics.training_s,
        "full_iteration": metrics.full_iteration_s,
    }
    data: Json = {
        "step": metrics.step,
        "usage": {"graders": _by_grader(metrics, _usage, asking_models=True), "samples": samples},
        "errors": {"graders": _by_grader(metrics, _errors)},
        "scores": scores,
        "timing": {"step": times, "graders": _by_grader(metrics, _latency)},
        "total_steps": metrics.total_steps,
        "train_mean_reward": number(train.reward_mean),
        "reasoning_tokens_mean": train.reasoning_tokens_mean,
        "completion_tokens_mean": train.reasoning_tokens_mean + metrics.answer_tokens_mean,
    }
    if valid is not None:
        data["full_valid_mean_reward"] = number(valid.reward_mean)
    data["mean_unresponsive_rewards"] = 0.0  # the guide's sample; nobody knows what would raise it
    data["model_graders_token_usage"] = _token_usage(metrics)
    if valid is not None:
        data["full_valid_mean_parse_error"] = valid.parse_error_mean
        data["valid_reasoning_tokens_mean"] = valid.reasoning_tokens_mean
    return data


def checkpoint_metrics(metrics: RewardMetrics) -> dict[str, int | float | None]:
    """The ``metrics`` of a checkpoint: the names RFTDOC gives the two rewards, one of which it is kept for (assumed).

    The SDK's type names losses only and lets others pass.
    """
    data: dict[str, int | float | None] = {
        "step": metrics.step,
        "train_reward_mean": number(metrics.train.reward_mean),
    }
    if metrics.valid is not None:
        data["valid_reward_mean"] = number(metrics.valid.reward_mean)
    return data


def csv_header() -> str:
    """First line of the result file (assumed: no reinforcement one was ever shown), without its line end."""
    return "step,train_mean_reward,full_valid_mean_reward,full_valid_mean_parse_error"


def csv_row(metrics: RewardMetrics) -> str:
    """One line of the result file, without its line end, written as those of supervised training are."""
    valid = metrics.valid
    cells = (
        metrics.train.reward_mean,
        None if valid is None else valid.reward_mean,
        None if valid is None else valid.parse_error_mean,
    )
    return f"{metrics.step}," + ",".join("" if cell is None else repr(round(cell, 5)) for cell in cells)


_Part = Callable[[GraderTally, int], Mapping[str, float | None]]


def _by_grader(metrics: RewardMetrics, part: _Part, *, asking_models: bool = False) -> list[Json]:
    """One entry a grader: its name, and of each number the one of training and then the one of validation."""
    entries: list[Json] = []
    for index, score in enumerate(metrics.summary.by_grader):
        if asking_models and score.model is None:
            continue
        entry: Json = {"name": score.name, "type": score.type}
        if asking_models:
            entry["model"] = score.model
        train = part(metrics.train.graders[index], metrics.train.samples)
        valid: Mapping[str, float | None] = {}
        if metrics.valid is not None:
            valid = part(metrics.valid.graders[index], metrics.valid.samples)
        for key, value in train.items():
            entry[f"train_{key}"] = value
            if key in valid:
                entry[f"valid_{key}"] = valid[key]
        entries.append(entry)
    return entries


def _usage(tally: GraderTally, samples: int) -> dict[str, float]:
    return {
        "prompt_tokens_mean": tally.prompt_tokens / samples,
        "prompt_tokens_count": float(tally.prompt_tokens),
        "completion_tokens_mean": tally.completion_tokens / samples,
        "completion_tokens_count": float(tally.completion_tokens),
    }


def _errors(tally: GraderTally, samples: int) -> dict[str, float]:
    return {
        "other_error_mean": tally.other_errors / samples,
        "other_error_count": float(tally.other_errors),
        "sample_parse_error_mean": tally.sample_parse_errors / samples,
        "sample_parse_error_count": float(tally.sample_parse_errors),
        "invalid_variable_error_mean": tally.invalid_variable_errors / samples,
        "invalid_variable_error_count": float(tally.invalid_variable_errors),
    }


def _reward(tally: GraderTally, samples: int) -> dict[str, float | None]:
    return {"reward_mean": number(tally.reward_mean)}


def _latency(tally: GraderTally, samples: int) -> dict[str, float]:
    return {"execution_latency_mean": tally.latency_s}


def _token_usage(metrics: RewardMetrics) -> dict[str, dict[str, int]]:
    """Tokens of this step by the model that was asked; nothing is ever cached, and 0 where nothing was validated."""
    usage: dict[str, dict[str, int]] = {}
    for index, score in enumerate(metrics.summary.by_grader):
        if score.model is None:
            continue
        train = metrics.train.graders[index]
        valid = None if metrics.valid is None else metrics.valid.graders[index]
        more = {
            "eval_cached_tokens": 0,
            "eval_prompt_tokens": 0 if valid is None else valid.prompt_tokens,
            "train_cached_tokens": 0,
            "train_prompt_tokens": train.prompt_tokens,
            "eval_completion_tokens": 0 if valid is None else valid.completion_tokens,
            "train_completion_tokens": train.completion_tokens,
        }
        sums = usage.setdefault(score.model, dict.fromkeys(more, 0))
        for key, value in more.items():
            sums[key] += value
    return usage
