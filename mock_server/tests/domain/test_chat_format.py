"""The supervised chat format, and with it the prompt/completion format: the first defect, in the service's words.

Recorded, contract 3.7:

    row 5  Invalid file format. Example 1 contains an extra "weight".
    row 6  Invalid file format. Example 100, message 2 Discriminator 'role' is missing in value
    row 7  Invalid file format. Example X is missing key 'messages'
    row 8  Invalid file format. Example 6174 message contains an invalid token: <|fim_suffix|>.
    row 9  Unexpected file format, expected either prompt/completion pairs or chat messages.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.formats import check_example, detect
from mocktune.domain.formats.chat import is_trained
from mocktune.domain.formats.defects import Defect

SYSTEM = {"role": "system", "content": "Answer in rhyme."}
USER = {"role": "user", "content": "What is the sea?"}
ASSISTANT = {"role": "assistant", "content": "A blue that asks nothing of me."}
CALL = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": '{"at": "noon"}'}}
CALLING = {"role": "assistant", "tool_calls": [CALL]}
TOOL = {"role": "tool", "tool_call_id": "call_1", "content": "high"}
TIDE = {"type": "function", "function": {"name": "tide", "description": "When.", "parameters": {"type": "object"}}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/sea.png", "detail": "low"}}
TEXT = {"type": "text", "text": "Look."}


def chat(*messages: Any, **top_level: Any) -> dict[str, Any]:
    return {"messages": list(messages), **top_level}


def check(example: object, number: int = 3) -> Defect | None:
    return check_example("chat", example, number)


def detail_of(example: object, number: int = 3) -> str:
    defect = check(example, number)
    assert defect is not None
    assert defect.line == number
    return defect.detail


@pytest.mark.parametrize(
    "example",
    [
        chat(SYSTEM, USER, ASSISTANT),
        chat(ASSISTANT),
        chat({"role": "developer", "content": "Be brief."}, USER, ASSISTANT),
        chat(USER, {**ASSISTANT, "weight": 0}, USER, {**ASSISTANT, "weight": 1}),
        chat({**USER, "name": "ada"}, {**ASSISTANT, "name": "bot", "refusal": None}),
        chat({"role": "user", "content": [TEXT, IMAGE]}, ASSISTANT),
        chat({"role": "system", "content": [TEXT]}, USER, {"role": "assistant", "content": [TEXT]}),
        chat(USER, CALLING, tools=[TIDE], parallel_tool_calls=False),
        chat(USER, {**CALLING, "content": None}, TOOL, ASSISTANT, tools=[TIDE]),
        chat(USER, {"role": "assistant", "tool_calls": [CALL, {**CALL, "id": "call_2"}]}, TOOL,
             {**TOOL, "tool_call_id": "call_2"}, ASSISTANT),
        chat(USER, {"role": "assistant", "function_call": CALL["function"]},
             {"role": "function", "name": "tide", "content": "high"}, ASSISTANT, functions=[TIDE["function"]]),
        chat(USER, {"role": "assistant", "content": "a <| b, <|not_special|>"}),
    ],
)  # fmt: skip
def test_what_the_guide_allows_is_accepted(example: dict[str, Any]) -> None:
    assert check(example) is None


def test_an_extra_top_level_key_is_told_in_the_recorded_words() -> None:
    defect = check(chat(SYSTEM, USER, ASSISTANT, weight=1), 1)
    assert defect == Defect("extra_key", 'Invalid file format. Example 1 contains an extra "weight".', 1)
    assert defect.message_for("training") == (
        "The job failed due to a file format error in the training file. "
        'Invalid file format. Example 1 contains an extra "weight".'
    )
    assert defect.code_for("training") == "invalid_file_format"


def test_of_several_extra_keys_only_the_first_is_named() -> None:
    assert detail_of(chat(USER, ASSISTANT, id=7, source="web")) == (
        'Invalid file format. Example 3 contains an extra "id".'
    )


def test_a_message_without_role_is_told_in_the_recorded_words() -> None:
    defect = check(chat(SYSTEM, {"content": "What is the sea?"}, ASSISTANT), 100)
    assert defect is not None
    assert defect.message_for("training") == (
        "The job failed due to an invalid training file. "
        "Invalid file format. Example 100, message 2 Discriminator 'role' is missing in value"
    )
    assert defect.code_for("training") == "invalid_training_file"
    assert defect.code_for("validation") == "invalid_validation_file"


def test_missing_messages_are_told_in_the_recorded_words() -> None:
    assert check({}) == Defect("missing_messages", "Invalid file format. Example 3 is missing key 'messages'", 3)


TOKENS = ("endoftext", "fim_prefix", "fim_middle", "fim_suffix", "endofprompt", "im_start", "im_end", "im_sep")


@pytest.mark.parametrize("name", TOKENS)
def test_a_special_token_is_told_in_the_recorded_words(name: str) -> None:
    example = chat(SYSTEM, {"role": "user", "content": f"a <| b <|{name}|> c"}, ASSISTANT)
    said = f"Invalid file format. Example 6174 message contains an invalid token: <|{name}|>."
    assert check(example, 6174) == Defect("special_token", said, 6174)


@pytest.mark.parametrize(
    "example",
    [
        chat({"role": "user", "content": [TEXT, {"type": "text", "text": "<|endoftext|>"}]}, ASSISTANT),
        chat(USER, CALLING, {**TOOL, "content": "<|endoftext|>"}, ASSISTANT),
        chat(USER, {**CALLING, "tool_calls": [{**CALL, "function": {"name": "tide", "arguments": "<|endoftext|>"}}]}),
        chat(USER, {"role": "assistant", "function_call": {"name": "tide", "arguments": "<|endoftext|>"}}),
        chat(USER, {**ASSISTANT, "content": "<|endoftext|>", "weight": 1}),
    ],
)
def test_special_tokens_are_found_wherever_a_message_has_text(example: dict[str, Any]) -> None:
    assert "message contains an invalid token: <|endoftext|>." in detail_of(example)


OF_MESSAGES = [
    ("an unknown role", {"role": "human", "content": "hi"}, "No match for discriminator 'role' and value 'human' "
     "(allowed values: 'system', 'user', 'assistant', 'tool', 'function', 'developer')"),
    ("a null role", {"role": None, "content": "hi"}, "No match for discriminator 'role' and value null "
     "(allowed values: 'system', 'user', 'assistant', 'tool', 'function', 'developer')"),
    ("no object", "hi", "is not an object."),
    ("an extra key", {**USER, "id": 1}, 'contains an extra "id".'),
    ("tool calls of a user", {**USER, "tool_calls": [CALL]}, 'contains an extra "tool_calls".'),
    ("a weight of a user", {**USER, "weight": 1}, "has a 'weight', which only assistant messages may have "
     "(role 'user')."),
    ("weight 2", {**ASSISTANT, "weight": 2}, "'weight' must be 0 or 1."),
    ("weight 1.0", {**ASSISTANT, "weight": 1.0}, "'weight' must be 0 or 1."),
    ("weight true", {**ASSISTANT, "weight": True}, "'weight' must be 0 or 1."),
    ("weight null", {**ASSISTANT, "weight": None}, "'weight' must be 0 or 1."),
    ("a name that is no string", {**USER, "name": 7}, "'name' must be a string, not a number."),
    ("no content", {"role": "user"}, "is missing key 'content'"),
    ("no content of an assistant", {"role": "assistant"}, "is missing key 'content'"),
    ("null content", {"role": "user", "content": None}, "'content' must be a string, not null."),
    ("null content of an assistant", {"role": "assistant", "content": None}, "'content' must be a string, not null."),
    ("content that is a number", {"role": "user", "content": 7}, "'content' must be a string or a list of parts, "
     "not a number."),
    ("content that is an object", {"role": "assistant", "content": {}},
     "'content' must be a string or a list of parts, not an object."),
    ("no parts", {"role": "user", "content": []}, "'content' is an empty list."),
    ("a part that is a string", {"role": "user", "content": [TEXT, "hi"]},
     "part 2 must be an object of type 'text' or 'image_url'."),
    ("a part of unknown type", {"role": "user", "content": [{"type": "input_audio"}]},
     "part 1 must be an object of type 'text' or 'image_url'."),
    ("a part without text", {"role": "user", "content": [{"type": "text"}]}, "part 1 has no string 'text'."),
    ("an image without URL", {"role": "user", "content": [{"type": "image_url", "image_url": "x"}]},
     "part 1 has no string 'image_url.url'."),
    ("an image of an assistant", {"role": "assistant", "content": [IMAGE]},
     "part 1: only user messages may have images (role 'assistant')."),
    ("tool calls that are no list", {"role": "assistant", "tool_calls": CALL}, "'tool_calls' must be a list, "
     "not an object."),
    ("no tool calls", {**ASSISTANT, "tool_calls": []}, "'tool_calls' is empty."),
    ("a tool call without id", {"role": "assistant", "tool_calls": [{**CALL, "id": 1}]},
     "tool call 1 has no string 'id'."),
    ("a tool call of another type", {"role": "assistant", "tool_calls": [CALL, {**CALL, "type": "custom"}]},
     "tool call 2 must have type 'function'."),
    ("a tool call without function", {"role": "assistant", "tool_calls": [{"id": "1", "type": "function"}]},
     "tool call 1: 'function' must be an object, not null."),
    ("arguments that are an object", {"role": "assistant", "function_call": {"name": "tide", "arguments": {}}},
     "'function_call' has no string 'arguments'."),
    ("a tool message without id", {"role": "tool", "content": "high"}, "is missing key 'tool_call_id'"),
    ("a tool message before its call", TOOL, "follows no assistant message with the tool call 'call_1'."),
    ("a function message without name", {"role": "function", "content": "high"}, "is missing key 'name'"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "said"), [case[1:] for case in OF_MESSAGES], ids=[case[0] for case in OF_MESSAGES])
def test_a_message_defect_names_example_and_message(message: object, said: str) -> None:
    defect = check(chat(USER, message, ASSISTANT))
    assert defect == Defect("bad_message", f"Invalid file format. Example 3, message 2 {said}", 3)


def test_a_tool_message_answers_only_the_assistant_message_it_follows() -> None:
    assert check(chat(USER, CALLING, TOOL, ASSISTANT)) is None
    assert "message 4 follows no assistant message" in detail_of(chat(USER, CALLING, USER, TOOL, ASSISTANT))
    other = {**TOOL, "tool_call_id": "call_2"}
    assert "message 3 follows no assistant message" in detail_of(chat(USER, CALLING, other, ASSISTANT))


OF_EXAMPLES = [
    ("no messages", chat(), " has no messages."),
    ("messages that are no list", {"messages": "hi"}, " 'messages' must be a list, not a string."),
    ("no assistant", chat(SYSTEM, USER), " has no assistant message."),
    ("a user at the end", chat(USER, ASSISTANT, USER), ": the last message must be from the assistant."),
    ("nothing to learn", chat(USER, {**ASSISTANT, "weight": 0}),
     " has nothing to learn: every assistant message has weight 0."),
    ("tools that are no list", chat(ASSISTANT, tools={}), " 'tools' must be a list, not an object."),
    ("a tool without name", chat(ASSISTANT, tools=[TIDE, {"type": "function", "function": {}}]),
     ': entry 2 of \'tools\' is not a {"type": "function", "function": {"name": ...}} object.'),
    ("a tool of no type", chat(ASSISTANT, tools=[{"function": {"name": "tide"}}]),
     ': entry 1 of \'tools\' is not a {"type": "function", "function": {"name": ...}} object.'),
    ("a tool in place of a function", chat(ASSISTANT, functions=[TIDE]),
     ': entry 1 of \'functions\' is not a {"name": ...} object.'),
    ("parallel_tool_calls that is text", chat(ASSISTANT, parallel_tool_calls="false"),
     " 'parallel_tool_calls' must be a boolean, not a string."),
]  # fmt: skip


@pytest.mark.parametrize(("example", "said"), [case[1:] for case in OF_EXAMPLES], ids=[case[0] for case in OF_EXAMPLES])
def test_a_defect_of_the_whole_example_names_the_example(example: object, said: str) -> None:
    assert check(example) == Defect("bad_message", f"Invalid file format. Example 3{said}", 3)


def test_what_is_no_object_is_a_defect_of_its_own() -> None:
    assert check([1, 2]) == Defect("not_json", "Invalid file format. Example 3 is not an object.", 3)


def test_the_first_defect_by_message_wins() -> None:
    said = detail_of(chat(USER, {"role": "user", "content": "<|im_end|>"}, {"role": "human", "content": ""}))
    assert "invalid token: <|im_end|>" in said


def test_a_message_shows_little_of_a_long_value() -> None:
    assert len(detail_of(chat(USER, ASSISTANT, **{"k" * 1_000_000: 1}))) < 200
    assert len(detail_of(chat({"role": "r" * 1_000_000, "content": ""}, ASSISTANT))) < 300


def test_every_assistant_message_is_learned_unless_its_weight_is_zero() -> None:
    assert [is_trained({**ASSISTANT, **weight}) for weight in ({"weight": 0}, {}, {"weight": 1})] == [False, True, True]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.just(1.0) | st.sampled_from(["user", "assistant", "tool", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "id", "name"]), inner),
    max_leaves=6,
)
MESSAGE_KEYS = ("role", "content", "weight", "tool_calls", "function_call", "tool_call_id", "name")


@given(st.lists(st.dictionaries(st.sampled_from(MESSAGE_KEYS), JSON) | JSON, max_size=4), JSON)
def test_no_shape_of_json_makes_the_check_fail_itself(messages: list[Any], tools: Any) -> None:
    for example in (chat(*messages, ASSISTANT), chat(ASSISTANT, tools=tools), chat(ASSISTANT, functions=tools)):
        defect = check(example)
        assert defect is None or defect.detail.startswith("Invalid file format. Example 3")


def test_the_first_example_decides_the_format() -> None:
    assert detect(chat()) == "chat"
    assert detect({"prompt": "a"}) == "prompt_completion"
    assert detect({"completion": "a"}) == "prompt_completion"
    assert detect({"text": "a"}) == "unknown"
    assert detect([]) == "unknown"


def test_a_file_of_neither_format_is_told_in_the_recorded_words() -> None:
    defect = check_example("unknown", {"text": "a"}, 1)
    assert defect is not None
    assert defect.message_for("training") == (
        "The job failed due to an invalid training file. "
        "Unexpected file format, expected either prompt/completion pairs or chat messages."
    )


@pytest.mark.parametrize(
    ("example", "kind", "said"),
    [
        ({"prompt": "a"}, "missing_messages", " is missing key 'completion'"),
        ({"completion": "a"}, "missing_messages", " is missing key 'prompt'"),
        ({"prompt": "a", "completion": " b", "id": 1}, "extra_key", ' contains an extra "id".'),
        ({"prompt": 1, "completion": " b"}, "bad_message", " 'prompt' must be a string, not a number."),
        ({"prompt": "a", "completion": None}, "bad_message", " 'completion' must be a string, not null."),
        ({"prompt": "a", "completion": ""}, "bad_message", " has nothing to learn: its completion is empty."),
        ({"prompt": "a", "completion": "<|endoftext|>"}, "special_token",
         " completion contains an invalid token: <|endoftext|>."),
        ("a", "not_json", " is not an object."),
    ],
)  # fmt: skip
def test_a_prompt_and_completion_defect_is_told_like_one_of_a_chat(example: object, kind: str, said: str) -> None:
    assert check_example("prompt_completion", example, 9) == Defect(kind, f"Invalid file format. Example 9{said}", 9)


def test_a_pair_of_prompt_and_completion_is_accepted() -> None:
    assert check_example("prompt_completion", {"prompt": "", "completion": " b"}, 1) is None
