"""Listeners without HTTP: what is fetched, what is too late, and who is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from support import Lab, Wall, settings

from mocktune.bootstrap import bootstrap
from mocktune.domain.errors import InvalidRequestError
from mocktune.domain.webhooks import WebhookAnswer
from mocktune.service import listeners
from mocktune.service.deliveries import deliveries
from mocktune.service.listeners import GONE_AFTER
from mocktune.service.listening import MAX_LISTENERS

pytestmark = pytest.mark.anyio

SUCCEEDED = "fine_tuning.job.succeeded"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def lab(wall: Wall) -> Iterator[Lab]:
    lab = Lab(bootstrap(settings(), clock=wall))
    yield lab
    lab.close()


async def opened(lab: Lab) -> str:
    return lab.services.listeners.open(await lab.visit()).id


async def test_a_request_is_fetched_and_the_receivers_answer_reported(lab: Lab) -> None:
    listener, service, visit = await opened(lab), lab.services.listeners, await lab.visit()
    triggering = asyncio.ensure_future(lab.services.deliveries.trigger(visit, SUCCEEDED))
    parcel = await service.fetch(visit, listener, 10)
    assert parcel is not None
    assert service.report(visit, listener, parcel.id, WebhookAnswer(204))
    (delivery,) = await triggering
    assert [each.status_code for each in delivery.attempts] == [204]
    assert not service.report(visit, listener, parcel.id, WebhookAnswer(500))


async def test_what_nobody_fetches_in_time_is_not_handed_out_any_more(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "ATTEMPT_TIMEOUT_S", 0.01)
    listener, visit = await opened(lab), await lab.visit()
    (delivery,) = await lab.services.deliveries.trigger(visit, SUCCEEDED)
    assert delivery.attempts[0].failure == "nobody fetched it in time (0.01 s at most)"
    assert await lab.services.listeners.fetch(visit, listener, 0) is None


async def test_what_is_fetched_and_not_reported_is_a_failure(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "ATTEMPT_TIMEOUT_S", 0.05)
    listener, visit = await opened(lab), await lab.visit()
    triggering = asyncio.ensure_future(lab.services.deliveries.trigger(visit, SUCCEEDED))
    parcel = await lab.services.listeners.fetch(visit, listener, 10)
    (delivery,) = await triggering
    assert delivery.attempts[0].failure.startswith("its receiver did not answer in time")
    assert parcel is not None
    assert not lab.services.listeners.report(visit, listener, parcel.id, WebhookAnswer(200))


async def test_a_listener_that_fetches_nothing_for_a_minute_is_gone(
    lab: Lab, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it."""
    monkeypatch.setattr(listeners, "ATTEMPT_TIMEOUT_S", 0.01)
    ids = [await opened(lab) for _ in range(MAX_LISTENERS)]
    with pytest.raises(InvalidRequestError):
        await opened(lab)
    wall.now = type(wall.now)(wall.now + GONE_AFTER + 1)
    visit = await lab.visit()
    assert await lab.services.listeners.fetch(visit, ids[0], 0) is None  # this one lives
    made = await lab.services.deliveries.trigger(visit, SUCCEEDED)
    assert [each.reason for each in made[1:]] == ["its listener went away"] * (MAX_LISTENERS - 1)
    assert len(listeners.listeners(visit.sandbox)) == 1


async def test_those_who_went_away_make_room(lab: Lab, wall: Wall) -> None:
    for _ in range(MAX_LISTENERS):
        await opened(lab)
    wall.now = type(wall.now)(wall.now + GONE_AFTER + 1)
    await opened(lab)
    assert len(listeners.listeners((await lab.visit()).sandbox)) == 1


async def test_closing_ends_what_waits_and_what_is_on_its_way(lab: Lab) -> None:
    listener, visit = await opened(lab), await lab.visit()
    fetching = asyncio.ensure_future(lab.services.listeners.fetch(visit, listener, 60))
    await asyncio.sleep(0)
    lab.services.listeners.close(visit, listener)
    assert await fetching is None
    assert await lab.services.deliveries.trigger(visit, SUCCEEDED) == []
    assert len(deliveries(visit.sandbox)) == 0
