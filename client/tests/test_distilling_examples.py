"""Which examples come of which completions, and which prompts of which files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mocktune.domain.formats import check_example
from mocktune_client.distilling import Prompt, UnreadablePrompts, read_prompts, tariff_of
from mocktune_client.distilling.examples import LeftOut, example_of
from mocktune_client.distilling.stored import is_model

ASKED: list[Any] = [{"id": "c-0", "role": "user", "content": "What is it?", "name": None, "content_parts": None}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
LOOK = {"type": "function", "function": {"name": "look", "description": None, "parameters": {"type": "object"}}}


def completion(finish_reason: str = "stop", tools: Any = None, **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "A door.", "refusal": None, "annotations": [], "audio": None, **message}
    choice = {"index": 0, "finish_reason": finish_reason, "message": said, "logprobs": None}
    return {"id": "c", "model": "gpt-4o-2024-08-06", "choices": [choice], "tools": tools}


def reason_of(made: dict[str, Any], asked: Any = ASKED) -> str:
    with pytest.raises(LeftOut) as caught:
        example_of(made, asked)
    return caught.value.reason


def test_what_the_api_adds_is_not_trained_on() -> None:
    assert example_of(completion(), ASKED) == {
        "messages": [{"role": "user", "content": "What is it?"}, {"role": "assistant", "content": "A door."}]
    }


def test_an_answer_of_calls_keeps_them_and_the_functions_that_were_offered() -> None:
    made = completion("tool_calls", [LOOK], content=None, tool_calls=[{**CALL, "index": 0}])
    example = example_of(made, ASKED)
    assert example["messages"][-1] == {"role": "assistant", "tool_calls": [CALL]}
    assert example["tools"] == [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


def test_a_conversation_with_calls_teaches_its_last_answer_alone() -> None:
    asked = [
        {"role": "developer", "content": "Look first."},
        *ASKED,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "wood, a handle"},
    ]
    example = example_of(completion(), asked)
    assert [each.get("weight") for each in example["messages"]] == [None, None, 0, None, None]
    assert check_example("chat", example, 1) is None


def test_an_answer_that_is_listed_among_the_messages_is_not_said_twice() -> None:
    listed = [*ASKED, {"role": "assistant", "content": "A door."}]
    assert len(example_of(completion(), listed)["messages"]) == 2
    earlier = [*ASKED, {"role": "assistant", "content": "A wall."}]
    assert len(example_of(completion(), earlier)["messages"]) == 3


def test_parts_are_kept_and_a_single_text_becomes_one() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": None}}
    text = {"type": "text", "text": "What is it?"}
    both = example_of(completion(), [{"role": "user", "content": None, "content_parts": [text, picture]}])
    assert both["messages"][0]["content"] == [
        text,
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
    ]
    one = example_of(completion(), [{"role": "user", "content": None, "content_parts": [text]}])
    assert one["messages"][0]["content"] == "What is it?"


def test_the_first_whole_answer_of_several_is_taken() -> None:
    made = completion("length", content="A do")
    made["choices"].append(completion()["choices"][0])
    assert example_of(made, ASKED)["messages"][-1]["content"] == "A door."


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (completion("length"), "cut_off"),
        (completion("content_filter", content=""), "filtered"),
        (completion(refusal="I cannot.", content=None), "refused"),
        (completion(content="  \n"), "empty"),
        (completion(content=None), "empty"),
        ({"id": "c", "choices": []}, "empty"),
        (completion(audio={"id": "a"}), "not_trainable"),
        (completion("tool_calls", content=None, tool_calls=[{"id": "x", "type": "custom", "custom": {}}]),
         "not_trainable"),
        (completion(tools=[{"type": "custom", "custom": {"name": "c"}}]), "not_trainable"),
        (completion(content="Ends with <|endoftext|>"), "invalid"),
        (completion("unheard_of"), "cut_off"),
    ],
)  # fmt: skip
def test_an_answer_that_should_not_be_learned_has_its_reason(made: dict[str, Any], reason: str) -> None:
    assert reason_of(made) == reason


def test_a_prompt_that_cannot_be_learned_from_has_its_reason() -> None:
    assert reason_of(completion(), []) == "no_prompt"
    all_of_the_assistant = [{"role": "assistant", "content": "What is it?"}]  # as a server with --wire sdk lists them
    assert reason_of(completion(), all_of_the_assistant) == "no_prompt"
    sound = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]
    assert reason_of(completion(), sound) == "not_trainable"
    with pytest.raises(LeftOut) as caught:
        example_of(completion(), [*ASKED, {"role": "tool", "content": "?"}])
    assert (caught.value.reason, caught.value.detail) == ("invalid", "message 2 is missing key 'tool_call_id'")


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", True),
        ("gpt-4", "gpt-4-0613", True),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20", False),
        ("ft:gpt-4o-mini-2024-07-18:o::1", "ft:gpt-4o-mini-2024-07-18:o::1", True),
        ("llama-3", "llama-3", True),
    ],
)
def test_a_name_without_a_date_stands_for_its_snapshots(asked: str, answered: str, same: bool) -> None:
    assert is_model(asked, answered) is same


# -- prompts -----------------------------------------------------------------------------------------------------------


def read(tmp_path: Path, data: str | bytes, **options: Any) -> list[Prompt]:
    path = tmp_path / "prompts.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_prompts(path, **options)


def test_a_line_of_text_is_a_prompt_and_each_is_read_once(tmp_path: Path) -> None:
    found = read(tmp_path, "\ufeffOne?\r\n\n  Two? \nOne?\n")
    assert [each.messages for each in found] == [
        ({"role": "user", "content": "One?"},),
        ({"role": "user", "content": "Two?"},),
    ]


def test_a_training_file_is_a_file_of_prompts(tmp_path: Path) -> None:
    said = [
        {"role": "system", "content": "Own."},
        {"role": "user", "content": "1"},
        {"role": "assistant", "content": "2", "weight": 0},
        {"role": "user", "content": "3"},
        {"role": "assistant", "content": "4"},
    ]
    lines = [{"messages": said, "tools": [LOOK | {"function": {"name": "look"}}]}, {"prompt": "Plain?"}]
    first, second = read(tmp_path, "\n".join(map(json.dumps, lines)), system="Given.")
    assert [each["content"] for each in first.messages] == ["Own.", "1", "2", "3"]
    assert "weight" not in first.messages[2]
    assert first.tools[0]["function"]["name"] == "look"
    assert second.messages == ({"role": "system", "content": "Given."}, {"role": "user", "content": "Plain?"})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "there is no prompt in it"),
        ('{"prompt": "a"}\nnonsense', "line 2: not JSON"),
        ('{"prompt": "a"}\n[1]', "line 2: not an object"),
        ('{"question": "a"}', "line 1: neither a 'prompt' nor 'messages'"),
        ('{"messages": [{"role": "system", "content": "a"}]}', "line 1: no message of a user"),
        ('{"messages": [{"role": "user"}]}', "line 1: nothing that can be trained on: .*missing key 'content'"),
        ('{"messages": [{"role": "user", "content": "a"}], "tools": 1}', "line 1: 'tools' is no list"),
        (b"\xff\xfe\x00", "line 1: not UTF-8"),
        ("x" * (4 * 1024 * 1024 + 1), "line 1: longer than"),
        ("[" * 100_000, None),
        ('{"messages": ' + "[" * 100_000, "line 1: not JSON"),
    ],
)
def test_a_file_that_is_no_list_of_prompts_says_where(tmp_path: Path, data: str | bytes, said: str | None) -> None:
    if said is None:
        assert len(read(tmp_path, data)) == 1
        return
    with pytest.raises(UnreadablePrompts, match=said):
        read(tmp_path, data)


def test_prices_are_those_of_the_table() -> None:
    tariff = tariff_of("gpt-4o")
    assert tariff is not None
    assert tariff.usd(1_000_000, 0) == 3.75
    assert tariff_of("ft:gpt-4o-2024-08-06:org::id") == tariff
    assert tariff_of("my-deployment") is None
