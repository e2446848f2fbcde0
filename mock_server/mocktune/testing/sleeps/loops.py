"""Loops of asyncio: a client's loop moves the clock to its next timer when all that runs on it is waiting.

Timers of a loop are timers: ``asyncio.sleep``, ``wait_for``, ``timeout``, ``call_later`` and what anyio makes of them
are all treated alike, so that a timeout of 5 s around a sleep of 100 s ends after 5. A task that waits for an answer
from the network holds the time: a deadline of 60 s around a request that takes a moment is not skipped to.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from asyncio import base_events, futures

from . import originals
from .callers import Modules, caller, plumbing_of_loops, real_sleeps
from .scheduler import Sleeper, whole_ms
from .threads import BLOCKED_S, IN_FLIGHT_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

    from .scheduler import Skipping
    from .threads import Movements

INFINITE = float("inf")
LONGEST_S = 30 * 86_400.0
"""A sleep that is longer means "for ever", and is not skipped."""

SAFETY_S = 5.0
"""A loop whose helper does not wake it looks for itself so long after its timer was due in real time."""

network = Modules(
    (
        "httpcore._backends",
        "httpcore2._backends",
        "httpx",
        "httpx2",
        "anyio._core._sockets",
        "anyio.streams.tls",
        "anyio.streams.buffered",
        "asyncio.base_events",
        "asyncio.selector_events",
        "asyncio.proactor_events",
        "asyncio.unix_events",
        "asyncio.subprocess",
        "asyncio.base_subprocess",
        "aiohttp.client",
        "aiohttp.client_reqrep",
        "aiohttp.client_proto",
        "aiohttp.connector",
        "aiohttp.streams",
        "aiohttp.resolver",
        "aiohttp.http_writer",
    )
)
"""A task with one of these nearest to its end waits for an answer."""

streams = Modules(("asyncio.streams", "websockets"))
"""And with one of these perhaps: a listener waits there too, for ever."""

_RESULT_OF_SLEEP = futures._set_result_unless_cancelled  # type: ignore[attr-defined]


class Timers:
    """The instants on the session's axis of a loop's timers, by the handle's identity."""

    def __init__(self) -> None:
        self._targets: dict[int, tuple[float, bool]] = {}
        self._session: Skipping | None = None

    def remember(self, handle: object, session: Skipping, target: float, real: bool) -> None:
        self._of(session)
        self._targets[id(handle)] = (target, real)

    def _of(self, session: Skipping) -> None:
        """Each session has an axis of its own; what was noted in another one is reckoned anew."""
        if session is not self._session:
            self._session = session
            self._targets.clear()

    def is_real(self, handle: object) -> bool:
        known = self._targets.get(id(handle))
        return known is not None and known[1]

    def first(self, session: Skipping, scheduled: list[Any]) -> tuple[Any, float]:
        """The live handle that is due first, and its instant; (None, infinite) without one."""
        self._of(session)
        first, earliest = None, INFINITE
        alive: dict[int, tuple[float, bool]] = {}  # handles that are gone are forgotten here
        for handle in scheduled:
            if handle._cancelled:
                continue
            known = self._targets.get(id(handle))
            if known is None:
                known = (_reckoned(session, handle._when), False)
            alive[id(handle)] = known
            if not known[1] and known[0] < earliest:
                first, earliest = handle, known[0]
        self._targets = alive
        return first, earliest


class LoopSleeper(Sleeper):
    def __init__(self, loop: Any, handle: Any, target: float, until: float) -> None:
        super().__init__(target, until)
        self._loop = loop
        self._handle = handle

    def wake(self) -> None:
        self.woken = True
        with contextlib.suppress(Exception):  # it was closed meanwhile
            self._loop._write_to_self()

    def is_sleep(self) -> bool:
        return self._handle is not None and self._handle._callback is _RESULT_OF_SLEEP

    def holds(self, now: float, movements: Movements) -> bool:
        if self.woken or self._loop._ready:
            return True
        try:
            tasks = asyncio.all_tasks(self._loop)
        except RuntimeError:
            return True  # they change while we look
        return any(_holds(task, now, movements) for task in tasks)


def _holds(task: Any, now: float, movements: Movements) -> bool:
    innermost: FrameType | None = None
    patient = 0.0
    opaque = False
    for frame, unreadable in _chain(task.get_coro()):
        if frame is None:
            break
        innermost, opaque = frame, unreadable
        module = frame.f_globals.get("__name__", "")
        if module in network:
            patient = IN_FLIGHT_S
        elif module in streams:
            patient = BLOCKED_S
        elif not module.startswith(("asyncio.", "anyio.")):
            patient = 0.0  # what is nearest to the end decides: a library waits for a lock of its own, perhaps
        if frame.f_code is asyncio.sleep.__code__:
            return False
    if innermost is None:
        return False
    if opaque:
        patient = max(patient, BLOCKED_S)
    if not patient:
        return False
    return movements.unmoved_s(id(task), (id(innermost), innermost.f_lasti), now) < patient


