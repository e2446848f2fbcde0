"""The promise: losses that look like training, answer to the data, and are the same whenever anybody asks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.metrics import (
    Curve,
    StepMetrics,
    checkpoint_metrics,
    csv_header,
    csv_row,
    event_data,
    event_message,
    metrics_at,
    smooth_train_loss,
    smooth_valid_loss,
)

HUNDRED_BY_THREE = Curve(
    seed=7,
    total_steps=300,
    n_epochs=3,
    examples=100,
    trained_tokens=6_000,
    predictability=0.7,
    has_validation=True,
)
TEN_BY_TEN = replace(HUNDRED_BY_THREE, total_steps=100, n_epochs=10, examples=10, trained_tokens=250)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    """Any job: from one example once to millions of examples in batches of 256."""
    examples = draw(st.integers(1, 2_000_000))
    batch_size = draw(st.integers(1, 256))
    n_epochs = draw(st.integers(1, 50))
    return Curve(
        seed=draw(st.integers(0, 2**63 - 1)),
        total_steps=n_epochs * math.ceil(examples / batch_size),
        n_epochs=n_epochs,
        examples=examples,
        trained_tokens=draw(st.integers(0, 10**9)),
        predictability=draw(st.floats(0.0, 1.0)),
        has_validation=draw(st.booleans()),
        learning_rate_multiplier=draw(st.floats(0.01, 10.0)),
        batch_size=batch_size,
    )


@st.composite
def curves_and_steps(draw: st.DrawFn) -> tuple[Curve, int]:
    curve = draw(curves())
    per_epoch = curve.total_steps // curve.n_epochs
    anywhere = st.integers(1, curve.total_steps)
    # Epoch ends are rare in a long job, and they are where full validation happens.
    epoch_end = st.integers(1, curve.n_epochs).map(lambda epoch: epoch * per_epoch)
    return curve, draw(anywhere | epoch_end)


def same_data(curve: Curve, *, n_epochs: int = 3, examples: int = 100) -> Curve:
    """``curve`` with another length, tokens an example unchanged."""
    return replace(
        curve,
        n_epochs=n_epochs,
        examples=examples,
        total_steps=n_epochs * math.ceil(examples / curve.batch_size),
        trained_tokens=curve.trained_tokens * examples // curve.examples,
    )


# --- Laws


@given(curves_and_steps())
def test_losses_are_finite_and_not_negative_and_accuracies_lie_in_0_to_1(case: tuple[Curve, int]) -> None:
    metrics = metrics_at(*case)
    for loss in (metrics.train_loss, metrics.valid_loss, metrics.full_valid_loss):
        assert loss is None or (math.isfinite(loss) and loss >= 0)
    for accuracy in (
        metrics.train_mean_token_accuracy,
        metrics.valid_mean_token_accuracy,
        metrics.full_valid_mean_token_accuracy,
    ):
        assert accuracy is None or 0 <= accuracy <= 1


@given(curves_and_steps())
def test_the_same_question_has_the_same_answer(case: tuple[Curve, int]) -> None:
    curve, step = case
    assert metrics_at(curve, step) == metrics_at(replace(curve), step)


@given(st.permutations(range(1, 31)))
def test_the_order_of_asking_changes_nothing(order: list[int]) -> None:
    in_order = [metrics_at(HUNDRED_BY_THREE, step) for step in range(1, 31)]
    asked = {step: metrics_at(HUNDRED_BY_THREE, step) for step in order}
    assert [asked[step] for step in range(1, 31)] == in_order


@given(curves_and_steps())
def test_every_validation_loss_is_above_the_smooth_train_loss(case: tuple[Curve, int]) -> None:
    curve, step = case
    metrics = metrics_at(curve, step)
    assert smooth_valid_loss(curve, step) > smooth_train_loss(curve, step)
    for loss in (metrics.valid_loss, metrics.full_valid_loss):
        assert loss is None or loss > smooth_train_loss(curve, step)


@given(curves_and_steps())
def test_validation_comes_every_tenth_step_and_in_full_at_the_end_of_an_epoch(case: tuple[Curve, int]) -> None:
    curve, step = case
    metrics = metrics_at(curve, step)
    per_epoch = curve.total_steps // curve.n_epochs
    assert (metrics.valid_loss is not None) == (curve.has_validation and step % 10 == 0)
    assert (metrics.full_valid_loss is not None) == (curve.has_validation and step % per_epoch == 0)
    assert (metrics.valid_loss is None) == (metrics.valid_mean_token_accuracy is None)
    assert (metrics.full_valid_loss is None) == (metrics.full_valid_mean_token_accuracy is None)


@given(curves_and_steps())
def test_validation_data_does_not_change_the_training_numbers(case: tuple[Curve, int]) -> None:
    curve, step = case
    bare = metrics_at(replace(curve, has_validation=False), step)
    full = metrics_at(replace(curve, has_validation=True), step)
    assert (bare.train_loss, bare.train_mean_token_accuracy) == (full.train_loss, full.train_mean_token_accuracy)


@given(curves())
def test_the_smooth_train_loss_never_rises(curve: Curve) -> None:
    stride = max(1, curve.total_steps // 50)
    losses = [smooth_train_loss(curve, step) for step in range(1, curve.total_steps + 1, stride)]
    assert losses == sorted(losses, reverse=True)


@given(curves_and_steps(), st.floats(0.0, 1.0))
def test_more_predictable_text_has_no_higher_loss_at_any_step(case: tuple[Curve, int], other: float) -> None:
    curve, step = case
    low, high = sorted((curve.predictability, other))
    assert smooth_train_loss(replace(curve, predictability=high), step) <= smooth_train_loss(
        replace(curve, predictability=low), step
    )


# --- Directions


@pytest.mark.parametrize(("predictability", "expected"), [(1.0, 0.9), (0.0, 3.5)])
def test_the_first_loss_depends_on_how_predictable_the_text_is(predictability: float, expected: float) -> None:
    assert smooth_train_loss(replace(HUNDRED_BY_THREE, predictability=predictability), 1) == pytest.approx(expected)


@pytest.mark.parametrize("predictability", [0.0, 0.5, 1.0])
def test_more_epochs_end_lower(predictability: float) -> None:
    runs = [
        same_data(replace(HUNDRED_BY_THREE, predictability=predictability), n_epochs=epochs)
        for epochs in (1, 2, 3, 10, 25)
    ]
    ends = [smooth_train_loss(run, run.total_steps) for run in runs]
    assert all(later < earlier * 0.95 for earlier, later in pairwise(ends)), ends


@pytest.mark.parametrize("predictability", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("smooth", [smooth_train_loss, smooth_valid_loss])
def test_more_data_ends_lower(smooth: Callable[[Curve, int], float], predictability: float) -> None:
    runs = [
        same_data(replace(HUNDRED_BY_THREE, predictability=predictability), examples=examples)
        for examples in (10, 50, 100, 1_000, 10_000)
    ]
    ends = [smooth(run, run.total_steps) for run in runs]
    assert all(later < earlier * 0.95 for earlier, later in pairwise(ends)), ends


def test_a_higher_learning_rate_learns_faster() -> None:
    fast, slow = (replace(HUNDRED_BY_THREE, learning_rate_multiplier=rate) for rate in (4.0, 0.1))
    assert smooth_train_loss(fast, 50) < smooth_train_loss(slow, 50)
    assert smooth_train_loss(fast, 1) == smooth_train_loss(slow, 1)


def test_longer_answers_teach_more_and_bigger_batches_less_for_the_same_examples() -> None:
    longer = replace(HUNDRED_BY_THREE, trained_tokens=10 * HUNDRED_BY_THREE.trained_tokens)
    batches_of_four = replace(HUNDRED_BY_THREE, total_steps=75, batch_size=4)
    plain = smooth_train_loss(HUNDRED_BY_THREE, 81)
    assert smooth_train_loss(longer, 81) < plain
    assert smooth_train_loss(batches_of_four, 21) > plain  # step 21 comes after 80 examples too


def test_the_training_loss_drops_visibly_at_an_epoch_boundary() -> None:
    within = smooth_train_loss(HUNDRED_BY_THREE, 100) / smooth_train_loss(HUNDRED_BY_THREE, 99)
    across = smooth_train_loss(HUNDRED_BY_THREE, 101) / smooth_train_loss(HUNDRED_BY_THREE, 100)
    assert within > 0.99
    assert 0.6 < across < 0.9


def test_a_tiny_set_trained_for_many_epochs_overfits() -> None:
    """Ten examples, ten epochs: validation falls to its best near epoch five, then rises while training falls on."""
    full = [metrics_at(TEN_BY_TEN, 10 * epoch).full_valid_loss or 0.0 for epoch in range(1, 11)]
    best = min(full)
    assert full.index(best) + 1 in (4, 5, 6)
    assert full[0] > best * 1.1
    assert full[-1] > best * 1.2
    smooth = [smooth_valid_loss(TEN_BY_TEN, step) for step in range(52, 101)]
    assert smooth == sorted(smooth)
    assert smooth_train_loss(TEN_BY_TEN, 100) < smooth_train_loss(TEN_BY_TEN, 50) / 2


@pytest.mark.parametrize(
    "curve",
    [
        HUNDRED_BY_THREE,
        same_data(HUNDRED_BY_THREE, n_epochs=8),
        same_data(HUNDRED_BY_THREE, n_epochs=2, examples=5_000),
    ],
    ids=["100x3", "100x8", "5000x2"],
)
def test_validation_falls_with_diminishing_returns_where_nothing_overfits(curve: Curve) -> None:
    quarters = [smooth_valid_loss(curve, max(1, curve.total_steps * part // 4)) for part in range(5)]
    falls = [before - after for before, after in pairwise(quarters)]
    assert falls[-1] > 0
    assert falls == sorted(falls, reverse=True)


@pytest.mark.parametrize(
    "curve",
    [HUNDRED_BY_THREE, TEN_BY_TEN, same_data(HUNDRED_BY_THREE, n_epochs=1, examples=2_000)],
    ids=["100x3", "10x10", "2000x1"],
)
@pytest.mark.parametrize("seed", range(5))
def test_averages_of_the_noisy_losses_decrease(curve: Curve, seed: int) -> None:
    """Over windows that grow, as the falls of a power law need ever more steps to be seen through the noise."""
    run = replace(curve, seed=seed, predictability=0.5)
    steps = run.total_steps
    losses = [metrics_at(run, step).train_loss for step in range(1, steps + 1)]
    averages = [fmean(losses[start:end]) for start, end in pairwise((0, steps // 10, steps // 3, steps))]
    assert averages == sorted(averages, reverse=True)


# --- Noise


def noise_of(curve: Curve) -> list[float]:
    """Factor of each step's training loss on the smooth one."""
    return [
        metrics_at(curve, step).train_loss / smooth_train_loss(curve, step) for step in range(1, curve.total_steps + 1)
    ]


