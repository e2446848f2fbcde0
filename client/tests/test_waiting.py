"""Delays: exponential with jitter, never before the service's Retry-After, never past the deadline."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import openai
import pytest

from mocktune_client import AsyncTuner, Tuner
from mocktune_client.waiting import Pace, Retrying, Timing, is_temporary, retry_after_s

from .lab import sdk_http


def refused(status: int = 429, code: str | None = None, **headers: Any) -> openai.APIStatusError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = sdk_http.Response(status, headers=named, request=sdk_http.Request("GET", "http://127.0.0.1/"))
    return openai.APIStatusError("No.", response=response, body={"code": code})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry_after": "50"}, 50),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": "50", "retry_after_ms": "49500"}, 49.5),
        ({"retry_after": "7", "retry_after_ms": "soon"}, 7),
        ({"retry_after": "-1"}, 0),
        ({"retry_after": "inf"}, 0),
        ({"retry_after": "nan"}, 0),
        ({"retry_after": "later"}, 0),
        ({"retry_after": "Thu, 15 Jan 2026 00:01:00 GMT", "date": "Thu, 15 Jan 2026 00:00:00 GMT"}, 60),
        ({"retry_after": "Thu, 15 Jan 2026 00:00:00 GMT", "date": "Thu, 15 Jan 2026 00:01:00 GMT"}, 0),
        ({"retry_after": "Thu, 15 Jan 2026 00:01:00 GMT", "date": "Thu, 15 Jan 2026 00:00:00 -0000"}, 0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, Any], seconds: float) -> None:
    assert retry_after_s(refused(**headers)) == seconds


def delays(retrying: Retrying, clock: list[float], error: Exception | None = None) -> list[float]:
    found = []
    while (delay_s := retrying.next_delay_s(error)) is not None:
        found.append(delay_s)
        clock[0] += delay_s
    return found


def test_delays_double_up_to_half_a_minute_and_end_on_the_deadline() -> None:
    clock = [0.0]
    timing = Timing(lambda: clock[0], draw=lambda: 0.0)
    found = delays(Retrying(timing, 100), clock)
    assert found == [0.5, 1, 2, 4, 8, 16, 30, 30, 8.5]


def test_jitter_shortens_delays_of_our_own_by_a_quarter_at_most_and_asked_ones_never() -> None:
    clock = [0.0]
    timing = Timing(lambda: clock[0], draw=lambda: 1.0)
    assert Retrying(timing, 100).next_delay_s() == 0.375
    assert Retrying(timing, 100).next_delay_s(refused(retry_after="20")) == 20
    assert Retrying(timing, 100).next_delay_s(refused(retry_after="101")) is None


def test_polls_are_spread_around_their_period() -> None:
    draws = iter([0.0, 0.5, 1.0])
    timing = Timing(time.monotonic, poll_s=8, draw=lambda: next(draws))
    assert [timing.poll_delay_s() for _ in range(3)] == [7, 8, 9]


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (refused(500), True),
        (refused(529), True),
        (refused(408), True),
        (refused(429), True),
        (refused(429, "rate_limit_exceeded"), True),
        (refused(429, "insufficient_quota"), False),
        (refused(429, "daily_rate_limit_exceeded"), False),
        (refused(403, "training_not_available"), False),
        (refused(409), False),
        (refused(400), False),
        (openai.APIConnectionError(request=sdk_http.Request("GET", "http://127.0.0.1/")), True),
        (openai.APITimeoutError(request=sdk_http.Request("GET", "http://127.0.0.1/")), True),
        (ValueError("a bug"), False),
    ],
)
def test_only_errors_that_time_may_heal_are_temporary(error: Exception, temporary: bool) -> None:
    assert is_temporary(error) is temporary


def test_a_replaced_sleep_is_heard_by_tuners_with_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that owns time replaces ``time.sleep`` after this package was imported."""
    slept: list[Any] = []
    ours, really, really_async = threading.get_ident(), time.sleep, asyncio.sleep

    # A server that another module has in a thread of this process goes on sleeping.
    async def sleep(seconds: float) -> None:
        if threading.get_ident() == ours:
            slept.append(("async", seconds))
        else:
            await really_async(seconds)

    def sleep_here(seconds: float) -> None:
        if threading.get_ident() == ours:
            slept.append(("sync", seconds))
        else:
            really(seconds)

    monkeypatch.setattr(time, "sleep", sleep_here)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with openai.OpenAI(
        api_key="sk-x", base_url="http://127.0.0.1:9/v1", http_client=answering(sdk_http.Client)
    ) as client:
        Tuner(client).wait_for_file("file-x")

    async def wait() -> None:
        http = answering(sdk_http.AsyncClient)
        async with openai.AsyncOpenAI(api_key="sk-x", base_url="http://127.0.0.1:9/v1", http_client=http) as client:
            await AsyncTuner(client).wait_for_file("file-x")

    asyncio.run(wait())
    assert [kind for kind, _ in slept] == ["sync", "async"]


def answering(kind: Any) -> Any:
    statuses = iter(["uploaded", "processed"])
    body = {
        "id": "file-x",
        "object": "file",
        "filename": "x.jsonl",
        "bytes": 1,
        "created_at": 0,
        "purpose": "fine-tune",
    }
    return kind(
        transport=sdk_http.MockTransport(lambda _: sdk_http.Response(200, json={**body, "status": next(statuses)}))
    )


def test_polls_slow_down_to_a_minute_after_ten_minutes_without_news() -> None:
    clock = [0.0]
    timing = Timing(lambda: clock[0], poll_s=5, draw=lambda: 0.5)
    pace = Pace(timing)
    found = []
    while clock[0] < 1500:
        found.append(pace.next_delay_s())
        clock[0] += found[-1]
    assert set(found[:120]) == {5}
    assert found[120:] == sorted(found[120:])
    assert found[121] == pytest.approx(5 * 1.25**2)
    assert found[-1] == 60
    pace.news()
    assert pace.next_delay_s() == 5
