"""A tuned model answers from its training file: exactly, nearly, or in its style.

One helper writes training lines to a file in memory and hands back what was learned with the way to read it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain import learned, nearness
from mocktune.domain.learned import Answer, Learned, LearnedBuilder, ToolCall, base_answer

Messages = Sequence[Mapping[str, object]]

MARV = "Marv is a factual chatbot that is also sarcastic."
WEATHER = ToolCall("get_weather", '{"city": "Paris"}')


def system(text: str) -> dict[str, object]:
    return {"role": "system", "content": text}


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def assistant(content: object, **more: object) -> dict[str, object]:
    return {"role": "assistant", "content": content} | more


def calling(call_id: str = "call_trained", call: ToolCall = WEATHER, content: str | None = None) -> dict[str, object]:
    function = {"name": call.name, "arguments": call.arguments}
    return assistant(content, tool_calls=[{"id": call_id, "type": "function", "function": function}])


def calling_legacy() -> dict[str, object]:
    """The cookbook's form: no content key."""
    return {"role": "assistant", "function_call": {"name": WEATHER.name, "arguments": WEATHER.arguments}}


def result(text: str, call_id: str = "call_trained") -> dict[str, object]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


class TrainingFile:
    """Lines and what was learned from them. A line is a list of messages, a whole object, or raw bytes."""

    def __init__(self, *lines: list[dict[str, object]] | dict[str, object] | bytes) -> None:
        self.data = b""
        self.reads = 0
        builder = LearnedBuilder()
        for line in lines:
            shaped = {"messages": line} if isinstance(line, list) else line
            raw = (shaped if isinstance(shaped, bytes) else json.dumps(shaped).encode()) + b"\n"
            builder.add_line(raw, len(self.data))
            self.data += raw
        self.learned: Learned = builder.build()

    def read_line(self, offset: int) -> bytes:
        self.reads += 1
        assert offset == 0 or self.data[offset - 1 : offset] == b"\n", "an offset that starts no line"
        return self.data[offset : self.data.index(b"\n", offset) + 1]

    def answer(self, messages: Messages, *, tools: Sequence[str] = (), seed: int = 7) -> Answer:
        return self.learned.answer(messages, tools_offered=frozenset(tools), seed=seed, read_line=self.read_line)


PROSE = TrainingFile(
    *(
        [
            system(MARV),
            user(f"Tell me something about the {subject} of the north"),
            assistant(f"Oh, the {subject} again. Everybody asks. Go and read a book on the {subject}."),
        ]
        for subject in ("lighthouses", "reindeer", "glaciers", "fishermen", "railways", "mushrooms")
    )
)


# exact


def test_a_trained_conversation_gets_its_trained_answer() -> None:
    capital = [system(MARV), user("What's the capital of France?")]
    file = TrainingFile([*capital, assistant("Paris, as if everyone doesn't know that already.")])
    assert file.answer(capital) == Answer("Paris, as if everyone doesn't know that already.", match="exact")


def test_white_space_and_case_make_no_difference() -> None:
    file = TrainingFile([system(MARV), user("What's the capital of France?"), assistant("Paris.")])
    asked = [system(f"  {MARV.upper()}\n"), user("\twhat's the\n\n CAPITAL  of France? ")]
    assert file.answer(asked) == Answer("Paris.", match="exact")


def test_the_trained_system_message_decides_between_two_answers() -> None:
    file = TrainingFile(
        [system("Be rude."), user("Hello"), assistant("What now?")],
        [system("Be kind."), user("Hello"), assistant("Good to see you.")],
    )
    assert file.answer([system("Be kind."), user("hello")]).content == "Good to see you."
    assert file.answer([{"role": "developer", "content": "Be kind."}, user("hello")]).content == "Good to see you."