def test_noise_is_around_the_smooth_curve_and_smaller_in_bigger_batches() -> None:
    single, sixteen = (
        noise_of(Curve(3, 2_000, 1, 2_000 * size, 100_000 * size, 0.3, False, 2.0, size)) for size in (1, 16)
    )
    assert fmean(single) == pytest.approx(1.0, abs=0.03)
    assert fmean(sixteen) == pytest.approx(1.0, abs=0.01)
    assert 0.25 < pstdev(single) < 0.5
    assert pstdev(sixteen) == pytest.approx(pstdev(single) / 4, rel=0.15)


def test_what_is_nearly_known_is_noisier_in_proportion() -> None:
    known = replace(HUNDRED_BY_THREE, predictability=1.0, total_steps=3_000, examples=1_000, trained_tokens=60_000)
    noise = noise_of(known)
    assert pstdev(noise[2_000:]) > 1.4 * pstdev(noise_of(replace(known, predictability=0.0))[:1_000])


def test_validation_batches_scatter_around_the_smooth_curve_but_stay_above_training() -> None:
    curve = same_data(HUNDRED_BY_THREE, n_epochs=1, examples=2_000)
    noise = []
    for step in range(10, 2_001, 10):
        loss = metrics_at(curve, step).valid_loss or 0.0
        assert loss > smooth_train_loss(curve, step)
        noise.append(loss / smooth_valid_loss(curve, step))
    assert fmean(noise) == pytest.approx(1.0, abs=0.01)
    assert pstdev(noise) > 0.01


