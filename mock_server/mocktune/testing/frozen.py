"""What becomes of a test whose client waits for a clock that nobody moves: it fails, and does not hang.

The server refuses reads of one unfinished object at one instant past ``MAX_READS``. A client that goes on reading all
the same is interrupted in its own thread, with an exception that no ``except Exception`` keeps.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mocktune.testing.control import ControlError, ControlPlane

if TYPE_CHECKING:
    from mocktune.testing.servers import Server

MAX_READS = 50
"""Of one unfinished object, that a frozen clock's unmoved instant answers."""

WAIT_S = 60


class ClockIsFrozen(BaseException):
    """The clock is frozen and nobody advances it; the client was told so, and goes on reading."""


class NobodyAdvances(AssertionError):
    """The clock is frozen and nobody advances it; the client was told so, and kept it to itself."""


_lock = threading.Lock()
_watched: dict[str, Callable[[str], None]] = {}


def tell_watchers(sandbox_id: str, told: str) -> None:
    """What a server in this process calls on its loop."""
    with _lock:
        watcher = _watched.get(sandbox_id)
    if watcher is not None:
        watcher(told)


class Interruption:
    """Interrupts a thread whose client goes on reading; where that does not end it, threads that were started since as
    well. Until ``stop``, after which nothing is interrupted any more."""

    def __init__(self) -> None:
        self._thread_id = threading.get_ident()
        self._before = frozenset(threading.enumerate())
        self._stopped = threading.Lock()
        self._tried = self._over = False

    def __call__(self, told: str) -> None:
        with self._stopped:
            if self._over:
                return
            _interrupt(self._thread_id, told)
            for thread in threading.enumerate() if self._tried else ():
                ours = thread in self._before or thread.name.startswith("mocktune")
                if thread.ident is not None and not ours:
                    _interrupt(thread.ident, told)
            self._tried = True

    def stop(self) -> None:
        with self._stopped:
            self._over = True


@contextmanager
def interrupted_when_ignored(server: Server, sandbox_id: str, api_key: str) -> Iterator[Interruption]:
    """Interrupt this thread, and threads started in the block, when the client of a sandbox goes on reading."""
    interrupt = Interruption()
    watch: _Watch | None = None
    if server.services is not None:
        with _lock:
            _watched[sandbox_id] = interrupt
    else:
        watch = _Watch(ControlPlane(server.root, api_key), interrupt)
        watch.start()
    try:
        yield interrupt
    finally:
        interrupt.stop()
        if watch is not None:
            watch.end()
        with _lock:
            _watched.pop(sandbox_id, None)


class _Watch(threading.Thread):
    """Waits at a server of another process until a client goes on reading."""

    def __init__(self, control: ControlPlane, interrupt: Callable[[str], None]) -> None:
        super().__init__(name="mocktune-watch", daemon=True)
        self._control = control
        self._interrupt = interrupt
        self._over = False

    def run(self) -> None:
        refused = MAX_READS
        try:
            while not self._over:
                body = {"status": 400, "count": refused, "timeout_s": WAIT_S}
                if not self._control.post("requests/wait-for-count", body, timeout_s=WAIT_S + 10)["reached"]:
                    continue
                said = self._control.get("timeline")
                if said["refused_reads"] >= MAX_READS:
                    self._interrupt(said["refused_because"])
                refused += MAX_READS // 5
        except ControlError:
            return  # the sandbox was closed, or the server is gone
        finally:
            self._control.close()

    def end(self) -> None:
        self._over = True
        self._control.abort()


def _interrupt(thread_id: int, told: str) -> None:
    def init(self: ClockIsFrozen) -> None:
        BaseException.__init__(self, told)

    error = type("ClockIsFrozen", (ClockIsFrozen,), {"__init__": init, "__module__": __name__})
    raise_in = getattr(ctypes.pythonapi, "PyThreadState_SetAsyncExc", None)
    if raise_in is not None:
        raise_in(ctypes.c_ulong(thread_id), ctypes.py_object(error))
