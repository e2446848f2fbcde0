"""The model table holds the models of the source article and those that came after."""

from __future__ import annotations

import pytest

from mocktune.domain.models import ALIASES, BASE_MODELS, TRAIN_CONTEXTS, cost_usd, resolve_base_model

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