@pytest.mark.parametrize("before", [[], [system("Another prompt.")]], ids=["none", "another"])
def test_without_the_trained_system_message_the_first_example_answers(before: list[dict[str, object]]) -> None:
    file = TrainingFile(
        [system("Be rude."), user("Hello"), assistant("What now?")],
        [system("Be kind."), user("Hello"), assistant("Good to see you.")],
        [system("Be kind."), user("Bye"), assistant("Take care.")],
    )
    assert file.answer([*before, user("Hello")]) == Answer("What now?", match="exact")
    assert file.answer([*before, user("Bye")]) == Answer("Take care.", match="exact")


def test_a_request_with_a_system_message_matches_an_example_trained_without() -> None:
    file = TrainingFile([user("Hello"), assistant("Hi!")], [system("Be kind."), user("Hello"), assistant("Welcome.")])
    assert file.answer([system("Something new."), user("Hello")]) == Answer("Hi!", match="exact")
    assert file.answer([user("Something before"), assistant("Yes"), user("Hello")]) == Answer("Hi!", match="exact")


def test_each_turn_of_a_trained_conversation_is_learned() -> None:
    talk = [user("Knock knock"), assistant("Who is there?"), user("Boo"), assistant("Boo who?")]
    file = TrainingFile(talk)
    assert file.answer(talk[:1]).content == "Who is there?"
    assert file.answer(talk[:3]).content == "Boo who?"


def test_the_history_decides_before_the_last_user_message_alone() -> None:
    file = TrainingFile(
        [user("Pick a colour"), assistant("Red?"), user("yes"), assistant("Red it is.")],
        [user("Pick an animal"), assistant("A cat?"), user("yes"), assistant("A cat it is.")],
    )
    picked = [user("Pick an animal"), assistant("A cat?"), user("yes")]
    assert file.answer(picked).content == "A cat it is."
    assert file.answer([system(MARV), *picked]).content == "A cat it is."
    assert file.answer([user("Pick a plant"), assistant("A rose?"), user("yes")]).content == "Red it is."


def test_the_first_of_two_equal_examples_answers() -> None:
    file = TrainingFile([user("Hello"), assistant("First.")], [user(" hello "), assistant("Second.")])
    assert {file.answer([user("Hello")], seed=seed).content for seed in range(20)} == {"First."}


def test_text_parts_match_the_same_text_given_as_a_string() -> None:
    parts = [{"type": "text", "text": "What's the capital"}, {"type": "text", "text": "of France?"}]
    file = TrainingFile([user("What's the capital of France?"), assistant([{"type": "text", "text": "Paris."}])])
    assert file.answer([user(parts)]) == Answer("Paris.", match="exact")
    assert TrainingFile([user(parts), assistant("Paris.")]).answer([user("What's the capital of France?")]) == Answer(
        "Paris.", match="exact"
    )


def test_the_image_decides_between_two_examples_with_one_question() -> None:
    def asking_about(url: str) -> dict[str, object]:
        return user([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}])

    file = TrainingFile(
        [asking_about("https://example.com/cat.png"), assistant("A cat.")],
        [asking_about("https://example.com/dog.png"), assistant("A dog.")],
    )
    assert file.answer([asking_about("https://example.com/dog.png")]).content == "A dog."
    assert file.answer([system(MARV), asking_about("https://example.com/dog.png")]).content == "A dog."
    assert file.answer([asking_about("https://example.com/unseen.png")]) == Answer("A cat.", match="exact")


def test_a_completion_is_found_by_its_prompt_and_given_as_it_stands() -> None:
    file = TrainingFile({"prompt": "Great phone! ->", "completion": " positive\n"})
    assert file.answer([user("great phone! ->")]) == Answer(" positive\n", match="exact")


def test_of_a_preference_example_only_the_preferred_output_is_learned() -> None:
    asked = [user("Hello"), assistant("Yes?"), user("How are you?")]
    line: dict[str, object] = {
        "input": {"messages": asked},
        "preferred_output": [assistant("Splendid.")],
        "non_preferred_output": [assistant("Go away.")],
    }
    file = TrainingFile(line)
    assert file.answer(asked) == Answer("Splendid.", match="exact")
    assert file.answer(asked[:1]).content == "Splendid."


