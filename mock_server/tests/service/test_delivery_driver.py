"""The driver: what is due is delivered while nobody asks, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Lab, settings

from mocktune.bootstrap import bootstrap
from mocktune.domain.webhooks import WebhookAnswer, WebhookRequest
from mocktune.service import delivery_driver
from mocktune.service.clocks import clock_command
from mocktune.service.delivery_driver import DeliveryDriver
from mocktune.service.sandboxes import Sandbox

pytestmark = pytest.mark.anyio

TYPES = tuple(f"fine_tuning.job.{status}" for status in ("succeeded", "failed", "cancelled"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Sender:
    """Keeps what it was to send, and tells who waits for it."""

    def __init__(self) -> None:
        self.sent: list[WebhookRequest] = []
        self.arrived = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        self.sent.append(request)
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        return WebhookAnswer(200)


class Driven:
    """A sandbox with an endpoint, and the server's driver watching it."""

    def __init__(self, clock: str, scenario: str = "quick", **others: Any) -> None:
        self.sender = Sender()
        self.services = bootstrap(settings(scenario, clock=clock, **others), sender=self.sender)
        self.lab = Lab(self.services, wall=self.services.clock.wall())

    @property
    def sandbox(self) -> Sandbox:
        return self.services.sandboxes.open(self.lab.key, self.services.clock.wall())

    @property
    def driver(self) -> DeliveryDriver:
        return self.services.driver

    async def begin(self) -> None:
        self.lab.wall = self.services.clock.wall()
        await self.services.webhook_endpoints.create(
            await self.services.visit(self.sandbox), name="hook", url="http://127.0.0.1/", event_types=TYPES
        )
        self.services.watch(self.sandbox)

    def wake(self) -> None:
        assert self.sandbox.wake is not None
        self.sandbox.wake()

    async def cancelled(self) -> None:
        """A job that was cancelled, and the answer to that was sent."""
        self.lab.wall = self.services.clock.wall()
        job = await self.lab.create()
        await self.services.jobs.cancel(await self.services.visit(self.sandbox), job.id)
        self.wake()

    async def sends(self) -> WebhookRequest:
        async with asyncio.timeout(10):
            await self.sender.arrived.wait()
        return self.sender.sent[-1]


@pytest.fixture
async def driven(request: Any) -> AsyncIterator[Driven]:
    driven = Driven(getattr(request, "param", "frozen"))
    await driven.begin()
    yield driven
    await driven.services.stop_driver()
    driven.services.close()


def tasks() -> set[Any]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def until_idle(driven: Driven) -> None:
    """Until nothing is performed, and what the end of that calls was called."""
    await asyncio.gather(*driven.driver._tasks.values(), return_exceptions=True)
    await asyncio.sleep(0)


@pytest.mark.parametrize("driven", ["x1000"], indirect=True)
async def test_a_moving_clock_delivers_while_nobody_asks(driven: Driven) -> None:
    driven.lab.wall = driven.services.clock.wall()
    await driven.lab.create()
    driven.wake()
    assert b"fine_tuning.job.succeeded" in (await driven.sends()).body


async def test_a_frozen_clock_sets_no_timer(driven: Driven) -> None:
    await driven.lab.create()
    driven.wake()
    assert driven.driver._timers == {}
    assert driven.driver._tasks == {}


async def test_what_a_request_makes_due_is_delivered_after_its_answer(driven: Driven) -> None:
    await driven.cancelled()
    assert b"fine_tuning.job.cancelled" in (await driven.sends()).body
    await until_idle(driven)
    driven.wake()
    assert len(driven.sender.sent) == 1


async def test_while_a_command_moves_the_clock_the_driver_stays_away(driven: Driven) -> None:
    async with clock_command(driven.sandbox):
        await driven.cancelled()
        assert driven.driver._tasks == {}
    driven.wake()
    await driven.sends()


async def test_many_wakes_make_one_task(driven: Driven) -> None:
    driven.sender.gate = asyncio.Event()
    await driven.cancelled()
    for _ in range(10):
        driven.wake()
    assert len(driven.driver._tasks) == 1
    await driven.sends()
    driven.sender.gate.set()
    await until_idle(driven)
    assert len(driven.sender.sent) == 1


async def test_a_server_that_stops_leaves_no_task_and_no_timer(driven: Driven) -> None:
    before = tasks()
    driven.sender.gate = asyncio.Event()
    await driven.cancelled()
    await driven.sends()
    assert tasks() > before
    await driven.services.stop_driver()
    assert tasks() == before
    driven.wake()
    assert (driven.driver._timers, tasks()) == ({}, before)


@pytest.mark.parametrize("driven", ["real"], indirect=True)
async def test_timers_are_taken_back_too(driven: Driven) -> None:
    await driven.lab.create()
    driven.wake()
    (timer,) = driven.driver._timers.values()
    await driven.services.stop_driver()
    assert timer.cancelled()


async def test_an_unexpected_fault_is_logged_and_tried_again(
    driven: Driven, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery_driver, "AFTER_FAULT_S", 0.001)
    send, faults = driven.sender.send, [ZeroDivisionError("a fault of ours")]

    async def fails_once(request: WebhookRequest) -> WebhookAnswer:
        if faults:
            raise faults.pop()
        return await send(request)

    monkeypatch.setattr(driven.sender, "send", fails_once)
    await driven.cancelled()
    await driven.sends()
    assert "deliveries could not be performed" in caplog.text


async def test_a_sandbox_that_was_closed_is_left_alone(driven: Driven) -> None:
    await driven.cancelled()
    closed = driven.sandbox
    driven.services.sandboxes.close(closed)
    await until_idle(driven)
    driven.driver.look(closed)
    assert (driven.sender.sent, driven.driver._timers) == ([], {})


async def test_the_endpoints_of_a_seed_state_are_driven_from_the_first_request_on(driven: Driven) -> None:
    from mocktune.service.state_saving import save_state

    state = save_state(await driven.services.visit(driven.sandbox))
    seeded = Driven("frozen", state=state)
    await seeded.services.visit(seeded.sandbox)
    await seeded.cancelled()
    assert b"fine_tuning.job.cancelled" in (await seeded.sends()).body
    await seeded.services.stop_driver()
    seeded.services.close()


@pytest.mark.parametrize("stateless", [True, False])
async def test_a_stateless_server_drives_nothing(stateless: bool) -> None:
    driven = Driven("frozen", stateless=stateless)
    await driven.begin()
    assert (driven.sandbox.wake is None) is stateless
    await driven.services.stop_driver()
    driven.services.close()
