"""What any model answers in, trained or not: the part of the chat route that every server of the API has.

What is said is the model's own affair; nothing here asks for certain words, for time to pass, or for an empty account.

::

    {"id": "chatcmpl-…", "object": "chat.completion", "created", "model", "choices": [{"index": 0, "message": {"role":
     "assistant", "content": "…"}, "finish_reason": "stop"}], "usage": {"prompt_tokens", "completion_tokens", …}}
"""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from mocktune_contract.lab import MODEL, Lab

pytestmark = [pytest.mark.source("SPEC"), pytest.mark.operation("chat.completions.create")]

QUESTION = "How long is a nautical mile?"
REQUEST: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]}


def events_of(text: str) -> list[str]:
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]


def streamed(lab: Lab, **more: Any) -> list[dict[str, Any]]:
    """The chunks of a stream, raw."""
    answer = lab.http.post("/chat/completions", json={**REQUEST, "stream": True, **more})
    assert answer.status_code == 200
    return [json.loads(event) for event in events_of(answer.text) if event != "[DONE]"]


@pytest.mark.shape
def test_a_completion_fits_the_strict_type_of_the_sdk(lab: Lab) -> None:
    answer = lab.http.post("/chat/completions", json=REQUEST)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    TypeAdapter(ChatCompletion).validate_json(answer.content)


@pytest.mark.shape
def test_a_completion_has_an_id_a_time_and_the_model(lab: Lab) -> None:
    answer = lab.http.post("/chat/completions", json=REQUEST).json()
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert isinstance(answer["created"], int)
    assert answer["model"] == MODEL


@pytest.mark.shape
def test_a_completion_is_one_message_of_the_assistant(lab: Lab) -> None:
    (choice,) = lab.http.post("/chat/completions", json=REQUEST).json()["choices"]
    assert (choice["index"], choice["message"]["role"], choice["finish_reason"]) == (0, "assistant", "stop")
    assert choice["message"]["content"]


def test_two_completions_have_two_ids(lab: Lab) -> None:
    assert lab.ask(MODEL, QUESTION).id != lab.ask(MODEL, QUESTION).id


def test_the_usage_adds_up(lab: Lab) -> None:
    usage = lab.ask(MODEL, QUESTION).usage
    assert usage is not None
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.shape
def test_each_chunk_of_a_stream_fits_the_strict_type_of_the_sdk(lab: Lab) -> None:
    chunks = streamed(lab)
    assert chunks
    for chunk in chunks:
        TypeAdapter(ChatCompletionChunk).validate_python(chunk)


@pytest.mark.shape
def test_a_stream_is_server_sent_events_and_ends_with_done(lab: Lab) -> None:
    answer = lab.http.post("/chat/completions", json={**REQUEST, "stream": True})
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert events_of(answer.text)[-1] == "[DONE]"


@pytest.mark.shape
def test_the_chunks_of_a_stream_share_an_id(lab: Lab) -> None:
    chunks = streamed(lab)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_a_stream_begins_with_the_role_and_ends_with_the_reason(lab: Lab) -> None:
    choices = [choice for chunk in streamed(lab) for choice in chunk["choices"]]
    assert choices[0]["delta"]["role"] == "assistant"
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]


def test_a_stream_ends_with_the_usage_where_it_was_asked_for(lab: Lab) -> None:
    """In a chunk of its own, without choices; null on the others."""
    chunks = streamed(lab, stream_options={"include_usage": True})
    assert chunks[-1]["choices"] == [], "the last chunk has choices, and no usage of the whole"
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}


@pytest.mark.source("SDK")
def test_the_sdk_puts_a_stream_together(lab: Lab) -> None:
    with lab.client().chat.completions.create(**REQUEST, stream=True) as stream:
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert said


@pytest.mark.anyio
@pytest.mark.source("SDK")
async def test_the_asynchronous_sdk_puts_a_stream_together(lab: Lab) -> None:
    async with lab.async_client() as client:
        stream = await client.chat.completions.create(**REQUEST, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert said


def test_there_are_as_many_choices_as_were_asked_for(lab: Lab) -> None:
    answer = lab.ask(MODEL, QUESTION, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2], f"n=3 brought {len(answer.choices)} choices"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_ends_at_the_most_tokens_it_may_have(lab: Lab, name: str) -> None:
    """A probe of one token is how clients wait for a model."""
    answer = lab.ask(MODEL, QUESTION, **{name: 1})
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 1, f"{name}=1 was answered with {answer.usage.completion_tokens} tokens"


def test_content_may_come_in_parts(lab: Lab) -> None:
    assert lab.says(MODEL, {"role": "user", "content": [{"type": "text", "text": QUESTION}]})


def test_a_conversation_with_a_system_message_and_a_round_of_tools_is_taken(lab: Lab) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "tide_at", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "tide_at", "parameters": {"type": "object", "properties": {}}}}
    said: Any = [
        {"role": "system", "content": "You are a pilot."},
        {"role": "user", "content": "When is high tide?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "At noon."},
    ]
    answer = lab.client().chat.completions.create(model=MODEL, messages=said, tools=[tool])  # type: ignore[list-item]
    assert answer.choices[0].message.role == "assistant"


@pytest.mark.source("SPEC, SDK")
@pytest.mark.parametrize("missing", ["model", "messages"])
def test_a_request_without_what_it_must_have_is_refused_in_an_envelope(lab: Lab, missing: str) -> None:
    """With status 400, which the SDK raises as ``BadRequestError``, and an error that has all four keys."""
    answer = lab.http.post("/chat/completions", json={name: each for name, each in REQUEST.items() if name != missing})
    assert answer.status_code == 400, f"a request without {missing} was answered with {answer.status_code}"
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.source("OBS")
def test_a_model_that_nobody_knows_is_not_found(lab: Lab) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        lab.ask("no-such-model-of-the-contract", QUESTION)
    assert caught.value.code == "model_not_found"


@pytest.mark.source("OBS")
def test_who_sends_no_key_is_refused(lab: Lab) -> None:
    answer = lab.keyless.post("/chat/completions", json=REQUEST)
    assert answer.status_code == 401, f"a request without a key was answered with {answer.status_code}"
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