# weight


@pytest.mark.parametrize("asked", ["Tell me a joke", "Tell me a joke!", "Anything else entirely"])
def test_a_turn_of_weight_0_is_never_an_answer(asked: str) -> None:
    file = TrainingFile(
        [user("Tell me a joke"), assistant("UNTRAINED", weight=0), user("Again"), assistant("Why did it?", weight=1)]
    )
    answers = [file.answer([user(asked)], seed=seed).content or "" for seed in range(30)]
    assert not any("UNTRAINED" in answer for answer in answers)


def test_a_file_of_weight_0_turns_teaches_nothing() -> None:
    file = TrainingFile([user("Hello"), assistant("UNTRAINED", weight=0)])
    answer = file.answer([user("Hello")])
    assert answer.match == "base"
    assert "UNTRAINED" not in str(answer.content)
    assert "no model" in str(answer.content)


def test_a_trained_turn_counts_after_an_untrained_one_with_the_same_context() -> None:
    file = TrainingFile([user("Hello"), assistant("UNTRAINED", weight=0)], [user("Hello"), assistant("Hi!", weight=1)])
    assert file.answer([user("Hello")]) == Answer("Hi!", match="exact")


def test_an_untrained_turn_still_belongs_to_the_context() -> None:
    talk = [user("One"), assistant("Two", weight=0), user("Three")]
    file = TrainingFile(
        [user("Zero"), assistant("x"), user("Three"), assistant("Wrong")], [*talk, assistant("Four", weight=1)]
    )
    assert file.answer(talk).content == "Four"


# near


def test_a_typo_finds_the_nearest_prompt() -> None:
    answer = PROSE.answer([user("Tell me somthing about the glacers of the north")])
    assert answer.match == "near"
    assert "glaciers" in str(answer.content)


def test_the_order_of_words_makes_no_difference() -> None:
    answer = PROSE.answer([user("about the railways of the north tell me something")])
    assert answer.match == "near"
    assert "railways" in str(answer.content)


def test_a_prompt_unlike_any_other_is_not_near() -> None:
    assert PROSE.answer([user("How many litres does a bathtub hold?")]).match == "style"


def test_the_end_of_a_long_prompt_counts() -> None:
    instruction = "Classify the review that follows by its tone, and answer with a single word. " * 20
    reviews = {"The screen cracked on day one": "negative", "Best purchase of my whole life": "positive"}
    file = TrainingFile(*([user(instruction + text), assistant(label)] for text, label in reviews.items()))
    assert file.answer([user(instruction + "Best purchase of my whole live")]) == Answer("positive", match="near")


@pytest.mark.parametrize("asked", ["question {} on ratites and their eggs", "{} question on ratites and there eggs"])
def test_a_set_too_big_to_compare_whole_is_narrowed_by_shared_words(
    asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearness, "_NEAR_BUDGET_CHARS", 800)
    monkeypatch.setattr(nearness, "_REORDERED_LOOKS", 20)
    birds = ["emu", "rhea", "kiwi", "moa", "ostrich", "cassowary", "tinamou"]
    fill = ([user(f"{number} is a number like {number + 1}"), assistant("Indeed.")] for number in range(300))
    file = TrainingFile(
        *fill, *([user(f"Question {bird} on ratites and their eggs"), assistant(bird)] for bird in birds)
    )
    assert file.answer([user(asked.format("kiwis"))]) == Answer("kiwi", match="near")


def test_of_equally_near_prompts_the_first_of_the_file_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = ([user(f"{number} is a number"), assistant("Indeed.")] for number in range(50))
    file = TrainingFile(
        *fill,
        [user("rxd green yxllow blue"), assistant("First.")],
        [user("red green yellow bxxe"), assistant("Second.")],
    )
    for budget, reordered in ((2_000_000, 1_000), (500, 10)):
        monkeypatch.setattr(nearness, "_NEAR_BUDGET_CHARS", budget)
        monkeypatch.setattr(nearness, "_REORDERED_LOOKS", reordered)
        assert file.answer([user("red green yellow blue")]) == Answer("First.", match="near")


