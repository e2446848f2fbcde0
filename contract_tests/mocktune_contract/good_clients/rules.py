"""What every good client knows, whichever library it speaks with: what has ended, what is worth another try, and when.

``docs/explanation/good-client.md`` gives the reasons.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Literal

FILE_ENDED = frozenset({"processed", "error", "deleted"})
JOB_ENDED = frozenset({"succeeded", "failed", "cancelled"})
"""Whatever else a status says, known or not, goes on: ``paused`` is in no SDK's types [SPEC]."""

HOPELESS = frozenset({"insufficient_quota", "daily_rate_limit_exceeded", "training_not_available"})
"""Codes that stay the same however long one waits, though some come with a 429 (contract 6.4)."""

MARKER = "good_client_request"
"""The key of a job's metadata whose value, drawn for each job, finds it again when the answer to create was lost."""

FIRST_POLL_S = 10.0
LONGEST_POLL_S = 300.0
POLL_GROWTH = 1.25
"""A job that runs for hours need not be looked at every ten seconds."""

FILE_TIMEOUT_S = 3600.0
JOB_TIMEOUT_S = 24 * 3600.0
"""Jobs were seen to stay queued for five hours and a half [OBS RUBY]."""
PATIENCE_S = 2 * 3600.0
"""How long errors in a row are waited out, of requests that may be repeated, and of a create."""
MODEL_PATIENCE_S = 1800.0
"""A new model that is unknown or loading for longer is taken for gone."""
RESULT_PATIENCE_S = 600.0
TAIL_PATIENCE_S = 600.0
"""The last events come after the job's end [OBS PINOLO: 2 s and 8 s]; their words may change, so it is bounded."""
TAIL_POLL_S = 30.0
PAGE = 50
"""Events to a page. However many are asked for: while ``has_more`` says so, there are more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: with a ``model`` that answered, or with the ``reason`` why there is none."""

    ended: Literal["recovered", "gave_up"]
    reason: str = ""
    model: str | None = None


class GaveUp(Exception):
    """There will be no model; the text says why."""


class Trouble(Exception):
    """A request that was not answered well. ``status`` is 0 where no whole answer arrived; ``retry_after_s`` is what
    the service asked to wait, 0 where it asked nothing.
    """

    def __init__(self, status: int, message: str, code: str | None = None, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{status} {code or ''}: {message}" if status else f"no whole answer: {message}")
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may be answered well later."""
        return self.code not in HOPELESS and (self.status in (0, 408, 429) or self.status >= 500)

    @property
    def may_be_done(self) -> bool:
        """Whether the service may have done what it was asked to all the same. A 429 says that it did not."""
        return self.status in (0, 408) or self.status >= 500

    @property
    def is_unknown_model(self) -> bool:
        return self.status == 404 and self.code == "model_not_found"


class Backoff:
    """Pauses before the next try: each twice the one before, none shorter than the service asks, ``within_s`` in all.

    Where many clients start together, let each draw a part of its pauses, so that they do not come back together.
    """

    def __init__(self, now: Callable[[], float], within_s: float) -> None:
        self._now = now
        self._until = now() + within_s
        self._next_s = 5.0

    def pause_s(self, trouble: Trouble) -> float:
        """Raises ``GaveUp`` for what no pause mends, and when the time is up."""
        if not trouble.is_temporary:
            raise GaveUp(str(trouble)) from trouble
        return self.pause_anyway_s(trouble)

    def pause_anyway_s(self, trouble: Trouble) -> float:
        """For what is temporary here and nowhere else, such as the 404 of a new model."""
        pause_s = max(self._next_s, trouble.retry_after_s)
        if self._now() + pause_s > self._until:
            raise GaveUp(f"it did not get better: {trouble}") from trouble
        self._next_s = min(2 * self._next_s, 60.0)
        return pause_s


def next_poll_s(poll_s: float) -> float:
    """The pause that follows one of ``poll_s`` seconds."""
    return max(poll_s, min(poll_s * POLL_GROWTH, LONGEST_POLL_S))


def retry_after_s(headers: Mapping[str, str]) -> float:
    """Seconds to wait by ``retry-after-ms`` or ``retry-after``, a number or a date; 0 where they say nothing."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            asked_s = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        return max(0.0, asked_s) if isfinite(asked_s) else 0.0
    try:
        # Both on the service's own clock: ours may differ.
        until, sent = (parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (until - sent).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def result_rows(content: bytes) -> list[str]:
    """The lines of a result file without the heading. It is CSV, or base64 of it [OBS]."""
    if not content.startswith(b"step,"):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise GaveUp("the result file is neither CSV nor base64 of it") from error
    return content.decode().splitlines()[1:]


def is_last(event_message: str) -> bool:
    """Whether the event of a succeeded job is its last, by its words."""
    return "successfully completed" in event_message


def why_it_ended(status: str, code: str | None, message: str | None) -> str:
    """Why there is no model, in the service's own words. A healthy job's error is null, ``{}`` or full of nulls."""
    ended = "the job was cancelled" if status == "cancelled" else "the job failed"
    return ": ".join(part for part in (ended, code, message) if part)
