"""How much may be trained: the recorded caps, the UTC day they are counted by, and what training costs."""

from __future__ import annotations

import pytest

from mocktune.domain.clock import SECOND, VirtualTime, format_instant, parse_instant
from mocktune.domain.limits import (
    ASSUMED_LIMITS,
    JOB_LIMITS,
    JobLimits,
    limits_of,
    midnight_before,
    quota_failure,
    training_cost_usd,
)
from mocktune.domain.models import BASE_MODELS


def test_the_recorded_limits_are_those_of_eight_models_we_know() -> None:
    assert set(JOB_LIMITS) <= set(BASE_MODELS)
    assert len(JOB_LIMITS) == 8
    assert limits_of(BASE_MODELS["gpt-4.1-mini-2025-04-14"]) == JobLimits(6, 24)
    assert limits_of(BASE_MODELS["davinci-002"]) == ASSUMED_LIMITS


@pytest.mark.parametrize("at", ["2026-01-15T00:00:00Z", "2026-01-15T12:00:00Z", "2026-01-15T23:59:59.999999Z"])
def test_a_day_begins_at_midnight_utc(at: str) -> None:
    assert format_instant(midnight_before(parse_instant(at))) == "2026-01-15T00:00:00Z"


def test_the_next_instant_is_the_next_day() -> None:
    at = VirtualTime(parse_instant("2026-01-15T23:59:59Z") + SECOND)
    assert format_instant(midnight_before(at)) == "2026-01-16T00:00:00Z"


def test_training_is_billed_by_tokens() -> None:
    mini = BASE_MODELS["gpt-4o-mini-2024-07-18"]
    assert training_cost_usd(mini, 300_000, 5 * 3600 * SECOND) == pytest.approx(0.90)


def test_reinforcement_is_billed_by_the_hour_whatever_the_tokens() -> None:
    o4 = BASE_MODELS["o4-mini-2025-04-16"]
    assert training_cost_usd(o4, 300_000, 90 * 60 * SECOND) == pytest.approx(150.0)
    assert training_cost_usd(o4, 300_000, 0) == 0


@pytest.mark.parametrize("remaining", [12.5, 13.0])
def test_a_job_that_can_be_paid_does_not_fail(remaining: float) -> None:
    assert quota_failure("ftjob-a", "org-a", 12.5, remaining) is None


def test_a_job_that_cannot_be_paid_names_its_cost_and_what_is_left() -> None:
    error = quota_failure("ftjob-a", "org-a", 12.5, 3.456)
    assert error is not None
    assert (error.code, error.param) == ("exceeded_quota", None)
    assert error.message == (
        "Creating this fine-tuning job would exceed your hard limit, please check your plan and billing details. "
        "Cost of job ftjob-a: USD 12.50. Quota remaining for org-a: USD 3.46."
    )