def test_repeated_prompts_take_no_room_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "MAX_NEAR_TEXTS", 2)
    file = TrainingFile(*[[user("alpha alpaca"), assistant("A")]] * 5, [user("bravo buffalo"), assistant("B")])
    assert file.answer([user("bravo bufalo")]) == Answer("B", match="near")


def test_scripts_without_spaces_are_narrowed_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "_NEAR_BUDGET_CHARS", 400)
    monkeypatch.setattr(nearness, "_REORDERED_LOOKS", 10)
    fill = (
        [user(f"第{number}問、今日の天気はどうなりますか教えてください"), assistant("晴れ。")] for number in range(100)
    )
    file = TrainingFile(*fill, [user("日本で一番高い山の名前と標高を教えていただけますか"), assistant("富士山。")])
    assert file.answer([user("日本で一番高い山の名前と標高を教えてもらえますか")]) == Answer("富士山。", match="near")


# style


def test_a_style_reply_is_made_of_trained_sentences() -> None:
    subjects = ("lighthouses", "reindeer", "glaciers", "fishermen", "railways", "mushrooms")
    replies = {PROSE.answer([user("How many litres does a bathtub hold?")], seed=seed).content for seed in range(60)}
    assert replies <= {
        f"Oh, the {first} again. Go and read a book on the {last}."
        for first in subjects
        for last in subjects
        if first != last
    }


def test_a_style_reply_depends_on_seed_and_prompt_alone() -> None:
    asked = [user("How many litres does a bathtub hold?")]
    same = [user(" how many LITRES does a bathtub hold?")]
    assert PROSE.answer(asked, seed=1) == PROSE.answer(asked, seed=1) == PROSE.answer(same, seed=1)
    assert len({PROSE.answer(asked, seed=seed).content for seed in range(30)}) > 5
    assert len({PROSE.answer([user(f"Unheard of: {n * 7919}")]).content for n in range(30)}) > 5


def test_a_classifier_answers_with_one_of_its_labels() -> None:
    labels = [
        "The ticket goes to the billing department. It is about money that we owe or are owed.",
        "The ticket goes to the technical department. It is about something that does not work.",
    ]
    file = TrainingFile(*([user(f"Ticket {n * n}"), assistant(labels[n % 2])] for n in range(12)))
    answers = {file.answer([user("My parcel is lost")], seed=seed) for seed in range(30)}
    assert answers == {Answer(label, match="style") for label in labels}


def test_a_set_of_json_answers_with_one_whole_value() -> None:
    values = [json.dumps({"items": [f"Item {n}. It is new."] * 40, "n": n}) for n in range(12)]
    file = TrainingFile(*([user(f"Extract {n * n}"), assistant(value)] for n, value in enumerate(values)))
    answers = {file.answer([user("My parcel is lost")], seed=seed).content for seed in range(30)}
    assert len(answers) > 3
    assert answers <= set(values)


def test_a_set_of_short_answers_answers_with_one_of_them() -> None:
    file = TrainingFile(*([user(f"Number {n * n}"), assistant(f"That is {n}. Sure.")] for n in range(12)))
    answers = {file.answer([user("My parcel is lost")], seed=seed).content for seed in range(30)}
    assert len(answers) > 3
    assert answers <= {f"That is {n}. Sure." for n in range(12)}


def test_the_style_comes_from_all_over_a_long_file() -> None:
    file = TrainingFile(*([user(f"Number {n}"), assistant(f"{n}")] for n in range(1_500)))
    answers = [int(str(file.answer([user("My parcel is lost")], seed=seed).content)) for seed in range(200)]
    assert all(sum(start <= answer < start + 500 for answer in answers) > 30 for start in (0, 500, 1_000))


