"""Which threads are the client's, and what the others of them are doing right now."""

from __future__ import annotations

import sys
import threading
import weakref
from types import FrameType

from .callers import Modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

EXEMPT_NAMES = (
    "mocktune",
    "pytest_timeout",
    "execnet",
    "pydevd",
    "IPythonHistorySaving",
    "ThreadPoolExecutor-mocktune",
)
"""Beginnings of the names of threads that see real time."""

IN_FLIGHT_S = 10.0
"""How long a thread that waits for the network holds the time, in real seconds."""

BLOCKED_S = 0.5
"""How long one does that waits for something unknown and has not moved."""

network = Modules(
    ("socket", "ssl", "http", "urllib", "urllib3", "requests", "httpcore", "httpcore2", "httpx", "httpx2")
)

_exempt: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def exempt_this_thread() -> None:
    """The calling thread sees real time and really sleeps; so do the threads that it starts from now on."""
    _exempt.add(threading.current_thread())


def exempt_thread(thread: threading.Thread) -> None:
    _exempt.add(thread)


def is_exempt(thread: threading.Thread, also: Callable[[threading.Thread], bool]) -> bool:
    """Asked once for each thread and session."""
    if thread in _exempt or thread.name.startswith(EXEMPT_NAMES):
        return True
    return bool(also(thread))


def living() -> list[threading.Thread]:
    """Every thread that Python knows, without the lock of ``threading.enumerate``: a signal may have come inside it."""
    active = getattr(threading, "_active", None)
    return list(active.values()) if isinstance(active, dict) else threading.enumerate()


def frames() -> dict[int, FrameType]:
    return sys._current_frames()


def patience(frame: FrameType) -> float:
    """How long a thread in this frame holds the time while it does not move, in real seconds; 0: it is waiting to be
    woken by another thread, so it does not hold it at all."""
    module, function = frame.f_globals.get("__name__", ""), frame.f_code.co_name
    judge = _PARKED.get((module, function))
    if (judge is not None and judge(frame)) or _is_of_server(frame):
        return 0.0
    return IN_FLIGHT_S if module in network else BLOCKED_S


def _is_of_server(frame: FrameType | None) -> bool:
    """Whether an executor's thread is at work for a mocktune server in this process."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("mocktune."):
            return not name.startswith(("mocktune.testing", "mocktune.pytest_plugin"))
        frame = frame.f_back
    return False


def _waits_for_notice(frame: FrameType) -> bool:
    held = frame.f_locals
    condition, waiter = held.get("self"), held.get("waiter")
    above = frame.f_back
    for _ in range(3):  # Event.wait, and our own in between
        if above is not None:
            if above.f_code.co_name == "start" and above.f_globals.get("__name__") == "threading":
                return False  # a thread is coming up
            above = above.f_back
    return waiter is not None and waiter in getattr(condition, "_waiters", ())


def _waits_for_end(frame: FrameType) -> bool:
    thread = frame.f_locals.get("self")
    return isinstance(thread, threading.Thread) and thread.ident in sys._current_frames()


def _waits_for_work(frame: FrameType) -> bool:
    work = frame.f_locals.get("work_queue")
    return work is not None and bool(work.empty())


def _waits_for_callers(frame: FrameType) -> bool:
    """A server waits for the world outside; a loop of asyncio here only looks what is ready."""
    above = frame.f_back
    return above is None or not str(above.f_globals.get("__name__", "")).startswith(_LOOPS)


_LOOPS = ("asyncio", __name__.rpartition(".")[0])


_PARKED = {
    ("threading", "wait"): _waits_for_notice,
    ("threading", "_wait_for_tstate_lock"): _waits_for_end,
    ("threading", "join"): _waits_for_end,
    ("concurrent.futures.thread", "_worker"): _waits_for_work,
    ("selectors", "select"): _waits_for_callers,
    ("socket", "accept"): _waits_for_callers,
}


class Movements:
    """Since when each thread or task has been where it is, as far as anybody looked."""

    def __init__(self) -> None:
        self._seen: dict[object, tuple[object, float]] = {}

    def unmoved_s(self, who: object, place: object, now: float) -> float:
        known = self._seen.get(who)
        if known is not None and known[0] == place:
            return now - known[1]
        if len(self._seen) > 4096:
            self._seen.clear()
        self._seen[who] = (place, now)
        return 0.0
