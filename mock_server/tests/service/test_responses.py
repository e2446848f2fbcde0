"""What a sandbox keeps of its responses, for how long, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import Lab

from mocktune.domain.errors import ApiError
from mocktune.service import response_store
from mocktune.service import responses as service
from mocktune.service.responses import ResponseRecord, ResponseRequest

pytestmark = pytest.mark.anyio
MODEL = "gpt-4o-mini"
DAY = 86_400.0


@pytest.fixture
def lab() -> Iterator[Lab]:
    opened = Lab.open()
    yield opened
    opened.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def respond(lab: Lab, text: str = "Hi", **request: object) -> ResponseRecord:
    items = [{"role": "user", "content": text}]
    asked = ResponseRequest(MODEL, items, **request)  # type: ignore[arg-type]  # keywords of the test's own
    return await lab.services.responses.create(await lab.visit(), asked)


async def known(lab: Lab, id: str) -> bool:
    try:
        await lab.services.responses.retrieve(await lab.visit(), id)
    except ApiError:
        return False
    return True


async def test_a_response_is_kept_for_thirty_days(lab: Lab) -> None:
    """DOC: 30 days by default."""
    record = await respond(lab)
    await lab.advance(30 * DAY - 1)
    assert await known(lab, record.id)
    await lab.advance(1)
    assert not await known(lab, record.id)


async def test_nothing_goes_on_from_a_response_whose_time_is_over(lab: Lab) -> None:
    record = await respond(lab)
    await lab.advance(30 * DAY)
    with pytest.raises(ApiError, match="Previous response with id"):
        await respond(lab, previous_response_id=record.id)
    reference = ResponseRequest(MODEL, [{"type": "item_reference", "id": record.output[0]["id"]}])
    visit = await lab.visit()
    with pytest.raises(ApiError, match="Item with id"):
        await lab.services.responses.create(visit, reference)


async def test_the_oldest_responses_make_room_for_new_ones(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_store, "MAX_STORED", 3)
    records = [await respond(lab) for _ in range(5)]
    assert [await known(lab, each.id) for each in records] == [False, False, True, True, True]


async def test_what_is_stored_is_bounded_in_bytes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that goes on with another counts everything that was said before it."""
    monkeypatch.setattr(response_store, "MAX_STORED_BYTES", 10_000)
    records = [await respond(lab, "x" * 2_000) for _ in range(6)]
    assert [await known(lab, each.id) for each in records] == [False] * 3 + [True] * 3
    longer = await respond(lab, "y", previous_response_id=records[-1].id)
    assert longer.size_bytes > records[-1].size_bytes


async def test_one_response_larger_than_the_room_is_kept_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await respond(lab)
    monkeypatch.setattr(response_store, "MAX_STORED_BYTES", 10)
    second = await respond(lab)
    assert not await known(lab, first.id)
    assert await known(lab, second.id)


async def test_a_conversation_is_bounded(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_ITEMS", 3)
    first = await respond(lab, "one")
    second = await respond(lab, "two", previous_response_id=first.id)
    with pytest.raises(ApiError, match="exceeds the context window"):
        await respond(lab, "three", previous_response_id=second.id)
    third = await respond(lab, "three", previous_response_id=second.id, truncation="auto")
    assert [item["content"][0]["text"] for item in third.earlier if item["role"] == "user"] == ["two"]


async def test_truncation_drops_the_oldest_items_until_the_rest_fits(lab: Lab) -> None:
    """A model with a window of 4,096 tokens, and three questions of 1,500."""
    model, question = "gpt-3.5-turbo-0613", [{"role": "user", "content": "tide " * 1_500}]

    async def go_on(previous: str | None, truncation: str = "disabled") -> ResponseRecord:
        request = ResponseRequest(model, question, previous_response_id=previous, truncation=truncation)
        return await lab.services.responses.create(await lab.visit(), request)

    first = await go_on(None)
    second = await go_on(first.id)
    with pytest.raises(ApiError, match="exceeds the context window"):
        await go_on(second.id)
    third = await go_on(second.id, "auto")
    assert len(second.conversation) == 4
    assert third.earlier == second.conversation[1:]
    assert third.input_tokens < 4_096


async def test_a_refused_request_counts_for_nothing(lab: Lab) -> None:
    """The ids of one kind depend on the answered requests alone."""
    with pytest.raises(ApiError):
        await respond(lab, previous_response_id="resp_unknown")
    other = Lab.open()
    try:
        assert (await respond(lab)).id == (await respond(other)).id
    finally:
        other.close()