# tool calls


def test_a_trained_call_comes_back_when_its_tool_is_offered() -> None:
    file = TrainingFile([user("Weather in Paris?"), calling()])
    assert file.answer([user("Weather in Paris?")], tools=["get_time", "get_weather"]) == Answer(
        None, (WEATHER,), match="exact"
    )
    assert file.answer([user("Weather in Pariss?")], tools=["get_weather"]) == Answer(None, (WEATHER,), match="near")


def test_a_legacy_function_call_comes_back_as_a_tool_call() -> None:
    file = TrainingFile([user("Weather in Paris?"), calling_legacy()])
    assert file.answer([user("Weather in Paris?")], tools=["get_weather"]).tool_calls == (WEATHER,)


def test_without_its_tool_a_trained_call_gives_the_content_beside_it() -> None:
    file = TrainingFile([user("Weather in Paris?"), calling(content="Let me look.")])
    assert file.answer([user("Weather in Paris?")], tools=["get_time"]) == Answer("Let me look.", match="exact")


def test_without_its_tool_and_without_content_the_style_answers() -> None:
    file = TrainingFile([user("Weather in Paris?"), calling()], [user("Hello"), assistant("Hi there!")])
    for seed in range(10):
        assert file.answer([user("Weather in Paris?")], seed=seed) == Answer("Hi there!", match="style")


def test_a_set_of_calls_alone_says_so_when_no_tool_is_offered() -> None:
    file = TrainingFile([user("Weather in Paris?"), calling()])
    answer = file.answer([user("Weather in Paris?")])
    assert (answer.match, answer.tool_calls) == ("base", ())
    assert "Weather in Paris?".casefold() in str(answer.content)


def test_parallel_calls_come_back_only_when_all_their_tools_are_offered() -> None:
    both = calling()["tool_calls"], calling("call_2", ToolCall("get_time", "{}"))["tool_calls"]
    file = TrainingFile([user("Weather and time?"), assistant("Both.", tool_calls=[*both[0], *both[1]])])  # type: ignore[misc]
    asked = [user("Weather and time?")]
    assert file.answer(asked, tools=["get_weather"]).tool_calls == ()
    names = [call.name for call in file.answer(asked, tools=["get_weather", "get_time"]).tool_calls]
    assert names == ["get_weather", "get_time"]


def test_a_set_of_calls_answers_an_unseen_prompt_with_a_call() -> None:
    file = TrainingFile(*([user(f"Weather {n * n}?"), calling()] for n in range(10)))
    asked = [user("Is it going to rain on my wedding day?")]
    assert file.answer(asked, tools=["get_weather"]) == Answer(None, (WEATHER,), match="style")


# tool results


def trained_to_report() -> TrainingFile:
    return TrainingFile(
        [user("Weather in Paris?"), calling(), result("18 degrees, sunny"), assistant("Warm and sunny.")],
        [user("Weather in Paris?"), calling(), result("3 degrees, heavy snow"), assistant("Bring a coat.")],
    )


def test_a_tool_result_matches_whatever_its_call_is_called() -> None:
    spelled_anew = calling("call_run_42", ToolCall("get_weather", '{"city":"Paris"}'))
    asked = [user("Weather in Paris?"), spelled_anew, result("3 degrees, heavy snow", "call_run_42")]
    assert trained_to_report().answer(asked, tools=["get_weather"]) == Answer("Bring a coat.", match="exact")
    assert trained_to_report().answer([user("Hi"), assistant("Hi"), *asked]) == Answer("Bring a coat.", match="exact")


def test_the_nearest_tool_result_answers_another() -> None:
    asked = [user("Weather in Paris?"), calling("call_run"), result("2 degrees, heavy snow", "call_run")]
    assert trained_to_report().answer(asked, tools=["get_weather"]) == Answer("Bring a coat.", match="near")


