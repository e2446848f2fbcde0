"""What a good client is sent to do, and the time it has: a sandbox's, which its sleeps move on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

from mocktune_contract.lab import TLS, Clock


class SandboxTime:
    """``sleep`` and ``now`` on a frozen sandbox's clock. Coroutines that sleep at once sleep side by side."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = self._now = clock.now()
        self._moving = asyncio.Lock()

    def now(self) -> float:
        return self._now

    @property
    def elapsed_s(self) -> float:
        return self._now - self._began

    def sleep(self, seconds: float) -> None:
        self._now = float(self._clock.advance(by=f"{seconds:.6f}s")["now"])

    async def sleep_async(self, seconds: float) -> None:
        until = self._now + seconds
        async with self._moving:
            remaining_s = until - self._now
            if remaining_s > 0:
                await asyncio.to_thread(self.sleep, remaining_s)


@dataclass(frozen=True, slots=True)
class Errand:
    """Tune ``model`` on ``examples``, at ``base_url``. ``timeout_s`` is wall time, of one request."""

    base_url: str
    api_key: str
    examples: bytes
    model: str
    time: SandboxTime
    timeout_s: float

    @contextmanager
    def sdk(self, *, max_retries: int = 0) -> Iterator[OpenAI]:
        http = DefaultHttpxClient(verify=TLS)  # certificates are read once: it is what takes long
        with OpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            timeout=self.timeout_s,
            max_retries=max_retries,
            http_client=http,
        ) as client:
            yield client

    def async_sdk(self) -> AsyncOpenAI:
        http = DefaultAsyncHttpxClient(verify=TLS)
        return AsyncOpenAI(
            base_url=self.base_url, api_key=self.api_key, timeout=self.timeout_s, max_retries=0, http_client=http
        )

    def httpx2(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.base_url,
            headers={"authorization": f"Bearer {self.api_key}"},
            timeout=self.timeout_s,
            verify=TLS,
        )
