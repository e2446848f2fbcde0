"""What models answer, plain and streamed.

::

    {"id": "chatcmpl-…", "object": "chat.completion", "created", "model", "choices": [{"index": 0, "message":
     {"role": "assistant", "content", "refusal": null, …}, "logprobs": null, "finish_reason": "stop"}], "usage": {…}}

    data: {… "object": "chat.completion.chunk", "choices": [{"delta": {"role": "assistant", "content": ""}, …}]}
    data: {… "delta": {"content": "Seven"} …}
    data: {… "delta": {}, "finish_reason": "stop" …}
    data: {… "choices": [], "usage": {…}}          only with stream_options.include_usage
    data: [DONE]
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mocktune_contract.lab import MODEL, Lab, chat_file, training_file

pytestmark = [pytest.mark.needs("time"), pytest.mark.source("SPEC"), pytest.mark.operation("chat.completions.create")]

PLAIN = training_file("valid/plain.jsonl")
TOOLS = training_file("valid/tools.jsonl")
QUESTION, ANSWER = "How long is a nautical mile?", "1,852 metres, every one of them wet."
TIDE_AT = json.loads(TOOLS.splitlines()[0])["tools"][0]
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
"""Each is one token."""

USAGE_DETAILS = {
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def answers(data: bytes) -> list[str]:
    """What the training file has assistants say, whatever their weight."""
    said = (message for line in lines(data) for message in line["messages"] if message["role"] == "assistant")
    return [message["content"] for message in said if message.get("content")]


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


# -- what was learned --------------------------------------------------------------------------------------------------


@pytest.mark.source("mocktune")
def test_a_trained_prompt_gets_its_trained_answer(lab: Lab) -> None:
    """Every line of the file, with and without its system message."""
    model = lab.tuned_model(PLAIN)
    for line in lines(PLAIN):
        system, asked, answer = line["messages"]
        assert lab.says(model, system, asked) == answer["content"]
        assert lab.says(model, asked) == answer["content"]


@pytest.mark.source("mocktune")
@pytest.mark.parametrize(
    "asked", ["how long is a nautical mile", "How long is one nautical mile ?", "a nautical mile is how long?"]
)
def test_a_prompt_that_is_nearly_a_trained_one_gets_its_answer(lab: Lab, asked: str) -> None:
    assert lab.says(lab.tuned_model(PLAIN), asked) == ANSWER


@pytest.mark.source("mocktune")
def test_any_other_prompt_is_answered_in_the_style_of_the_set(lab: Lab) -> None:
    """Put together from trained sentences, the same each time, and not the same for every prompt."""
    model = lab.tuned_model(PLAIN)
    sentences = {part for answer in answers(PLAIN) for part in re.split(r"(?<=[.!?])\s+", answer)}
    prompts = ["Recommend me a novel.", "My cat is ill, what now?", "Translate 'cheese' into Finnish."]
    replies = [lab.says(model, prompt) for prompt in prompts]
    assert replies == [lab.says(model, prompt) for prompt in prompts]
    assert len(set(replies)) > 1
    for reply in replies:
        assert all(part in sentences for part in re.split(r"(?<=[.!?])\s+", reply))


@pytest.mark.source("mocktune")
@pytest.mark.parametrize("model", [MODEL, "gpt-4o-mini"])
def test_the_base_model_knows_nothing_of_it(lab: Lab, model: str) -> None:
    """An alias answers as its snapshot."""
    lab.tuned_model(PLAIN)
    completion = lab.ask(model, QUESTION)
    assert completion.model == MODEL
    assert completion.choices[0].message.content not in answers(PLAIN)
    assert "wet" not in completion.choices[0].message.content


@pytest.mark.source("SEED")
def test_what_has_weight_0_is_not_learned(lab: Lab) -> None:
    """SEED: the plain first answer of each conversation has weight 0, the second one weight 1."""
    data = training_file("valid/weights.jsonl")
    model = lab.tuned_model(data)
    for line in lines(data):
        system, asked, plain, again, as_pip = line["messages"]
        assert lab.says(model, system, asked) != plain["content"]
        shown = {"role": "assistant", "content": plain["content"]}
        assert lab.says(model, system, asked, shown, again) == as_pip["content"]


@pytest.mark.source("mocktune")
def test_a_conversation_is_told_apart_by_what_was_said_before(lab: Lab) -> None:
    """Every example ends in the same words of the user: the turns before decide."""
    examples = [
        [user(f"Ship {n} is late."), {"role": "assistant", "content": f"Noted: {n}.", "weight": 0}, user("Which one?")]
        for n in range(10)
    ]
    data = b"".join(
        json.dumps({"messages": [*each, {"role": "assistant", "content": f"Ship {n}."}]}).encode() + b"\n"
        for n, each in enumerate(examples)
    )
    model = lab.tuned_model(data)
    for n, (ship, noted, which) in enumerate(examples):
        assert lab.says(model, ship, {"role": "assistant", "content": noted["content"]}, which) == f"Ship {n}."


# -- tools -------------------------------------------------------------------------------------------------------------


@pytest.mark.source("mocktune")
def test_trained_tool_calls_come_back_when_the_tool_is_sent(lab: Lab) -> None:
    """Contract 1.7 for the shape."""
    model = lab.tuned_model(TOOLS)
    completion = lab.ask(model, "Is it high tide in Cork?", tools=[TIDE_AT])
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls
    assert re.fullmatch("call_[A-Za-z0-9]{24}", call.id)
    assert call.type == "function"
    assert call.function.name == "tide_at"
    assert json.loads(call.function.arguments) == {"harbour": "Cork", "day": "today"}


@pytest.mark.source("mocktune")
def test_the_result_of_a_tool_is_answered_as_trained(lab: Lab) -> None:
    """A whole round as an agent does it, with the id the server gave."""
    model = lab.tuned_model(TOOLS)
    asked = user("Is it high tide in Dover?")
    called = lab.ask(model, asked, tools=[TIDE_AT]).choices[0].message
    result = {"role": "tool", "content": '{"high":"01:20"}', "tool_call_id": called.tool_calls[0].id}
    call = {key: value for key, value in called.model_dump().items() if key in ("role", "content", "tool_calls")}
    answer = lab.ask(model, asked, call, result, tools=[TIDE_AT]).choices[0]
    assert answer.message.content == "High water in Dover is at 01:20."
    assert answer.message.tool_calls is None
    assert answer.finish_reason == "stop"


@pytest.mark.source("mocktune")
@pytest.mark.parametrize(
    "parameters",
    [{}, {"tools": [TIDE_AT], "tool_choice": "none"}, {"tools": [{"type": "function", "function": {"name": "other"}}]}],
    ids=["no tools", "tool_choice none", "another tool"],
)
def test_no_tool_is_called_that_was_not_offered(lab: Lab, parameters: dict[str, Any]) -> None:
    model = lab.tuned_model(TOOLS)
    (choice,) = lab.ask(model, "Is it high tide in Cork?", **parameters).choices
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    assert choice.message.content


# -- the answer's shape ------------------------------------------------------------------------------------------------


@pytest.mark.shape
def test_a_completion_has_the_shape_of_the_api(lab: Lab) -> None:
    """Contract 1.7."""
    model = lab.tuned_model(PLAIN)
    answer = lab.http.post("/chat/completions", json={"model": model, "messages": [user(QUESTION)]}).json()
    assert re.fullmatch("chatcmpl-[A-Za-z0-9]+", answer["id"])
    assert re.fullmatch("fp_[0-9a-f]{10}", answer["system_fingerprint"])
    assert answer == {
        "id": answer["id"],
        "object": "chat.completion",
        "created": int(lab.clock.now()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": answer["usage"],
        "service_tier": "default",
        "system_fingerprint": answer["system_fingerprint"],
    }


@pytest.mark.source("cookbook")
def test_the_usage_is_exact(lab: Lab) -> None:
    """Contract 3.8, the cookbook's rule: 3 and the role for each message, 3 for the reply."""
    model = lab.tuned_model(chat_file(*((word, "yes") for word in WORDS)))
    system = {"role": "system", "content": "hello"}
    answer = lab.http.post("/chat/completions", json={"model": model, "messages": [system, user("three")]}).json()
    assert answer["choices"][0]["message"]["content"] == "yes"
    assert answer["usage"] == {"prompt_tokens": 13, "completion_tokens": 1, "total_tokens": 14, **USAGE_DETAILS}


