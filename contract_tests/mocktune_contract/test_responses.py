"""What models answer on ``/responses``, plain and streamed, and what is kept of it.

::

    {"id": "resp_…", "object": "response", "created_at", "status": "completed", "model", "output": [{"type": "message",
     "id": "msg_…", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text",
     "annotations": []}]}], "usage": {"input_tokens", "output_tokens", "total_tokens", …}, "error": null, …}

    event: response.created
    data: {"type": "response.created", "sequence_number": 0, "response": {… "status": "in_progress"}}
    event: response.output_text.delta
    data: {"type": "response.output_text.delta", "sequence_number": 4, "item_id", "delta": "Seven", …}
    event: response.completed
    data: {"type": "response.completed", "sequence_number": 9, "response": {…}}
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError, RateLimitError
from openai.types.responses import Response
from pydantic import BaseModel

from mocktune_contract.lab import MODEL, Lab, training_file

pytestmark = [pytest.mark.source("SDK"), pytest.mark.operation("responses.create")]

PLAIN = training_file("valid/plain.jsonl")
TOOLS = training_file("valid/tools.jsonl")
QUESTION, ANSWER = "How long is a nautical mile?", "1,852 metres, every one of them wet."
_TIDE = json.loads(TOOLS.splitlines()[0])["tools"][0]["function"]
TIDE_AT: Any = {"type": "function", **_TIDE}
"""The tool of the training file, flat as this API has it."""


def error_of(lab: Lab, **request: Any) -> APIStatusError:
    with pytest.raises(APIStatusError) as caught:
        lab.client().responses.create(**{"model": MODEL, "input": "Hi", **request})
    return caught.value


def first_item(response: Response) -> Any:
    """The first output item, whichever of the SDK's many types it has."""
    return response.output[0]


def brief(error: APIStatusError) -> tuple[int, str | None, str | None]:
    return error.status_code, error.code, error.param


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
def test_a_tuned_model_answers_what_it_was_trained_to(lab: Lab) -> None:
    model = lab.tuned_model(PLAIN)
    response = lab.client().responses.create(model=model, input=QUESTION)
    assert (response.object, response.status, response.model) == ("response", "completed", model)
    assert response.output_text == ANSWER
    assert response.id.startswith("resp_")
    assert first_item(response).id.startswith("msg_")


