"""What a chat request may not say: parameters that exclude each other, too many tokens, messages out of order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import BadRequestError

from mocktune_contract.lab import MODEL, Lab

pytestmark = [pytest.mark.source("3P"), pytest.mark.operation("chat.completions.create")]

FEW, LONG = "gpt-3.5-turbo-0613", "one two three four " * 2000
CALL = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "tool_calls": [CALL, {**CALL, "id": "call_b"}]}
RESULT = {"role": "tool", "tool_call_id": "call_a", "content": "1"}


def refused(lab: Lab, *messages: Any, model: str = MODEL, **parameters: Any) -> tuple[str, str | None, str | None]:
    with pytest.raises(BadRequestError) as caught:
        lab.ask(model, *(messages or ("Hi",)), **parameters)
    assert caught.value.type == "invalid_request_error"
    body: Any = caught.value.body
    return body["message"], body["param"], body["code"]


@pytest.mark.parametrize(
    ("parameters", "param", "code", "words"),
    [
        (
            {"stream_options": {"include_usage": True}},
            "stream_options",
            None,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ),
        (
            {"top_logprobs": 2},
            "top_logprobs",
            None,
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        ),
        (
            {"max_tokens": 5, "max_completion_tokens": 5},
            "max_tokens",
            "invalid_parameter_combination",
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        ),
        (
            {"max_tokens": 16_385},
            "max_tokens",
            "invalid_value",
            "max_tokens is too large: 16385. This model supports at most 16384 completion tokens, whereas you provided "
            "16385.",
        ),
        (
            {"max_completion_tokens": 200_000},
            "max_tokens",
            "invalid_value",
            "max_tokens is too large: 200000. This model supports at most 16384 completion tokens, whereas you "
            "provided 200000.",
        ),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(
    lab: Lab, parameters: dict[str, Any], param: str, code: str | None, words: str
) -> None:
    """3P: the words of the real service, as people pasted them."""
    assert refused(lab, **parameters) == (words, param, code)


def test_a_prompt_longer_than_the_context_is_refused(lab: Lab) -> None:
    """3P. 8,000 words of a token each, a space, and 7 for the message and the reply."""
    words, param, code = refused(lab, LONG, model=FEW)
    assert words.startswith("This model's maximum context length is 4096 tokens. However, your messages resulted in 80")
    assert words.endswith(" tokens. Please reduce the length of the messages.")
    assert (param, code) == ("messages", "context_length_exceeded")
    tools = [{"type": "function", "function": {"name": "f", "description": "pings"}}]
    words, param, code = refused(lab, LONG, model=FEW, tools=tools)
    assert words.endswith(" in the functions). Please reduce the length of the messages or functions.")
    assert (param, code) == ("messages", "context_length_exceeded")


def test_a_prompt_and_its_answer_have_to_fit_into_the_context_together(lab: Lab) -> None:
    """3P, of a model whose answers may be as long as its context."""
    assert refused(lab, "Hi", model=FEW, max_tokens=4096) == (
        "This model's maximum context length is 4096 tokens. However, you requested 4104 tokens (8 in the messages, "
        "4096 in the completion). Please reduce the length of the messages or completion.",
        "messages",
        "context_length_exceeded",
    )
    assert lab.ask(FEW, "Hi", max_tokens=4088).choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("messages", "param", "words"),
    [
        (
            ["Hi", RESULT],
            "messages.[1].role",
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
            "'tool_calls'.",
        ),
        (
            ["Hi", CALLING, RESULT, "And now?"],
            "messages.[3].role",
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: call_b",
        ),
        (
            ["Hi", CALLING],
            "messages",
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: call_a, call_b",
        ),
        (
            [{"role": "user", "content": None}],
            "messages.[0].content",
            "Invalid value for 'content': expected a string, got null.",
        ),
    ],
)
def test_messages_out_of_order_are_refused(lab: Lab, messages: list[Any], param: str, words: str) -> None:
    """3P: what agents that lose a part of their history meet."""
    assert refused(lab, *messages) == (words, param, None)


@pytest.mark.source("mocktune")
def test_a_whole_round_of_calls_is_in_order(lab: Lab) -> None:
    results = [{**RESULT, "tool_call_id": id} for id in ("call_b", "call_a")]
    assert lab.says(MODEL, "Hi", CALLING, *results, "And now?")
    assert lab.says(MODEL, "Hi", CALLING, *results)
    assert lab.says(MODEL, "Hi", {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}, "So?")


@pytest.mark.parametrize(
    ("asked", "answered"),
    [(None, "default"), ("auto", "default"), ("flex", "flex"), ("fast", "priority"), ("priority", "priority")],
)
def test_the_service_tier_is_the_one_that_served(lab: Lab, asked: str | None, answered: str) -> None:
    """3P."""
    more = {} if asked is None else {"service_tier": asked}
    assert lab.ask(MODEL, "Hi", **more).service_tier == answered
    assert {chunk.service_tier for chunk in lab.ask(MODEL, "Hi", stream=True, **more)} == {answered}


@pytest.mark.source("SDK")
def test_a_stream_is_padded_where_that_is_asked_for(lab: Lab) -> None:
    """SDK ``include_obfuscation``: a field of no meaning, so that lengths tell nothing."""
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    options = {"include_obfuscation": True, "include_usage": True}
    padded = lab.http.post("/chat/completions", json={**asked, "stream_options": options}).text.split("\n\n")[:-2]
    *chunks, usage = [json.loads(line.removeprefix("data: ")) for line in padded]
    assert "obfuscation" not in usage
    assert all(chunk["obfuscation"] for chunk in chunks)
    assert len({len(line) % 16 for line in padded[:-1]}) == 1
    plain = lab.http.post("/chat/completions", json=asked).text
    assert "obfuscation" not in plain


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
def test_loose_servers_let_rules_pass(own_server: Any) -> None:
    lab = own_server(loose=True)
    assert (
        lab.says(MODEL, "Hi")
        == lab.ask(
            MODEL,
            "Hi",
            max_tokens=0,
            max_completion_tokens=0,
            top_logprobs=0,
            tool_choice="sometimes",
            parallel_tool_calls=True,
            stream_options={"include_usage": True},
            service_tier="bogus",
        )
        .choices[0]
        .message.content
    )
