"""Before anything is paid: limits and dates, as far as a service tells them."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import openai
import pytest

from mocktune_client import ModelLimits, Preflight

from .lab import MODEL, Lab, answer, change, fixtures, refuse

LIMITS, MODEL_SHOWN = "GET /fine_tuning/model_limits", "GET /models/[^/]*"
SNAPSHOT = "gpt-4o-mini-2024-07-18"
DAY = date(2026, 11, 22)

server, lab = fixtures()


def test_a_preflight_makes_no_job_and_costs_three_requests(lab: Lab) -> None:
    ahead = lab.tuner().preflight(MODEL, today=DAY)
    assert ahead == Preflight(MODEL, ModelLimits(SNAPSHOT, 0, 5, 0, 24), ())
    assert lab.sent == ["POST /fine_tuning/jobs", LIMITS, f"GET /models/{SNAPSHOT}"]
    assert lab.unbroken.fine_tuning.jobs.list().data == []


def test_without_a_try_nothing_but_questions_is_sent(lab: Lab) -> None:
    assert lab.tuner().preflight(MODEL, today=DAY, try_create=False).warnings == ()
    assert lab.sent == [LIMITS, f"GET /models/{SNAPSHOT}"]


def test_an_asynchronous_client_asks_the_same(lab: Lab) -> None:
    async def ask() -> tuple[Any, Any]:
        async with lab.async_client as client:
            tuner = lab.async_tuner(client)
            return await tuner.preflight(MODEL, today=DAY), await tuner.limits()

    ahead, limits = asyncio.run(ask())
    assert ahead == lab.tuner().preflight(MODEL, today=DAY)
    assert limits == lab.tuner().limits()


@pytest.mark.parametrize("model", ["ft:gpt-4o-mini-2024-07-18:acme::x", "ft:gpt-4o-mini-2024-07-18:a:b:x:ckpt-step-9"])
def test_a_tuned_model_has_the_limits_and_dates_of_its_base(lab: Lab, model: str) -> None:
    ahead = lab.tuner().preflight(model, today=DAY)
    assert ahead.limits is not None
    assert ahead.limits.model == SNAPSHOT


@pytest.mark.parametrize(
    "breaking",
    [refuse(404, None), refuse(403, None), answer(200, ["?"]), answer(200, {"data": None}), answer(200, {"data": [7]})],
)
def test_a_service_that_tells_no_limits_is_no_obstacle(lab: Lab, breaking: Any) -> None:
    lab.breaks(LIMITS, breaking)
    assert not lab.tuner().limits()
    assert lab.tuner().preflight(MODEL, today=DAY) == Preflight(MODEL, None, ())


def test_numbers_that_are_missing_are_no_limits(lab: Lab) -> None:
    lab.breaks(LIMITS, answer(200, {"data": [{"id": SNAPSHOT, "max_pending_jobs": 0, "jobs_so_far_today": "9"}]}))
    [limits] = lab.tuner().limits() or ()
    assert limits == ModelLimits(SNAPSHOT, None, 0, None, None)
    assert not limits.is_full
    assert not limits.is_spent


def test_a_service_without_dates_is_warned_of_by_the_table(lab: Lab) -> None:
    lab.breaks(MODEL_SHOWN, change(lambda model: model.pop("shutdown_date")), times=1)
    ahead = lab.tuner().preflight(MODEL, today=DAY)
    assert [each.caution for each in ahead.warnings] == ["training_ends", "model_ends"]
    lab.breaks(MODEL_SHOWN, refuse(404, "model_not_found"))
    assert lab.tuner().preflight(MODEL, today=DAY) == ahead
    assert lab.tuner().preflight(MODEL, today=date(2025, 1, 1)).warnings == ()  # years ahead
    assert lab.tuner().preflight("another-model", today=DAY).warnings[0].caution == "not_listed"


def test_a_date_that_the_service_names_wins_and_one_that_is_none_is_passed_over(lab: Lab) -> None:
    lab.breaks(MODEL_SHOWN, change(lambda model: model.update(shutdown_date="2026-12-01T00:00:00Z")), times=1)
    assert "gone on 2026-12-01T00:00:00Z, in 9 days" in str(lab.tuner().preflight(MODEL, today=DAY).warnings[-1])
    lab.breaks(MODEL_SHOWN, change(lambda model: model.update(shutdown_date="soon")))
    assert [each.caution for each in lab.tuner().preflight(MODEL, today=DAY).warnings] == ["training_ends"]


def test_a_refused_key_is_told_by_the_first_question_that_needs_it(lab: Lab) -> None:
    """Whatever does not concern the organization's right to train is left to create, which says it better."""
    lab.breaks(".*", refuse(401, "invalid_api_key"))
    assert lab.tuner().preflight("gpt-3.5-turbo", today=date(2025, 1, 1)) == Preflight("gpt-3.5-turbo", None, ())
    with pytest.raises(openai.AuthenticationError):
        lab.tuner().create(model=MODEL, training_file="file-x")
