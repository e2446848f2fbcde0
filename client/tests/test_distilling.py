"""Distilling against a service: stored completions and prompts become a dataset, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openai
import pytest

from mocktune_client.distilling import (
    Asked,
    AsyncDistiller,
    BudgetReached,
    Collected,
    Distilled,
    Distiller,
    NothingDistilled,
    Prompt,
    StoresNothing,
    Tariff,
)
from mocktune_client.progress import Waiting

from .lab import Lab, answer, change, cut_connection, fixtures, lose_answer, refuse

server, lab = fixtures()

BIG = "gpt-4o-2024-08-06"
LIST, MESSAGES, ASK = "GET /chat/completions", "GET /chat/completions/.*/messages", "POST /chat/completions"


def distiller(lab: Lab, **options: Any) -> Distiller:
    return Distiller(lab.client, sleep=lab.sleep, now=lambda: lab.now, **options)


def store(lab: Lab, question: str = "Hi", *, system: str | None = None, model: str = BIG, **options: Any) -> Any:
    messages: list[Any] = [{"role": "user", "content": question}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    return lab.unbroken.chat.completions.create(model=model, messages=messages, store=True, **options)


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def questions(path: Path) -> list[str]:
    return [[each["content"] for each in row["messages"] if each["role"] == "user"][-1] for row in rows(path)]


def prompts(*texts: str) -> Sequence[Prompt]:
    return [Prompt(({"role": "user", "content": text},)) for text in texts]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "new" / "distilled.jsonl"


# -- stored completions ------------------------------------------------------------------------------------------------


def test_a_stored_completion_becomes_an_example_of_what_was_asked_and_answered(lab: Lab, out: Path) -> None:
    made = store(lab, "Why?", system="Be brief.")
    distilled = distiller(lab).collect(out)
    assert rows(out) == [
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": made.choices[0].message.content},
            ]
        }
    ]
    assert (distilled.examples, distilled.seen, distilled.models) == (1, 1, {BIG: 1})


def test_all_pages_are_read_and_the_oldest_stands_first(lab: Lab, out: Path) -> None:
    for number in range(7):
        store(lab, f"Question {number}")
        if number == 3:
            lab.advance(by="2s")
    told: list[Any] = []
    distilled = distiller(lab, page_size=3).collect(out, on=told.append)
    assert questions(out) == [f"Question {number}" for number in range(7)]
    assert lab.count(LIST) == 3
    assert told[-1] == Collected(seen=7, examples=7)
    assert distilled.examples == 7


def test_model_metadata_and_dates_select(lab: Lab, out: Path) -> None:
    begin = store(lab, "old", metadata={"task": "a"}).created
    lab.advance(by="100s")
    store(lab, "a", metadata={"task": "a", "run": "1"})
    store(lab, "b", metadata={"task": "b"})
    store(lab, "small", model="gpt-4o-mini", metadata={"task": "a"})

    def chosen(**selection: Any) -> list[str]:
        distiller(lab).collect(out, **selection)
        return questions(out)

    assert chosen(metadata={"task": "a"}) == ["old", "a", "small"]
    assert chosen(metadata={"task": "a", "run": "1"}) == ["a"]
    assert chosen(model=BIG) == ["old", "a", "b"]
    assert chosen(model="gpt-4o") == ["old", "a", "b"], "a name without a date stands for its snapshots"
    assert chosen(since=begin + 1, metadata={"task": "a"}) == ["a", "small"]
    assert chosen(until=begin + 1) == ["old"]
    assert chosen(newest=2) == ["b", "small"]
    lab.sent.clear()
    assert distiller(lab, page_size=1).collect(out, since=begin + 1).examples == 3
    assert lab.count(LIST) == 4, "what is older is not walked through"


def test_a_service_that_lists_more_than_it_was_asked_for_is_filtered_here(lab: Lab, out: Path) -> None:
    for task in ("a", "b"):
        store(lab, task, metadata={"task": task})
    whole = lab.control.get("/v1/chat/completions", params={"limit": 100}).json()
    lab.breaks(LIST, answer(200, whole))
    distiller(lab).collect(out, metadata={"task": "b"})
    assert questions(out) == ["b"]


def test_a_service_that_does_not_understand_cursors_is_not_asked_for_ever(lab: Lab, out: Path) -> None:
    store(lab)
    lab.breaks(LIST, change(lambda page: page.update(has_more=True)))
    lab.breaks(MESSAGES, change(lambda page: page.update(has_more=True)))
    assert distiller(lab).collect(out).examples == 1
    assert (lab.count(LIST), lab.count(MESSAGES)) == (2, 2)


def test_of_several_answers_to_one_prompt_the_newest_is_taken_unless_told_otherwise(lab: Lab, out: Path) -> None:
    answers = []
    for seed in range(20):
        answers.append(store(lab, seed=seed).choices[0].message.content)
        lab.advance(by="1s")
    different = list(dict.fromkeys(answers))
    assert len(different) > 1

    def kept(**options: Any) -> list[str]:
        distilled = distiller(lab).collect(out, **options)
        assert distilled.repeated == 20 - distilled.examples
        return [row["messages"][-1]["content"] for row in rows(out)]

    assert kept() == kept(keep="newest") == [answers[-1]]
    assert kept(keep="oldest") == [answers[0]]
    assert sorted(kept(keep="all")) == sorted(different)


def test_the_newest_of_one_second_is_known_by_the_lists_order(lab: Lab, out: Path) -> None:
    answers = [store(lab, seed=0).choices[0].message.content]
    while answers[-1] == answers[0]:
        answers.append(store(lab, seed=len(answers)).choices[0].message.content)
    distiller(lab).collect(out)
    assert rows(out)[0]["messages"][-1]["content"] == answers[-1]
    distiller(lab).collect(out, keep="oldest")
    assert rows(out)[0]["messages"][-1]["content"] == answers[0]


def test_the_small_model_learns_without_what_the_big_one_was_told(lab: Lab, out: Path) -> None:
    store(lab, "Same question", system="Version 1 of a long prompt")
    store(lab, "Same question", system="Version 2 of a long prompt")
    assert distiller(lab).collect(out).examples == 2
    distilled = distiller(lab).collect(out, system="")
    assert (distilled.examples, distilled.repeated) == (1, 1)
    assert [each["role"] for each in rows(out)[0]["messages"]] == ["user", "assistant"]
    distiller(lab).collect(out, system="Short.")
    assert rows(out)[0]["messages"][0] == {"role": "system", "content": "Short."}


def test_answers_that_teach_nothing_good_are_left_out_and_counted(lab: Lab, out: Path) -> None:
    store(lab, "good")
    cut = store(lab, "cut", max_completion_tokens=2)
    gone = store(lab, "gone")
    lab.breaks(f"GET /chat/completions/{gone.id}/messages", refuse(404, None))
    distilled = distiller(lab).collect(out)
    assert questions(out) == ["good"]
    assert distilled.left_out == {"cut_off": 1, "gone": 1}
    assert distilled.details["cut_off"] == cut.id
    assert lab.count(f"GET /chat/completions/{cut.id}/messages") == 0, "hopeless ones are not worth a request"


def test_where_nothing_is_left_no_file_is_written_and_an_old_one_stays(lab: Lab, out: Path) -> None:
    with pytest.raises(NothingDistilled, match="No stored completion was found"):
        distiller(lab).collect(out, metadata={"task": "none"})
    out.write_text("precious")
    store(lab, max_completion_tokens=1)
    with pytest.raises(NothingDistilled, match=r"None of 1 completions .* cut off at its token limit"):
        distiller(lab).collect(out)
    assert [path.name for path in out.parent.iterdir()] == ["distilled.jsonl"]
    assert out.read_text() == "precious"


def test_a_service_without_a_list_of_them_is_told_from_an_empty_list(lab: Lab, out: Path) -> None:
    lab.breaks(LIST, refuse(404, None))
    with pytest.raises(StoresNothing, match="has no list of stored completions"):
        distiller(lab).collect(out)


def test_a_place_that_cannot_be_written_to_is_told_and_nothing_is_left_behind(lab: Lab, out: Path) -> None:
    store(lab)
    out.mkdir(parents=True)
    with pytest.raises(OSError):
        distiller(lab).collect(out)
    assert list(out.parent.iterdir()) == [out]


def test_long_conversations_are_read_to_their_beginning(lab: Lab, out: Path) -> None:
    turns: list[Any] = []
    for number in range(120):
        turns += [{"role": "user", "content": f"{number}?"}, {"role": "assistant", "content": f"{number}!"}]
    lab.unbroken.chat.completions.create(model=BIG, messages=turns[:-1], store=True)
    distiller(lab).collect(out)
    (row,) = rows(out)
    assert len(row["messages"]) == 240
    assert [each.get("weight") for each in row["messages"]] == [None, 0] * 119 + [None, None]
    assert lab.count(MESSAGES) == 3


def test_messages_that_a_service_lists_with_the_completion_are_not_asked_for(lab: Lab, out: Path) -> None:
    """As ogx (llama stack) does, which also ends a completion's messages with its answer."""
    store(lab, "Hello?")
    said = [{"role": "user", "content": "Hello?"}]
    lab.breaks(LIST, change(lambda page: page["data"][0].update(input_messages=said)))
    distiller(lab).collect(out)
    assert (questions(out), lab.count(MESSAGES)) == (["Hello?"], 0)