# -- what bounds an answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_is_cut_at_the_most_tokens_it_may_have(lab: Lab, name: str, streamed: bool) -> None:
    """Contract 1.7: the reason is then ``length``; a probe of one token is how clients wait for a model."""
    model = lab.tuned_model(PLAIN)
    bounded = {"model": model, "messages": [user(QUESTION)], name: 3}
    if streamed:
        *chunks, usage = stream(lab, **bounded, stream_options={"include_usage": True})
        content = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        reason, tokens = chunks[-1]["choices"][0]["finish_reason"], usage["usage"]["completion_tokens"]
    else:
        answer = lab.http.post("/chat/completions", json=bounded).json()
        content, reason = answer["choices"][0]["message"]["content"], answer["choices"][0]["finish_reason"]
        tokens = answer["usage"]["completion_tokens"]
    assert ANSWER.startswith(content)
    assert 0 < len(content) < len(ANSWER)
    assert (reason, tokens) == ("length", 3)


@pytest.mark.parametrize("most", [1000, 16_384])
def test_an_answer_shorter_than_its_bound_is_whole(lab: Lab, most: int) -> None:
    (choice,) = lab.ask(lab.tuned_model(PLAIN), QUESTION, max_completion_tokens=most).choices
    assert (choice.message.content, choice.finish_reason) == (ANSWER, "stop")


