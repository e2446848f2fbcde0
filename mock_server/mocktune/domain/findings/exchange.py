"""A request of the journal and its answer as a client knew them: what it sent, and what it was really shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from mocktune.domain.clock import SECOND
from mocktune.domain.journal import Entry
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.request_filter import parsed

Json = dict[str, Any]

TERMINAL = frozenset(str(status) for status in JobStatus if status.terminal)
FILE_ENDED = frozenset({"processed", "error", "deleted"})

HOPELESS_CODES = frozenset({"insufficient_quota", "daily_rate_limit_exceeded", "training_not_available"})
"""What no waiting helps against, whatever the status (contract 6.4)."""

ANSWERING = frozenset({"chat.completions.create", "completions.create", "responses.create"})
"""Operations that use a model."""

NOT_READY_WORDS = ("still being loaded", "currently overloaded with other requests")
"""Of the recorded answers of a model that is not in memory yet (contract 5.2)."""

TURNAROUND = 20_000
"""Microseconds of wall time after which a request on another connection was surely sent by who had seen an answer."""

LONGEST_DATE_WAIT_S = 3600
"""A ``Retry-After`` that is a date further away is not believed: the clock it was made with may be skewed."""

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class Exchange:
    """An entry and what is read out of it, each when it is first asked for. Nothing raises, whatever was sent."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.operation = entry.operation
        self.status = entry.status

    # -- what the client knows -------------------------------------------------------------------------------------

    @property
    def shown(self) -> bool:
        """Whether the answer reached the client whole."""
        return not self.entry.lost and self.status != 0

    @property
    def ok(self) -> bool:
        return self.shown and 200 <= self.status < 300

    @property
    def broken(self) -> bool:
        """Whether a fault of the connection kept the answer from the client, which noticed."""
        return self.entry.lost and any(each.fired for each in self.entry.faults)

    @cached_property
    def answer(self) -> Json:
        """The JSON object the client was shown; empty for anything else, and where it is not kept whole."""
        value = parsed(self.entry.response_body) if self.shown else None
        return value if isinstance(value, dict) else {}

    @cached_property
    def error(self) -> Json:
        """``message``, ``type``, ``code`` and ``param`` of an error that was shown, as texts."""
        value = self.answer.get("error") if self.shown and self.status >= 400 else None
        if not isinstance(value, dict):
            return {}
        return {name: text(value.get(name)) for name in ("message", "type", "code", "param")}

    def objects(self, kind: str) -> Iterator[Json]:
        """The objects of ``kind`` that were shown: the answer itself, or those of a list."""
        if not self.ok:
            return
        data = self.answer.get("data") if self.answer.get("object") == "list" else None
        for each in data if isinstance(data, list) else (self.answer,):
            if isinstance(each, dict) and each.get("object") == kind:
                yield each

    # -- what the client sent --------------------------------------------------------------------------------------

    @cached_property
    def sent(self) -> Json:
        """The JSON object of the request's body; empty for anything else."""
        value = parsed(self.entry.request_body)
        return value if isinstance(value, dict) else {}

    @cached_property
    def query(self) -> dict[str, str]:
        try:
            return dict(parse_qsl(self.entry.query.decode("latin-1"), keep_blank_values=True, errors="replace"))
        except ValueError:
            return {}

    @cached_property
    def segments(self) -> list[str]:
        return self.entry.path.split("/")[1:]

    @property
    def resource(self) -> str:
        """The id behind the kind of object in the path, such as a job's in ``/v1/fine_tuning/jobs/ID/events``."""
        at = 3 if self.operation.startswith("fine_tuning.") else 2
        return self.segments[at] if len(self.segments) > at else ""

    @property
    def model(self) -> str:
        """The model that is to answer, or that is asked after."""
        if self.operation in ANSWERING:
            return text(self.sent.get("model"))
        return self.resource if self.operation.startswith("models.") else ""

    @property
    def same(self) -> tuple[object, ...]:
        """Equal for requests that are the same to the byte; of uploads the length counts for the bytes."""
        entry = self.entry
        return entry.method, entry.path, entry.query, entry.request_body, entry.request_bytes

    @cached_property
    def automatic(self) -> bool:
        """Whether an SDK sent the request again on its own, without its caller: the two retries of contract 6.2."""
        counts = (value for name, value in self.entry.headers if name == b"x-stainless-retry-count")
        return next(counts, b"0").strip() not in (b"", b"0")

    # -- when ------------------------------------------------------------------------------------------------------

    def passed_since(self, before: Exchange) -> int:
        """Microseconds between two requests: sandbox time, or wall time where that is more (a clock that stands)."""
        return max(self.entry.at - before.entry.at, self.entry.wall - before.entry.wall)

    def is_after(self, before: Exchange) -> bool:
        """Whether it was answered later."""
        return self.entry.ordinal > before.entry.ordinal

    def knew(self, before: Exchange) -> bool:
        """Whether who sent this had surely seen the answer to ``before``: it came later on the same connection, or so
        much later on another that it was not sent at the same time.
        """
        waited = self.entry.wall - before.entry.answered_wall
        same_connection = self.entry.connection == before.entry.connection != 0
        return waited >= 0 and (same_connection or waited >= TURNAROUND)

    @cached_property
    def wait_s(self) -> float:
        """How long the answer asked the client to wait, in seconds as a client counts them; 0 where it did not."""
        entry = self.entry
        if not self.shown or self.status < 400:
            return 0.0
        if _SECONDS.fullmatch(entry.retry_after_ms):
            return float(entry.retry_after_ms) / 1000
        if _SECONDS.fullmatch(entry.retry_after):
            return float(entry.retry_after)
        try:
            wait_s = parsedate_to_datetime(entry.retry_after).timestamp() - entry.answered_wall / SECOND
        except (ValueError, TypeError, IndexError, OverflowError, OSError):
            return 0.0
        return wait_s if 0 < wait_s <= LONGEST_DATE_WAIT_S else 0.0

    # -- what kind of failure --------------------------------------------------------------------------------------

    @property
    def hopeless(self) -> bool:
        """Whether the same request, sent again soon, is surely refused again: contract 6.4, and what is wrong with the
        request itself (a parameter is named, or the error has a code of its own). A 404, a conflict or a state that is
        not the right one may be otherwise a moment later.
        """
        if not self.shown:
            return False
        error = self.error
        if error.get("code") in HOPELESS_CODES or error.get("type") == "insufficient_quota":
            return True
        if self.status == 403:
            return True
        code = error.get("code", "")
        return self.status in (400, 413, 422) and bool(error.get("param") or (code and not code.isdigit()))

    @property
    def not_ready(self) -> bool:
        """Whether a tuned model was refused because it is unknown as yet, or loading."""
        if not self.shown or not self.model:
            return False
        if self.status == 404:
            return self.error.get("code") == "model_not_found"
        words = self.error.get("message", "")
        return self.status in (429, 503) and any(each in words for each in NOT_READY_WORDS)

    @property
    def transient(self) -> bool:
        """Whether the request failed in a way that another attempt may mend: a broken connection, 408, 5xx, or a 429
        that is no cap (of type ``invalid_request_error``) and not hopeless.
        """
        if self.broken:
            return True
        if not self.shown or self.hopeless:
            return False
        if self.status == 429:
            return self.error.get("type") != "invalid_request_error"
        return self.status == 408 or self.status >= 500


def text(value: object) -> str:
    return value if isinstance(value, str) else ""