def test_hours_of_errors_are_waited_out_and_told(lab: Lab, out: Path) -> None:
    for number in range(3):
        store(lab, f"{number}")
    lab.breaks(LIST, cut_connection, times=2, reaches_service=False)
    lab.breaks(MESSAGES, refuse(503, None), times=7)
    told: list[Any] = []
    assert distiller(lab).collect(out, on=told.append).examples == 3
    assert lab.count(MESSAGES) == 7 + 3, "what was answered is not asked again"
    assert {each.subject for each in told if isinstance(each, Waiting)} == {
        "stored completions",
        "the messages of stored completions",
    }
    lab.breaks(MESSAGES, refuse(503, None))
    with pytest.raises(openai.InternalServerError):
        distiller(lab, patience_s=600.0).collect(out)
    assert 600 <= sum(lab.slept) < 1300


def test_a_key_that_may_not_read_them_is_told_at_once(lab: Lab, out: Path) -> None:
    store(lab)
    lab.breaks(MESSAGES, refuse(403, None))
    with pytest.raises(openai.PermissionDeniedError):
        distiller(lab).collect(out)
    assert lab.slept == []
    assert list(out.parent.iterdir()) == []


def test_an_asynchronous_client_makes_the_same_dataset(lab: Lab, out: Path) -> None:
    for number in range(20):
        store(lab, f"{number}", metadata={"task": "a"})
    first = distiller(lab).collect(out, metadata={"task": "a"})
    sent, data = sorted(lab.sent), out.read_bytes()
    lab.sent.clear()

    async def collect() -> Distilled:
        async with lab.async_client as client:
            asynchronous = AsyncDistiller(client, sleep=lab.sleep_async, now=lambda: lab.now)
            return await asynchronous.collect(out, metadata={"task": "a"})

    assert asyncio.run(collect()) == first
    assert (sorted(lab.sent), out.read_bytes()) == (sent, data)