def test_another_seed_and_another_step_are_other_noise() -> None:
    assert metrics_at(HUNDRED_BY_THREE, 5) != metrics_at(replace(HUNDRED_BY_THREE, seed=8), 5)
    noise = noise_of(HUNDRED_BY_THREE)
    assert len({round(factor, 9) for factor in noise}) == len(noise)


# --- Accuracy


def test_train_accuracy_is_a_share_of_the_tokens_in_the_batch() -> None:
    """Recorded accuracies are multiples of 1/16, 1/20…: here an example has 20 tokens, give or take eight."""
    curve = replace(HUNDRED_BY_THREE, trained_tokens=2_000)
    found = [metrics_at(curve, step).train_mean_token_accuracy for step in range(1, 301)]
    for accuracy in found:
        assert any(round(accuracy * tokens) / tokens == accuracy for tokens in range(12, 29)), accuracy
    assert not all((accuracy * 20).is_integer() for accuracy in found)


def test_accuracy_follows_loss() -> None:
    pairs = sorted(
        (metrics.train_loss, metrics.train_mean_token_accuracy)
        for metrics in (metrics_at(HUNDRED_BY_THREE, step) for step in range(1, 301))
    )
    fifths = [fmean(accuracy for _, accuracy in pairs[start : start + 60]) for start in range(0, 300, 60)]
    assert fifths == sorted(fifths, reverse=True)
    assert fifths[0] > 0.9
    assert fifths[-1] < 0.8


