"""``response_format``: JSON objects, and JSON that conforms to a schema; log probabilities of what is said.

::

    {"type": "json_object"}                                    always an object
    {"type": "json_schema", "json_schema": {"name", "schema", "strict"}}   the trained answer if it conforms, else one
                                                               made up from the schema, by seed
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import BadRequestError

from mocktune_contract.json_schemas import validate
from mocktune_contract.lab import MODEL, Lab, chat_file, training_file

pytestmark = [pytest.mark.source("SPEC"), pytest.mark.operation("chat.completions.create")]

PLAIN = training_file("valid/plain.jsonl")
QUESTION, ANSWER = "How long is a nautical mile?", "1,852 metres, every one of them wet."
MOOD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["glad", "sad"]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "because": {"anyOf": [{"$ref": "#/$defs/reason"}, {"type": "null"}]},
    },
    "required": ["mood", "score", "because"],
    "additionalProperties": False,
    "$defs": {
        "reason": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "since": {"type": "string", "format": "date"},
                "deeper": {"anyOf": [{"$ref": "#/$defs/reason"}, {"type": "null"}]},
            },
            "required": ["text", "since", "deeper"],
            "additionalProperties": False,
        }
    },
}
TRAINED = {"mood": "glad", "score": 0.9, "because": None}
MOODS = chat_file(*((f"How is {n}?", json.dumps(TRAINED)) for n in range(10)))


def schema_format(schema: Any = MOOD, *, name: str = "mood", strict: bool = True) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


# -- JSON --------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.parametrize("model", [MODEL, "tuned"])
@pytest.mark.parametrize("strict", [True, False])
def test_an_answer_conforms_to_its_schema(lab: Lab, model: str, strict: bool) -> None:
    name = lab.tuned_model(PLAIN) if model == "tuned" else model
    said = set()
    for seed in range(8):
        asked = {"response_format": schema_format(strict=strict), "seed": seed}
        (choice,) = lab.ask(name, QUESTION, **asked).choices
        validate(json.loads(choice.message.content), MOOD)
        assert choice.finish_reason == "stop"
        assert lab.ask(name, QUESTION, **asked).choices[0].message.content == choice.message.content
        said.add(choice.message.content)
    assert len(said) > 1


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
def test_a_trained_answer_that_conforms_is_said_as_it_is(lab: Lab) -> None:
    model = lab.tuned_model(MOODS)
    assert lab.ask(model, "How is 3?", response_format=schema_format()).choices[0].message.content == json.dumps(
        TRAINED
    )
    other = {**MOOD, "properties": {**MOOD["properties"], "score": {"type": "integer"}}}
    made_up = lab.ask(model, "How is 3?", response_format=schema_format(other)).choices[0].message.content
    validate(json.loads(made_up), other)


@pytest.mark.shape
def test_the_sdk_parses_an_answer_into_a_model(lab: Lab) -> None:
    from pydantic import BaseModel

    class Step(BaseModel):
        explanation: str
        output: str

    class Solution(BaseModel):
        steps: list[Step]
        final_answer: str

    completion = lab.client().chat.completions.parse(
        model=MODEL, messages=[{"role": "user", "content": "Solve 8x + 31 = 2"}], response_format=Solution
    )
    assert isinstance(completion.choices[0].message.parsed, Solution)


@pytest.mark.needs("time")
def test_json_mode_always_answers_an_object(lab: Lab) -> None:
    model = lab.tuned_model(MOODS)
    asked = {"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": "How is 3?"}
    said = lab.ask(model, *asked, response_format={"type": "json_object"}).choices[0].message.content
    assert said == json.dumps(TRAINED)
    base = lab.ask(MODEL, *asked, response_format={"type": "json_object"}).choices[0].message.content
    assert isinstance(json.loads(base), dict)


def test_json_ends_at_the_most_tokens_like_any_answer(lab: Lab) -> None:
    """SPEC: JSON may then be cut off in its midst."""
    completion = lab.ask(MODEL, QUESTION, response_format=schema_format(), max_completion_tokens=3)
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 3
    with pytest.raises(json.JSONDecodeError):
        json.loads(completion.choices[0].message.content)


REQUIRED = "'required' is required to be supplied and to be an array including every key in properties."
OBJECT: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def with_member(schema: Any) -> dict[str, Any]:
    return {**OBJECT, "properties": {"a": schema}, "required": ["a"]}


@pytest.mark.source("3P")
@pytest.mark.parametrize(
    ("schema", "defect"),
    [
        (
            {"type": "array", "items": OBJECT},
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'.",
        ),
        ({"anyOf": [OBJECT]}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."),
        (
            {"type": "object", "properties": {}},
            "In context=(), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (
            with_member({"type": "object"}),
            "In context=('properties', 'a'), 'additionalProperties' is required to be supplied and to be false.",
        ),
        (
            {**OBJECT, "properties": {"id": {"type": "string"}}},
            f"In context=(), {REQUIRED} Missing 'id'.",
        ),
        (
            {**OBJECT, "required": ["id"]},
            f"In context=(), {REQUIRED} Extra required key 'id' supplied.",
        ),
        (with_member({"oneOf": []}), "In context=('properties', 'a'), 'oneOf' is not permitted."),
        (
            with_member({"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
            "In context=('properties', 'a'), 'uniqueItems' is not permitted.",
        ),
        (with_member({"const": "x"}), "In context=('properties', 'a'), schema must have a 'type' key."),
        (with_member({"type": "array"}), "In context=('properties', 'a'), array schema missing items."),
        (
            with_member({"type": "array", "items": {"description": "anything"}}),
            "In context=('properties', 'a', 'items'), schema must have a 'type' key.",
        ),
        (
            with_member({"$ref": "#/$defs/b"}),
            "In context=('properties', 'a'), reference to component '#/$defs/b' which was not found in the schema.",
        ),
    ],
)
def test_a_schema_that_strict_mode_refuses_is_named_with_its_defect(lab: Lab, schema: Any, defect: str) -> None:
    """3P: the words of the real service, as people pasted them."""
    with pytest.raises(BadRequestError) as caught:
        lab.ask(MODEL, QUESTION, response_format=schema_format(schema))
    assert caught.value.body == {
        "message": f"Invalid schema for response_format 'mood': {defect}",
        "type": "invalid_request_error",
        "param": "response_format",
        "code": None,
    }


def test_what_strict_mode_refuses_is_answered_without_it(lab: Lab) -> None:
    schema = {"type": "object", "properties": {"a": {"oneOf": [{"const": 1}, {"type": "string"}]}}, "required": ["a"]}
    (choice,) = lab.ask(MODEL, QUESTION, response_format=schema_format(schema, strict=False)).choices
    validate(json.loads(choice.message.content), schema)


@pytest.mark.parametrize(
    ("format", "param", "code", "words"),
    [
        (
            {"type": "json_object"},
            "messages",
            None,
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        ),
        (
            {"type": "json_schema"},
            "response_format.json_schema",
            "missing_required_parameter",
            "Missing required parameter: 'response_format.json_schema'.",
        ),
        (
            {"type": "json_schema", "json_schema": {}},
            "response_format.json_schema.name",
            "missing_required_parameter",
            "Missing required parameter: 'response_format.json_schema.name'.",
        ),
        (
            {"type": "xml"},
            "response_format.type",
            "invalid_value",
            "Invalid value: 'xml'. Supported values are: 'json_object', 'json_schema', and 'text'.",
        ),
        (
            schema_format(name="my mood"),
            "response_format.json_schema.name",
            "invalid_value",
            "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that matches "
            "the pattern '^[a-zA-Z0-9_-]+$'.",
        ),
    ],
)
def test_a_format_that_makes_no_sense_is_refused(
    lab: Lab, format: dict[str, Any], param: str, code: str | None, words: str
) -> None:
    with pytest.raises(BadRequestError) as caught:
        lab.ask(MODEL, "Hello", response_format=format)
    assert caught.value.body == {"message": words, "type": "invalid_request_error", "param": param, "code": code}


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
def test_a_schema_that_nothing_conforms_to_is_refused_in_our_own_words(lab: Lab) -> None:
    schema = with_member({"type": "integer", "minimum": 3, "maximum": 2})
    with pytest.raises(BadRequestError, match=r"mocktune cannot make an answer .* no number was found") as caught:
        lab.ask(MODEL, QUESTION, response_format=schema_format(schema))
    assert caught.value.code == "unsupported_schema"


# -- log probabilities -------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("SDK")
@pytest.mark.parametrize("top", [0, 3, 20])
def test_each_token_has_its_log_probability(lab: Lab, top: int) -> None:
    """SDK ``ChatCompletionTokenLogprob``: real tokens, made up numbers."""
    model = lab.tuned_model(PLAIN)
    completion = lab.ask(model, QUESTION, logprobs=True, top_logprobs=top)
    tokens = completion.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == ANSWER
    assert len(tokens) == completion.usage.completion_tokens
    assert [token.token for token in tokens[:4]] == ["1", ",", "852", " metres"]
    for token in tokens:
        assert bytes(token.bytes).decode() == token.token
        assert token.logprob < 0
        assert len(token.top_logprobs) == top
        likeliest = [each.logprob for each in token.top_logprobs]
        assert likeliest == sorted(likeliest, reverse=True)
        assert len({each.token for each in token.top_logprobs}) == top
        if top:
            assert (token.top_logprobs[0].token, token.top_logprobs[0].logprob) == (token.token, token.logprob)
    again = lab.ask(model, QUESTION, logprobs=True, top_logprobs=top)
    assert again.choices[0].logprobs == completion.choices[0].logprobs


@pytest.mark.needs("time")
def test_a_character_of_several_tokens_has_their_bytes(lab: Lab) -> None:
    model = lab.tuned_model(chat_file(*((f"Brain {n}?", "A 🧠!") for n in range(10))))
    tokens = lab.ask(model, "Brain 3?", logprobs=True).choices[0].logprobs.content
    assert b"".join(bytes(token.bytes) for token in tokens) == "A 🧠!".encode()
    assert len(tokens) == lab.ask(model, "Brain 3?").usage.completion_tokens
    assert any(token.token.startswith("\\x") for token in tokens)
    chunks = list(lab.ask(model, "Brain 3?", logprobs=True, stream=True))
    said = [chunk.choices[0] for chunk in chunks if chunk.choices[0].delta.content]
    assert "".join(each.delta.content for each in said) == "A 🧠!"
    assert [each for chunk in said for each in chunk.logprobs.content] == tokens


def test_a_stream_says_the_same_log_probabilities(lab: Lab) -> None:
    plain = lab.ask(MODEL, QUESTION, logprobs=True, top_logprobs=2).choices[0]
    chunks = [chunk.choices[0] for chunk in lab.ask(MODEL, QUESTION, logprobs=True, top_logprobs=2, stream=True)]
    assert chunks[0].logprobs is None
    assert chunks[-1].logprobs is None
    streamed = [token for chunk in chunks[1:-1] for token in chunk.logprobs.content]
    assert streamed == plain.logprobs.content
    assert "".join(chunk.delta.content or "" for chunk in chunks) == plain.message.content


def test_a_call_has_no_log_probabilities(lab: Lab) -> None:
    tools = [{"type": "function", "function": {"name": "ping"}}]
    assert lab.ask(MODEL, "Hi", tools=tools, tool_choice="required", logprobs=True).choices[0].logprobs is None
    assert lab.ask(MODEL, "Hi").choices[0].logprobs is None


@pytest.mark.needs("time", "mocktune")
@pytest.mark.source("mocktune")
def test_more_log_probabilities_than_anyone_reads_are_refused(lab: Lab) -> None:
    model = lab.tuned_model(chat_file(*((f"Count {n}", " one" * 400) for n in range(10))))
    with pytest.raises(BadRequestError, match="at most 200000 log probabilities"):
        lab.ask(model, "Count 3", logprobs=True, top_logprobs=20, n=128)