# -- prompts -----------------------------------------------------------------------------------------------------------


def test_each_prompt_is_asked_once_and_its_answer_stored(lab: Lab, out: Path) -> None:
    told: list[Any] = []
    asked = prompts("One?", "Two?", "One?", "Three?")
    distilled = distiller(lab).ask(asked, out, model="gpt-4o", metadata={"task": "t"}, on=told.append)
    assert questions(out) == ["One?", "Two?", "Three?"]
    assert (distilled.asked, distilled.examples, lab.count(ASK)) == (3, 3, 3)
    assert distilled.usd is not None
    assert 0 < distilled.usd < 0.01
    assert told[0] == Asked(done=0, total=3, reused=0, usd=0.0)
    assert told[-1] == Asked(done=3, total=3, reused=0, usd=distilled.usd)
    stored = lab.unbroken.chat.completions.list(metadata={"task": "t"}).data
    assert len(stored) == 3


def test_the_same_again_asks_nobody_and_makes_the_same_dataset(lab: Lab, out: Path) -> None:
    asked = prompts(*(f"{number}?" for number in range(12)))
    distiller(lab).ask(asked, out, model="gpt-4o", metadata={"task": "t"})
    data = out.read_bytes()
    lab.sent.clear()
    again = distiller(lab, page_size=5).ask(asked, out, model="gpt-4o", metadata={"task": "t"})
    assert (again.asked, again.usd, lab.count(ASK), lab.count(MESSAGES)) == (0, 0.0, 0, 0)
    assert out.read_bytes() == data
    distiller(lab).ask(asked, out, model="gpt-4o", metadata={"task": "t"}, max_tokens=99)
    assert lab.count(ASK) == 12, "another limit is another question"


def test_what_was_asked_before_a_kill_is_not_asked_again(lab: Lab, out: Path) -> None:
    asked = prompts(*(f"{number}?" for number in range(20)))

    class Killed(BaseException):
        pass

    def kill(told: Any) -> None:
        if isinstance(told, Asked) and told.done >= 8:
            raise Killed

    with pytest.raises(Killed):
        distiller(lab).ask(asked, out, model="gpt-4o", on=kill)
    assert not out.exists()
    distilled = distiller(lab).ask(asked, out, model="gpt-4o")
    assert (lab.count(ASK), distilled.asked, distilled.examples) == (20, 12, 20)
    assert questions(out) == [f"{number}?" for number in range(20)]


