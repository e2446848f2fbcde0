"""The legacy route: babbage-002, davinci-002 and what was tuned from them.

::

    {"id": "cmpl-…", "object": "text_completion", "created", "model", "choices": [{"text": " Seven", "index": 0,
     "logprobs": null, "finish_reason": "stop"}], "usage": {"prompt_tokens", "completion_tokens", "total_tokens"}}

    data: {… "choices": [{"text": " Seven", "index": 0, "logprobs": null, "finish_reason": null}]}
    data: [DONE]
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import APIStatusError, NotFoundError, RateLimitError

from mocktune_contract.lab import MODEL, Lab

pytestmark = [pytest.mark.source("SPEC"), pytest.mark.operation("completions.create")]

BASE = "davinci-002"
PAIRS = [
    (f"Flag of port {n} ->", f" It shows {n} white stripes on a blue ground, and in the middle a big red anchor.\n")
    for n in range(12)
]
DATA = b"".join(
    json.dumps({"prompt": prompt, "completion": completion}).encode() + b"\n" for prompt, completion in PAIRS
)
PROMPT, ANSWER = PAIRS[7]


def ask(lab: Lab, model: str = BASE, prompt: Any = "Hello", **parameters: Any) -> Any:
    return lab.client().completions.create(model=model, prompt=prompt, **parameters)


def error_of(lab: Lab, **request: Any) -> APIStatusError:
    with pytest.raises(APIStatusError) as caught:
        ask(lab, **request)
    return caught.value


@pytest.fixture
def tuned(lab: Lab) -> str:
    return lab.tuned_model(DATA, model=BASE)


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
def test_a_tuned_model_completes_what_it_was_trained_on(lab: Lab, tuned: str) -> None:
    for prompt, completion in PAIRS:
        answered = ask(lab, tuned, prompt, max_tokens=100)
        (choice,) = answered.choices
        assert (choice.text, choice.finish_reason, choice.logprobs) == (completion, "stop", None)
        assert (answered.object, answered.model) == ("text_completion", tuned)
        assert answered.id.startswith("cmpl-")


@pytest.mark.needs("time")
def test_sixteen_tokens_are_said_unless_more_are_asked_for(lab: Lab, tuned: str) -> None:
    """SPEC: the default of ``max_tokens``."""
    short = ask(lab, tuned, PROMPT)
    assert short.usage.completion_tokens == 16
    assert short.choices[0].finish_reason == "length"
    assert ANSWER.startswith(short.choices[0].text)
    assert short.choices[0].text != ANSWER


@pytest.mark.needs("time")
def test_a_text_ends_before_what_stops_it(lab: Lab, tuned: str) -> None:
    assert ask(lab, tuned, PROMPT, stop="\n", max_tokens=50).choices[0].text == ANSWER.rstrip("\n")
    cut = ask(lab, tuned, PROMPT, stop=["nowhere", " white"], max_tokens=50).choices[0]
    assert (cut.text, cut.finish_reason) == (" It shows 7", "stop")


@pytest.mark.needs("time")
def test_every_prompt_gets_its_choices_in_order(lab: Lab, tuned: str) -> None:
    answered = ask(lab, tuned, [PAIRS[3][0], PAIRS[5][0]], n=2, max_tokens=50)
    assert [choice.index for choice in answered.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in answered.choices] == [PAIRS[3][1]] * 2 + [PAIRS[5][1]] * 2


@pytest.mark.needs("time")
def test_the_prompt_is_echoed_before_the_answer(lab: Lab, tuned: str) -> None:
    echoed = ask(lab, tuned, PROMPT, echo=True, max_tokens=50)
    assert echoed.choices[0].text == PROMPT + ANSWER
    assert echoed.usage == ask(lab, tuned, PROMPT, max_tokens=50).usage
    nothing = ask(lab, tuned, PROMPT, echo=True, max_tokens=0)
    assert (nothing.choices[0].text, nothing.usage.completion_tokens) == (PROMPT, 0)


def test_usage_counts_what_was_sent_and_what_was_made(lab: Lab) -> None:
    """Plain texts, without what a chat adds; the suffix is read as well, and so is what ``best_of`` throws away."""
    usage = ask(lab, prompt="one two three", max_tokens=5).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 5, 8)
    both = ask(lab, prompt=["one two three", "four"], max_tokens=5).usage
    assert (both.prompt_tokens, both.completion_tokens, both.total_tokens) == (4, 10, 14)
    assert ask(lab, prompt="one two three", suffix=" four five", max_tokens=5).usage.prompt_tokens == 5
    assert ask(lab, prompt="one two three", best_of=4, max_tokens=5).usage.completion_tokens == 20
    assert ask(lab, prompt=None, max_tokens=5).usage.prompt_tokens == 1


@pytest.mark.parametrize(("prompt", "tokens"), [([15339, 1917], 2), ([[15339], [15339, 1917, 0]], 4)])
def test_token_ids_are_counted(lab: Lab, prompt: Any, tokens: int) -> None:
    answered = ask(lab, prompt=prompt)
    assert answered.usage.prompt_tokens == tokens
    assert len(answered.choices) == (2 if isinstance(prompt[0], list) else 1)


@pytest.mark.needs("time")
@pytest.mark.shape
def test_probabilities_come_in_the_legacy_shape(lab: Lab, tuned: str) -> None:
    answered = ask(lab, tuned, PROMPT, logprobs=3, max_tokens=50)
    found = answered.choices[0].logprobs
    assert "".join(found.tokens) == ANSWER
    assert len(found.tokens) == len(found.token_logprobs) == answered.usage.completion_tokens
    assert [ANSWER[offset:].startswith(token) for offset, token in zip(found.text_offset, found.tokens, strict=True)]
    assert {len(each) for each in found.top_logprobs} == {3}
    assert all(top[token] == max(top.values()) for top, token in zip(found.top_logprobs, found.tokens, strict=True))


@pytest.mark.observed_wire("the SDK's type has a probability for every token")
def test_an_echoed_prompt_has_probabilities_too_but_for_its_first_token(lab: Lab) -> None:
    found = ask(lab, prompt="one two three", echo=True, logprobs=1, max_tokens=2).choices[0].logprobs
    assert found.tokens[:3] == ["one", " two", " three"]
    assert found.token_logprobs[0] is None
    assert None not in found.token_logprobs[1:]


@pytest.mark.source("SDK")
@pytest.mark.shape
def test_every_answer_fits_the_strict_types_of_the_sdk(lab: Lab, own_server: Any) -> None:
    with lab.strict_client() as client:
        answered = client.completions.create(model=BASE, prompt="Hello", logprobs=2)
        assert answered.choices[0].logprobs is not None
    with own_server(wire="sdk").strict_client() as client:
        client.completions.create(model=BASE, prompt="Hello", logprobs=2, echo=True)
        (chunk,) = client.completions.create(model=BASE, prompt="Hello", stream=True)
        assert chunk.choices[0].finish_reason == "length"


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_a_stream_joins_to_the_plain_answer(lab: Lab, tuned: str) -> None:
    chunks = list(ask(lab, tuned, [PROMPT, PAIRS[2][0]], max_tokens=50, stream=True))
    texts = ["", ""]
    for chunk in chunks:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [ANSWER, PAIRS[2][1]]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop", "stop"]
    assert {chunk.usage for chunk in chunks} == {None}


def test_a_stream_ends_with_the_usage_that_was_asked_for(lab: Lab) -> None:
    *chunks, last = ask(lab, prompt="one two three", stream=True, stream_options={"include_usage": True})
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (3, 16)
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@pytest.mark.shape
def test_a_stream_is_server_sent_events(lab: Lab) -> None:
    raw = lab.http.post("/completions", json={"model": BASE, "prompt": "Hi", "stream": True})
    assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert raw.text.endswith("data: [DONE]\n\n")


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.source("OBS")
def test_a_chat_model_is_sent_to_its_own_route(lab: Lab) -> None:
    """OBS."""
    error = error_of(lab, model=MODEL)
    assert (error.status_code, error.code, error.param) == (404, None, "model")
    assert error.body["message"] == (  # type: ignore[index]
        "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
        "v1/chat/completions?"
    )


@pytest.mark.source("OBS")
def test_an_unknown_model_is_not_found(lab: Lab) -> None:
    with pytest.raises(NotFoundError, match="does not exist or you do not have access"):
        ask(lab, "ft:davinci-002:nobody::1")


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
def test_a_cold_model_says_so(lab: Lab) -> None:
    job = lab.finished_job(DATA, model=BASE)
    lab.clock.advance(by="21s")  # realistic: absent for 20 s, then loading
    with pytest.raises(RateLimitError, match="still being loaded"):
        ask(lab, str(job.fine_tuned_model))


@pytest.mark.source("OBS")
def test_a_prompt_must_leave_room_for_its_completion(lab: Lab) -> None:
    error = error_of(lab, prompt="one two three", max_tokens=16_384)
    assert error.status_code == 400
    assert error.body["message"] == (  # type: ignore[index]
        "This model's maximum context length is 16384 tokens, however you requested 16387 tokens (3 in your prompt; "
        "16384 for the completion). Please reduce your prompt; or completion length."
    )


@pytest.mark.source("assumed")
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"n": 3, "best_of": 2}, (None, "n")),
        ({"best_of": 2, "stream": True}, ("invalid_value", "best_of")),
        ({"best_of": 21}, ("integer_above_max_value", "best_of")),
        ({"logprobs": 6}, ("integer_above_max_value", "logprobs")),
        ({"max_tokens": -1}, ("integer_below_min_value", "max_tokens")),
        ({"prompt": []}, ("array_below_min_length", "prompt")),
        ({"prompt": ["a", 1]}, ("invalid_type", "prompt[1]")),
        ({"prompt": [[1], ["a"]]}, ("invalid_type", "prompt[1][0]")),
        ({"stop": ["a"] * 5}, ("array_above_max_length", "stop")),
        ({"messages": []}, ("unknown_parameter", "messages")),
    ],
)
def test_a_request_that_is_wrong_says_where(
    lab: Lab, request_: dict[str, Any], expected: tuple[str | None, str]
) -> None:
    answer = lab.http.post("/completions", json={"model": BASE, "prompt": "Hi", **request_})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, *expected)


@pytest.mark.source("mocktune")
def test_loose_takes_what_the_sdk_may_send(own_server: Any) -> None:
    lab: Lab = own_server(loose=True)
    odd: dict[str, Any] = {"best_of": 0, "frequency_penalty": -5, "max_tokens": -2, "logit_bias": {"foo": 0}}
    answer = lab.http.post("/completions", json={"model": BASE, "prompt": "Hi", "unheard_of": 1, **odd})
    assert answer.status_code == 200, answer.text
    assert ask(lab, MODEL).choices[0].text


@pytest.mark.source("OBS")
@pytest.mark.operation("chat.completions.create")
def test_a_model_that_only_completes_prompts_is_no_chat_model(lab: Lab) -> None:
    with pytest.raises(NotFoundError) as caught:
        lab.ask(BASE, "Hi")
    assert caught.value.param == "model"
    assert "not supported in the v1/chat/completions endpoint" in str(caught.value)
