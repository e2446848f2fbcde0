"""A training that goes wrong looks wrong, in every method: in its losses or rewards, accuracies, texts and files."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain import measures
from mocktune.domain.grading import GraderScore, GraderSummary
from mocktune.domain.metrics import Curve, metrics_at, smooth_train_loss, smooth_valid_loss
from mocktune.domain.preferences import PreferenceCurve, preference_metrics_at, smooth_preference_loss
from mocktune.domain.rewards import (
    RewardCurve,
    Side,
    retained_checkpoint_steps,
    reward_metrics_at,
    smooth_reward,
)
from mocktune.domain.shapes import Shape, is_nan, progress, turned

SHAPES: tuple[Shape, ...] = get_args(Shape)
LOSSES = Curve(
    seed=7, total_steps=300, n_epochs=3, examples=100, trained_tokens=6_000, predictability=0.7, has_validation=True
)
PAIRS = PreferenceCurve(
    seed=7, total_steps=300, n_epochs=3, examples=100, preferred_tokens=6_000, predictability=0.6, has_validation=True
)
JUDGE = GraderScore("judge", "score_model", "gpt-4o-2024-08-06", 0.3, 0.0, 1.0, 0.2, 0.0, 0.0, 241.0, 139.0, 1.0)
REWARDS = RewardCurve(
    seed=7,
    total_steps=60,
    n_epochs=2,
    examples=80,
    summary=GraderSummary(64, 0.3, 0.0, 1.0, 0.2, 0.0, 0.0, 0.0, 0.0, (JUDGE,)),
    has_validation=True,
)
TURN, END = 90, 300


def losses(shape: Shape, step: int) -> tuple[float, float]:
    """Smooth training and validation loss."""
    curve = replace(LOSSES, shape=shape)
    return smooth_train_loss(curve, step), smooth_valid_loss(curve, step)


def test_an_overfitting_job_gets_better_in_training_and_worse_on_what_it_never_saw() -> None:
    (train, valid), (train_end, valid_end) = losses("overfit", TURN), losses("overfit", END)
    assert train_end < train / 3
    assert train_end < losses("converge", END)[0]
    assert valid_end > 1.5 * valid
    assert valid < losses("overfit", 1)[1]


def test_a_diverging_job_falls_at_first_and_ends_worse_than_it_began() -> None:
    first, turn, end = (losses("diverge", step) for step in (1, TURN, END))
    assert turn[0] < first[0] / 2
    assert end[0] > 2 * first[0]
    assert end[1] > 2 * first[1]


def test_a_plateau_loses_less_than_a_tenth_however_long_it_is() -> None:
    first, end = losses("plateau", 1)[0], losses("plateau", END)[0]
    assert 0.9 * first < end < first
    assert losses("plateau", TURN)[0] == pytest.approx(end, rel=0.01)


def test_a_job_whose_losses_are_no_numbers_is_right_about_nothing() -> None:
    curve = replace(LOSSES, shape="nan")
    good, bad = metrics_at(curve, 100), metrics_at(curve, 300)
    assert good == metrics_at(LOSSES, 100)
    assert math.isnan(bad.train_loss)
    assert (bad.train_mean_token_accuracy, bad.full_valid_mean_token_accuracy) == (0.0, 0.0)
    assert measures.message(bad).startswith("Step 300/300: training loss=nan, validation loss=nan")
    assert measures.data(bad)["train_loss"] is None
    assert measures.data(bad)["full_valid_loss"] is None
    assert measures.checkpoint(bad)["train_loss"] is None
    assert measures.csv_row(bad) == "300,nan,0.0,nan,0.0"


def test_preferences_bend_like_losses() -> None:
    def ends(shape: Shape) -> tuple[float, float, float]:
        curve = replace(PAIRS, shape=shape)
        full = preference_metrics_at(curve, curve.total_steps).full_valid_loss
        assert full is not None
        return smooth_preference_loss(curve, 1), smooth_preference_loss(curve, curve.total_steps), full

    start, end, _ = ends("converge")
    assert start == pytest.approx(math.log(2))
    assert ends("plateau")[1] == pytest.approx(start, rel=0.15)
    assert ends("overfit")[1] < end
    assert ends("overfit")[2] > start
    assert ends("diverge")[1] > 3
    assert ends("diverge")[2] > 3
    assert math.isnan(ends("nan")[1])


def test_rewards_bend_the_other_way() -> None:
    def ends(shape: Shape, side: Side = "train") -> tuple[float, float]:
        curve = replace(REWARDS, shape=shape)
        return smooth_reward(curve, 1, side), smooth_reward(curve, 60, side)

    start, end = ends("converge")
    assert end > start
    assert start < ends("plateau")[1] < start + 0.1 * (end - start)
    assert ends("overfit")[1] > end
    assert ends("overfit", "valid")[1] < ends("overfit", "valid")[0]
    assert ends("diverge")[1] < start / 2
    assert math.isnan(ends("nan")[1])


def test_rewards_that_are_no_numbers_are_null_and_their_checkpoints_the_worst() -> None:
    curve = replace(REWARDS, shape="nan")
    metrics = reward_metrics_at(curve, 60)
    assert "train mean reward=nan, full validation mean reward=nan" in measures.message(metrics)
    data = measures.data(metrics)
    assert (data["train_mean_reward"], data["full_valid_mean_reward"]) == (None, None)
    assert measures.checkpoint(metrics)["valid_reward_mean"] is None
    assert measures.csv_row(metrics).startswith("60,nan,nan,")
    kept = retained_checkpoint_steps(curve)
    assert kept[-1] == 60
    assert all(not is_nan("nan", progress(step, 60)) for step in kept[:-1])


@pytest.mark.parametrize("shape", SHAPES)
@given(step=st.integers(1, 300), validated=st.booleans())
def test_every_shape_can_be_written_as_json_at_every_step(shape: Shape, step: int, validated: bool) -> None:
    for curve in (replace(LOSSES, shape=shape, has_validation=validated), replace(PAIRS, shape=shape)):
        metrics = measures.measure(curve, min(step, curve.total_steps))
        for written in (measures.data(metrics), measures.checkpoint(metrics)):
            json.dumps(written, allow_nan=False)
            for name, value in written.items():
                assert value is None or value >= 0
                assert not name.endswith("accuracy") or value is None or value <= 1
    rewards = measures.measure(replace(REWARDS, shape=shape, has_validation=validated), 1 + step % 60)
    json.dumps(measures.data(rewards), allow_nan=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_step_shows_the_untouched_model_whatever_the_shape(shape: Shape) -> None:
    assert metrics_at(replace(LOSSES, shape=shape), 1).train_loss == metrics_at(LOSSES, 1).train_loss


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_progress_goes_from_nought_to_one(step: int, total: int) -> None:
    done = progress(min(step, total), total)
    assert 0 <= done <= 1
    assert 0 <= turned(done) <= 1
    assert turned(0.3) == 0
    assert turned(1) == 1
