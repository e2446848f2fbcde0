"""The promise: rewards begin at what the grader gave, rise to below its best, and are written as in the guide."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.fine_tuning.jobs.fine_tuning_job_checkpoint import Metrics as SdkMetrics

from mocktune.domain.grading import GraderScore, GraderSummary
from mocktune.domain.reward_events import checkpoint_metrics, csv_header, csv_row, event_data, event_message
from mocktune.domain.rewards import (
    MAX_RANKED,
    RewardCurve,
    RewardMetrics,
    Tally,
    retained_checkpoint_steps,
    reward_metrics_at,
    smooth_reward,
)


def grader(name: str, type: str, mean: float, model: str | None = None, **more: float) -> GraderScore:
    means = {"parse_error_mean": 0.0, "invalid_variable_mean": 0.0, "other_error_mean": 0.0, "prompt_tokens_mean": 0.0}
    means |= {"completion_tokens_mean": 0.0, "execution_latency_mean_s": 1.0, "lowest": 0.0, "highest": 1.0, **more}
    return GraderScore(name, type, model, mean, **means)


def graded(
    mean: float, *by_grader: GraderScore, lowest: float = 0.0, highest: float = 1.0, parse_error: float = 0.0
) -> GraderSummary:
    return GraderSummary(64, mean, lowest, highest, parse_error, 0.0, 0.0, 0.0, 0.0, by_grader)


JUDGE = grader(
    "judge", "score_model", 0.3, "gpt-4o-2024-08-06",
    prompt_tokens_mean=241.0, completion_tokens_mean=139.0, parse_error_mean=0.2,
)  # fmt: skip
EXACT = grader("exact", "string_check", 0.5)
CODE = grader("code", "python", 0.4, other_error_mean=0.25)
ONE = graded(0.3, JUDGE, parse_error=0.2)
MANY = graded(0.4, JUDGE, EXACT, CODE, parse_error=0.2)
TWENTY = RewardCurve(seed=7, total_steps=20, n_epochs=2, examples=80, summary=ONE, has_validation=True)
LONG = replace(TWENTY, total_steps=500, n_epochs=50)


def tally(reward: float, parse_error: float = 0.0) -> Tally:
    return Tally(10, reward, parse_error, 1_000, ())


def measured(train: float, valid: Tally | None) -> RewardMetrics:
    return RewardMetrics(10, 20, graded(0.1), tally(train), valid, 50.0, None, 1.0, 2.0, 3.0)


def rewards(curve: RewardCurve, steps: range) -> float:
    return fmean(reward_metrics_at(curve, step).train.reward_mean for step in steps)


@st.composite
def curves_and_steps(draw: st.DrawFn) -> tuple[RewardCurve, int]:
    """Any job the API lets one ask for, and graders that give anything."""
    total_steps = draw(st.integers(1, 10**7))
    error = st.floats(0.0, 1.0)
    reward = st.floats(allow_nan=False, allow_infinity=False) | error
    by_grader = [
        grader(
            "g", "python", draw(reward),
            parse_error_mean=draw(error), invalid_variable_mean=draw(error), other_error_mean=draw(error),
            prompt_tokens_mean=draw(st.floats(0.0, 1e6)), completion_tokens_mean=draw(st.floats(0.0, 1e6)),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    curve = RewardCurve(
        seed=draw(st.integers(0, 2**63 - 1)),
        total_steps=total_steps,
        n_epochs=1,
        examples=draw(st.integers(1, 10**6)),
        summary=graded(
            draw(reward), *by_grader, highest=draw(st.sampled_from([0.0, 1.0, 10.0])), parse_error=draw(error)
        ),
        has_validation=draw(st.booleans()),
        validation_examples=draw(st.integers(1, 10**6)),
        batch_size=draw(st.integers(1, 256)),
        learning_rate_multiplier=draw(st.floats(0.0, 1e308, exclude_min=True)),
        compute_multiplier=draw(st.floats(0.00001, 10.0)),
        eval_interval=draw(st.integers(1, 10**400)),
        eval_samples=draw(st.integers(1, 10**400)),
        reasoning_effort=draw(st.sampled_from(["default", "low", "medium", "high"])),
        step_s=draw(st.floats(0.0, 1e6)),
    )
    return curve, draw(st.integers(1, total_steps))


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float):
        yield value


@given(curves_and_steps())
def test_every_number_of_every_job_is_finite_and_asking_again_changes_nothing(
    drawn: tuple[RewardCurve, int],
) -> None:
    curve, step = drawn
    metrics = reward_metrics_at(curve, step)
    assert metrics == reward_metrics_at(curve, step)
    data = event_data(metrics)
    json.dumps(data, allow_nan=False)
    assert all(math.isfinite(number) for number in numbers(data))
    assert min(curve.summary.lowest, curve.summary.mean_reward) <= metrics.train.reward_mean
    assert 0.0 <= metrics.train.parse_error_mean <= 1.0
    assert (metrics.valid is None) == (metrics.eval_s is None)


# --- how rewards move -------------------------------------------------------------------------------------------------


def test_training_starts_at_the_mean_the_grader_gave() -> None:
    assert smooth_reward(TWENTY, 1) == 0.3
    firsts = [reward_metrics_at(replace(TWENTY, seed=seed), 1).train.reward_mean for seed in range(200)]
    assert fmean(firsts) == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_the_reward_rises_and_stays_below_the_top_of_the_range(effort: str) -> None:
    curve = replace(LONG, reasoning_effort=effort)  # type: ignore[arg-type]
    smooth = [smooth_reward(curve, step) for step in range(1, 501)]
    assert smooth == sorted(smooth)
    assert 0.6 < smooth[-1] < 0.9
    assert smooth_reward(replace(curve, total_steps=10**9), 10**9) < 0.9


def test_the_noisy_rewards_rise_too() -> None:
    assert rewards(LONG, range(1, 6)) < rewards(LONG, range(20, 40)) < rewards(LONG, range(400, 500))


def test_training_rewards_go_up_and_down_more_than_those_of_validation() -> None:
    curve = replace(LONG, eval_interval=1)
    late = [reward_metrics_at(curve, step) for step in range(300, 500)]
    train = [abs(m.train.reward_mean - smooth_reward(curve, m.step)) for m in late]
    valid = [abs(m.valid.reward_mean - smooth_reward(curve, m.step, "valid")) for m in late if m.valid]
    assert 0.0 < fmean(valid) < fmean(train) / 2


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_where_all_samples_get_the_same_nothing_is_learned(mean: float) -> None:
    curve = replace(LONG, summary=graded(mean, replace(EXACT, mean=mean)))
    assert {reward_metrics_at(curve, step).train.reward_mean for step in (1, 100, 500)} == {mean}


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"learning_rate_multiplier": 0.2}, {"learning_rate_multiplier": 3.0}),
        ({"compute_multiplier": 0.2}, {"compute_multiplier": 3.0}),
        ({"batch_size": 1}, {"batch_size": 64}),
        ({"reasoning_effort": "low"}, {"reasoning_effort": "high"}),
    ],
    ids=["learning rate", "compute", "batch", "effort"],
)
def test_the_last_reward_is_higher_for_more_of(less: dict[str, object], more: dict[str, object]) -> None:
    assert smooth_reward(replace(TWENTY, **less), 20) < smooth_reward(replace(TWENTY, **more), 20) - 0.02  # type: ignore[arg-type]


def test_rewards_that_differ_little_teach_little() -> None:
    def covered(mean: float) -> float:
        curve = replace(TWENTY, summary=graded(mean))
        return (smooth_reward(curve, 20) - mean) / (1.0 - mean)

    assert covered(0.02) < covered(0.2) < covered(0.5)
    assert covered(0.98) < covered(0.8) < covered(0.5)


def test_no_noise_leads_out_of_the_range() -> None:
    near = replace(LONG, batch_size=1, summary=graded(0.97))
    highest = max(reward_metrics_at(near, step).train.reward_mean for step in range(1, 501))
    assert highest == 1.0


@pytest.mark.parametrize("reward", [1e308, -1e308])
def test_absurd_rewards_are_cut_rather_than_infinite(reward: float) -> None:
    metrics = reward_metrics_at(replace(TWENTY, summary=graded(reward, lowest=-1e308)), 20)
    assert abs(metrics.train.reward_mean) <= 1e100


def test_a_small_set_teaches_little_that_holds_on_other_prompts() -> None:
    few, many = replace(TWENTY, examples=10), replace(TWENTY, examples=1_000)
    assert smooth_reward(few, 20) == smooth_reward(many, 20)
    assert smooth_reward(few, 20, "valid") < smooth_reward(many, 20, "valid") - 0.1


def test_the_range_is_the_grader_s_own() -> None:
    wide = replace(LONG, summary=graded(2.0, lowest=1.0, highest=5.0))
    assert smooth_reward(wide, 1) == 2.0
    assert 3.0 < smooth_reward(wide, 500) < 4.5
    assert all(1.0 <= reward_metrics_at(wide, step).train.reward_mean <= 5.0 for step in range(1, 501))


def test_parse_errors_grow_rare() -> None:
    def mean(steps: range) -> float:
        return fmean(reward_metrics_at(LONG, step).train.parse_error_mean for step in steps)

    assert mean(range(1, 4)) == pytest.approx(0.2, abs=0.06)
    assert mean(range(400, 500)) < 0.06


def test_the_grader_s_own_failures_do_not() -> None:
    curve = replace(LONG, summary=MANY)
    late = [reward_metrics_at(curve, step).train for step in range(400, 500)]
    assert fmean(each.graders[2].other_errors / each.samples for each in late) == pytest.approx(0.25, abs=0.02)


def test_a_lone_grader_gives_the_job_s_reward_and_several_give_their_own() -> None:
    alone = reward_metrics_at(TWENTY, 10)
    assert alone.train.graders[0].reward_mean == alone.train.reward_mean
    several = reward_metrics_at(replace(TWENTY, summary=MANY), 10).train
    assert len({several.reward_mean, *(each.reward_mean for each in several.graders)}) == 4


def test_more_effort_thinks_longer() -> None:
    low, high = (
        reward_metrics_at(replace(TWENTY, reasoning_effort=effort), 1).train.reasoning_tokens_mean
        for effort in ("low", "high")
    )
    assert low * 3 < high


def test_more_compute_is_more_samples_and_validation_asks_for_its_own() -> None:
    metrics = reward_metrics_at(replace(TWENTY, compute_multiplier=2.0, eval_samples=3), 20)
    assert metrics.train.samples == 8 * 16 * 2
    assert metrics.valid is not None
    assert metrics.valid.samples == 10 * 3


def test_an_absurd_number_of_samples_is_cut() -> None:
    valid = reward_metrics_at(replace(TWENTY, eval_samples=10**400), 20).valid
    assert valid is not None
    assert valid.samples == 10**9


def test_the_parts_of_a_step_make_up_its_time() -> None:
    plain, validated = reward_metrics_at(TWENTY, 9), reward_metrics_at(TWENTY, 10)
    assert plain.full_iteration_s == pytest.approx(plain.sampling_s + plain.training_s, abs=1.0)
    assert validated.eval_s is not None
    assert validated.full_iteration_s > validated.sampling_s + validated.training_s + validated.eval_s
    assert 500 < validated.full_iteration_s < 700


@pytest.mark.parametrize("step", [0, -1, 21])
def test_there_are_no_steps_beyond_the_job(step: int) -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.20"):
        reward_metrics_at(TWENTY, step)


def test_other_seeds_give_other_rewards() -> None:
    other = reward_metrics_at(replace(TWENTY, seed=8), 9)
    assert other.train.reward_mean != reward_metrics_at(TWENTY, 9).train.reward_mean


# --- validations and checkpoints --------------------------------------------------------------------------------------


def validated_steps(curve: RewardCurve) -> list[int]:
    return [s for s in range(1, curve.total_steps + 1) if reward_metrics_at(curve, s).valid is not None]


def test_every_interval_and_the_last_step_is_validated() -> None:
    assert validated_steps(TWENTY) == [5, 10, 15, 20]
    assert validated_steps(replace(TWENTY, eval_interval=8)) == [8, 16, 20]
    assert validated_steps(replace(TWENTY, eval_interval=99)) == [20]
    assert validated_steps(replace(TWENTY, has_validation=False)) == []


@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 20))
def test_the_three_best_validations_are_kept_and_the_end(seed: int, total_steps: int, eval_interval: int) -> None:
    curve = replace(TWENTY, seed=seed, total_steps=total_steps, eval_interval=eval_interval)
    rewards_at = {step: reward_metrics_at(curve, step).valid.reward_mean for step in validated_steps(curve)}  # type: ignore[union-attr]
    best = sorted(rewards_at, key=lambda step: rewards_at[step])[-3:]
    assert retained_checkpoint_steps(curve) == tuple(sorted({*best, total_steps}))


def test_an_end_that_is_not_among_the_best_is_a_fourth() -> None:
    kept = {len(retained_checkpoint_steps(replace(LONG, seed=seed))) for seed in range(20)}
    assert kept == {3, 4}


def test_of_equal_rewards_the_later_are_kept() -> None:
    flat = replace(TWENTY, total_steps=50, summary=graded(0.0))
    assert retained_checkpoint_steps(flat) == (40, 45, 50)


def test_without_validation_the_model_is_alone() -> None:
    assert retained_checkpoint_steps(replace(TWENTY, has_validation=False)) == (20,)


def test_of_a_million_validations_the_latest_thousand_are_ranked() -> None:
    steps = retained_checkpoint_steps(replace(TWENTY, total_steps=10**6, eval_interval=1))
    assert steps[-1] == 10**6
    assert steps[0] > 10**6 - MAX_RANKED


# --- how they are written ---------------------------------------------------------------------------------------------


def test_the_message_is_the_guide_s() -> None:
    assert event_message(measured(0.4215686274509804, tally(0.675, 0.0))) == (
        "Step 10/20 , train mean reward=0.42, full validation mean reward=0.68, full validation mean parse error=0.00"
    )
    assert event_message(measured(0.5, None)) == "Step 10/20 , train mean reward=0.50"


GUIDE = {
    "step": int,
    "usage": {
        "graders": [{
            "name": str, "type": str, "model": str,
            "train_prompt_tokens_mean": float, "valid_prompt_tokens_mean": float,
            "train_prompt_tokens_count": float, "valid_prompt_tokens_count": float,
            "train_completion_tokens_mean": float, "valid_completion_tokens_mean": float,
            "train_completion_tokens_count": float, "valid_completion_tokens_count": float,
        }],
        "samples": {
            "train_reasoning_tokens_mean": float, "valid_reasoning_tokens_mean": float,
            "train_reasoning_tokens_count": float, "valid_reasoning_tokens_count": float,
        },
    },
    "errors": {"graders": [{
        "name": str, "type": str,
        "train_other_error_mean": float, "valid_other_error_mean": float,
        "train_other_error_count": float, "valid_other_error_count": float,
        "train_sample_parse_error_mean": float, "valid_sample_parse_error_mean": float,
        "train_sample_parse_error_count": float, "valid_sample_parse_error_count": float,
        "train_invalid_variable_error_mean": float, "valid_invalid_variable_error_mean": float,
        "train_invalid_variable_error_count": float, "valid_invalid_variable_error_count": float,
    }]},
    "scores": {
        "graders": [{"name": str, "type": str, "train_reward_mean": float, "valid_reward_mean": float}],
        "train_reward_mean": float, "valid_reward_mean": float,
    },
    "timing": {
        "step": {"eval": float, "sampling": float, "training": float, "full_iteration": float},
        "graders": [{
            "name": str, "type": str, "train_execution_latency_mean": float, "valid_execution_latency_mean": float,
        }],
    },
    "total_steps": int,
    "train_mean_reward": float,
    "reasoning_tokens_mean": float,
    "completion_tokens_mean": float,
    "full_valid_mean_reward": float,
    "mean_unresponsive_rewards": float,
    "model_graders_token_usage": {"gpt-4o-2024-08-06": {
        "eval_cached_tokens": int, "eval_prompt_tokens": int, "train_cached_tokens": int, "train_prompt_tokens": int,
        "eval_completion_tokens": int, "train_completion_tokens": int,
    }},
    "full_valid_mean_parse_error": float,
    "valid_reasoning_tokens_mean": float,
}  # fmt: skip
"""The names, nesting, order and types of the guide's sample event."""


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


