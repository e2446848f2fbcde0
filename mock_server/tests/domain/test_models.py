"""The model table holds the models of the source article and those that came after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mocktune.domain.clock import MAX_VIRTUAL, parse_instant
from mocktune.domain.models import ALIASES, BASE_MODELS, SHUTDOWNS, TRAIN_CONTEXTS, cost_usd, resolve_base_model

SEED_SIX = {
    "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "gpt-4-0613", "gpt-3.5-turbo-0125", "gpt-3.5-turbo-1106",
    "gpt-3.5-turbo-0613",
}  # fmt: skip


def test_the_six_tunable_models_of_the_article_are_there() -> None:
    assert set(BASE_MODELS) >= SEED_SIX
    assert len(BASE_MODELS) == 12


@pytest.mark.parametrize(
    ("alias", "snapshot"), [("gpt-3.5-turbo", "gpt-3.5-turbo-0125"), ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")]
)
def test_an_alias_stands_for_its_dated_snapshot(alias: str, snapshot: str) -> None:
    model = resolve_base_model(alias)
    assert model is not None
    assert model.id == snapshot


def test_every_alias_resolves_and_unknown_names_do_not() -> None:
    assert all(resolve_base_model(alias) for alias in ALIASES)
    assert resolve_base_model("gpt-5") is None


def test_the_documented_price_of_100_000_tokens_over_3_epochs_comes_out() -> None:
    assert cost_usd(BASE_MODELS["gpt-4o-mini-2024-07-18"].prices, 300_000) == pytest.approx(0.90)


def test_time_billed_training_has_no_price_per_token() -> None:
    assert cost_usd(BASE_MODELS["o4-mini-2025-04-16"].prices, 300_000) is None


def test_every_training_context_is_counted_by_reports() -> None:
    assert {4_096, 8_192, 16_385, 65_536} <= set(TRAIN_CONTEXTS)


def test_only_o4_mini_is_trained_by_reinforcement_and_only_by_it() -> None:
    assert {name: model.methods for name, model in BASE_MODELS.items() if "reinforcement" in model.methods} == {
        "o4-mini-2025-04-16": ("reinforcement",)
    }


def test_preferences_train_gpt_4o_and_4_1_and_their_small_ones() -> None:
    assert {name for name, model in BASE_MODELS.items() if "dpo" in model.methods} == {
        "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14",
        "gpt-4.1-nano-2025-04-14",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "at", "trains", "lives", "tuned_live"),
    [
        ("gpt-4o-2024-08-06", "2026-11-22", True, True, True),
        ("gpt-4o-2024-08-06", "2027-01-06T23:59:59Z", True, True, True),
        ("gpt-4o-2024-08-06", "2027-01-07", False, True, True),
        ("gpt-4o-2024-08-06", "2027-01-14", False, False, False),
        ("gpt-4.1-nano-2025-04-14", "2026-10-22T23:59:59Z", True, True, True),
        ("gpt-4.1-nano-2025-04-14", "2026-10-23", False, False, False),
        ("gpt-3.5-turbo-1106", "2026-09-27", True, True, True),
        ("gpt-3.5-turbo-1106", "2026-09-28", False, False, True),
        ("gpt-3.5-turbo-1106", "2026-10-23", False, False, False),
        ("gpt-3.5-turbo-0613", "2024-09-13", False, False, True),
        ("babbage-002", "2024-10-27", True, True, True),
        ("babbage-002", "2024-10-28", False, True, True),
        ("babbage-002", "2026-09-28", False, False, True),
    ],
)
def test_a_model_ends_in_three_steps(name: str, at: str, trains: bool, lives: bool, tuned_live: bool) -> None:
    """DEPDOC: training, the model itself and the models tuned from it."""
    model, now = BASE_MODELS[name], parse_instant(at)
    over = (model.training_over_by(now), model.shut_by(now), model.tuned_shut_by(now))
    assert over == (not trains, not lives, not tuned_live)


def test_every_end_names_its_source_and_training_ends_first() -> None:
    for name, ends in SHUTDOWNS.items():
        assert {ends.base.source, ends.tuned.source, ends.training.source} <= {"DEPDOC", "assumed"}
        assert ends.training.date <= ends.base.date <= ends.tuned.date, name
    assert set(SHUTDOWNS) == set(BASE_MODELS)


def test_a_model_without_dates_lives_on() -> None:
    model = replace(BASE_MODELS["babbage-002"], shutdown_date=None, tuned_shutdown_date=None, training_end_date=None)
    ended = [each(MAX_VIRTUAL) for each in (model.shut_by, model.tuned_shut_by, model.training_over_by)]
    assert ended == [False, False, False]


def test_a_model_with_one_date_ends_all_at_once() -> None:
    model = replace(
        BASE_MODELS["babbage-002"], shutdown_date="2026-05-01", tuned_shutdown_date=None, training_end_date=None
    )
    now = parse_instant("2026-05-01")
    assert model.shut_by(now)
    assert model.tuned_shut_by(now)
    assert model.training_over_by(now)
