"""The driver: performs deliveries when they are due, while nobody asks.

Each sandbox that sends webhooks has at most one timer, set to the next due instant in wall time, and while something is
due one task. A frozen clock has no timer: there a request makes something due, by a cancel or an advance. Every
answered request calls the sandbox's ``wake``, which looks again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.ports import Clock, Deliverer
from mocktune.service.sandboxes import Sandbox, Visit

log = logging.getLogger("mocktune")

MAX_SLEEP_S = 3600.0
"""A timer is looked at again after this, however far away what is due."""

AFTER_FAULT_S = 1.0
"""How long the driver leaves a sandbox alone in which something unexpected went wrong."""


class DeliveryDriver:
    """Of one server. ``visit`` makes a view of a sandbox in which what is due is entered."""

    def __init__(self, deliverer: Deliverer, visit: Callable[[Sandbox], Awaitable[Visit]], clock: Clock) -> None:
        self._deliverer = deliverer
        self._visit = visit
        self._clock = clock
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopped = False

    def watch(self, sandbox: Sandbox) -> None:
        """Drive a sandbox from its next request on."""
        sandbox.wake = partial(self.look, sandbox)

    def look(self, sandbox: Sandbox) -> None:
        """Perform what is due, or set the timer to when something will be."""
        key = id(sandbox)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        # While its clock is moved by a command, that performs; its answer wakes us.
        if self._stopped or key in self._tasks or sandbox.advancing or sandbox.clock_lock.locked():
            return
        due = self._deliverer.next_due(sandbox)
        if due is None:
            return
        delay_s = self._delay_s(sandbox, due)
        if delay_s is None:
            return
        if delay_s <= 0:
            task = self._tasks[key] = asyncio.get_running_loop().create_task(self._perform(sandbox))
            task.add_done_callback(partial(self._ended, sandbox))
        else:
            self._look_later(sandbox, delay_s)

    def _delay_s(self, sandbox: Sandbox, due: VirtualTime) -> float | None:
        """How much wall time it is until ``due``; None where the clock stands before it."""
        clock = sandbox.clock
        now = clock.now(self._clock.wall())
        if due <= now:
            return 0.0
        return None if clock.last.rate == 0 else (due - now) / clock.last.rate / SECOND

    def _look_later(self, sandbox: Sandbox, delay_s: float) -> None:
        # A little later: a timer that fires early would only set another one.
        delay_s = min(delay_s + 0.0005, MAX_SLEEP_S)
        self._timers[id(sandbox)] = asyncio.get_running_loop().call_later(delay_s, self.look, sandbox)

    async def _perform(self, sandbox: Sandbox) -> None:
        await self._deliverer.perform_due(await self._visit(sandbox))

    def _ended(self, sandbox: Sandbox, task: asyncio.Task[None]) -> None:
        del self._tasks[id(sandbox)]
        if self._stopped or task.cancelled():
            return
        fault = task.exception()
        if fault is None:
            self.look(sandbox)
            return
        log.error("deliveries could not be performed", exc_info=fault)
        self._look_later(sandbox, AFTER_FAULT_S)

    async def stop(self) -> None:
        """No timer and no task is left; what is under way is given up."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