def test_the_data_has_the_guide_s_names_nesting_order_and_types() -> None:
    def written(value: object) -> str:
        return json.dumps(value, default=str)

    assert written(shape(event_data(reward_metrics_at(TWENTY, 10)))) == written(GUIDE)


def keys_of(value: object) -> Iterator[list[str]]:
    if isinstance(value, dict):
        yield list(value)
        for each in value.values():
            yield from keys_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from keys_of(each)


@pytest.mark.parametrize("step", [9, 10])
def test_shorter_keys_come_first_and_equally_long_ones_by_alphabet(step: int) -> None:
    for keys in keys_of(event_data(reward_metrics_at(replace(TWENTY, summary=MANY), step))):
        assert keys == sorted(keys, key=lambda key: (len(key), key))


def test_where_nothing_was_validated_nothing_of_validation_is_there() -> None:
    keys = [key for keys in keys_of(event_data(reward_metrics_at(TWENTY, 9))) for key in keys]
    assert [key for key in keys if key.startswith(("valid_", "full_valid_")) or key == "eval"] == []


def test_what_is_written_twice_agrees() -> None:
    metrics = reward_metrics_at(TWENTY, 10)
    data = json.loads(json.dumps(event_data(metrics)))
    usage, samples = data["usage"]["graders"][0], data["usage"]["samples"]
    tokens = data["model_graders_token_usage"]["gpt-4o-2024-08-06"]
    assert metrics.valid is not None
    assert data["train_mean_reward"] == data["scores"]["train_reward_mean"] == metrics.train.reward_mean
    assert data["full_valid_mean_reward"] == data["scores"]["valid_reward_mean"] == metrics.valid.reward_mean
    assert tokens["train_prompt_tokens"] == usage["train_prompt_tokens_count"] == 241 * metrics.train.samples
    assert tokens["eval_completion_tokens"] == usage["valid_completion_tokens_count"]
    assert usage["train_completion_tokens_mean"] * metrics.train.samples == pytest.approx(
        tokens["train_completion_tokens"]
    )
    assert data["reasoning_tokens_mean"] == samples["train_reasoning_tokens_mean"] < data["completion_tokens_mean"]
    assert data["valid_reasoning_tokens_mean"] == samples["valid_reasoning_tokens_mean"]


