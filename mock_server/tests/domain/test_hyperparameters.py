"""``"auto"`` as recorded: 12 examples got 8 epochs, 10 got 10, 80, 100 and 103 got 3; 101 examples took 303 steps."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from openai.types.fine_tuning import DpoHyperparameters, ReinforcementHyperparameters, SupervisedHyperparameters
from pydantic import BaseModel

from mocktune.domain.hyperparameters import REINFORCEMENT_AUTO, Requested, Resolved, resolve, shown, total_steps
from mocktune.domain.models import BASE_MODELS, Method

MINI = BASE_MODELS["gpt-4o-mini-2024-07-18"]
TURBO = BASE_MODELS["gpt-3.5-turbo-0125"]
O4 = BASE_MODELS["o4-mini-2025-04-16"]
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


# --- preference training and reinforcement ---------------------------------------------------------------------------


def test_preference_training_follows_the_supervised_rules_and_has_the_recorded_beta() -> None:
    assert resolve(12, MINI, AUTO, "dpo") == Resolved(8, 1, 1.8, beta=0.1)
    assert resolve(12, MINI, Requested(beta=2.0, n_epochs=1), "dpo") == Resolved(1, 1, 1.8, beta=2)


def test_a_supervised_job_has_nothing_of_the_other_methods() -> None:
    everything = Requested(1, 2, 3, 0.4, 5, 6, 7, "low")
    assert resolve(10, MINI, everything) == Resolved(1, 2, 3)
    assert resolve(10, MINI, everything, "dpo") == Resolved(1, 2, 3, 0.4)
    assert resolve(10, O4, everything, "reinforcement") == Resolved(1, 2, 3, None, 5, 6, 7, "low")


def test_reinforcement_resolves_every_value() -> None:
    resolved = resolve(100, O4, AUTO, "reinforcement")
    assert resolved == REINFORCEMENT_AUTO
    assert [key for key, value in asdict(resolved).items() if value is None] == ["beta"]


def test_the_automatic_reinforcement_batch_is_no_larger_than_the_set() -> None:
    assert resolve(3, O4, AUTO, "reinforcement").batch_size == 3
    assert resolve(0, O4, AUTO, "reinforcement").batch_size == 1
    assert resolve(3, O4, Requested(batch_size=64), "reinforcement").batch_size == 64


def test_the_default_reasoning_effort_is_resolved_like_none() -> None:
    asked = Requested(reasoning_effort="default")
    assert resolve(10, O4, asked, "reinforcement").reasoning_effort == "medium"


def test_whole_multipliers_of_reinforcement_are_integers() -> None:
    asked = Requested(compute_multiplier=2.0, learning_rate_multiplier=3.0)
    resolved = resolve(10, O4, asked, "reinforcement")
    assert json.dumps([resolved.compute_multiplier, resolved.learning_rate_multiplier]) == "[2, 3]"


def test_reinforcement_counts_its_steps_like_the_others() -> None:
    resolved = resolve(20, O4, AUTO, "reinforcement")
    assert total_steps(resolved, 20) == resolved.n_epochs * 3


def test_a_supervised_job_shows_three_values_auto_until_they_are_resolved() -> None:
    assert list(shown(Requested(batch_size=4), None, "supervised").items()) == [
        ("n_epochs", "auto"), ("batch_size", 4), ("learning_rate_multiplier", "auto"),
    ]  # fmt: skip
    assert shown(AUTO, Resolved(3, 1, 2), "supervised") == {
        "n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 2,
    }  # fmt: skip


def test_a_dpo_job_shows_its_beta_while_the_rest_is_still_auto() -> None:
    assert json.dumps(shown(AUTO, None, "dpo")) == (
        '{"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto", "beta": 0.1}'
    )
    assert shown(Requested(beta=0.5), None, "dpo")["beta"] == 0.5
    assert shown(AUTO, resolve(10, MINI, AUTO, "dpo"), "dpo") == {
        "n_epochs": 10, "batch_size": 1, "learning_rate_multiplier": 1.8, "beta": 0.1,
    }  # fmt: skip


def test_a_reinforcement_job_shows_all_seven_and_its_effort_as_default_until_resolved() -> None:
    assert list(shown(Requested(eval_samples=9), None, "reinforcement").items()) == [
        ("n_epochs", "auto"), ("batch_size", "auto"), ("learning_rate_multiplier", "auto"),
        ("compute_multiplier", "auto"), ("eval_interval", "auto"), ("eval_samples", 9), ("reasoning_effort", "default"),
    ]  # fmt: skip
    resolved = shown(AUTO, resolve(100, O4, AUTO, "reinforcement"), "reinforcement")
    assert "auto" not in resolved.values()
    assert resolved["reasoning_effort"] == "medium"


@pytest.mark.parametrize(
    ("method", "requested"),
    [("supervised", AUTO), ("dpo", AUTO), ("dpo", Requested(beta=1.5)), ("reinforcement", AUTO)],
)
def test_what_is_shown_fits_the_sdk_s_types_before_and_after(method: Method, requested: Requested) -> None:
    types: dict[Method, type[BaseModel]] = {
        "supervised": SupervisedHyperparameters,
        "dpo": DpoHyperparameters,
        "reinforcement": ReinforcementHyperparameters,
    }
    for resolved in (None, resolve(50, O4, requested, method)):
        values = shown(requested, resolved, method)
        assert set(values) == set(types[method].model_fields)
        types[method].model_validate(values, strict=True)