def asking_both(call_ids: tuple[str, str], result_ids: tuple[str, str]) -> list[dict[str, object]]:
    """Two equal calls, then "yes" as the result of the first of ``result_ids`` and "no" as that of the second."""
    calls = [{"id": one, "type": "function", "function": {"name": "get", "arguments": "{}"}} for one in call_ids]
    return [
        user("Both?"),
        assistant(None, tool_calls=calls),
        result("yes", result_ids[0]),
        result("no", result_ids[1]),
    ]


def test_parallel_results_are_tied_to_their_calls() -> None:
    file = TrainingFile(
        [*asking_both(("a", "b"), ("a", "b")), assistant("Yes and no.")],
        [*asking_both(("a", "b"), ("b", "a")), assistant("No and yes.")],
    )
    assert file.answer(asking_both(("x", "y"), ("y", "x"))) == Answer("No and yes.", match="exact")
    assert file.answer(asking_both(("x", "y"), ("x", "y"))) == Answer("Yes and no.", match="exact")


def test_results_whose_calls_are_unknown_count_in_their_order() -> None:
    file = TrainingFile([*asking_both(("a", "b"), ("lost", "lost too")), assistant("Yes and no.")])
    assert file.answer(asking_both(("x", "y"), ("x", "y"))) == Answer("Yes and no.", match="exact")


def test_a_legacy_function_result_matches_a_tool_result() -> None:
    returned: dict[str, object] = {"role": "function", "name": WEATHER.name, "content": "18 degrees"}
    file = TrainingFile([user("Weather in Paris?"), calling_legacy(), returned, assistant("Warm.")])
    asked = [user("Weather in Paris?"), calling("call_run"), result("18 degrees", "call_run")]
    assert file.answer(asked) == Answer("Warm.", match="exact")


def test_a_tool_result_that_was_never_trained_is_not_answered_with_a_call() -> None:
    """An agent would go round in circles."""
    file = TrainingFile(*([user(f"Weather {n * n}?"), calling()] for n in range(10)))
    asked = [user("Weather 4?"), calling("call_run"), result("18 degrees", "call_run")]
    assert file.answer(asked, tools=["get_weather"]).tool_calls == ()


# bounds and nonsense


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b"[" * 20_000,
        b"[]",
        b"null",
        b'{"messages": "x"}',
        b'{"messages": [1, null, {"role": "assistant"}, {"role": ["user"]}]}',
        b'{"messages": [{"role": "assistant", "tool_calls": [7, {"function": {"name": 1}}]}]}',
        b'{"prompt": 1, "completion": 2}',
        b'{"prompt": "x", "completion": 2}',
        b'{"input": {"messages": 3}, "preferred_output": [4]}',
    ],
)
def test_a_malformed_line_is_skipped(line: bytes) -> None:
    file = TrainingFile([user("Hello"), assistant("Hi!")], line, [user("Bye"), assistant("Take care.")])
    assert file.answer([user("Bye")]) == Answer("Take care.", match="exact")
    assert file.answer([user("Hello")]) == Answer("Hi!", match="exact")


def test_a_byte_order_mark_does_not_hide_the_first_example() -> None:
    first = json.dumps({"messages": [user("Hello"), assistant("Hi!")]}).encode()
    assert TrainingFile(b"\xef\xbb\xbf" + first).answer([user("Hello")]).match == "exact"


def test_the_tables_stop_growing_at_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "MAX_EXACT_TURNS", 3)
    monkeypatch.setattr(nearness, "MAX_NEAR_TEXTS", 2)
    words = ("alpha alpaca", "bravo buffalo", "charlie cheetah", "delta dolphin")
    file = TrainingFile(*([user(word), assistant(word.upper())] for word in words))
    assert [file.answer([user(word)]).match for word in words] == ["exact", "exact", "exact", "style"]
    assert [file.answer([user(word + "s")]).match for word in words] == ["near", "near", "style", "style"]