def test_only_graders_that_ask_a_model_use_tokens() -> None:
    data = json.loads(json.dumps(event_data(reward_metrics_at(replace(TWENTY, summary=MANY), 10))))
    assert [grader["name"] for grader in data["usage"]["graders"]] == ["judge"]
    assert [grader["name"] for grader in data["scores"]["graders"]] == ["judge", "exact", "code"]


def test_errors_and_times_of_a_grader_are_its_own() -> None:
    sure = grader(
        "sure", "python", 0.5,
        other_error_mean=0.0, parse_error_mean=0.5, invalid_variable_mean=1.0, execution_latency_mean_s=40.0,
    )  # fmt: skip
    data = json.loads(json.dumps(event_data(reward_metrics_at(replace(TWENTY, summary=graded(0.5, sure)), 1))))
    errors, samples = data["errors"]["graders"][0], 8 * 16
    assert [errors[f"train_{kind}_count"] for kind in ("other_error", "invalid_variable_error")] == [0.0, samples]
    assert errors["train_invalid_variable_error_mean"] == 1.0
    assert 0.2 < errors["train_sample_parse_error_mean"] < 0.8
    assert errors["train_sample_parse_error_count"] == errors["train_sample_parse_error_mean"] * samples
    assert 10 < data["timing"]["graders"][0]["train_execution_latency_mean"] < 160


