"""The bounds of one request for legacy completions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from support import Lab

from mocktune.domain.errors import ParameterError
from mocktune.service import completions as service
from mocktune.service.completions import CompletionRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def lab() -> Iterator[Lab]:
    opened = Lab.open()
    yield opened
    opened.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_one_request_generates_a_bounded_number_of_completions(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_CHOICES", 4)
    completions, visit = lab.services.completions, await lab.visit()
    answered = await completions.create(visit, CompletionRequest("davinci-002", ["a", "b"], n=2, best_of=2))
    assert len(answered.choices) == 4
    with pytest.raises(ParameterError, match="at most 4 completions"):
        await completions.create(visit, CompletionRequest("davinci-002", ["a"], n=1, best_of=5))


async def test_a_long_list_of_prompts_lets_others_be_served_meanwhile(lab: Lab) -> None:
    served = []

    async def other() -> None:
        served.append(True)

    visit = await lab.visit()
    task = asyncio.ensure_future(other())
    await lab.services.completions.create(visit, CompletionRequest("davinci-002", ["a", "b"]))
    assert served
    await task


async def test_thrown_away_completions_are_billed_too(lab: Lab) -> None:
    """SPEC: ``best_of`` generates on the server and returns the best."""
    one = CompletionRequest("davinci-002", ["Hello"], max_tokens=5)
    three = CompletionRequest("davinci-002", ["Hello"], best_of=3, max_tokens=5)
    visit = await lab.visit()
    first = await lab.services.completions.create(visit, one)
    best = await lab.services.completions.create(visit, three)
    assert (first.completion_tokens, best.completion_tokens) == (5, 15)
    assert len(best.choices) == 1
    assert best.prompt_tokens == first.prompt_tokens == 1
