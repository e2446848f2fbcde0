"""What a client does to wait, one function each: the rows of the table of covered sleeps, and how far each one goes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import queue
import sched
import threading
import time
from collections.abc import Awaitable, Callable
from time import monotonic as monotonic_by_name
from time import sleep as sleep_by_name
from typing import Any


class FakeTime:
    """A frozen clock, and what was asked of it."""

    def __init__(self, start: float = 1000.0) -> None:
        self.start = self.instant = start
        self.moves: list[float] = []
        self.asked = 0

    @property
    def elapsed(self) -> float:
        return round(self.instant - self.start, 6)

    def now(self) -> float:
        self.asked += 1
        return self.instant

    def advance_to(self, instant: float) -> float:
        self.moves.append(round(instant - self.instant, 6))
        self.instant = max(self.instant, instant)
        return self.instant

    def advance_by(self, seconds: float) -> float:
        return self.advance_to(self.instant + seconds)


def poll_with_default(sleep: Callable[[float], None] = time.sleep) -> None:
    sleep(60)


class Poller:
    rest = time.sleep
    still = staticmethod(time.sleep)

    def poll(self, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.rest(20)
        self.still(20)
        sleep(20)


def held_elsewhere() -> None:
    poll_with_default()
    Poller().poll()


def event_wait() -> None:
    assert not threading.Event().wait(60)


def condition_wait() -> None:
    condition = threading.Condition()
    with condition:
        assert not condition.wait(30)
        assert not condition.wait_for(lambda: False, 30)


def semaphore() -> None:
    assert not threading.Semaphore(0).acquire(timeout=60)


def barrier() -> None:
    with contextlib.suppress(threading.BrokenBarrierError):
        threading.Barrier(2).wait(60)


def queue_get() -> None:
    with contextlib.suppress(queue.Empty):
        queue.Queue[int]().get(timeout=30)
    full = queue.Queue[int](1)
    full.put(1)
    with contextlib.suppress(queue.Full):
        full.put(2, timeout=30)


def join() -> None:
    thread = threading.Thread(target=time.sleep, args=(100,))
    thread.start()
    thread.join(60)
    assert thread.is_alive()
    thread.join()


def timer() -> None:
    fired = threading.Event()
    threading.Timer(60, fired.set).start()
    fired.wait()


def futures() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sleeping = pool.submit(time.sleep, 60)
        assert concurrent.futures.wait([sleeping], timeout=10).not_done
        with contextlib.suppress(TimeoutError):
            sleeping.result(timeout=10)
        with contextlib.suppress(TimeoutError):
            list(concurrent.futures.as_completed([sleeping], timeout=10))
        assert not sleeping.done()
        sleeping.result()


def scheduler() -> None:
    ran: list[int] = []
    for plan in (sched.scheduler(), sched.scheduler(time.time, time.sleep)):
        plan.enter(30, 1, ran.append, (1,))
        plan.run()
    assert ran == [1, 1]


def threads() -> None:
    started = [threading.Thread(target=time.sleep, args=(60,)) for _ in range(5)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def deadline() -> None:
    ends = (time.time() + 59, time.monotonic() + 59, time.perf_counter() + 59, monotonic_by_name() + 59)
    ends_ns = (time.time_ns() + 59 * 10**9, time.monotonic_ns() + 59 * 10**9, time.perf_counter_ns() + 59 * 10**9)
    time.sleep(60)
    assert (time.time(), time.monotonic(), time.perf_counter(), monotonic_by_name()) > ends
    assert (time.time_ns(), time.monotonic_ns(), time.perf_counter_ns()) > ends_ns


def on_loop(play: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(play())  # type: ignore[arg-type]

    return run


async def asyncio_sleep() -> None:
    await asyncio.gather(asyncio.sleep(60), asyncio.sleep(5), asyncio.sleep(60))


async def task_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(60))
        group.create_task(asyncio.sleep(60))


async def wait_for() -> None:
    for sleeping in (asyncio.sleep(100), asyncio.Event().wait(), asyncio.Queue[int]().get()):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sleeping, 20)


async def timeout() -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            await asyncio.sleep(100)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + 30):
            await asyncio.Event().wait()


async def wait() -> None:
    sleeping = asyncio.ensure_future(asyncio.sleep(60))
    assert (await asyncio.wait([sleeping], timeout=30))[1]
    await sleeping


async def call_later() -> None:
    fired = asyncio.Event()
    asyncio.get_running_loop().call_later(60, fired.set)
    await fired.wait()


async def to_thread() -> None:
    await asyncio.gather(asyncio.to_thread(time.sleep, 60), asyncio.to_thread(time.sleep, 60), asyncio.sleep(30))


async def ticks() -> Any:
    for number in range(3):
        await asyncio.sleep(20)
        yield number


async def generator() -> None:
    assert [number async for number in ticks()] == [0, 1, 2]


async def loop_deadline() -> None:
    end = asyncio.get_running_loop().time() + 59
    while asyncio.get_running_loop().time() < end:  # noqa: ASYNC110  # as clients do
        await asyncio.sleep(10)


def anyio_sleeps() -> None:
    import anyio

    async def play() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 30)
            group.start_soon(anyio.sleep, 30)
        with anyio.move_on_after(20):
            await anyio.sleep(100)
        with contextlib.suppress(TimeoutError), anyio.fail_after(10):
            await anyio.sleep(100)

    anyio.run(play)


def with_tenacity() -> None:
    import tenacity

    @tenacity.retry(wait=tenacity.wait_fixed(30), stop=tenacity.stop_after_delay(59), reraise=True)
    def attempt() -> None:
        raise KeyError

    with contextlib.suppress(KeyError):
        attempt()

    @tenacity.retry(wait=tenacity.wait_fixed(0.001), stop=tenacity.stop_after_attempt(2), reraise=True)
    async def later() -> None:
        raise KeyError

    with contextlib.suppress(KeyError):
        asyncio.run(later())


def with_backoff() -> None:
    import backoff

    @backoff.on_predicate(backoff.constant, interval=30, jitter=None, max_tries=3)
    def attempt() -> bool:
        return False

    attempt()


def with_stamina() -> None:
    import stamina

    @stamina.retry(on=KeyError, attempts=3, wait_initial=30, wait_max=30, wait_jitter=0, timeout=None)
    def attempt() -> None:
        raise KeyError

    with contextlib.suppress(KeyError):
        attempt()


def _transport(library: Any, answers: list[Any]) -> Any:
    return library.MockTransport(lambda request: answers.pop(0))


def _library() -> Any:
    import openai

    return __import__(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


def sdk_retries() -> None:
    import openai

    library = _library()
    busy = [library.Response(429, headers={"retry-after": "30"}) for _ in range(2)]
    fine = library.Response(200, json={"object": "list", "data": []})
    client = openai.OpenAI(
        api_key="k", max_retries=2, http_client=library.Client(transport=_transport(library, [*busy, fine]))
    )
    client.models.list()


def sdk_retries_async() -> None:
    import openai

    library = _library()
    busy = [library.Response(429, headers={"retry-after": "30"}) for _ in range(2)]
    fine = library.Response(200, json={"object": "list", "data": []})

    async def play() -> None:
        inside = library.AsyncClient(transport=_transport(library, [*busy, fine]))
        async with openai.AsyncOpenAI(api_key="k", max_retries=2, http_client=inside) as client:
            await client.models.list()

    asyncio.run(play())


def sdk_poll_helpers() -> None:
    import openai

    library = _library()

    def said(status: str) -> Any:
        body = {"id": "f", "object": "vector_store.file", "status": status, "vector_store_id": "v", "created_at": 1}
        return library.Response(200, json={**body, "usage_bytes": 1})

    inside = library.Client(
        transport=_transport(library, [said("in_progress"), said("in_progress"), said("completed")])
    )
    client = openai.OpenAI(api_key="k", http_client=inside)
    client.vector_stores.files.poll("f", vector_store_id="v", poll_interval_ms=30_000)


COVERED: dict[str, tuple[Callable[[], object], float]] = {
    "`time.sleep(d)`": (lambda: time.sleep(60), 60),
    "`from time import sleep`": (lambda: sleep_by_name(60), 60),
    "`time.sleep` as a default argument, in a class": (held_elsewhere, 120),
    "`threading.Event.wait(t)`": (event_wait, 60),
    "`threading.Condition.wait(t)`, `wait_for`": (condition_wait, 60),
    "`threading.Semaphore.acquire(timeout=)`": (semaphore, 60),
    "`threading.Barrier.wait(t)`": (barrier, 60),
    "`threading.Thread.join(t)`": (join, 100),
    "`threading.Timer`": (timer, 60),
    "`queue.Queue.get(timeout=)`, `put(timeout=)`": (queue_get, 60),
    "`concurrent.futures`: `wait`, `as_completed`, `result(timeout=)`": (futures, 60),
    "`sched.scheduler`": (scheduler, 60),
    "sleeps of several threads": (threads, 60),
    "deadlines by `time.time`, `monotonic`, `perf_counter` and their `_ns`": (deadline, 60),
    "`asyncio.sleep(d)`, `gather`": (on_loop(asyncio_sleep), 60),
    "`asyncio.TaskGroup`": (on_loop(task_group), 60),
    "`asyncio.wait_for`": (on_loop(wait_for), 60),
    "`asyncio.timeout`, `timeout_at`": (on_loop(timeout), 60),
    "`asyncio.wait(timeout=)`": (on_loop(wait), 60),
    "`loop.call_later`, `call_at`": (on_loop(call_later), 60),
    "`asyncio.to_thread(time.sleep, d)`": (on_loop(to_thread), 60),
    "asynchronous generators that sleep": (on_loop(generator), 60),
    "deadlines by `loop.time`": (on_loop(loop_deadline), 60),
    "anyio on asyncio: `sleep`, `move_on_after`, `fail_after`, task groups": (anyio_sleeps, 60),
    "tenacity": (with_tenacity, 60.001),
    "backoff": (with_backoff, 60),
    "stamina": (with_stamina, 60),
    "retries of the SDK": (sdk_retries, 60),
    "retries of the asynchronous SDK": (sdk_retries_async, 60),
    "poll helpers of the SDK": (sdk_poll_helpers, 60),
}
"""What stands in the documentation's table, a client that does it, and how far the sandbox's clock moves."""
