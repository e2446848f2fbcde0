"""The journal of a sandbox: its last requests, bounded by count and by bytes."""

from __future__ import annotations

from collections import deque

from mocktune.domain.journal import Entry

MAX_ENTRIES = 10_000
MAX_BYTES = 8 * 1024 * 1024
"""Of one sandbox. The oldest entries are dropped first, and counted."""

MAX_BODY_BYTES = 256 * 1024
"""Of one body: a longer one is cut."""


def kept_body(body: bytes) -> bytes:
    """``body`` as it is remembered: cut where it is long."""
    return body if len(body) <= MAX_BODY_BYTES else body[:MAX_BODY_BYTES]


class Journal:
    """Entries in the order of their answers. ``dropped`` counts those that had to go."""

    __slots__ = ("_entries", "_size_bytes", "dropped")

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._size_bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def record(self, entry: Entry) -> None:
        """Remember ``entry``, from now on for whoever asks."""
        self._entries.append(entry)
        self._size_bytes += entry.size_bytes
        while self._size_bytes > MAX_BYTES or len(self._entries) > MAX_ENTRIES:
            self._size_bytes -= self._entries.popleft().size_bytes
            self.dropped += 1

    def entries(self) -> list[Entry]:
        """Every entry, the oldest first."""
        return list(self._entries)

    def clear(self) -> None:
        self._entries.clear()
        self._size_bytes = self.dropped = 0