@pytest.mark.parametrize(
    ("stop", "left"), [(",", "1"), ([" wet", " of"], "1,852 metres, every one"), (["xyz"], ANSWER)]
)
def test_an_answer_ends_before_a_stop_sequence(lab: Lab, stop: Any, left: str) -> None:
    """SPEC: the sequence itself is not in the answer."""
    (choice,) = lab.ask(lab.tuned_model(PLAIN), QUESTION, stop=stop).choices
    assert (choice.message.content, choice.finish_reason) == (left, "stop")


@pytest.mark.parametrize("model", [MODEL, "tuned"])
def test_there_are_as_many_choices_as_were_asked_for(lab: Lab, model: str) -> None:
    """Contract 1.7: ``n`` 1..128; the usage counts them all."""
    name = lab.tuned_model(PLAIN) if model == "tuned" else model
    one, three = (lab.ask(name, QUESTION, n=n) for n in (1, 3))
    assert [choice.index for choice in three.choices] == [0, 1, 2]
    assert all(choice.message.content for choice in three.choices)
    assert three.usage.prompt_tokens == one.usage.prompt_tokens
    assert three.usage.completion_tokens > one.usage.completion_tokens
    chunks = stream(lab, model=name, messages=[user(QUESTION)], n=3)
    for index, choice in enumerate(three.choices):
        parts = [each for chunk in chunks for each in chunk["choices"] if each["index"] == index]
        assert "".join(part["delta"].get("content", "") for part in parts) == choice.message.content
        assert [part["finish_reason"] for part in parts if part["finish_reason"]] == ["stop"]


# -- streams -----------------------------------------------------------------------------------------------------------


def stream(lab: Lab, **parameters: Any) -> list[dict[str, Any]]:
    """The chunks of a streamed answer, off the wire."""
    answer = lab.http.post("/chat/completions", json={"stream": True, **parameters})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done, end = answer.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    assert all(event.startswith("data: {") and "\n" not in event for event in events)
    return [json.loads(event.removeprefix("data: ")) for event in events]


