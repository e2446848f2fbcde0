"""What a sandbox keeps of stored completions is bounded: the oldest make room."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Lab

from mocktune.service import stored_completions as module
from mocktune.service.chat import ChatRequest


async def store(lab: Lab, question: str) -> str:
    raw: dict[str, Any] = {"messages": [{"role": "user", "content": question}]}
    visit = await lab.visit()
    completion = await lab.services.chat.complete(visit, ChatRequest("gpt-4o-mini", raw["messages"]))
    lab.services.stored_completions.keep(visit, completion, raw)
    return completion.id


async def kept(lab: Lab) -> list[str]:
    page = await lab.services.stored_completions.list(
        await lab.visit(), model=None, metadata={}, after=None, limit=1000, order="asc"
    )
    return [each.id for each in page.items]


def test_the_oldest_make_room_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STORED", 3)
    lab = Lab.open()

    async def story() -> None:
        made = [await store(lab, f"Question {n}") for n in range(5)]
        assert await kept(lab) == made[2:]

    asyncio.run(story())
    lab.close()


def test_the_oldest_make_room_when_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STORED_BYTES", 2_500)
    lab = Lab.open()

    async def story() -> None:
        made = [await store(lab, "x" * 1000) for _ in range(4)]
        assert await kept(lab) == made[2:]
        large = await store(lab, "x" * 5000)  # alone it is more than there is room for: it is kept all the same
        assert await kept(lab) == [large]
        small = await store(lab, "x")
        assert await kept(lab) == [small]

    asyncio.run(story())
    lab.close()
