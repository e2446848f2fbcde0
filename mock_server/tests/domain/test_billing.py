"""Token rules. Recorded (RUBY): 10 three-message examples with 377 tokens of content, 10 epochs, 5,070 billed.

Here a token is a word, so that every expected number can be checked by eye.
"""

from __future__ import annotations

from typing import Any

import pytest

from mocktune.domain.billing import (
    ExampleTokens,
    chat_prompt_tokens,
    count_examples,
    example_texts,
    example_tokens,
)
from mocktune.domain.hyperparameters import Requested, resolve, total_steps
from mocktune.domain.models import BASE_MODELS, Encoding

TIDE = {
    "type": "function",
    "function": {
        "name": "tide",
        "description": "When the tide is high.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A harbour of the north"},
                "unit": {"type": "string", "enum": ["minutes", "hours"]},
            },
        },
    },
}
# tide:When the tide is high | place:string:A harbour of the north | minutes | hours | unit:string:
TIDE_WORDS = 5 + 5 + 1 + 1 + 1
TIDE_FIXED = 3 + 3 + 3 + (-3 + 2 * 3) + 12


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def message(role: str, size: int, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": "word " * size, **more}


def chat(*messages: dict[str, Any], **top_level: Any) -> dict[str, Any]:
    return {"messages": list(messages), **top_level}


def test_the_recorded_job_is_billed_as_it_was() -> None:
    sizes = [10 + index for index in range(9)] + [377 - 9 * 14]
    examples = [chat(message("system", 3), message("user", 2), message("assistant", size - 5)) for size in sizes]
    tokens = [example_tokens(example, "chat", words, "cl100k_base") for example in examples]
    assert sum(each.content for each in tokens) == 377
    assert sum(each.total for each in tokens) * 10 == 5_070


def test_the_assistant_part_is_what_is_learned() -> None:
    example = chat(message("user", 2), message("assistant", 7, weight=0), message("assistant", 5, weight=1))
    assert example_tokens(example, "chat", words) == ExampleTokens(total=14 + 3 * 4 + 1, content=14, assistant=5)


def test_names_and_calls_are_content() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": '{"at": "high noon"}'}}
    example = chat(
        message("user", 2, name="ada lovelace"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        message("tool", 1, tool_call_id="call_1"),
        {"role": "assistant", "function_call": call["function"]},
    )
    tokens = example_tokens(example, "chat", words)
    assert tokens == ExampleTokens(total=13 + 4 * 4 + 1, content=2 + 2 + (1 + 3) + 1 + (1 + 3), assistant=8)


def test_an_image_is_85_tokens_and_no_text() -> None:
    parts = [
        {"type": "text", "text": "two words"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
    ]
    tokens = example_tokens(chat({"role": "user", "content": parts}, message("assistant", 1)), "chat", words)
    assert tokens == ExampleTokens(total=3 + 85 + 2 * 4 + 1, content=3, assistant=1)


def test_tools_are_billed_in_every_example_as_in_a_prompt() -> None:
    bare = chat(message("user", 2), message("assistant", 1))
    per_tools: dict[Encoding, int] = {"o200k_base": 7, "cl100k_base": 10}
    for encoding, per_tool in per_tools.items():
        for more in ({"tools": [TIDE]}, {"functions": [TIDE["function"]]}):
            with_tools = example_tokens({**bare, **more}, "chat", words, encoding)
            without = example_tokens(bare, "chat", words, encoding)
            assert with_tools.total - without.total == TIDE_WORDS + TIDE_FIXED + per_tool
            assert with_tools.content == without.content


def test_the_end_of_a_tool_list_is_counted_once() -> None:
    assert (
        chat_prompt_tokens([], [TIDE, TIDE], words) - chat_prompt_tokens([], [TIDE], words)
        == TIDE_WORDS + TIDE_FIXED - 12 + 7
    )


def test_the_full_stop_of_a_description_is_free() -> None:
    def letters(texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    def tool(said: str) -> dict[str, Any]:
        properties = {"place": {"type": "string", "description": said}}
        return {"function": {"name": "tide", "description": said, "parameters": {"properties": properties}}}

    assert chat_prompt_tokens([], [tool("Where.")], letters) == chat_prompt_tokens([], [tool("Where")], letters)


def test_parallel_tool_calls_costs_nothing() -> None:
    bare = chat(message("user", 2), message("assistant", 1))
    assert example_tokens({**bare, "parallel_tool_calls": False, "tools": []}, "chat", words) == example_tokens(
        bare, "chat", words
    )


def test_odd_tool_definitions_are_counted_and_never_fail() -> None:
    odd_properties = {
        "a": True,
        "b": {"type": ["string", "null"], "description": None},
        "c": {"enum": [1, 2.5, True, None, {"deep": []}]},
        "d": {"enum": "abc", "description": 7},
    }
    odd: list[dict[str, Any]] = [{}, {"properties": None}, {"properties": []}, {"properties": odd_properties}]
    for parameters in odd:
        tool = {"type": "function", "function": {"name": "odd", "parameters": parameters}}
        assert chat_prompt_tokens([], [tool], words) >= 3 + 7 + 1 + 12


def test_pairs_of_prompt_and_completion_have_no_overhead() -> None:
    pair = {"prompt": "one two ->", "completion": " three four"}
    assert example_tokens(pair, "prompt_completion", words) == ExampleTokens(total=5, content=5, assistant=2)


def test_many_examples_are_counted_in_one_call() -> None:
    calls = []

    def count(texts: list[str]) -> list[int]:
        calls.append(texts)
        return words(texts)

    examples = [
        chat(message("user", 1), message("assistant", 2), tools=[TIDE]),
        chat(message("system", 3), message("user", 4), message("assistant", 5, weight=0), message("assistant", 6)),
        chat(message("assistant", 7)),
    ]
    tokens = count_examples([example_texts(example, "chat") for example in examples], count)
    assert len(calls) == 1
    assert tokens == [example_tokens(example, "chat", words) for example in examples]
    assert [each.assistant for each in tokens] == [2, 6, 7]


def test_a_prompt_costs_what_the_cookbook_says() -> None:
    messages = [message("system", 5), message("user", 3, name="ada"), {"role": "user", "content": None}]
    role_and_frame = 3 + 1
    assert chat_prompt_tokens(messages, None, words) == 3 * role_and_frame + 5 + 3 + (1 + 1) + 3


def test_a_prompt_counts_parts_images_and_calls() -> None:
    call = {"function": {"name": "tide", "arguments": "{}"}}
    parts = [{"type": "text", "text": "two words"}, {"type": "image_url", "image_url": {"url": "u"}}]
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": parts},
        {"role": "assistant", "tool_calls": [call]},
    ]
    assert chat_prompt_tokens(messages, None, words) == 2 * 4 + 2 + 85 + 2 + 3


# -- other methods and images --------------------------------------------------------------------------------------


def test_a_preference_is_billed_for_its_input_and_both_outputs() -> None:
    """Assumed: nothing is recorded of it (contract 3.8)."""
    example = {
        "input": {"messages": [message("system", 2), message("user", 3)]},
        "preferred_output": [message("assistant", 5)],
        "non_preferred_output": [message("assistant", 7)],
    }
    assert example_tokens(example, "preference", words) == ExampleTokens(total=17 + 4 * 4 + 1, content=17, assistant=12)
    example["input"]["tools"] = [TIDE]  # type: ignore[call-overload]
    assert example_tokens(example, "preference", words).total == 17 + 4 * 4 + 1 + TIDE_WORDS + TIDE_FIXED + 7


def test_a_prompt_of_reinforcement_teaches_nothing_by_itself() -> None:
    example = chat(message("system", 2), message("assistant", 3), message("user", 4), answer="many words", functions=1)
    assert example_tokens(example, "reinforcement", words) == ExampleTokens(total=9 + 3 * 4 + 1, content=9, assistant=0)


def test_a_skipped_image_costs_nothing() -> None:
    def seen(*urls: str) -> dict[str, Any]:
        parts = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
        return chat({"role": "user", "content": parts}, message("assistant", 1))

    good, bad = "https://example.com/a.png", "data:image/png;base64,AAAA"
    assert example_tokens(seen(good, good), "chat", words).total == 2 * 85 + 1 + 2 * 4 + 1
    assert example_tokens(seen(good, bad), "chat", words).total == 85 + 1 + 2 * 4 + 1
    texts = example_texts(seen(good, bad, bad), "chat")
    assert (texts.images, texts.skipped_images) == (3, 2)


# -- recorded jobs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("examples", "epochs"), [(10, 10), (12, 8), (80, 3), (100, 3), (101, 3), (103, 3)])
def test_the_epochs_of_recorded_jobs(examples: int, epochs: int) -> None:
    """RUBY, YiVal, CN1229, PINOLO, cookbook."""
    resolved = resolve(examples, BASE_MODELS["gpt-4o-mini-2024-07-18"], Requested())
    assert resolved.n_epochs == epochs
    assert resolved.batch_size == 1


def test_the_steps_of_the_recorded_job() -> None:
    """PINOLO: 101 examples, 3 epochs, 303 steps."""
    resolved = resolve(101, BASE_MODELS["gpt-4o-mini-2024-07-18"], Requested())
    assert total_steps(resolved, 101) == 303
