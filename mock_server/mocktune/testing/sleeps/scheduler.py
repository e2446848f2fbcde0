"""The next thing first: who of the client sleeps until when, and when the sandbox's clock may move on.

Sleepers are compared on one axis, the seconds that were skipped since the session began. The clock moves to the
earliest of them as soon as no other thread or loop of the client is at work. One that is at work holds the time,
though never longer than the sleep would really have taken, nor longer than its patience (see ``threads``).
"""

from __future__ import annotations

import contextlib
import math
import threading

from . import originals
from .threads import Movements, frames, is_exempt, living, patience

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .protocol import SandboxTime

MAX_HOLD_S = 20.0
"""How long threads that are at work hold the time at most, in real seconds."""

POLL_S = (0.0002, 0.004)
"""How often is looked whether those at work have finished: at first, and at last."""

HELPER_IDLE_S = 10.0
FINE = 1e-9


class Sleeper:
    """Who waits for an instant. ``target`` is on the session's axis, ``until`` is when it would be woken in real time.

    ``virtual`` is the same instant on the sandbox's clock, where it is known.
    """

    def __init__(self, target: float, until: float, virtual: float | None = None) -> None:
        self.target = target
        self.until = until
        self.virtual = virtual
        self.began = originals.monotonic()
        self.ident = originals.get_ident()
        self.woken = False
        self.abandoned = False
        self.error: BaseException | None = None

    def wake(self) -> None:
        raise NotImplementedError

    def holds(self, now: float, movements: Movements) -> bool:
        """Whether its thread is at work after all."""
        return self.woken

    def is_sleep(self) -> bool:
        """Whether the sandbox's clock must have come to the target when it ends, or only time out."""
        return True


class ThreadSleeper(Sleeper):
    """A thread that is blocked on a lock until it is woken, or (in a wait) until another thread notifies it."""

    def __init__(self, target: float, until: float, virtual: float | None = None) -> None:
        super().__init__(target, until, virtual)
        self._lock = originals.allocate_lock()
        self._lock.acquire()
        self.notified = False

    def wait(self) -> None:
        self._lock.acquire()

    def wake(self) -> None:
        self.woken = True
        self._open()

    def release(self) -> None:
        """What ``Condition.notify`` calls on a waiter."""
        self.notified = True
        self._open()

    def acquire(self, *_: object) -> bool:
        return True

    def locked(self) -> bool:
        return not self.notified

    def holds(self, now: float, movements: Movements) -> bool:
        return self.woken or self.notified

    def _open(self) -> None:
        with contextlib.suppress(RuntimeError):  # woken and notified at once
            self._lock.release()