@pytest.mark.operation("responses.create", "responses.retrieve", "responses.delete", "responses.input_items.list")
@pytest.mark.shape
def test_every_answer_fits_the_strict_types_of_the_sdk(lab: Lab) -> None:
    with lab.strict_client() as client:
        created = client.responses.create(
            model=MODEL,
            input=[{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
            instructions="Be brief.",
            tools=[TIDE_AT],
            metadata={"suite": "contract"},
            include=["message.output_text.logprobs"],
            top_logprobs=2,
        )
        assert client.responses.retrieve(created.id) == created
        assert [each.type for each in client.responses.input_items.list(created.id).data] == ["message"]
        assert client.responses.delete(created.id) is None  # type: ignore[func-returns-value]
        for event in client.responses.create(model=MODEL, input="Hi", stream=True):
            assert event.type.startswith("response.")


@pytest.mark.operation("responses.create", "responses.input_tokens.count")
def test_usage_is_what_the_chat_route_counts(lab: Lab) -> None:
    """The same conversation takes the same tokens on both routes."""
    client = lab.client()
    asked: list[Any] = [
        {"role": "system", "content": "Answer in verse."},
        {"role": "user", "content": "Is it high tide in Cork?"},
    ]
    chat = client.chat.completions.create(model=MODEL, messages=asked)
    response = client.responses.create(model=MODEL, input=asked[1]["content"], instructions=asked[0]["content"])
    assert chat.usage is not None
    assert response.usage is not None
    assert response.usage.input_tokens == chat.usage.prompt_tokens
    assert response.usage.output_tokens == chat.usage.completion_tokens
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert chat.choices[0].message.content == response.output_text
    body = {"model": MODEL, "input": asked[1]["content"], "instructions": asked[0]["content"]}
    counted = lab.http.post("/responses/input_tokens", json=body).json()  # the lowest supported SDK does not know it
    assert counted == {"object": "response.input_tokens", "input_tokens": response.usage.input_tokens}


def test_what_was_asked_for_is_echoed(lab: Lab) -> None:
    response = lab.client().responses.create(
        model=MODEL,
        input="Hi",
        temperature=0.25,
        top_p=0.5,
        max_output_tokens=500,
        metadata={"run": "7"},
        parallel_tool_calls=False,
        tools=[TIDE_AT],
        tool_choice="none",
        instructions="Be kind.",
        truncation="auto",
        safety_identifier="someone",
    )
    assert (response.temperature, response.top_p, response.max_output_tokens) == (0.25, 0.5, 500)
    assert (response.metadata, response.parallel_tool_calls, response.tool_choice) == ({"run": "7"}, False, "none")
    assert (response.instructions, response.truncation) == ("Be kind.", "auto")
    assert response.safety_identifier == "someone"
    assert response.tools[0].name == "tide_at"  # type: ignore[union-attr]


def test_an_answer_cut_at_its_most_tokens_is_incomplete(lab: Lab) -> None:
    response = lab.client().responses.create(model=MODEL, input="Hi", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage is not None
    assert response.usage.output_tokens == 16
    assert first_item(response).status == "incomplete"


def test_an_image_is_counted(lab: Lab) -> None:
    content: list[Any] = [{"type": "input_text", "text": "What is this?"}]
    plain = lab.client().responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    content = [*content, {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"}]
    seen = lab.client().responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    assert plain.usage is not None
    assert seen.usage is not None
    assert seen.usage.input_tokens == plain.usage.input_tokens + 85


def test_the_probabilities_of_an_answer_cover_its_text(lab: Lab) -> None:
    response = lab.client().responses.create(
        model=MODEL, input="Hi", include=["message.output_text.logprobs"], top_logprobs=3
    )
    (part,) = first_item(response).content
    assert b"".join(bytes(each.bytes) for each in part.logprobs).decode() == response.output_text
    assert {len(each.top_logprobs) for each in part.logprobs} == {3}
    assert response.usage is not None
    assert len(part.logprobs) == response.usage.output_tokens


# -- formats -----------------------------------------------------------------------------------------------------------


class Tide(BaseModel):
    station: str
    metres: float


def test_a_schema_is_answered_with_json_that_fits_it(lab: Lab) -> None:
    response = lab.client().responses.parse(model=MODEL, input="How high is the tide in Cork?", text_format=Tide)
    assert isinstance(response.output_parsed, Tide)


def test_json_mode_answers_an_object(lab: Lab) -> None:
    response = lab.client().responses.create(
        model=MODEL, input="Answer in JSON.", text={"format": {"type": "json_object"}}
    )
    assert isinstance(json.loads(response.output_text), dict)


def test_json_mode_wants_the_word_in_the_input(lab: Lab) -> None:
    error = error_of(lab, text={"format": {"type": "json_object"}}, instructions="Answer in JSON.")
    assert "must contain the word 'json'" in error.message


@pytest.mark.source("OBS")
def test_a_schema_that_strict_mode_refuses_is_refused(lab: Lab) -> None:
    """OBS: param and code."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    format: Any = {"type": "json_schema", "name": "shape", "schema": schema, "strict": True}
    error = error_of(lab, text={"format": format})
    assert brief(error) == (400, "invalid_json_schema", "text.format.schema")


# -- tools -------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
def test_a_trained_call_comes_back_and_its_output_goes_on(lab: Lab) -> None:
    """The whole round of a tool: call, output, answer, with the conversation kept by the server."""
    model = lab.tuned_model(TOOLS)
    client = lab.client()
    called = client.responses.create(model=model, input="Is it high tide in Cork?", tools=[TIDE_AT])
    (call,) = called.output
    assert call.type == "function_call"
    assert (call.name, call.status, called.output_text) == ("tide_at", "completed", "")
    assert str(call.id).startswith("fc_")
    assert call.call_id.startswith("call_")

    trained = next(json.loads(line)["messages"] for line in TOOLS.splitlines() if b"Is it high tide in Cork?" in line)
    output = next(message["content"] for message in trained if message["role"] == "tool")
    answered = client.responses.create(
        model=model,
        previous_response_id=called.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": output}],
        tools=[TIDE_AT],
    )
    assert answered.output_text == trained[-1]["content"]

    by_hand = client.responses.create(
        model=model,
        input=[
            {"role": "user", "content": "Is it high tide in Cork?"},
            call.to_dict(),  # type: ignore[list-item]  # an output item is an input item
            {"type": "function_call_output", "call_id": call.call_id, "output": output},
        ],
        tools=[TIDE_AT],
        store=False,
    )
    assert by_hand.output_text == answered.output_text


@pytest.mark.needs("time")
def test_no_call_comes_back_where_none_may_be_made(lab: Lab) -> None:
    model = lab.tuned_model(TOOLS)
    asked = "Is it high tide in Cork?"
    response = lab.client().responses.create(model=model, input=asked, tools=[TIDE_AT], tool_choice="none")
    assert [each.type for each in response.output] == ["message"]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "tide_at"}])
def test_a_call_that_is_asked_for_is_made(lab: Lab, choice: Any) -> None:
    response = lab.client().responses.create(model=MODEL, input="Hello!", tools=[TIDE_AT], tool_choice=choice)
    (call,) = response.output
    assert call.type == "function_call"
    assert isinstance(json.loads(call.arguments), dict)
    assert response.status == "completed"


def test_an_allowed_tool_is_the_only_one_that_is_called(lab: Lab) -> None:
    other = {"type": "function", "name": "weather_at", "parameters": {"type": "object", "properties": {}}}
    choice: Any = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "tide_at"}],
    }
    response = lab.client().responses.create(model=MODEL, input="Hi", tools=[other, TIDE_AT], tool_choice=choice)  # type: ignore[list-item]
    assert [each.name for each in response.output if each.type == "function_call"] == ["tide_at"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"tool_choice": {"type": "function", "name": "f"}}, "Tool choice 'f' not found in 'tools' parameter."),
        ({"tool_choice": "required"}, "Tool choice 'required' must be specified with 'tools' parameter."),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "Missing required parameter: 'tools[0].name'."),
    ],
)
def test_tools_that_cannot_be_meant_are_refused(lab: Lab, request_: dict[str, Any], message: str) -> None:
    error = error_of(lab, **request_)
    assert error.status_code == 400
    assert error.body["message"] == message  # type: ignore[index]


@pytest.mark.source("OBS")
def test_a_call_needs_its_output_and_an_output_its_call(lab: Lab) -> None:
    """OBS: both sentences."""
    call = {"type": "function_call", "call_id": "call_1", "name": "tide_at", "arguments": "{}"}
    unanswered = error_of(lab, input=[call])
    assert unanswered.body["message"] == "No tool output found for function call call_1."  # type: ignore[index]
    unasked = error_of(lab, input=[{"type": "function_call_output", "call_id": "call_1", "output": "high"}])
    assert unasked.body["message"] == "No tool call found for function call output with call_id call_1."  # type: ignore[index]
    assert brief(unasked) == brief(unanswered) == (400, None, "input")


# -- conversations -----------------------------------------------------------------------------------------------------


def test_a_conversation_goes_on_without_its_instructions(lab: Lab) -> None:
    """SDK: instructions are not carried over."""
    client = lab.client()
    first = client.responses.create(model=MODEL, input="One.", instructions="Count with me, please, as far as I like.")
    second = client.responses.create(model=MODEL, input="Two.", previous_response_id=first.id)
    alone = client.responses.create(
        model=MODEL,
        input=[
            {"role": "user", "content": "One."},
            {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": "Two."},
        ],
    )
    assert second.previous_response_id == first.id
    assert second.usage is not None
    assert alone.usage is not None
    assert second.usage.input_tokens == alone.usage.input_tokens


@pytest.mark.operation("responses.create", "responses.input_items.list")
def test_the_input_items_are_what_the_model_was_shown_newest_first(lab: Lab) -> None:
    client = lab.client()
    first = client.responses.create(model=MODEL, input="One.", instructions="Count.")
    second = client.responses.create(model=MODEL, input="Two.", previous_response_id=first.id)
    items: list[Any] = list(client.responses.input_items.list(second.id, limit=2))
    assert [item.content[0].text for item in items] == ["Two.", first.output_text, "One."]
    oldest = client.responses.input_items.list(second.id, order="asc", limit=1)
    assert (oldest.has_more, oldest.data[0].id) == (True, items[-1].id)
    rest = client.responses.input_items.list(second.id, order="asc", after=oldest.data[0].id)
    assert [item.id for item in rest.data] == [items[1].id, items[0].id]
    assert rest.has_more is False


def test_an_item_can_be_named_instead_of_sent(lab: Lab) -> None:
    client = lab.client()
    first = client.responses.create(model=MODEL, input="One.")
    answer_id = first_item(first).id
    named = client.responses.create(
        model=MODEL,
        input=[
            {"role": "user", "content": "One."},
            {"type": "item_reference", "id": answer_id},
            {"role": "user", "content": "Two."},
        ],
    )
    chained = client.responses.create(model=MODEL, input="Two.", previous_response_id=first.id)
    assert named.usage is not None
    assert chained.usage is not None
    assert named.usage.input_tokens == chained.usage.input_tokens
    error = error_of(lab, input=[{"type": "item_reference", "id": "msg_unknown"}])
    assert (error.status_code, error.body["message"]) == (404, "Item with id 'msg_unknown' not found.")  # type: ignore[index]


# -- what is kept ------------------------------------------------------------------------------------------------------


@pytest.mark.operation("responses.create", "responses.retrieve", "responses.delete", "responses.input_items.list")
def test_a_response_is_kept_until_it_is_deleted(lab: Lab) -> None:
    client = lab.client()
    response = client.responses.create(model=MODEL, input="Hi")
    assert client.responses.retrieve(response.id) == response
    raw = lab.http.delete(f"/responses/{response.id}")
    assert raw.json() == {"id": response.id, "object": "response", "deleted": True}
    with pytest.raises(NotFoundError, match="Response with id"):
        client.responses.retrieve(response.id)
    with pytest.raises(NotFoundError):
        client.responses.delete(response.id)
    with pytest.raises(NotFoundError):
        client.responses.input_items.list(response.id)


@pytest.mark.operation("responses.create", "responses.delete", "responses.input_items.list")
def test_a_conversation_survives_the_deletion_of_its_beginning(lab: Lab) -> None:
    client = lab.client()
    first = client.responses.create(model=MODEL, input="One.")
    second = client.responses.create(model=MODEL, input="Two.", previous_response_id=first.id)
    client.responses.delete(first.id)
    assert len(client.responses.input_items.list(second.id).data) == 3


@pytest.mark.source("OBS")
@pytest.mark.operation("responses.create", "responses.retrieve")
def test_what_is_not_stored_is_not_there_and_nothing_goes_on_from_it(lab: Lab) -> None:
    """OBS: 400 with a code of its own."""
    response = lab.client().responses.create(model=MODEL, input="Hi", store=False)
    assert response.store is False  # type: ignore[attr-defined]
    with pytest.raises(NotFoundError):
        lab.client().responses.retrieve(response.id)
    error = error_of(lab, previous_response_id=response.id)
    assert brief(error) == (400, "previous_response_not_found", "previous_response_id")
    assert error.body["message"] == f"Previous response with id '{response.id}' not found."  # type: ignore[index]


@pytest.mark.operation("responses.create", "responses.cancel")
def test_a_response_that_is_done_cannot_be_cancelled(lab: Lab) -> None:
    response = lab.client().responses.create(model=MODEL, input="Hi")
    with pytest.raises(BadRequestError, match="Cannot cancel a synchronous response"):
        lab.client().responses.cancel(response.id)


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.operation("responses.create", "responses.retrieve")
def test_a_stream_tells_the_answer_piece_by_piece(lab: Lab) -> None:
    model = lab.tuned_model(PLAIN)
    events = list(lab.client().responses.create(model=model, input=QUESTION, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == ANSWER
    assert len(deltas) > 3
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * len(deltas),
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    begun, done = events[0], events[-1]
    assert begun.type == "response.created"
    assert (begun.response.status, begun.response.output, begun.response.usage) == ("in_progress", [], None)
    assert done.type == "response.completed"
    assert done.response == lab.client().responses.retrieve(done.response.id)


@pytest.mark.needs("time")
def test_a_stream_tells_the_arguments_of_a_call(lab: Lab) -> None:
    model = lab.tuned_model(TOOLS)
    with lab.client().responses.stream(model=model, input="Is it high tide in Cork?", tools=[TIDE_AT]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    (call,) = final.output
    assert call.type == "function_call"
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == call.arguments
    (done,) = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert (done.arguments, done.item_id) == (call.arguments, call.id)


def test_the_stream_of_the_sdk_puts_the_response_together(lab: Lab) -> None:
    with lab.client().responses.stream(model=MODEL, input="How high is the tide?", text_format=Tide) as stream:
        for _ in stream:
            pass
        assert isinstance(stream.get_final_response().output_parsed, Tide)


def test_a_stream_with_probabilities_goes_token_by_token(lab: Lab) -> None:
    stream = lab.client().responses.create(
        model=MODEL, input="日本 👩‍👩‍👧", stream=True, include=["message.output_text.logprobs"]
    )
    events = list(stream)
    deltas = [event for event in events if event.type == "response.output_text.delta"]
    done = events[-1]
    assert done.type == "response.completed"
    assert "".join(event.delta for event in deltas) == done.response.output_text
    assert done.response.usage is not None
    assert sum(len(event.logprobs) for event in deltas) == done.response.usage.output_tokens


@pytest.mark.operation("responses.create", "responses.retrieve")
def test_a_stored_response_is_streamed_again_from_where_one_was(lab: Lab) -> None:
    client = lab.client()
    events = list(client.responses.create(model=MODEL, input="Hi", stream=True))
    response_id = events[0].response.id  # type: ignore[union-attr]
    assert list(client.responses.retrieve(response_id, stream=True)) == events
    assert list(client.responses.retrieve(response_id, stream=True, starting_after=3)) == events[4:]


def test_a_stream_that_was_cut_ends_with_what_is_missing(lab: Lab) -> None:
    events = list(lab.client().responses.create(model=MODEL, input="Hi", stream=True, max_output_tokens=16))
    assert events[-1].type == "response.incomplete"


@pytest.mark.shape
def test_every_event_carries_its_name(lab: Lab) -> None:
    raw = lab.http.post("/responses", json={"model": MODEL, "input": "Hi", "stream": True})
    assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
    for event in raw.text.strip().split("\n\n"):
        name, data = event.split("\n")
        assert name == "event: " + json.loads(data.removeprefix("data: "))["type"]


@pytest.mark.anyio
async def test_the_asynchronous_client_streams_too(lab: Lab) -> None:
    client: AsyncOpenAI
    async with lab.async_client() as client, client.responses.stream(model=MODEL, input="Hi") as stream:
        final = await stream.get_final_response()
    assert "mocktune" in final.output_text


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.source("OBS")
def test_a_name_that_is_unknown_is_a_400_on_this_route(lab: Lab) -> None:
    """OBS: 404 on the chat route."""
    error = error_of(lab, model="gpt-unheard-of")
    assert brief(error) == (400, "model_not_found", "model")
    assert error.body["message"] == "The requested model 'gpt-unheard-of' does not exist."  # type: ignore[index]


def test_a_model_of_the_completions_route_is_none_of_this_one(lab: Lab) -> None:
    error = error_of(lab, model="davinci-002")
    assert error.body["message"] == "The requested model 'davinci-002' is not supported with the Responses API."  # type: ignore[index]


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
def test_a_cold_model_says_so(lab: Lab) -> None:
    job = lab.finished_job(PLAIN)
    lab.clock.advance(by="21s")  # realistic: absent for 20 s, then loading
    with pytest.raises(RateLimitError, match="still being loaded"):
        lab.client().responses.create(model=str(job.fine_tuned_model), input=QUESTION)


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, "tools[0]"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0]"),
    ],
)
def test_what_mocktune_does_not_play_is_named(lab: Lab, request_: dict[str, Any], param: str) -> None:
    error = error_of(lab, **request_)
    assert brief(error) == (400, "not_part_of_mocktune", param)
    assert "is not part of mocktune" in error.message


@pytest.mark.source("mocktune")
def test_compaction_is_not_part_of_mocktune(lab: Lab) -> None:
    answer = lab.http.post("/responses/compact", json={"model": MODEL})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_part_of_mocktune")


@pytest.mark.source("assumed")
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"messages": []}, ("unsupported_parameter", None)),
        ({"response_format": {"type": "text"}}, ("unsupported_parameter", None)),
        ({"stop": "x"}, ("unknown_parameter", "stop")),
        ({"max_output_tokens": 15}, ("integer_below_min_value", "max_output_tokens")),
        ({"max_tool_calls": 0}, ("integer_below_min_value", "max_tool_calls")),
        ({"truncation": "bogus"}, ("invalid_value", "truncation")),
        ({"input": 7}, ("invalid_type", "input")),
        ({"input": []}, ("missing_required_parameter", None)),
        ({"input": [{"role": "user", "content": "x", "bogus": 1}]}, ("unknown_parameter", "input[0].bogus")),
        ({"input": [{"role": "robot", "content": "x"}]}, ("invalid_value", "input[0].role")),
        ({"input": [{"role": "user", "content": [{"type": "text"}]}]}, ("invalid_value", "input[0].content[0].type")),
        ({"input": [7]}, ("invalid_type", "input[0]")),
        ({"tool_choice": "bogus"}, ("invalid_value", "tool_choice")),
        ({"text": {"format": {"type": "xml"}}}, ("invalid_value", "text.format.type")),
        ({"temperature": 3}, ("decimal_above_max_value", "temperature")),
    ],
)
def test_a_request_that_is_wrong_says_where(
    lab: Lab, request_: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    answer = lab.http.post("/responses", json={"model": MODEL, "input": "Hi", **request_})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, *expected)


@pytest.mark.parametrize("name", ["model", "input"])
def test_model_and_input_have_to_be_given(lab: Lab, name: str) -> None:
    body = {"model": MODEL, "input": "Hi"}
    del body[name]
    error = lab.http.post("/responses", json=body).json()["error"]
    assert (error["code"], error["param"]) == ("missing_required_parameter", name)


@pytest.mark.source("mocktune")
@pytest.mark.operation("responses.create", "responses.retrieve", "responses.cancel", "responses.input_items.list")
def test_loose_takes_what_the_sdk_may_send(own_server: Any) -> None:
    """The requests of the SDK's own tests, with all parameters there are, and with none."""
    lab: Lab = own_server(loose=True)
    previous = lab.client().responses.create(input="Hi")
    full: dict[str, Any] = {
        "background": True,
        "background_options": {"completion_window": "soonest"},
        "context_management": [{"type": "compaction"}],
        "conversation": "string",
        "include": ["file_search_call.results"],
        "input": "string",
        "max_output_tokens": -5,
        "max_tool_calls": 0,
        "model": MODEL,
        "moderation": {"model": "model"},
        "previous_response_id": previous.id,
        "prompt": {"id": "id"},
        "reasoning": {"effort": "none", "generate_summary": "auto", "mode": "standard", "summary": "auto"},
        "service_tier": "auto",
        "tool_choice": "none",
        "tools": [{"type": "function", "name": "name", "parameters": {"foo": "bar"}, "strict": True, "async": True}],
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "unheard_of": 1,
    }
    answer = lab.http.post("/responses", json=full)
    assert answer.status_code == 200, answer.text
    client = lab.client()
    response = client.responses.retrieve(answer.json()["id"])
    assert client.responses.cancel(response.id) == response
    assert client.responses.input_items.list(response.id, after="after", limit=0).data == []