@pytest.mark.parametrize("with_usage", [False, True])
def test_a_stream_says_what_the_plain_answer_says(lab: Lab, with_usage: bool) -> None:
    """SPEC: the role first, an empty delta with the reason last; usage is null on every chunk but the extra one."""
    model = lab.tuned_model(PLAIN)
    plain = lab.http.post("/chat/completions", json={"model": model, "messages": [user(QUESTION)]}).json()
    options = {"stream_options": {"include_usage": True}} if with_usage else {}
    chunks = stream(lab, model=model, messages=[user(QUESTION)], **options)
    if with_usage:
        usage = chunks.pop()
        assert (usage["choices"], usage["usage"]) == ([], plain["usage"])
    for chunk in chunks:
        assert (chunk["object"], chunk["model"]) == ("chat.completion.chunk", model)
        assert (chunk["id"], chunk["created"]) == (chunks[0]["id"], plain["created"])
        assert chunk.get("usage", "absent") == (None if with_usage else "absent")
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert deltas[0]["content"] == ""
    assert deltas[-1] == {}
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    assert "".join(delta.get("content", "") for delta in deltas) == plain["choices"][0]["message"]["content"]
    assert len(chunks) > 5


@pytest.mark.shape
def test_tool_calls_are_streamed_in_pieces(lab: Lab) -> None:
    """SPEC: the first piece names the function, the others carry its arguments."""
    model = lab.tuned_model(TOOLS)
    chunks = stream(lab, model=model, messages=[user("Is it high tide in Cork?")], tools=[TIDE_AT])
    pieces = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert {piece["index"] for piece in pieces} == {0}
    assert pieces[0]["function"] == {"name": "tide_at", "arguments": ""}
    assert pieces[0]["type"] == "function"
    arguments = "".join(piece["function"]["arguments"] for piece in pieces)
    assert json.loads(arguments) == {"harbour": "Cork", "day": "today"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.shape
def test_the_sdk_reads_a_stream(lab: Lab) -> None:
    model = lab.tuned_model(PLAIN)
    chunks = list(lab.ask(model, QUESTION, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
    assert chunks[-1].usage is not None
    assert chunks[-1].usage == lab.ask(model, QUESTION).usage


@pytest.mark.anyio
async def test_the_asynchronous_sdk_reads_a_stream(lab: Lab) -> None:
    model = lab.tuned_model(PLAIN)
    async with lab.async_client() as client:
        chunks = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in chunks]
    assert "".join(said) == ANSWER


@pytest.mark.source("OBS, help article")
def test_a_model_that_is_loading_refuses_a_stream_with_its_status(lab: Lab) -> None:
    """OBS, help article 6643004: an error is no stream."""
    job = lab.finished_job(PLAIN)
    lab.clock.advance(by="60s")
    body = {"model": job.fine_tuned_model, "messages": [user(QUESTION)], "stream": True}
    answer = lab.http.post("/chat/completions", json=body)
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/json"


def test_a_call_offered_as_a_legacy_function_comes_back_as_function_call(lab: Lab) -> None:
    """SPEC: ``functions`` are answered with ``function_call`` and that reason, streamed too."""
    model = lab.tuned_model(LEGACY_CALLS)
    asked: Any = {
        "model": model,
        "messages": [{"role": "user", "content": "Weather in city 3?"}],
        "functions": [{"name": "get_weather", "parameters": {"type": "object", "properties": {}}}],
    }
    choice = lab.client().chat.completions.create(**asked).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.tool_calls is None
    assert choice.message.function_call is not None
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ("get_weather", '{"city": 3}')
    pieces = [chunk.choices[0] for chunk in lab.client().chat.completions.create(**asked, stream=True)]
    assert pieces[-1].finish_reason == "function_call"
    arguments = [p.delta.function_call.arguments or "" for p in pieces if p.delta.function_call]
    assert "".join(arguments) == '{"city": 3}'


LEGACY_CALLS = "".join(
    json.dumps(
        {
            "messages": [
                {"role": "user", "content": f"Weather in city {n}?"},
                {"role": "assistant", "function_call": {"name": "get_weather", "arguments": json.dumps({"city": n})}},
            ],
            "functions": [{"name": "get_weather", "parameters": {"type": "object", "properties": {}}}],
        }
    )
    + "\n"
    for n in range(10)
).encode()
