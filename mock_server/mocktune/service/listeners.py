"""Listeners: endpoints without a URL, whose requests somebody fetches and carries to a receiver of their own.

So a server that cannot reach the receiver (it runs in a container, or elsewhere) delivers all the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from mocktune.domain.clock import SECOND, WallTime
from mocktune.domain.deliveries import ATTEMPT_TIMEOUT_S
from mocktune.domain.webhooks import WebhookAnswer, WebhookEndpoint, WebhookRequest
from mocktune.ports import Ledger
from mocktune.service.sandboxes import Sandbox

GONE_AFTER = 60 * SECOND
"""Wall time after which a listener that fetches nothing is taken for gone."""


@dataclass(slots=True, eq=False)
class Parcel:
    """A request to be fetched. ``answer`` is what the receiver said to it; ``fetched``: somebody is on the way."""

    id: str
    request: WebhookRequest
    answer: asyncio.Future[WebhookAnswer]
    fetched: bool = False


@dataclass(slots=True, eq=False)
class ListenerRecord:
    """A listener. ``asked_at`` is when it last fetched, or waited to; ``fetching`` counts those who wait."""

    endpoint: WebhookEndpoint
    asked_at: WallTime
    fetching: int = 0
    disabled_at: None = None
    closed: bool = False
    _waiting: deque[Parcel] = field(default_factory=deque)
    _on_the_way: dict[str, Parcel] = field(default_factory=dict)
    _count: int = 0
    _something: asyncio.Event = field(default_factory=asyncio.Event)

    def is_gone(self, wall: WallTime) -> bool:
        return not self.fetching and not self._on_the_way and wall - self.asked_at > GONE_AFTER

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        """Wait until somebody has fetched the request and reported what the receiver answered, in bounded time."""
        self._count += 1
        parcel = Parcel(f"parcel-{self._count}", request, asyncio.get_running_loop().create_future())
        self._waiting.append(parcel)
        self._on_the_way[parcel.id] = parcel
        self._something.set()
        try:
            async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                return await parcel.answer
        except TimeoutError:
            what = "its receiver did not answer" if parcel.fetched else "nobody fetched it"
            return WebhookAnswer(None, f"{what} in time ({ATTEMPT_TIMEOUT_S:g} s at most)")
        finally:
            del self._on_the_way[parcel.id]
            if parcel in self._waiting:
                self._waiting.remove(parcel)

    async def fetch(self, timeout_s: float) -> Parcel | None:
        """The next request, once there is one; None where none came in time."""
        self.fetching += 1
        try:
            async with asyncio.timeout(timeout_s):
                while not self._waiting and not self.closed:
                    self._something.clear()
                    await self._something.wait()
        except TimeoutError:
            pass
        finally:
            self.fetching -= 1
        if not self._waiting:
            return None
        parcel = self._waiting.popleft()
        parcel.fetched = True
        return parcel

    def close(self) -> None:
        """Whoever waits to fetch something is told that there is nothing."""
        self.closed = True
        self._something.set()

    def report(self, parcel_id: str, answer: WebhookAnswer) -> bool:
        """What the receiver answered. False where nobody waits for it any more."""
        parcel = self._on_the_way.get(parcel_id)
        if parcel is None or parcel.answer.done():
            return False
        parcel.answer.set_result(answer)
        return True


def listeners(sandbox: Sandbox) -> Ledger[ListenerRecord]:
    """A sandbox's listeners."""
    return sandbox.ledger("webhook_listener")
