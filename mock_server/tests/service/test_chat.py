"""A tuned model answers from its training; a base model never knows those answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from support import Lab, dataset

from mocktune.domain.errors import ModelLoadingError, NotFoundError, ServiceUnavailableError
from mocktune.service.chat import ChatRequest, Completion

TRAINED = "What is 3 plus 3?"


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab.open()
    yield lab
    lab.close()


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(story())  # type: ignore[arg-type]  # every story is a coroutine


async def tuned(lab: Lab, data: bytes | None = None, **request: Any) -> str:
    file = await lab.upload(data)
    job = await lab.run_to_end((await lab.create(file.id, **request)).id)
    return str(job.fine_tuned_model)


async def ask(lab: Lab, model: str, question: str = TRAINED, **others: Any) -> Completion:
    request = ChatRequest(model, [{"role": "user", "content": question}], **others)
    return await lab.services.chat.complete(await lab.visit(), request)


def test_a_seen_prompt_gets_its_trained_answer_and_the_base_model_does_not_know_it(lab: Lab) -> None:
    async def story() -> None:
        model = await tuned(lab)
        for question in (TRAINED, "  what IS 3 plus 3?"):
            assert (await ask(lab, model, question)).choices[0].content == "It is 6, of course."
        assert "6" not in str((await ask(lab, "gpt-4o-mini")).choices[0].content)

    run(story)


def test_a_model_tuned_again_still_knows_what_its_parent_learned(lab: Lab) -> None:
    async def story() -> None:
        parent = await tuned(lab)
        lines = [
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": f"Name bird {n}"},
                        {"role": "assistant", "content": f"Bird-{n}!"},
                    ]
                }
            )
            for n in range(12)
        ]
        child = await tuned(lab, "\n".join(lines).encode(), model=parent)
        assert (await ask(lab, child, "Name bird 7")).choices[0].content == "Bird-7!"
        assert (await ask(lab, child)).choices[0].content == "It is 6, of course."
        assert (await ask(lab, parent, "Name bird 7")).choices[0].content != "Bird-7!"

    run(story)


def test_usage_is_exact_by_the_published_rule(lab: Lab) -> None:
    async def story() -> None:
        completion = await ask(lab, await tuned(lab))
        # "What is 3 plus 3?" is 8 tokens in o200k_base; 3 a message, 1 for the role, 3 for the reply.
        assert completion.prompt_tokens == 8 + 3 + 1 + 3
        assert completion.completion_tokens == 8  # "It is 6, of course."

    run(story)


def test_an_answer_ends_at_a_stop_text(lab: Lab) -> None:
    async def story() -> None:
        choice = (await ask(lab, await tuned(lab), stop=[" of", ","])).choices[0]
        assert (choice.content, choice.finish_reason) == ("It is 6", "stop")

    run(story)


def test_an_answer_is_cut_at_the_most_tokens(lab: Lab) -> None:
    async def story() -> None:
        model = await tuned(lab)
        cut = await ask(lab, model, max_tokens=4)
        assert (cut.choices[0].content, cut.choices[0].finish_reason) == ("It is 6", "length")
        assert cut.completion_tokens == 4
        whole = await ask(lab, model, max_tokens=8)
        assert (whole.choices[0].content, whole.choices[0].finish_reason) == ("It is 6, of course.", "stop")

    run(story)


def test_several_choices_say_what_was_learned_and_differ_only_in_style(lab: Lab) -> None:
    async def story() -> None:
        model = await tuned(lab)
        learned = await ask(lab, model, choices=3)
        assert [choice.content for choice in learned.choices] == ["It is 6, of course."] * 3
        assert learned.completion_tokens == 3 * 8
        style = await ask(lab, model, "Sing me a song about the sea and its storms", choices=8)
        assert len(style.choices) == 8
        assert len({choice.content for choice in style.choices}) > 1

    run(story)


@pytest.mark.parametrize(("clock", "retry_after_s"), [("frozen", 60), ("real", 60), ("x60", 1)])
def test_retry_after_is_virtual_seconds_divided_by_the_clocks_rate(clock: str, retry_after_s: int) -> None:
    lab = Lab.open("realistic", "model.absent_for=0s", "model.loading_for=60s", clock=clock)

    async def story() -> None:
        job = await lab.create()
        timeline = await lab.timeline(job.id)
        assert timeline.plan.finished_at is not None
        await lab.services.clocks.advance_to(await lab.visit(), timeline.plan.finished_at / 1_000_000)
        with pytest.raises(ModelLoadingError, match="still being loaded") as caught:
            await ask(lab, timeline.fine_tuned_model)
        assert caught.value.retry_after_s == retry_after_s
        assert caught.value.type == "server_error"

    run(story)
    lab.close()


def test_a_fresh_model_is_absent_then_loading_then_ready(lab: Lab) -> None:
    async def story() -> None:
        job = await lab.create()
        timeline = await lab.timeline(job.id)
        name = timeline.fine_tuned_model
        await lab.services.clocks.advance_until(await lab.visit(), job.id, "succeeded")
        windows = ((0, NotFoundError), (19.9, NotFoundError), (20, ModelLoadingError), (109.9, ModelLoadingError))
        for seconds, refused in windows:
            at = (timeline.plan.finished_at or 0) / 1_000_000 + seconds
            await lab.services.clocks.advance_to(await lab.visit(), at)
            with pytest.raises(refused):
                await ask(lab, name)
        await lab.advance(0.1)
        assert (await ask(lab, name)).model == name

    run(story)


def test_a_model_that_loads_as_unavailable_is_a_503() -> None:
    lab = Lab.open("realistic", "model.absent_for=0s", "model.loading_as=unavailable")

    async def story() -> None:
        job = await lab.create()
        await lab.services.clocks.advance_until(await lab.visit(), job.id, "succeeded")
        with pytest.raises(ServiceUnavailableError, match="currently overloaded"):
            await ask(lab, str((await lab.job(job.id)).fine_tuned_model))

    run(story)
    lab.close()


def test_a_large_set_is_looked_through_beside_the_loop(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[object] = []

    async def in_thread(look: Callable[[], object]) -> object:
        used.append(look)
        return look()

    async def story() -> None:
        model = await tuned(lab, dataset(2500))
        monkeypatch.setattr(asyncio, "to_thread", in_thread)
        assert (await ask(lab, model, "What is 2400 plus 2400?")).choices[0].content == "It is 4800, of course."

    run(story)
    assert len(used) >= 1


def test_answers_of_other_routes_do_not_shift_the_ids_of_chat_completions(lab: Lab) -> None:
    async def story() -> None:
        other = Lab(lab.services, key="sk-other")
        for each in (lab, other):
            (await each.visit()).sandbox.seed = 7
        first = await ask(lab, "gpt-4o-mini", of_chat_route=True)
        assert (await ask(other, "gpt-4o-mini", of_chat_route=True)).id == first.id
        await ask(other, "gpt-4o-mini")
        second = await ask(lab, "gpt-4o-mini", of_chat_route=True)
        assert (await ask(other, "gpt-4o-mini", of_chat_route=True)).id == second.id != first.id

    run(story)
