"""``"auto"`` as recorded: 12 examples got 8 epochs, 10 got 10, 80, 100 and 103 got 3; 101 examples took 303 steps."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from mocktune.domain.hyperparameters import Requested, Resolved, resolve, total_steps
from mocktune.domain.models import BASE_MODELS

MINI = BASE_MODELS["gpt-4o-mini-2024-07-18"]
TURBO = BASE_MODELS["gpt-3.5-turbo-0125"]
AUTO = Requested()


@pytest.mark.parametrize(
    ("n_examples", "n_epochs"),
    [
        (10, 10), (12, 8), (80, 3), (100, 3), (101, 3), (103, 3),  # recorded
        (1, 25), (4, 25), (5, 20), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (12_501, 1), (1_000_000, 1),
    ],
)  # fmt: skip
def test_automatic_epochs_are_the_recorded_ones(n_examples: int, n_epochs: int) -> None:
    assert resolve(n_examples, MINI, AUTO).n_epochs == n_epochs


@pytest.mark.parametrize(
    ("n_examples", "batch_size"), [(10, 1), (103, 1), (749, 1), (1_000, 2), (5_000, 10), (128_000, 256), (10**6, 256)]
)
def test_the_automatic_batch_is_a_five_hundredth_of_the_set(n_examples: int, batch_size: int) -> None:
    assert resolve(n_examples, MINI, AUTO).batch_size == batch_size


def test_101_examples_take_303_steps() -> None:
    assert total_steps(resolve(101, MINI, AUTO), 101) == 303


def test_a_smaller_last_batch_is_a_step() -> None:
    assert total_steps(Resolved(n_epochs=2, batch_size=4, learning_rate_multiplier=1), 9) == 2 * 3


def test_the_automatic_multiplier_is_the_model_s() -> None:
    assert json.dumps(resolve(10, MINI, AUTO).learning_rate_multiplier) == "1.8"
    assert json.dumps(resolve(10, TURBO, AUTO).learning_rate_multiplier) == "2"


def test_what_was_asked_for_is_kept() -> None:
    asked = Requested(n_epochs=4, batch_size=8, learning_rate_multiplier=0.3)
    assert asdict(resolve(10, MINI, asked)) == asdict(asked)


def test_a_whole_multiplier_asked_for_is_shown_as_an_integer() -> None:
    assert json.dumps(resolve(10, MINI, Requested(learning_rate_multiplier=3.0)).learning_rate_multiplier) == "3"


def test_one_value_asked_for_leaves_the_others_automatic() -> None:
    assert resolve(10, TURBO, Requested(n_epochs=1)) == Resolved(1, 1, 2)


def test_no_examples_are_no_steps() -> None:
    assert total_steps(resolve(0, MINI, AUTO), 0) == 0
