"""Items of the Responses API as they are kept, and as the conversation that a model is shown."""

from __future__ import annotations

from typing import Any

import pytest

from mocktune.domain.response_items import (
    as_kept,
    call_without_output,
    conversation,
    item_type,
    output_without_call,
    says_json,
)


def kept(*items: dict[str, Any]) -> list[Any]:
    return [as_kept(item, f"msg_{index}") for index, item in enumerate(items)]


def call(call_id: str, name: str = "tide_at") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}


def output(call_id: str, said: Any = "high") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": said}


def test_plain_text_is_kept_as_a_part() -> None:
    asked, said = kept({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."})
    assert asked == {
        "id": "msg_0",
        "type": "message",
        "status": "completed",
        "content": [{"type": "input_text", "text": "Hi"}],
        "role": "user",
    }
    assert said["content"] == [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Hello."}]


def test_an_id_of_its_own_is_kept_and_others_say_what_they_are_for() -> None:
    ids = [item["id"] for item in kept({"role": "user", "content": "", "id": "msg_x"}, call("c"), output("c"))]
    assert ids == ["msg_x", "fc_1", "fco_2"]


def test_an_image_has_a_detail() -> None:
    (item,) = kept({"role": "user", "content": [{"type": "input_image", "image_url": "http://a/b.png"}]})
    assert item["content"][0]["detail"] == "auto"
    (message,) = conversation([item])
    assert message["content"] == [{"type": "image_url", "image_url": {"url": "http://a/b.png", "detail": "auto"}}]


def test_calls_that_follow_one_another_join_one_assistant_message() -> None:
    """Parallel calls are trained as one message, and so is what is said before them."""
    items = kept(
        {"role": "user", "content": "Is it high tide?"},
        {"role": "assistant", "content": "Let me see."},
        call("c1"),
        call("c2"),
        output("c1"),
        output("c2", [{"type": "input_text", "text": "low"}]),
        call("c3"),
        output("c3"),
    )
    asked, looked, first, second, again, third = conversation(items)
    assert asked == {"role": "user", "content": "Is it high tide?"}
    assert looked["content"] == "Let me see."
    assert [each["id"] for each in looked["tool_calls"]] == ["c1", "c2"]
    assert first == {"role": "tool", "tool_call_id": "c1", "content": "high"}
    assert second["content"] == "low"
    assert again["content"] is None
    assert [each["id"] for each in again["tool_calls"]] == ["c3"]
    assert third["tool_call_id"] == "c3"


def test_a_call_after_another_question_is_no_part_of_the_turn_before() -> None:
    items = kept({"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Tide?"}, call("c"))
    assert [message["role"] for message in conversation(items)] == ["assistant", "user", "assistant"]


def test_reasoning_changes_nothing() -> None:
    items = kept({"type": "reasoning", "summary": []}, {"role": "user", "content": "Hi"})
    assert conversation(items) == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("items", "open_call", "loose_output"),
    [
        ([call("a"), output("a")], None, None),
        ([call("a"), call("b"), output("b")], "a", None),
        ([output("a"), call("a")], "a", "a"),
        ([{"role": "user", "content": "Hi"}], None, None),
    ],
)
def test_calls_and_outputs_belong_together(
    items: list[dict[str, Any]], open_call: str | None, loose_output: str | None
) -> None:
    assert call_without_output(kept(*items)) == open_call
    assert output_without_call(kept(*items)) == loose_output


def test_json_is_looked_for_in_messages() -> None:
    assert says_json(kept({"role": "user", "content": "Answer in JSON."}))
    assert not says_json(kept({"role": "user", "content": "Answer."}, call("c", "json")))


@pytest.mark.parametrize(
    ("item", "kind"),
    [({"role": "user"}, "message"), ({"id": "msg_1"}, "item_reference"), ({"type": "reasoning"}, "reasoning")],
)
def test_an_item_without_a_type_is_told_by_its_keys(item: dict[str, Any], kind: str) -> None:
    assert item_type(item) == kind
