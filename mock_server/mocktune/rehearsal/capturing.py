"""The streams of a command, read as they come, so that it never waits; their beginnings and ends are kept."""

from __future__ import annotations

import threading
from typing import IO

from mocktune.rehearsal.runs import KEPT_BYTES, Output

CHUNK = 64 * 1024

PATIENCE_S = 1.0
"""For the end of a stream after the end of its command: something it started may hold it open for ever."""


class Capture:
    """Reads ``stream`` in a thread of its own, from now to its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="mocktune-output", daemon=True)
        self._thread.start()

    def finished(self) -> Output:
        """What was written, when the command has ended."""
        self._thread.join(PATIENCE_S)
        if not self._thread.is_alive():
            self._stream.close()
        with self._lock:
            return Output(bytes(self._head), bytes(self._tail), self._dropped)

    def _read(self) -> None:
        # Unbuffered: what is there is read, however little.
        while chunk := self._stream.read(CHUNK):
            with self._lock:
                room = KEPT_BYTES - len(self._head)
                self._head += chunk[:room]
                self._tail += chunk[room:]
                if (over := len(self._tail) - KEPT_BYTES) > 0:
                    del self._tail[:over]
                    self._dropped += over