def test_tokens_of_graders_that_ask_the_same_model_are_added() -> None:
    twice = replace(ONE, by_grader=(JUDGE, replace(JUDGE, name="second")))
    data = json.loads(json.dumps(event_data(reward_metrics_at(replace(TWENTY, summary=twice), 9))))
    tokens = data["model_graders_token_usage"]["gpt-4o-2024-08-06"]
    assert tokens["train_prompt_tokens"] == 2 * 241 * 8 * 16
    assert tokens["eval_prompt_tokens"] == 0


def test_checkpoint_metrics_are_the_two_rewards_and_fit_the_sdk_s_type() -> None:
    metrics = checkpoint_metrics(measured(0.25, tally(0.75)))
    assert list(metrics.items()) == [("step", 10), ("train_reward_mean", 0.25), ("valid_reward_mean", 0.75)]
    assert SdkMetrics.model_validate(metrics, strict=True).model_extra == {
        "train_reward_mean": 0.25,
        "valid_reward_mean": 0.75,
    }
    assert list(checkpoint_metrics(measured(0.25, None))) == ["step", "train_reward_mean"]


def test_a_csv_row_has_a_cell_for_every_column() -> None:
    assert csv_header() == "step,train_mean_reward,full_valid_mean_reward,full_valid_mean_parse_error"
    assert csv_row(measured(1 / 3, tally(0.675, 0.05))) == "10,0.33333,0.675,0.05"
    assert csv_row(measured(1.0, None)) == "10,1.0,,"