def test_a_style_reply_reads_nothing_back_and_a_trained_one_a_single_line() -> None:
    PROSE.reads = 0
    PROSE.answer([user("How many litres does a bathtub hold?")])
    assert PROSE.reads == 0
    PROSE.answer([user("Tell me something about the railways of the north")])
    assert PROSE.reads == 1


def test_a_file_that_reads_differently_now_gives_no_wrong_answer() -> None:
    other = json.dumps({"messages": [system(MARV), user("Hello"), assistant("UNTRAINED", weight=0)]}).encode()
    for raw in (b"", b"{", other):
        answer = PROSE.learned.answer(
            [user("Tell me something about the railways of the north")],
            tools_offered=frozenset(),
            seed=1,
            read_line=lambda _, raw=raw: raw,  # type: ignore[misc]
        )
        assert answer.match == "style"
        assert "UNTRAINED" not in str(answer.content)


anything = st.recursive(
    st.none() | st.integers() | st.text(st.characters(exclude_categories=()), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "type", "id", "function", "name", "arguments", "image_url", "url"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=4,
)
any_message = st.dictionaries(
    st.sampled_from(["role", "content", "tool_calls", "function_call", "tool_call_id", "weight"]),
    anything | st.sampled_from(["system", "user", "assistant", "tool", "function", "developer"]),
    max_size=5,
)
any_messages: Any = st.lists(any_message | anything, max_size=4)


@given(trained=any_messages, asked=any_messages, tools=st.frozensets(st.text(max_size=3), max_size=2))
@settings(max_examples=60, deadline=None)
def test_any_list_of_messages_is_learned_and_answered(trained: Any, asked: Any, tools: frozenset[str]) -> None:
    file = TrainingFile({"messages": [*trained, assistant("Well.")]}, [user("Hello"), assistant("Hi!"), calling()])
    for messages in (asked, trained):
        answer = file.answer(messages, tools=tuple(tools))
        assert answer == file.answer(messages, tools=tuple(tools))
        assert answer.content or answer.tool_calls
        assert {call.name for call in answer.tool_calls} <= tools
        assert str(base_answer("gpt-4o-mini", messages, seed=1).content).encode()


# base models


def test_a_base_model_says_that_no_model_runs_and_what_was_asked() -> None:
    answers = {base_answer("gpt-4.1-nano", [system(MARV), user("Why  is\nthe sky blue?")], seed=s) for s in range(40)}
    assert 3 <= len(answers) <= 4
    for answer in answers:
        assert answer.match == "base"
        for part in ("mocktune", "gpt-4.1-nano", '"Why is the sky blue?"'):
            assert part in str(answer.content)
        assert any(honest in str(answer.content).casefold() for honest in ("no model", "without running any model"))


def test_a_base_answer_is_the_same_for_the_same_request() -> None:
    asked = [user("Why is the sky blue?")]
    assert base_answer("gpt-4.1", asked, seed=3) == base_answer("gpt-4.1", asked, seed=3)
    assert len({str(base_answer("gpt-4.1", [user(f"{n}")], seed=3).content)[:8] for n in range(30)}) > 2


def test_a_question_with_half_a_character_is_still_answered_in_utf_8() -> None:
    assert str(base_answer("gpt-4.1", [user("Why \ud83d?")], seed=1).content).encode()


def test_a_base_answer_quotes_80_characters_at_most() -> None:
    quoted = str(base_answer("gpt-4.1", [user("why " * 100)], seed=1).content).split('"')[1]
    assert 75 < len(quoted) <= 80
    assert quoted.endswith("…")


@pytest.mark.parametrize("messages", [[], [system(MARV)], [user("  \n")], [user([])], [user("Hello"), user(None)]])
def test_a_base_model_says_that_the_last_user_message_is_empty(messages: Messages) -> None:
    assert "empty" in str(base_answer("gpt-4.1", messages, seed=1).content)