def _chain(coroutine: Any) -> Iterator[tuple[FrameType | None, bool]]:
    """The frames of a suspended coroutine from the outside in; True beside the last where what it awaits
    cannot be read.
    """
    for _ in range(500):
        if hasattr(coroutine, "cr_frame"):
            frame, awaited = coroutine.cr_frame, coroutine.cr_await
        elif hasattr(coroutine, "gi_frame"):
            frame, awaited = coroutine.gi_frame, coroutine.gi_yieldfrom
        elif hasattr(coroutine, "ag_frame"):
            frame, awaited = coroutine.ag_frame, coroutine.ag_await
        else:
            return
        opaque = False
        if type(awaited).__name__ in ("async_generator_asend", "async_generator_athrow", "anext_awaitable"):
            inside = [each for each in gc.get_referents(awaited) if hasattr(each, "ag_frame")]
            awaited = inside[0] if inside else None
            opaque = awaited is None
        elif type(awaited).__name__ == "coroutine_wrapper":
            inside = [each for each in gc.get_referents(awaited) if hasattr(each, "cr_frame")]
            awaited = inside[0] if inside else None
            opaque = awaited is None
        yield frame, opaque
        if awaited is None:
            return
        coroutine = awaited


class Loops:
    """The patches of ``asyncio.base_events.BaseEventLoop``. ``current()`` is the session of the calling thread."""

    def __init__(self, current: Any) -> None:
        self._current = current
        self._saved: dict[str, Any] = {}
        self._timers: dict[int, tuple[Any, Timers]] = {}

    def install(self) -> None:
        kind = base_events.BaseEventLoop
        made = {
            "time": self._time,
            "call_later": self._call_later,
            "call_at": self._call_at,
            "_run_once": self._run_once,
        }
        for name, make in made.items():
            self._saved[name] = current = getattr(kind, name)
            original = originals.unwrapped(current)
            patched = make(original)
            patched.mocktune_original = original
            setattr(kind, name, patched)

    def restore(self) -> None:
        for name, function in self._saved.items():
            setattr(base_events.BaseEventLoop, name, function)
        self._saved.clear()

    def ended(self, moved_back_s: float) -> None:
        """The clocks of loops that live on go back to real time: what they have scheduled keeps its distance."""
        for loop, _ in list(self._timers.values()):
            if moved_back_s and not loop.is_closed():
                for handle in loop._scheduled:
                    handle._when -= moved_back_s  # all by the same, so the heap stays one
        if moved_back_s:
            self._timers.clear()

    def _timers_of(self, loop: Any) -> Timers:
        known = self._timers.get(id(loop))
        if known is None or known[0] is not loop:
            if len(self._timers) > 64:
                self._timers = {key: each for key, each in self._timers.items() if not each[0].is_closed()}
            known = self._timers[id(loop)] = (loop, Timers())
        return known[1]

    def _time(self, original: Any) -> Any:
        current = self._current

        def time(self: Any) -> Any:
            session = current()
            return original(self) if session is None else originals.monotonic() + session.offset

        return time

    def _call_later(self, original: Any) -> Any:
        current, timers_of = self._current, self._timers_of

        def call_later(self: Any, delay: float, callback: Any, *args: Any, **context: Any) -> Any:
            handle = original(self, delay, callback, *args, **context)
            session = current()
            if session is not None:
                real = caller(plumbing_of_loops) in real_sleeps
                timers_of(self).remember(handle, session, session.skipped_s + delay, real)
            return handle

        return call_later

    def _call_at(self, original: Any) -> Any:
        current, timers_of = self._current, self._timers_of

        def call_at(self: Any, when: float, callback: Any, *args: Any, **context: Any) -> Any:
            handle = original(self, when, callback, *args, **context)
            session = current()
            if session is not None:
                real = caller(plumbing_of_loops) in real_sleeps
                timers_of(self).remember(handle, session, _reckoned(session, when), real)
            return handle

        return call_at

    def _run_once(self, original: Any) -> Any:
        current, timers_of = self._current, self._timers_of

        def _run_once(self: Any) -> None:
            if not self._ready and not self._stopping:
                session = current()
                if session is not None and not session.broken:
                    _wait(session, self, timers_of(self))
            original(self)

        return _run_once


def _reckoned(session: Skipping, when: float) -> float:
    """Whole milliseconds from now: what was computed as ``loop.time() + 5`` a moment ago is 5 s away."""
    return session.skipped_s + whole_ms(when - originals.monotonic() - session.offset)


def _wait(session: Skipping, loop: Any, timers: Timers) -> None:
    """In place of the loop's own wait for the next timer or event."""
    events = loop._selector.select(0)
    if events:
        loop._process_events(events)
        return
    if loop._ready:
        return
    scheduled = loop._scheduled
    handle, target = timers.first(session, scheduled)
    now = originals.monotonic()
    timeout: float | None = None
    real = [each._when for each in scheduled if not each._cancelled and timers.is_real(each)]
    if real:
        timeout = max(0.0, min(real) - now - session.offset)
    if target - session.skipped_s > LONGEST_S:
        handle, target = None, INFINITE
    left = INFINITE
    if handle is not None:
        left = max(0.0, handle._when - now - session.offset)
        timeout = min(timeout, left + SAFETY_S) if timeout is not None else left + SAFETY_S
    sleeper = LoopSleeper(loop, handle, target, now + left)
    session.enter_loop(sleeper)
    try:
        events = loop._selector.select(timeout)
    finally:
        session.leave_loop(sleeper)
    loop._process_events(events)
    if sleeper.error is not None:
        raise sleeper.error
