"""Waiting: how long until the next try, which errors are worth one, and when to give up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf, isfinite
from typing import TYPE_CHECKING, Protocol, TypeVar

from mocktune_client.errors import UnreadableAnswer, WaitTimeout
from mocktune_client.steps import Sleep, Steps, ask

if TYPE_CHECKING:
    from openai import OpenAI


class HasStatus(Protocol):
    """A file or a job. The status may be one that the SDK does not know, such as ``paused``."""

    @property
    def id(self) -> str: ...

    @property
    def status(self) -> str: ...


T = TypeVar("T")
Waited = TypeVar("Waited", bound=HasStatus)

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
JITTER = 0.25
"""Part of a delay of our own choice that is drawn, so that many clients do not come back at once."""

NO_NEWS_S = 600.0
POLL_GROWTH = 1.25
LONGEST_POLL_S = 60.0
"""Jobs were seen to stay queued for five hours and a half [OBS RUBY]: after ten minutes without news each pause is a
quarter longer, up to a minute.
"""
TAIL_S = 300.0
"""Of quiet: the last two events of a job that succeeded were minutes apart, and minutes late (``late-events``)."""
OUTAGES_PER_PATIENCE = 6
"""A job that runs is worth waiting for hours of errors: to give up leaves it behind, and it is paid for."""

HOPELESS_CODES = frozenset(
    {
        "insufficient_quota",
        "daily_rate_limit_exceeded",
        "training_not_available",
        "billing_hard_limit_reached",
        "InsufficientQuota",
    }
)
"""Codes that stay the same however long one waits; some come with a status that looks temporary (contract 6.4)."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Everything about a tuner's patience, in seconds.

    ``poll_s`` between two looks at something healthy, ``patience_s`` for errors in a row, ``outage_s`` for those met
    while a job that is known is watched, ``tail_s`` of quiet after which a finished job's events count as complete.
    ``draw`` gives numbers in 0..1.
    """

    now: Callable[[], float]
    poll_s: float = 5.0
    patience_s: float = 3600.0
    tail_s: float = TAIL_S
    draw: Callable[[], float] = random.random

    @property
    def outage_s(self) -> float:
        return OUTAGES_PER_PATIENCE * self.patience_s

    def poll_delay_s(self) -> float:
        return self.jittered(self.poll_s)

    def jittered(self, delay_s: float) -> float:
        """``delay_s``, give or take an eighth."""
        return delay_s * (1 - JITTER / 2 + JITTER * self.draw())


class Pace:
    """The pauses between looks at something healthy: even at first, longer where it has brought no news for long."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._delay_s = timing.poll_s
        self._slower_at = timing.now() + NO_NEWS_S

    def news(self) -> None:
        """Something happened: more is likely to."""
        self._delay_s = self._timing.poll_s
        self._slower_at = self._timing.now() + NO_NEWS_S

    def next_delay_s(self) -> float:
        if self._timing.now() >= self._slower_at:
            self._delay_s = min(POLL_GROWTH * self._delay_s, max(LONGEST_POLL_S, self._timing.poll_s))
        return self._timing.jittered(self._delay_s)


class Retrying:
    """The tries after a first failure: exponential delays with jitter, or what the service asked for."""

    def __init__(self, timing: Timing, within_s: float) -> None:
        self._timing = timing
        self._until = timing.now() + within_s
        self._delay_s = FIRST_DELAY_S

    def next_delay_s(self, error: Exception | None = None) -> float | None:
        """Seconds until the next try, never less than ``error`` asks for. None when it would come too late."""
        remaining_s = self._until - self._timing.now()
        asked_s = retry_after_s(error) if error else 0.0
        if remaining_s <= 0 or asked_s > remaining_s:
            return None
        delay_s = max(asked_s, self._delay_s * (1 - JITTER * self._timing.draw()))
        self._delay_s = min(2 * self._delay_s, LONGEST_DELAY_S)
        return min(delay_s, remaining_s)


def patiently(function: Callable[[OpenAI], T], timing: Timing, within_s: float | None = None) -> Steps[T]:
    """What ``function`` answers. Temporary errors in a row are waited out for ``within_s``, by default the timing's
    ``patience_s``; then the last of them is raised. Only for requests that may be repeated.
    """
    within_s = timing.patience_s if within_s is None else within_s
    retrying: Retrying | None = None
    while True:
        try:
            return (yield from ask(function))
        except Exception as error:
            if not is_temporary(error):
                raise
            retrying = retrying or Retrying(timing, within_s)
            delay_s = retrying.next_delay_s(error)
            if delay_s is None:
                error.add_note(f"Tried again for {within_s:g} s. Nothing was undone: ask again later.")
                raise
        yield Sleep(delay_s)


def poll(
    function: Callable[[OpenAI], Waited],
    ended: frozenset[str],
    timing: Timing,
    *,
    subject: str,
    timeout_s: float | None,
) -> Steps[Waited]:
    """The object once its status is one of ``ended``. An unknown status is one that has not ended.

    Raises ``WaitTimeout`` after ``timeout_s``, also where errors were waited out until then.
    """
    deadline = inf if timeout_s is None else timing.now() + timeout_s
    status: str | None = None
    pace = Pace(timing)
    while True:
        remaining_s = max(0.0, deadline - timing.now())
        within_s = timing.patience_s if status is None else timing.outage_s
        try:
            found = yield from patiently(function, timing, min(within_s, remaining_s))
        except Exception as error:
            if timeout_s is None or remaining_s > within_s or not is_temporary(error):
                raise
            raise WaitTimeout(subject, status, timeout_s) from error
        if found.status != status:
            pace.news()
        status = found.status
        if status in ended:
            return found
        remaining_s = deadline - timing.now()
        if timeout_s is not None and remaining_s <= 0:
            raise WaitTimeout(subject, status, timeout_s)
        yield Sleep(min(pace.next_delay_s(), remaining_s))


def is_temporary(error: Exception) -> bool:
    """Whether the same request may be answered well later: lost connections, 408, 429 and 5xx, but no hopeless code."""
    import openai

    if isinstance(error, openai.APIStatusError):
        hopeless = HOPELESS_CODES & {error.code, error.type}
        return not hopeless and (error.status_code in (408, 429) or error.status_code >= 500)
    return isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | UnreadableAnswer)


def is_lost(error: Exception) -> bool:
    """Whether the service may have done what it was asked all the same. A 429 says that it did not."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code == 408 or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | UnreadableAnswer)


def retry_after_s(error: Exception) -> float:
    """Seconds the service asked to wait, from ``retry-after-ms`` or ``retry-after`` (seconds or a date); 0 if none."""
    import openai

    if not isinstance(error, openai.APIStatusError):
        return 0.0
    headers = error.response.headers
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            asked_s = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        return max(0.0, asked_s) if isfinite(asked_s) else 0.0
    try:
        # Measured on the service's own clock: ours may differ.
        until, sent = (parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (until - sent).total_seconds())
    except (TypeError, ValueError):
        return 0.0


# The defaults look the functions up at each call, so that whoever replaces them, such as a test's clock, is heard.


def wall_sleep(seconds: float) -> None:
    time.sleep(seconds)


async def wall_sleep_async(seconds: float) -> None:
    await asyncio.sleep(seconds)


def wall_now() -> float:
    return time.monotonic()
