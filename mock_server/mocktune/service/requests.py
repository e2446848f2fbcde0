"""What a test asks of the journal: lists, counts, waiting for a count, and verifications with near misses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mocktune.domain.documents import nearest
from mocktune.domain.error_kinds.requests import (
    COUNT_OR_RANGE,
    NO_OPERATION,
    NO_REQUEST_AFTER,
    NO_STATUS,
    NO_SUCH_REQUEST,
)
from mocktune.domain.journal import Entry
from mocktune.domain.operations import OPERATIONS
from mocktune.domain.request_filter import STATUS_FORM, NearMiss, RequestFilter
from mocktune.service.journal import Journal
from mocktune.service.sandboxes import Sandbox


@dataclass(frozen=True, slots=True)
class RequestPage:
    """``items`` with the newest first."""

    items: list[Entry]
    has_more: bool
    dropped: int


@dataclass(frozen=True, slots=True)
class RequestCount:
    """How many requests were meant, of those that were not dropped; ``reached``: as many as were waited for."""

    count: int
    dropped: int
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """How many requests there are to be, both ends included; ``most`` None: any number."""

    least: int
    most: int | None

    @classmethod
    def read(cls, count: int | None, at_least: int | None, at_most: int | None) -> Expected:
        """Without any of the three: at least one. Raises ``ParameterError`` for a count beside a range."""
        if count is not None:
            if at_least is not None or at_most is not None:
                raise COUNT_OR_RANGE(param="count")
            return cls(count, count)
        return cls(1 if at_least is None and at_most is None else at_least or 0, at_most)

    def __str__(self) -> str:
        if self.least == self.most:
            return f"exactly {self.least}"
        if self.most is None:
            return f"at least {self.least}"
        return f"at most {self.most}" if not self.least else f"from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Verification:
    verified: bool
    count: int
    expected: Expected
    dropped: int
    near_misses: list[NearMiss]


class RequestService:
    """Everything under ``/_mocktune/requests``. Reads the journal of a sandbox, and nothing else of it."""

    def retrieve(self, sandbox: Sandbox, id: str) -> Entry:
        """Raises ``NotFoundError`` for one that was never made, or dropped since."""
        entry = sandbox.journal.find(id)
        if entry is None:
            raise NO_SUCH_REQUEST(id=id)
        return entry

    def list(self, sandbox: Sandbox, wanted: RequestFilter, after: str | None, limit: int) -> RequestPage:
        """Those that are meant, the newest first, from the one behind ``after`` on. Raises ``ParameterError`` for an
        ``after`` that is not in the journal.
        """
        check_filter(wanted)
        entries = sandbox.journal.entries()[::-1]
        if after is not None:
            at = next((index for index, entry in enumerate(entries) if entry.id == after), None)
            if at is None:
                raise NO_REQUEST_AFTER(after=after)
            entries = entries[at + 1 :]
        found: list[Entry] = []
        for entry in entries:
            if wanted.matches(entry):
                found.append(entry)
                if len(found) > limit:
                    break
        return RequestPage(found[:limit], len(found) > limit, sandbox.journal.dropped)

    def count(self, sandbox: Sandbox, wanted: RequestFilter) -> RequestCount:
        check_filter(wanted)
        return RequestCount(_count(sandbox.journal.entries(), wanted), sandbox.journal.dropped)

    async def wait_for_count(
        self, sandbox: Sandbox, wanted: RequestFilter, count: int, timeout_s: float
    ) -> RequestCount:
        """Until there are at least ``count``, or until ``timeout_s`` of wall time are over."""
        check_filter(wanted)
        journal = sandbox.journal
        counted = _Counted(journal, wanted)
        try:
            async with asyncio.timeout(timeout_s):
                while counted.brought_up_to_date() < count:
                    await journal.changed()
        except TimeoutError:
            pass
        found = counted.brought_up_to_date()
        return RequestCount(found, journal.dropped, found >= count)

    def verify(self, sandbox: Sandbox, wanted: RequestFilter, expected: Expected) -> Verification:
        """Where there are too few, ``near_misses`` tell which requests nearly were; where too many, none is named."""
        check_filter(wanted)
        entries = sandbox.journal.entries()
        count = _count(entries, wanted)
        verified = expected.least <= count and (expected.most is None or count <= expected.most)
        near = wanted.near_misses(entries) if count < expected.least else []
        return Verification(verified, count, expected, sandbox.journal.dropped, near)

    def clear(self, sandbox: Sandbox) -> int:
        """Forget all requests; how many they were."""
        deleted = len(sandbox.journal)
        sandbox.journal.clear()
        return deleted


def check_filter(wanted: RequestFilter) -> None:
    """Raises ``ParameterError`` for a status or an operation that is none: nothing could ever be found."""
    if wanted.status is not None and not STATUS_FORM.fullmatch(wanted.status):
        raise NO_STATUS(status=wanted.status)
    name = wanted.operation
    if name and name not in OPERATIONS and not any(sign in name for sign in "*?["):
        raise NO_OPERATION(operation=name, nearest=nearest(name, OPERATIONS))


def _count(entries: list[Entry], wanted: RequestFilter) -> int:
    return sum(wanted.matches(entry) for entry in entries)


class _Counted:
    """How many entries of a journal are meant, each looked at once."""

    def __init__(self, journal: Journal, wanted: RequestFilter) -> None:
        self._journal = journal
        self._wanted = wanted
        self._seen = self._emptied = -1
        self._count = 0

    def brought_up_to_date(self) -> int:
        journal = self._journal
        if journal.emptied != self._emptied:
            self._emptied, self._count = journal.emptied, _count(journal.entries(), self._wanted)
        elif journal.recorded > self._seen:
            self._count += _count(journal.newest(journal.recorded - self._seen), self._wanted)
        self._seen = journal.recorded
        return self._count