def test_nothing_is_asked_when_all_of_it_could_cost_more_than_allowed(lab: Lab, out: Path) -> None:
    asked = prompts(*(f"{number}?" for number in range(12)))
    with pytest.raises(BudgetReached) as caught:
        distiller(lab).ask(asked, out, model="gpt-4o", max_usd=0.01)
    assert (caught.value.done, caught.value.total, lab.count(ASK)) == (0, 12, 0)
    assert caught.value.next_usd == pytest.approx(12 * (9 * 3.75 + 1024 * 15) / 1e6, rel=0.01)
    assert "12 of 12 prompts" in str(caught.value)
    assert distiller(lab).ask(asked, out, model="gpt-4o", max_tokens=40, max_usd=0.01).asked == 12
    with pytest.raises(ValueError, match="give its tariff"):
        distiller(lab).ask(asked, out, model="deployment", max_usd=1.0)
    with pytest.raises(ValueError, match="15 pairs"):
        distiller(lab).ask(asked, out, model="gpt-4o", metadata={str(number): "" for number in range(16)})


def test_a_lost_answer_counts_as_paid_for(lab: Lab, out: Path) -> None:
    tariff = Tariff(input_usd=0.0, output_usd=1_000_000 / 10)  # ten cents a token
    lab.breaks(ASK, lose_answer, times=3)
    with pytest.raises(BudgetReached) as caught:
        distiller(lab).ask(prompts("?"), out, model="gpt-4o", max_tokens=10, tariff=tariff, max_usd=2.5)
    assert caught.value.spent_usd == 2.0
    assert lab.count(ASK) == 2


def test_a_prompt_that_is_refused_is_left_out_and_the_others_are_not(lab: Lab, out: Path) -> None:
    lab.breaks(ASK, refuse(400, "content_policy_violation", "Not this one."), times=1)
    distilled = distiller(lab).ask(prompts("1?", "2?", "3?"), out, model="gpt-4o")
    assert (distilled.examples, distilled.left_out) == (2, {"rejected": 1})
    assert "Not this one." in distilled.details["rejected"]


def test_what_the_first_prompts_are_all_refused_for_is_no_fault_of_theirs(lab: Lab, out: Path) -> None:
    lab.breaks(ASK, refuse(400, "unsupported_parameter"))
    with pytest.raises(openai.BadRequestError):
        distiller(lab).ask(prompts(*(f"{number}?" for number in range(30))), out, model="gpt-4o")
    assert lab.count(ASK) == 8


def test_a_quota_that_ends_halfway_keeps_the_answers_that_came(lab: Lab, out: Path) -> None:
    asked = prompts(*(f"{number}?" for number in range(16)))
    lab.breaks(ASK, lambda response: response, times=10)
    lab.breaks(ASK, refuse(429, "insufficient_quota"), times=6, reaches_service=False)
    with pytest.raises(openai.RateLimitError):
        distiller(lab).ask(asked, out, model="gpt-4o")
    assert lab.slept == [], "waiting does not help"
    assert distiller(lab).ask(asked, out, model="gpt-4o").asked == 6


@pytest.mark.parametrize("missing", ["list", "store"])
def test_a_service_that_stores_nothing_is_asked_all_the_same(lab: Lab, out: Path, missing: str) -> None:
    if missing == "list":
        lab.breaks(LIST, refuse(404, None), times=1)
    else:
        error = {"error": {"message": "Unknown parameter: 'store'.", "type": "", "param": "store", "code": None}}
        lab.breaks(ASK, answer(400, error), times=2, reaches_service=False)
    distilled = distiller(lab).ask(prompts("1?", "2?"), out, model="gpt-4o")
    assert (distilled.asked, distilled.examples, distilled.stored) == (2, 2, missing == "list")
    assert lab.count(ASK) == (2 if missing == "list" else 4)
    assert len(lab.unbroken.chat.completions.list().data) == (2 if missing == "list" else 0)


def test_tools_that_were_offered_stand_in_the_example(lab: Lab, out: Path) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    prompt = Prompt(({"role": "user", "content": "Look!"},), (tool,))
    distiller(lab).ask([prompt], out, model="gpt-4o", system="Use tools.")
    (row,) = rows(out)
    assert row["tools"] == [tool]
    assert row["messages"][0] == {"role": "system", "content": "Use tools."}
    distiller(lab).collect(out)
    assert rows(out)[0]["tools"] == [tool]
