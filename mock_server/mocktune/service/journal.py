"""The journal of a sandbox: its last requests, bounded by count and by bytes."""

from __future__ import annotations

from collections import deque
from itertools import islice

from mocktune.domain.journal import MAX_BODY_BYTES, Entry, Headers
from mocktune.domain.redaction import redacted, redacted_path, redacted_query
from mocktune.service.waiters import Waiters

MAX_ENTRIES = 10_000
MAX_BYTES = 8 * 1024 * 1024
"""Of one sandbox. The oldest entries are dropped first, and counted."""

_MARGIN = 1024
"""Looked at beyond the cut, so that a key that lies across it is found."""


def kept_body(body: bytes, key: bytes = b"") -> bytes:
    """``body`` as it is remembered: without credentials, and cut where it is long."""
    if len(body) <= MAX_BODY_BYTES:
        return redacted(body, key)
    return redacted(body[: MAX_BODY_BYTES + _MARGIN], key)[:MAX_BODY_BYTES]


ENTRY_BYTES = 640
"""Of one entry, its path, query, bodies, headers and decisions apart."""


class Journal:
    """Entries in the order of their answers.

    ``dropped`` counts those that had to go, ``recorded`` all there ever were, ``emptied`` how often all were taken out.
    What an entry shares with the one before it, headers or an answer, counts once.
    """

    __slots__ = ("_answer", "_entries", "_headers", "_size_bytes", "_waiters", "dropped", "emptied", "recorded")

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._size_bytes = 0
        self._headers: Headers = ()
        self._answer = b""
        self._waiters = Waiters()
        self.dropped = self.recorded = self.emptied = 0

    def __len__(self) -> int:
        return len(self._entries)

    def record(self, entry: Entry, key: bytes = b"") -> None:
        """Remember ``entry``, from now on for whoever asks: without credentials, of which ``key`` is the caller's own
        where no form gives it away, and with long bodies cut.
        """
        path = entry.path
        if key or "sk-" in path or "whsec_" in path:
            path = entry.path = redacted_path(path, key)
        if entry.query:
            entry.query = redacted_query(entry.query, key)
        size_bytes = ENTRY_BYTES + len(path) + len(entry.query)
        if entry.request_body:
            entry.request_body = kept_body(entry.request_body, key)
            size_bytes += len(entry.request_body)
        # A client sends the same headers with every request, and is told the same of a job for a while.
        if entry.headers == self._headers:
            entry.headers = self._headers
        else:
            self._headers = entry.headers = tuple((name, redacted(value, key)) for name, value in entry.headers)
            size_bytes += sum(160 + len(value) for _, value in entry.headers)
        if entry.response_body == self._answer and not key:
            entry.response_body = self._answer
        else:
            self._answer = entry.response_body = kept_body(entry.response_body, key)
            size_bytes += len(self._answer)
        if entry.faults:
            size_bytes += sum(200 + len(each.rule_id) + len(each.reason) for each in entry.faults)
        entry.size_bytes = size_bytes
        self._size_bytes += size_bytes
        self._entries.append(entry)
        self.recorded += 1
        while self._size_bytes > MAX_BYTES or len(self._entries) > MAX_ENTRIES:
            self._size_bytes -= self._entries.popleft().size_bytes
            self.dropped += 1
        self._waiters.wake()

    async def changed(self) -> None:
        """Wait until something is recorded, or taken out."""
        await self._waiters.changed()

    def entries(self) -> list[Entry]:
        """Every entry, the oldest first."""
        return list(self._entries)

    def newest(self, count: int) -> list[Entry]:
        """The last ``count`` entries, the oldest of them first."""
        return list(islice(reversed(self._entries), count))[::-1]

    def find(self, id: str) -> Entry | None:
        """The entry of the request with this ``x-request-id``."""
        return next((entry for entry in reversed(self._entries) if entry.id == id), None)

    def clear(self) -> None:
        """Forget every entry, and that any was dropped."""
        self._entries.clear()
        self._headers, self._answer = (), b""
        self._size_bytes = self.dropped = 0
        self.emptied += 1
        self._waiters.wake()