class Skipping:
    """One session. ``skipped_s``: seconds by which the client's clocks were moved; ``count``: how many moves."""

    def __init__(
        self,
        time: SandboxTime,
        exempt: Callable[[threading.Thread], bool],
        *,
        ahead_s: float = 0.0,
        failed: Callable[[BaseException], bool] | None = None,
    ) -> None:
        self._time = time
        self._exempt_too = exempt
        self._failed = failed
        self._mutex = originals.allocate_lock()
        self._driving = originals.allocate_lock()
        self._alarm = originals.allocate_lock()
        self._sleepers: set[Sleeper] = set()
        self._loops: dict[int, Sleeper] = {}
        self._helper: threading.Thread | None = None
        self._judged: dict[int, tuple[threading.Thread, bool]] = {}
        self._movements = Movements()
        self._ahead_s = ahead_s
        self._skipped_s = 0.0
        self.count = 0
        self.closed = False
        self.broken = False

    @property
    def skipped_s(self) -> float:
        return self._skipped_s

    @property
    def offset(self) -> float:
        """By how much the client's clocks are ahead of the real ones, seconds; what an inner session skipped too."""
        return self._ahead_s + self._skipped_s

    def absorb(self, inner: Skipping) -> None:
        """An inner session has ended: the client's clocks must not go back."""
        self._ahead_s = max(self._ahead_s, inner.offset - self._skipped_s)

    # -- who is the client's ----------------------------------------------------------------------------------------

    def covers(self, thread: threading.Thread) -> bool:
        known = self._judged.get(id(thread))
        if known is None or known[0] is not thread:
            known = (thread, not is_exempt(thread, self._exempt_too))
            if len(self._judged) > 1024:
                self._judged.clear()
            self._judged[id(thread)] = known
        return known[1]

    # -- sleeping ---------------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        """Of the calling thread. Goes on in real time when the session ends meanwhile."""
        began = originals.monotonic()
        sleeper = ThreadSleeper(self._skipped_s + seconds, began + seconds)
        self.wait(sleeper, seconds)

    def wait(self, sleeper: ThreadSleeper, seconds: float) -> None:
        """Until the sleeper is woken or notified."""
        if self._alone(sleeper) and self._move_now(sleeper, seconds):
            return
        if not self.broken:
            sleeper.virtual = self._asked(self._time.now)
            if sleeper.virtual is not None:
                sleeper.virtual += seconds
        sleeper.target = self._skipped_s + seconds
        self._enter(sleeper)
        try:
            sleeper.wait()
        finally:
            self._leave(sleeper)
        if sleeper.notified:
            return
        if sleeper.error is not None:
            raise sleeper.error
        if sleeper.abandoned:
            rest = sleeper.until - originals.monotonic()
            while rest > 0 and not sleeper.notified:  # the same wait, of which the session knows nothing any more
                if sleeper._lock.acquire(True, min(rest, 3600.0)):
                    break
                rest = sleeper.until - originals.monotonic()

    def _asked(self, question: Callable[[], float]) -> float | None:
        """None where the sandbox does not answer, and this is only noted: real sleeps from now on."""
        try:
            return question()
        except Exception as error:
            if self._failed is None or not self._failed(error):
                raise
            self._give_up()
            return None

    def _alone(self, sleeper: Sleeper) -> bool:
        """Whether nobody else sleeps, and no other thread of the client is at work."""
        if self._sleepers or self.closed or self._held(sleeper, originals.monotonic()):
            return False
        return not self._sleepers  # one that was at work before may have lain down while we looked at the others

    def _move_now(self, sleeper: Sleeper, seconds: float) -> bool:
        """Moves the clock from this thread, unless another one is at it."""
        if not self._driving.acquire(False):
            return False
        try:
            if self.closed:
                return False
            goal = self._skipped_s + seconds
            if self._asked(lambda: self._advance_by(seconds)) is None:
                return False
            self._arrived(goal)
        finally:
            self._driving.release()
        return True

    def _advance_by(self, seconds: float) -> float:
        shortcut = getattr(self._time, "advance_by", None)
        if shortcut is not None:
            return float(shortcut(seconds))
        return self._time.advance_to(self._time.now() + seconds)

    # -- the helper, who moves the clock where more than one is concerned --------------------------------------------

    def _enter(self, sleeper: Sleeper) -> None:
        with self._mutex:
            if self.closed or self.broken:
                sleeper.abandoned = True
                sleeper.wake()
                return
            self._sleepers.add(sleeper)
            if self._helper is None:
                self._helper = threading.Thread(target=self._run, name="mocktune-sleeps", daemon=True)
                self._helper.start()
        self._ring()

    def _leave(self, sleeper: Sleeper) -> None:
        with self._mutex:
            self._sleepers.discard(sleeper)

    def enter_loop(self, sleeper: Sleeper) -> None:
        """A loop of the client has nothing to do but wait. One without a timer has an infinite target."""
        if sleeper.target != float("inf"):
            self._enter(sleeper)  # first, so that who finds the loop idle finds its target too
        self._loops[sleeper.ident] = sleeper

    def leave_loop(self, sleeper: Sleeper) -> None:
        self._loops.pop(sleeper.ident, None)
        self._leave(sleeper)

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it rings already
            self._alarm.release()

    def _run(self) -> None:
        pause, last = POLL_S[0], 0.0
        while True:
            with self._mutex:
                if self.closed:
                    return
                first = min(self._sleepers, key=_instant, default=None)
                if first is None and last > HELPER_IDLE_S:
                    self._helper = None
                    return
            if first is None or first.woken:
                # Those who were woken leave by themselves; until then they are at work.
                waited = originals.monotonic()
                self._alarm.acquire(True, POLL_S[1] if first is not None else HELPER_IDLE_S + 1)
                last = originals.monotonic() - waited if first is None else 0.0
                pause = POLL_S[0]
                continue
            last = 0.0
            if self._attend(first):
                pause = POLL_S[0]
            else:
                originals.sleep(pause)
                pause = min(pause * 1.5, POLL_S[1])

    def _attend(self, first: Sleeper) -> bool:
        now = originals.monotonic()
        if self._held(first, now) and now < first.until and now - first.began < MAX_HOLD_S:
            return False
        if now >= first.until and not first.is_sleep():
            first.wake()  # it really took as long
            return True
        with self._driving:
            with self._mutex:
                if self.closed or first is not min(self._sleepers, key=_instant, default=None):
                    return True  # another one lay down, or this one got up, while we looked
            try:
                if first.target > self._skipped_s:
                    self._go(first)
                self._arrived(first.target)
            except Exception as error:
                if self._failed is not None and self._failed(error):
                    self._give_up()
                else:
                    first.error = error
                    first.wake()
        return True

    def _go(self, first: Sleeper) -> None:
        if first.virtual is None:
            self._advance_by(first.target - self._skipped_s)
        else:
            self._time.advance_to(first.virtual)

    def _arrived(self, goal: float) -> None:
        with self._mutex:
            self._skipped_s = max(self._skipped_s, goal)
            self.count += 1
            for sleeper in self._sleepers:
                if not sleeper.woken and sleeper.target <= self._skipped_s + FINE:
                    sleeper.wake()

    def _held(self, first: Sleeper, now: float) -> bool:
        """Whether a thread or loop of the client other than the sleeper's is at work."""
        asleep = {each.ident: each for each in list(self._sleepers)}
        asleep.update(self._loops)
        asleep[first.ident] = first
        where: dict[int, FrameType] | None = None
        helper = self._helper
        for thread in living():
            ident = thread.ident
            if ident is None or thread is helper or not self.covers(thread):
                continue
            sleeper = asleep.get(ident)
            if sleeper is not None:
                if sleeper.holds(now, self._movements):
                    return True
                continue
            if where is None:
                where = frames()
            frame = where.get(ident)
            if frame is None:
                continue  # it has just ended
            patient = patience(frame)
            if patient and self._movements.unmoved_s(ident, (id(frame), frame.f_lasti), now) < patient:
                return True
        return False

    # -- the end ----------------------------------------------------------------------------------------------------

    def _give_up(self) -> None:
        self.broken = True
        self._abandon()

    def _abandon(self) -> None:
        with self._mutex:
            for sleeper in list(self._sleepers):
                sleeper.abandoned = True
                sleeper.wake()

    def forked(self) -> None:
        """In a child process, with nobody but the forking thread."""
        self._mutex, self._driving = originals.allocate_lock(), originals.allocate_lock()
        self._alarm = originals.allocate_lock()
        self._sleepers, self._loops, self._judged = set(), {}, {}
        self._helper = None
        told = getattr(self._time, "forked", None)
        if told is not None:
            told()

    def close(self) -> None:
        """Those who still sleep go on sleeping in real time."""
        with self._mutex:
            self.closed = True
            helper = self._helper
        self._abandon()
        self._ring()
        if helper is not None and helper is not threading.current_thread():
            helper.join(5.0)


def whole_ms(seconds: float) -> float:
    """Rounded up: what was reckoned from a deadline a moment ago is as far away as it was meant to be."""
    return math.ceil(seconds * 1000.0 - 1e-6) / 1000.0


def _instant(sleeper: Sleeper) -> tuple[bool, float]:
    return (sleeper.woken, sleeper.target)
