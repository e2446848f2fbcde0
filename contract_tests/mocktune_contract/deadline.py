"""An end to a test that a server keeps going, where the system can tell."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class TestTookTooLongError(Exception):
    """Raised in the midst of what the test was doing."""

    __test__ = False


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """``TestTookTooLongError`` in the main thread after ``seconds`` of wall time; None, another thread, and systems
    without ``SIGALRM`` have no end."""
    alarmed = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if seconds is None or not alarmed:
        yield
        return

    def ring(*_: Any) -> None:
        raise TestTookTooLongError(f"the test was stopped after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
