"""Signals as exceptions, so that every ``finally`` on the way out runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130

_exit_code_on_sigterm = 143
_holding = False
_held: list[int] = []


def end_cleanly(exit_code_on_sigterm: int) -> None:
    """SIGINT raises ``KeyboardInterrupt`` from now on, and SIGTERM ``SystemExit``.

    uvicorn on the main thread handles both itself while it serves, and hands them to these handlers when it has ended.
    """
    global _exit_code_on_sigterm
    _exit_code_on_sigterm = exit_code_on_sigterm
    # A shell starts background jobs with SIGINT ignored. Who sends one all the same means it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_DFL:
        # A closed terminal; under nohup the signal is ignored, and stays so.
        signal.signal(hangup, lambda number, frame: signal.raise_signal(signal.SIGTERM))


def hold() -> None:
    """Signals take no effect until ``release``."""
    global _holding
    _holding = True


def release() -> list[int]:
    """Signals take effect again; answers those that came meanwhile."""
    global _holding
    _holding = False
    came = _held.copy()
    _held.clear()
    return came


def came_meanwhile() -> bool:
    """Whether a signal is being held."""
    return bool(_held)


@contextmanager
def held() -> Iterator[None]:
    """Signals that come inside take effect at its end.

    For taking hold of what must be given back: between making it and remembering to give it back there is always an
    instant. And for imports, which run callbacks that swallow exceptions.
    """
    hold()
    try:
        yield
    finally:
        came = release()
    if came:
        _end(came[0], None)


def ignore() -> None:
    """The end has begun, and no signal may cut it short."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    if _holding:
        _held.append(number)
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(_exit_code_on_sigterm)
