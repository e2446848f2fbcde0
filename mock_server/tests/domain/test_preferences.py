"""The promise: losses that start at ln 2, fall as preferences are learned, and are written as supervised ones are."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.metrics import checkpoint_metrics, csv_row, event_data, event_message
from mocktune.domain.preferences import PreferenceCurve, preference_metrics_at, smooth_preference_loss

LN_2 = math.log(2)
HUNDRED_BY_THREE = PreferenceCurve(
    seed=7, total_steps=300, n_epochs=3, examples=100, preferred_tokens=6_000, predictability=0.6, has_validation=True
)


@st.composite
def curves_and_steps(draw: st.DrawFn) -> tuple[PreferenceCurve, int]:
    """Any job the API lets one ask for."""
    examples, batch_size, n_epochs = (
        draw(st.integers(1, 2_000_000)),
        draw(st.integers(1, 256)),
        draw(st.integers(1, 50)),
    )
    curve = PreferenceCurve(
        seed=draw(st.integers(0, 2**63 - 1)),
        total_steps=n_epochs * math.ceil(examples / batch_size),
        n_epochs=n_epochs,
        examples=examples,
        preferred_tokens=draw(st.integers(0, 10**9)),
        predictability=draw(st.floats(0.0, 1.0)),
        has_validation=draw(st.booleans()),
        beta=draw(st.floats(0.0, 2.0, exclude_min=True)),
        learning_rate_multiplier=draw(st.floats(0.0, 1e308, exclude_min=True)),
        batch_size=batch_size,
    )
    return curve, draw(st.integers(1, curve.total_steps))


def last_loss(curve: PreferenceCurve) -> float:
    return smooth_preference_loss(curve, curve.total_steps)


@given(curves_and_steps())
def test_every_number_is_a_loss_or_a_share_and_asking_again_changes_nothing(
    drawn: tuple[PreferenceCurve, int],
) -> None:
    curve, step = drawn
    metrics = preference_metrics_at(curve, step)
    assert metrics == preference_metrics_at(curve, step)
    assert 0.0 <= metrics.train_loss < math.inf
    for share in (metrics.train_mean_token_accuracy, metrics.valid_mean_token_accuracy):
        assert share is None or 0.0 <= share <= 1.0


@given(curves_and_steps())
def test_a_job_starts_at_ln_2_and_never_climbs_above_without_noise(drawn: tuple[PreferenceCurve, int]) -> None:
    curve, step = drawn
    assert preference_metrics_at(curve, 1).train_loss == pytest.approx(LN_2, abs=1e-12)
    assert smooth_preference_loss(curve, step) <= LN_2 + 1e-12


def test_the_smooth_loss_falls_at_every_step() -> None:
    losses = [smooth_preference_loss(HUNDRED_BY_THREE, step) for step in range(1, 301)]
    assert losses == sorted(losses, reverse=True)
    assert 0.1 < losses[-1] < 0.35


def test_the_noise_is_around_the_smooth_loss_and_smaller_in_larger_batches() -> None:
    def spread(batch_size: int) -> float:
        curve = replace(HUNDRED_BY_THREE, batch_size=batch_size, learning_rate_multiplier=2.0 * batch_size)
        steps = range(200, 301)
        return fmean(abs(preference_metrics_at(curve, s).train_loss - smooth_preference_loss(curve, s)) for s in steps)

    assert 0.02 < spread(1) < 0.2
    assert spread(16) < spread(1) / 2


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"beta": 0.05}, {"beta": 0.5}),
        ({"learning_rate_multiplier": 0.5}, {"learning_rate_multiplier": 4.0}),
        ({"n_epochs": 1, "total_steps": 100}, {"n_epochs": 6, "total_steps": 600}),
        ({"examples": 20, "total_steps": 60}, {"examples": 500, "total_steps": 1_500}),
    ],
    ids=["beta", "learning rate", "epochs", "pairs"],
)
def test_the_last_loss_is_lower_for_more_of(less: dict[str, float], more: dict[str, float]) -> None:
    assert last_loss(replace(HUNDRED_BY_THREE, **more)) < last_loss(replace(HUNDRED_BY_THREE, **less)) - 0.02  # type: ignore[arg-type]


@given(curves_and_steps())
def test_a_validation_loss_lies_between_the_training_loss_and_ln_2(drawn: tuple[PreferenceCurve, int]) -> None:
    curve, _ = drawn
    curve = replace(curve, has_validation=True)
    full = preference_metrics_at(curve, curve.total_steps).full_valid_loss
    assert full is not None
    assert last_loss(curve) - 1e-12 <= full <= LN_2 + 1e-12


def test_validations_fall_where_those_of_supervised_training_do() -> None:
    steps = [preference_metrics_at(HUNDRED_BY_THREE, step) for step in range(1, 301)]
    assert [m.step for m in steps if m.valid_loss is not None] == list(range(10, 301, 10))
    assert [m.step for m in steps if m.full_valid_loss is not None] == [100, 200, 300]
    bare = replace(HUNDRED_BY_THREE, has_validation=False)
    assert preference_metrics_at(bare, 300).full_valid_loss is None


def test_it_is_written_as_supervised_metrics_are_and_has_no_rewards() -> None:
    metrics = preference_metrics_at(HUNDRED_BY_THREE, 300)
    assert event_message(preference_metrics_at(HUNDRED_BY_THREE, 1)) == "Step 1/300: training loss=0.69"
    assert list(event_data(metrics)) == [
        "step", "train_loss", "valid_loss", "total_steps", "full_valid_loss", "train_mean_token_accuracy",
        "valid_mean_token_accuracy", "full_valid_mean_token_accuracy",
    ]  # fmt: skip
    assert not [key for key in checkpoint_metrics(metrics) if "reward" in key]
    assert csv_row(metrics).startswith("300,")


def test_other_seeds_give_other_losses() -> None:
    other = replace(HUNDRED_BY_THREE, seed=8)
    assert preference_metrics_at(other, 50).train_loss != preference_metrics_at(HUNDRED_BY_THREE, 50).train_loss


@pytest.mark.parametrize("step", [0, -1, 301])
def test_there_are_no_steps_beyond_the_job(step: int) -> None:
    with pytest.raises(ValueError, match=r"outside 1\.\.300"):
        preference_metrics_at(HUNDRED_BY_THREE, step)