def test_accuracy_is_not_the_loss_in_other_words() -> None:
    """With many tokens rounding hides nothing: two steps with like losses still differ in accuracy."""
    curve = replace(HUNDRED_BY_THREE, trained_tokens=1_000_000)
    steps = sorted((metrics_at(curve, step) for step in range(1, 301)), key=lambda metrics: metrics.train_loss)
    accuracies = [metrics.train_mean_token_accuracy for metrics in steps]
    crossings = sum(earlier < later for earlier, later in pairwise(accuracies))
    assert crossings > 30


def test_full_validation_accuracy_is_higher_where_its_loss_is_lower() -> None:
    ends = [metrics_at(TEN_BY_TEN, step) for step in range(10, 101, 10)]
    by_loss = sorted((end.full_valid_loss or 0.0, -(end.full_valid_mean_token_accuracy or 0.0)) for end in ends)
    assert by_loss == sorted(by_loss, key=lambda pair: pair[1])


# --- Edges


@pytest.mark.parametrize("step", [0, -1, 301])
def test_a_step_the_job_does_not_have_is_refused(step: int) -> None:
    for ask in (metrics_at, smooth_train_loss):
        with pytest.raises(ValueError, match=rf"step {step} is outside 1\.\.300"):
            ask(HUNDRED_BY_THREE, step)


def test_step_one_billion_is_as_near_as_step_one() -> None:
    endless = replace(HUNDRED_BY_THREE, total_steps=3 * 10**9, examples=10**9, trained_tokens=10**11)
    assert metrics_at(endless, 3 * 10**9).full_valid_loss is not None


def test_a_job_of_one_step_shows_the_untouched_base_model() -> None:
    curve = Curve(1, 1, 1, 1, 0, 1.0, True)
    assert smooth_train_loss(curve, 1) == pytest.approx(0.9)
    assert metrics_at(curve, 1).full_valid_loss is not None
    assert metrics_at(curve, 1).train_mean_token_accuracy in (0.0, 1.0)


# --- Forms of events, checkpoints and the result file

PLAIN = StepMetrics(12, 300, 1.2345678901234567, 0.75, None, None, None, None)
BATCH = StepMetrics(290, 303, 0.0012, 1.0, 0.3149, 0.9, None, None)
FULL = StepMetrics(303, 303, 0.00006123, 1.0, None, None, 0.3251, 0.91)
BOTH = StepMetrics(300, 300, 0.15, 0.95, 0.27, 0.9, 0.4, 0.89)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (PLAIN, "Step 12/300: training loss=1.23"),
        (BATCH, "Step 290/303: training loss=0.00, validation loss=0.31"),
        (FULL, "Step 303/303: training loss=0.00, full validation loss=0.33"),
        (BOTH, "Step 300/300: training loss=0.15, validation loss=0.27, full validation loss=0.40"),
    ],
)
def test_the_message_has_the_recorded_form(metrics: StepMetrics, message: str) -> None:
    assert event_message(metrics) == message


