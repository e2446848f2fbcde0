"""A model that succeeded is not yet a model that answers."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from mocktune_client import ModelNotReady

from .lab import Lab, answer, cut_connection, fixtures, html, lose_answer, refuse

PROBE = "POST /chat/completions"


server, lab = fixtures()


def new_model(lab: Lab) -> str:
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job(until="succeeded"))
    assert job.fine_tuned_model
    return job.fine_tuned_model


def test_a_cold_model_is_waited_for_and_its_retry_after_honoured(lab: Lab) -> None:
    """Unknown for 20 s, then loading for 90 s: the first 429 says how long, and no probe comes before."""
    asked: list[float] = []

    def look(response: Any) -> Any:
        asked.append(float(response.headers.get("retry-after", 0)) if response.status_code == 429 else 0.0)
        return response

    lab.breaks(PROBE, look)
    lab.tuner().wait_for_model(new_model(lab))
    assert 110 <= lab.now < 115
    loading = next(index for index, seconds in enumerate(asked) if seconds)
    assert loading > 1
    assert asked[loading] > 50
    assert lab.slept[loading] >= asked[loading]
    assert len(asked) == loading + 2
    assert lab.slept[:loading] == sorted(lab.slept[:loading])


def test_a_cold_model_is_waited_for_by_an_asynchronous_client_too(lab: Lab) -> None:
    model = new_model(lab)

    async def wait() -> None:
        async with lab.async_client as client:
            await lab.async_tuner(client).wait_for_model(model)

    asyncio.run(wait())
    assert 110 <= lab.now < 115


def test_a_model_that_is_ready_is_asked_once(lab: Lab) -> None:
    lab.tuner().wait_for_model("gpt-4o-mini")
    assert lab.sent == [PROBE]
    assert lab.slept == []


def test_timeouts_outages_and_overload_are_waited_out(lab: Lab) -> None:
    for breaking in (lose_answer, cut_connection, html(502), refuse(503, "server_is_overloaded"), refuse(429, None)):
        lab.breaks(PROBE, breaking, times=1)
    lab.tuner().wait_for_model("gpt-4o-mini")
    assert lab.count(PROBE) == 6


@pytest.mark.parametrize(
    ("breaking", "error"),
    [
        (refuse(429, "insufficient_quota"), openai.RateLimitError),
        (refuse(401, "invalid_api_key"), openai.AuthenticationError),
        (refuse(403, None), openai.PermissionDeniedError),
        (refuse(404, None, "This is not a chat model"), openai.NotFoundError),
        (refuse(400, None), openai.BadRequestError),
    ],
)
def test_what_waiting_does_not_change_raises_at_once(lab: Lab, breaking: Any, error: type[Exception]) -> None:
    lab.breaks(PROBE, breaking)
    with pytest.raises(error):
        lab.tuner().wait_for_model("gpt-4o-mini")
    assert lab.sent == [PROBE]
    assert lab.slept == []


def test_a_quota_named_by_type_alone_raises_at_once(lab: Lab) -> None:
    body = {"error": {"message": "No.", "type": "insufficient_quota", "param": None, "code": None}}
    lab.breaks(PROBE, answer(429, body))
    with pytest.raises(openai.RateLimitError):
        lab.tuner().wait_for_model("gpt-4o-mini")
    assert lab.slept == []


def test_a_model_that_stays_unknown_is_not_ready_after_the_timeout(lab: Lab) -> None:
    with pytest.raises(ModelNotReady, match=r"ft:none is not ready within 100 s.*does not exist") as caught:
        lab.tuner().wait_for_model("ft:none", timeout_s=100)
    assert lab.now == pytest.approx(100)
    assert isinstance(caught.value.__cause__, openai.NotFoundError)
    assert caught.value.last_error is caught.value.__cause__


def test_a_retry_after_beyond_the_timeout_is_not_waited_for(lab: Lab) -> None:
    lab.breaks(PROBE, refuse(429, None, retry_after="3600"))
    with pytest.raises(ModelNotReady):
        lab.tuner().wait_for_model("gpt-4o-mini", timeout_s=900)
    assert lab.slept == []
