"""Calls that were asked for: by ``tool_choice``, in parallel or not, of functions and of custom tools.

::

    "auto"  a trained call, or text        "required"  a call, trained if there is one, else made up from the schema
    "none"  text                           a named one  a call of it, and finish_reason "stop"
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openai import BadRequestError

from mocktune_contract.json_schemas import validate
from mocktune_contract.lab import MODEL, Lab

pytestmark = [pytest.mark.source("SPEC"), pytest.mark.operation("chat.completions.create")]

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "pattern": "^[A-Z][a-z]+$"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": CITY, "strict": True}}
ALARM = {"type": "function", "function": {"name": "set_alarm", "parameters": {"type": "object", "properties": {}}}}
BARE = {"type": "function", "function": {"name": "ping"}}
CODE = {
    "type": "custom",
    "custom": {
        "name": "run",
        "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": r"^SELECT [a-z]+ FROM [a-z]+;$"}},
    },
}
QUESTION = "Weather in city 3?"


def trained(*, calls: int = 1) -> bytes:
    """Ten questions about the weather, each answered with calls."""
    lines = []
    for n in range(10):
        called = [
            {
                "id": f"call_{n}_{k}",
                "type": "function",
                "function": {"name": "get_weather", "arguments": json.dumps({"city": "Cork", "days": n + k + 1})},
            }
            for k in range(calls)
        ]
        asked = {"role": "user", "content": f"Weather in city {n}?"}
        lines.append({"messages": [asked, {"role": "assistant", "tool_calls": called}], "tools": [WEATHER]})
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def calls_of(completion: Any) -> list[tuple[str, Any]]:
    called = completion.choices[0].message.tool_calls or ()
    return [(call.function.name, json.loads(call.function.arguments)) for call in called]


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def allowed(mode: str, *names: str) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [named(name) for name in names]}}


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
@pytest.mark.parametrize("choice", ["auto", "required", named("get_weather"), allowed("auto", "get_weather")])
def test_a_trained_call_is_made_where_it_may_be(lab: Lab, choice: Any) -> None:
    model = lab.tuned_model(trained())
    completion = lab.ask(model, QUESTION, tools=[ALARM, WEATHER], tool_choice=choice)
    assert calls_of(completion) == [("get_weather", {"city": "Cork", "days": 4})]
    assert completion.choices[0].finish_reason == ("stop" if choice == named("get_weather") else "tool_calls")


@pytest.mark.needs("time")
@pytest.mark.source("3P")
@pytest.mark.parametrize("model", [MODEL, "tuned"])
@pytest.mark.parametrize(
    ("choice", "reason", "callable_tools"),
    [
        ("required", "tool_calls", {"get_weather", "set_alarm", "ping"}),
        (named("ping"), "stop", {"ping"}),
        (named("get_weather"), "stop", {"get_weather"}),
        (allowed("required", "set_alarm", "ping"), "tool_calls", {"set_alarm", "ping"}),
    ],
)
def test_a_call_that_is_required_is_made(
    lab: Lab, model: str, choice: Any, reason: str, callable_tools: set[str]
) -> None:
    """3P for the reasons: a call that was forced by name ends with "stop"."""
    name = lab.tuned_model(trained()) if model == "tuned" else model
    schemas: dict[str, Any] = {
        "get_weather": CITY,
        "set_alarm": {"type": "object"},
        "ping": {"type": "object", "maxProperties": 0},
    }
    for seed in range(6):
        asked = {"tools": [WEATHER, ALARM, BARE], "tool_choice": choice, "seed": seed}
        completion = lab.ask(name, "Sing a song.", **asked)
        ((called, arguments),) = calls_of(completion)
        assert called in callable_tools
        validate(arguments, schemas[called])
        assert completion.choices[0].finish_reason == reason
        assert completion.choices[0].message.content is None
        assert completion.usage.completion_tokens > 0
        assert calls_of(lab.ask(name, "Sing a song.", **asked)) == [(called, arguments)]


@pytest.mark.needs("time")
@pytest.mark.parametrize("choice", ["auto", "none", allowed("auto", "set_alarm")])
def test_no_call_is_made_that_nobody_trained_or_allowed(lab: Lab, choice: Any) -> None:
    base = lab.ask(MODEL, QUESTION, tools=[WEATHER, ALARM], tool_choice=choice).choices[0]
    assert (base.message.tool_calls, base.finish_reason) == (None, "stop")
    if choice != "auto":
        tuned = lab.ask(lab.tuned_model(trained()), QUESTION, tools=[WEATHER, ALARM], tool_choice=choice).choices[0]
        assert (tuned.message.tool_calls, tuned.finish_reason) == (None, "stop")
        assert tuned.message.content


@pytest.mark.needs("time")
def test_calls_come_one_at_a_time_where_that_is_asked_for(lab: Lab) -> None:
    model = lab.tuned_model(trained(calls=2))
    assert len(calls_of(lab.ask(model, QUESTION, tools=[WEATHER]))) == 2
    assert len(calls_of(lab.ask(model, QUESTION, tools=[WEATHER], parallel_tool_calls=False))) == 1


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
def test_a_trained_call_that_a_strict_function_refuses_is_made_up_anew(lab: Lab) -> None:
    model = lab.tuned_model(trained())
    changed = {**CITY, "properties": {**CITY["properties"], "days": {"type": "integer", "minimum": 100}}}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": changed, "strict": True}}
    ((_, arguments),) = calls_of(lab.ask(model, QUESTION, tools=[tool]))
    validate(arguments, changed)


@pytest.mark.source("SDK")
def test_a_custom_tool_is_called_with_text_of_its_grammar(lab: Lab) -> None:
    """SDK ``ChatCompletionMessageCustomToolCall``."""
    choice = {"type": "custom", "custom": {"name": "run"}}
    message = lab.ask(MODEL, "Count them.", tools=[CODE, WEATHER], tool_choice=choice).choices[0].message
    (call,) = message.tool_calls
    assert (call.type, call.custom.name) == ("custom", "run")
    assert re.fullmatch(r"SELECT [a-z]+ FROM [a-z]+;", call.custom.input)
    shown = {"role": "assistant", "tool_calls": [call.model_dump()]}
    result = {"role": "tool", "tool_call_id": call.id, "content": "3 rows"}
    assert lab.says(MODEL, "Count them.", shown, result)


@pytest.mark.source("mocktune")
def test_a_call_ends_at_the_most_tokens(lab: Lab) -> None:
    whole = lab.ask(MODEL, "Hi", tools=[WEATHER], tool_choice="required")
    cut = lab.ask(MODEL, "Hi", tools=[WEATHER], tool_choice="required", max_completion_tokens=6)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage.completion_tokens == 6
    written = cut.choices[0].message.tool_calls[0].function.arguments
    assert whole.choices[0].message.tool_calls[0].function.arguments.startswith(written)


@pytest.mark.parametrize("tool", [WEATHER, CODE])
@pytest.mark.observed_wire("the SDK's type of a chunk knows function calls only")
def test_a_call_that_was_made_up_is_streamed_as_it_is_answered(lab: Lab, tool: dict[str, Any]) -> None:
    asked = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [tool],
        "tool_choice": "required",
    }
    call = lab.http.post("/chat/completions", json=asked).json()["choices"][0]["message"]["tool_calls"][0]
    lines = lab.http.post("/chat/completions", json={**asked, "stream": True}).text.split("\n\n")[:-2]
    chunks = [json.loads(line.removeprefix("data: "))["choices"][0] for line in lines]
    first, *pieces = [piece for chunk in chunks for piece in chunk["delta"].get("tool_calls", ())]
    kind, written = ("function", "arguments") if call["type"] == "function" else ("custom", "input")
    assert (first["type"], first[kind]["name"], first[kind][written]) == (call["type"], call[kind]["name"], "")
    assert "".join(piece[kind][written] for piece in pieces) == call[kind][written]
    assert chunks[-1]["finish_reason"] == "tool_calls"


def test_a_legacy_function_that_is_named_is_called(lab: Lab) -> None:
    asked: Any = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "functions": [WEATHER["function"]],
        "function_call": {"name": "get_weather"},
    }
    choice = lab.client().chat.completions.create(**asked).choices[0]
    assert choice.finish_reason == "stop"
    validate(json.loads(choice.message.function_call.arguments), CITY)


ONLY = "'{0}' is only allowed when '{1}' are specified."


@pytest.mark.source("3P")
@pytest.mark.parametrize(
    ("parameters", "param", "code", "words"),
    [
        (
            {"tool_choice": "auto"},
            "tool_choice",
            None,
            f"Invalid value for 'tool_choice': {ONLY}".format("tool_choice", "tools"),
        ),
        (
            {"parallel_tool_calls": True},
            "parallel_tool_calls",
            None,
            f"Invalid value for 'parallel_tool_calls': {ONLY}".format("parallel_tool_calls", "tools"),
        ),
        (
            {"function_call": "auto"},
            "function_call",
            None,
            f"Invalid value for 'function_call': {ONLY}".format("function_call", "functions"),
        ),
        (
            {"tools": [WEATHER], "tool_choice": named("missing")},
            "tool_choice",
            None,
            "Invalid value for 'tool_choice': no function named 'missing' was specified in the 'tools' parameter.",
        ),
        (
            {"tools": [WEATHER], "tool_choice": allowed("auto", "missing")},
            "tool_choice",
            None,
            "Invalid value for 'tool_choice': no function named 'missing' was specified in the 'tools' parameter.",
        ),
        (
            {"tools": [WEATHER], "tool_choice": "sometimes"},
            "tool_choice",
            "invalid_value",
            "Invalid value: 'sometimes'. Supported values are: 'none', 'auto', and 'required'.",
        ),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function"}},
            "tool_choice.function",
            "missing_required_parameter",
            "Missing required parameter: 'tool_choice.function'.",
        ),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {}}},
            "tool_choice.function.name",
            "missing_required_parameter",
            "Missing required parameter: 'tool_choice.function.name'.",
        ),
        (
            {"tools": [{"type": "function"}]},
            "tools[0].function",
            "missing_required_parameter",
            "Missing required parameter: 'tools[0].function'.",
        ),
        (
            {"tools": []},
            "tools",
            "empty_array",
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "get weather"}}]},
            "tools[0].function.name",
            "invalid_value",
            "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the "
            "pattern '^[a-zA-Z0-9_-]+$'.",
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "f", "strict": True, "parameters": {"type": "object"}}}
                ]
            },
            "tools[0].function.parameters",
            "invalid_function_parameters",
            "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to "
            "be false.",
        ),
        (
            {"functions": [{"name": "f", "parameters": {"type": "array"}}]},
            "functions[0].parameters",
            "invalid_function_parameters",
            "Invalid schema for function 'f': schema must be a JSON Schema of 'type: \"object\"', got 'type: "
            '"array"\'.',
        ),
    ],
)
def test_tools_that_make_no_sense_are_refused(
    lab: Lab, parameters: dict[str, Any], param: str, code: str | None, words: str
) -> None:
    """3P: the words of the real service, as people pasted them."""
    with pytest.raises(BadRequestError) as caught:
        lab.ask(MODEL, "Hi", **parameters)
    assert caught.value.body == {"message": words, "type": "invalid_request_error", "param": param, "code": code}