@pytest.mark.parametrize(
    ("metrics", "data"),
    [
        (
            PLAIN,
            [
                ("step", 12),
                ("train_loss", 1.2345678901234567),
                ("total_steps", 300),
                ("train_mean_token_accuracy", 0.75),
            ],
        ),
        (
            BATCH,
            [
                ("step", 290),
                ("train_loss", 0.0012),
                ("valid_loss", 0.3149),
                ("total_steps", 303),
                ("train_mean_token_accuracy", 1.0),
                ("valid_mean_token_accuracy", 0.9),
            ],
        ),
        (
            FULL,
            [
                ("step", 303),
                ("train_loss", 0.00006123),
                ("total_steps", 303),
                ("full_valid_loss", 0.3251),
                ("train_mean_token_accuracy", 1.0),
                ("full_valid_mean_token_accuracy", 0.91),
            ],
        ),
        (
            BOTH,
            [
                ("step", 300),
                ("train_loss", 0.15),
                ("valid_loss", 0.27),
                ("total_steps", 300),
                ("full_valid_loss", 0.4),
                ("train_mean_token_accuracy", 0.95),
                ("valid_mean_token_accuracy", 0.9),
                ("full_valid_mean_token_accuracy", 0.89),
            ],
        ),
    ],
)
def test_event_data_keeps_the_recorded_key_order_and_leaves_out_what_is_not_known(
    metrics: StepMetrics, data: list[tuple[str, float]]
) -> None:
    assert list(event_data(metrics).items()) == data


@pytest.mark.parametrize(
    ("metrics", "row"),
    [
        (PLAIN, "12,1.23457,0.75,,"),
        (BATCH, "290,0.0012,1.0,0.3149,0.9"),
        (FULL, "303,6e-05,1.0,,"),
        (StepMetrics(1, 3, 3.632654, 0.5, None, None, None, None), "1,3.63265,0.5,,"),
        (StepMetrics(2, 3, 2.16, 0.0, None, None, None, None), "2,2.16,0.0,,"),
        (StepMetrics(3, 3, 0.000004, 1 / 3, None, None, None, None), "3,0.0,0.33333,,"),
    ],
)
def test_a_csv_row_is_written_as_python_writes_floats(metrics: StepMetrics, row: str) -> None:
    assert csv_row(metrics) == row


def test_the_csv_header_names_the_recorded_columns() -> None:
    assert csv_header() == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"


def test_a_checkpoint_without_validation_has_training_metrics_only() -> None:
    assert checkpoint_metrics(PLAIN) == {
        "step": 12,
        "train_loss": 1.2345678901234567,
        "train_mean_token_accuracy": 0.75,
    }


def test_a_checkpoint_has_both_validations_where_both_happened() -> None:
    assert list(checkpoint_metrics(BOTH).items()) == [
        ("step", 300),
        ("train_loss", 0.15),
        ("train_mean_token_accuracy", 0.95),
        ("valid_loss", 0.27),
        ("valid_mean_token_accuracy", 0.9),
        ("full_valid_loss", 0.4),
        ("full_valid_mean_token_accuracy", 0.89),
    ]


def test_a_checkpoint_off_the_tenth_step_takes_its_valid_loss_from_the_full_validation() -> None:
    metrics = checkpoint_metrics(FULL)
    assert metrics["valid_loss"] == metrics["full_valid_loss"] == 0.3251
    assert metrics["valid_mean_token_accuracy"] == metrics["full_valid_mean_token_accuracy"] == 0.91


@given(curves().filter(lambda curve: curve.has_validation), st.data())
def test_every_checkpoint_of_a_job_with_validation_has_a_valid_loss(curve: Curve, data: st.DataObject) -> None:
    epoch = data.draw(st.integers(1, curve.n_epochs))
    metrics = checkpoint_metrics(metrics_at(curve, epoch * curve.total_steps // curve.n_epochs))
    assert {"valid_loss", "valid_mean_token_accuracy", "full_valid_loss"} <= metrics.keys()
