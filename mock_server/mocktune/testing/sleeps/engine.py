"""What is patched while a session is open, and put back when the last one ends."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import time as public

from . import originals, references
from .arrivals import forget_awaited, when_imported
from .callers import caller, plumbing, real_clocks, real_sleeps
from .scheduler import Skipping, ThreadSleeper, whole_ms
from .threads import exempt_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .protocol import SandboxTime

LONGEST_S = 30 * 86_400.0
"""A sleep that is longer means "for ever", and is not skipped."""

CLOCKS = {
    "time": 1.0,
    "monotonic": 1.0,
    "perf_counter": 1.0,
    "time_ns": 1e9,
    "monotonic_ns": 1e9,
    "perf_counter_ns": 1e9,
}

_sessions: list[Skipping] = []
_lock = threading.RLock()


def session_here() -> Skipping | None:
    """The session of the calling thread: the innermost one, None for threads that see real time."""
    if not _sessions:
        return None
    session = _sessions[-1]
    thread = threading._active.get(originals.get_ident())  # type: ignore[attr-defined]
    if thread is None:
        return session  # started without ``threading``: the client's
    return session if session.covers(thread) else None


class Replacement:
    """In the place of a function of ``time``. An object, as built-in functions are no methods either."""

    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = "time"
        self.__doc__ = original.__doc__
        self.mocktune_original = original

    def __repr__(self) -> str:
        return f"<{self.mocktune_original!r}, skipped>"

    def __reduce__(self) -> str:
        return self.__name__


class Sleep(Replacement):
    def __call__(self, seconds: Any, /) -> None:
        session = session_here()
        if session is None or session.broken:
            self.mocktune_original(seconds)
            return
        if type(seconds) is not float and type(seconds) is not int:
            if isinstance(seconds, float) or hasattr(seconds, "__index__"):
                seconds = float(seconds)
            else:
                self.mocktune_original(seconds)
                return
        if not 0 < seconds <= LONGEST_S or caller(plumbing) in real_sleeps:
            self.mocktune_original(seconds)
        else:
            session.sleep(float(seconds))


class Clock(Replacement):
    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        super().__init__(name, original)
        self._whole = name.endswith("_ns")

    def __call__(self) -> Any:
        value = self.mocktune_original()
        session = session_here()
        if session is None or not session.offset or caller(plumbing) in real_clocks:
            return value
        return value + (int(session.offset * 1e9) if self._whole else session.offset)


class Patches:
    """All of them. Names of modules are bound anew where they are found; what is not ours any more is left alone."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._replacements: dict[int, Replacement] = {}
        self._kept: list[Any] = []  # alive, as they are known by their identity
        self._loops: Any = None
        self._installing = False

    def install(self) -> None:
        """All or none."""
        self._installing = True
        try:
            self._install()
        except BaseException:
            self.restore()
            raise
        finally:
            self._installing = False

    def _install(self) -> None:
        for name in ("sleep", *CLOCKS):
            current = getattr(public, name)
            original = originals.unwrapped(current)  # another copy of this engine may be at work around us
            if not originals.is_builtin(original):
                continue  # somebody else plays this one
            kind = Sleep if name == "sleep" else Clock
            replacement = kind(name, original)
            self._replacements[id(original)] = self._replacements[id(current)] = replacement
            self._kept.append(current)
            self._put(public, name, current, replacement)
        self._bind_names()
        self._wrap(threading.Condition, "wait", _condition_wait)
        self._wrap(threading.Thread, "join", _join)
        self._wrap(threading.Thread, "start", _start)
        when_imported("asyncio.base_events", self._install_loops)

    def _install_loops(self) -> None:
        from .loops import Loops

        if _sessions or self._installing:
            self._loops = Loops(session_here)
            self._loops.install()

    def restore(self) -> None:
        forget_awaited()
        if self._loops is not None:
            self._loops.restore()
            self._loops = None
        while self._undo:
            self._undo.pop()()
        self._release_names()
        self._replacements.clear()
        self._kept.clear()

    def session_ended(self, moved_back_s: float) -> None:
        if self._loops is not None:
            self._loops.ended(moved_back_s)

    def _wrap(self, where: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
        current = getattr(where, name)
        original = originals.unwrapped(current)
        wrapped = wrapper(original)
        wrapped.mocktune_original = original
        self._put(where, name, current, wrapped)

    def _put(self, where: Any, name: str, before: Any, after: Any) -> None:
        setattr(where, name, after)
        self._undo.append(lambda: setattr(where, name, before) if vars(where).get(name) is after else None)

    def _bind_names(self) -> None:
        for where, key, module in references.scan(self._replacements):
            for original, replacement in self._replacements.items():
                kept = real_sleeps if isinstance(replacement, Sleep) else real_clocks
                if module not in kept:
                    self._bind(where, key, original, replacement)

    def _bind(self, where: Any, key: str, original: int, replacement: Replacement) -> None:
        if isinstance(where, dict):
            before = where.get(key)
            if id(before) == original:
                where[key] = replacement
                self._undo.append(lambda: where.__setitem__(key, before) if where.get(key) is replacement else None)
            return
        now: Any = vars(where).get(key) if isinstance(where, type) else getattr(where, key, None)
        after: Any = replacement
        if isinstance(now, tuple):
            found = any(id(each) == original for each in now)
            after = tuple(replacement if id(each) == original else each for each in now)
        elif isinstance(now, dict):
            found = any(id(each) == original for each in now.values())
            after = {name: replacement if id(each) == original else each for name, each in now.items()}
        elif isinstance(now, staticmethod):
            found = id(now.__func__) == original
            after = staticmethod(replacement)  # type: ignore[arg-type]
        else:
            found = id(now) == original
        if found:
            setattr(where, key, after)
            self._undo.append(functools.partial(setattr, where, key, now))

    def _release_names(self) -> None:
        """What was imported by name while a session was open."""
        ours = {id(each): each.mocktune_original for each in self._replacements.values()}
        for name, module in list(sys.modules.items()):
            if references._scanned.get(name) is not module and isinstance(module, type(sys)):
                for key, value in list(vars(module).items()):
                    if id(value) in ours:
                        vars(module)[key] = ours[id(value)]


def _virtual(seconds: Any) -> Skipping | None:
    """The session in which the calling thread's wait of so many seconds is one that is skipped."""
    if not isinstance(seconds, (int, float)) or not 0 < seconds <= LONGEST_S:
        return None
    session = session_here()
    if session is None or session.broken or caller(plumbing, 2) in real_sleeps:
        return None
    return session


def _condition_wait(original: Any) -> Any:
    @functools.wraps(original)
    def wait(self: Any, timeout: float | None = None) -> bool:
        session = None if timeout is None else _virtual(timeout)
        if session is None or timeout is None or not self._is_owned():
            return bool(original(self, timeout))
        timeout = whole_ms(timeout)
        waiter = ThreadSleeper(session.skipped_s + timeout, originals.monotonic() + timeout)
        self._waiters.append(waiter)
        state = self._release_save()
        try:
            session.wait(waiter, timeout)
        finally:
            self._acquire_restore(state)
            if not waiter.notified:
                with contextlib.suppress(ValueError):
                    self._waiters.remove(waiter)
        return waiter.notified

    return wait


def _join(original: Any) -> Any:
    @functools.wraps(original)
    def join(self: Any, timeout: float | None = None) -> None:
        session = None if timeout is None else _virtual(timeout)
        if session is None or timeout is None or not session.covers(self) or self is threading.current_thread():
            original(self, timeout)
            return
        sleeper = _Joining(self, session.skipped_s + timeout, originals.monotonic() + timeout)
        if self.is_alive():
            session.wait(sleeper, timeout)
        original(self, 0.0)

    return join


class _Joining(ThreadSleeper):
    """Waits for the end of another thread, or for an instant."""

    def __init__(self, thread: threading.Thread, target: float, until: float) -> None:
        super().__init__(target, until)
        self._thread = thread

    def holds(self, now: float, movements: Any) -> bool:
        if not self._thread.is_alive():
            self.wake()
        return super().holds(now, movements)


def _start(original: Any) -> Any:
    @functools.wraps(original)
    def start(self: Any) -> None:
        if _sessions and session_here() is None:
            exempt_thread(self)  # what the server starts is the server's
        original(self)

    return start


_patches = Patches()


def _forked() -> None:
    """In a child process: the threads that held these locks, and the helpers, exist in the parent only."""
    global _lock
    _lock = threading.RLock()
    for session in _sessions:
        session.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@contextlib.contextmanager
def skipped_sleeps(
    time: SandboxTime,
    *,
    exempt: Callable[[threading.Thread], bool],
    failed: Callable[[BaseException], bool] | None = None,
) -> Iterator[Skipping]:
    """Sleeps of this process move the clock ``time`` from here to the end of the block.

    ``exempt`` says of a thread whether it sees real time; it is asked once for each. ``failed`` is told when the
    sandbox does not answer: True means real sleeps from then on, without it the error is raised in whoever sleeps. Of
    nested blocks the innermost is in force. At the end everything that was patched is what it was before, and who still
    sleeps does so in real time.
    """
    session = open_session(time, exempt=exempt, failed=failed)
    try:
        yield session
    finally:
        close_session(session)


def open_session(
    time: SandboxTime,
    *,
    exempt: Callable[[threading.Thread], bool],
    failed: Callable[[BaseException], bool] | None = None,
) -> Skipping:
    with _lock:
        outer = _sessions[-1] if _sessions else None
        session = Skipping(time, exempt, ahead_s=outer.offset if outer else 0.0, failed=failed)
        if outer is None:
            _patches.install()
        _sessions.append(session)
    return session


def close_session(session: Skipping) -> None:
    with _lock:
        _sessions.remove(session)
        session.close()
        if _sessions:
            _sessions[-1].absorb(session)
        else:
            _patches.session_ended(session.offset)
            _patches.restore()
