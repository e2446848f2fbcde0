"""``--loose``: what it lets pass, what stays an error, and that whatever passes is answered, in bounded time.

No value makes a server under ``--loose`` answer 500: each route is asked with a body or query that is good but for
values far out of any range.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from asking import App
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from support import dataset

from mocktune.domain.errors import ParameterError
from mocktune.domain.state import State, read_state
from mocktune.http.call import DESCRIBED
from mocktune.http.loose import loosened
from mocktune.http.validation import check
from mocktune.http.wire.jobs import CreateFineTuningJobRequest

MODEL = "gpt-4o-mini-2024-07-18"
JOB = "ft-AF1WoRqd3aJAHsqc9NY7iL8F"
TUNED = "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd"
MANAGED = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a/deployments"
MOST_S = 3.0
"""No request takes longer, on a machine with a lot else to do."""


def suite_state() -> State:
    path = Path(__file__).parents[3] / "fixtures" / "states" / "sdk-suite.json"
    return read_state(path.read_bytes())


@pytest.fixture(scope="module")
def loose() -> Iterator[App]:
    app = App(state=suite_state(), scenario="quick", others={"stateless": True, "loose": True})
    yield app
    app.close()


@pytest.fixture(scope="module")
def strict() -> Iterator[App]:
    app = App(state=suite_state(), scenario="quick", others={"stateless": True})
    yield app
    app.close()


# -- what passes, and what does not ------------------------------------------------------------------------------------

CREATE = {"model": MODEL, "training_file": "file-abc123"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/fine_tuning/jobs", {**CREATE, "unknown": 1}),
        ("POST", "/v1/fine_tuning/jobs", {**CREATE, "hyperparameters": {"n_epochs": 0}}),
        ("POST", "/v1/fine_tuning/jobs", {**CREATE, "suffix": "x" * 65}),
        ("POST", "/v1/fine_tuning/jobs", {**CREATE, "seed": -1}),
        ("POST", "/v1/fine_tuning/jobs", {**CREATE, "metadata": {"k" * 65: "v" * 513}}),
        ("POST", "/v1/fine_tuning/jobs", {**CREATE, "metadata": dict.fromkeys(map(str, range(17)), "")}),
        ("POST", f"/v1/fine_tuning/jobs/{JOB}/cancel", None),
        ("POST", f"/v1/fine_tuning/jobs/{JOB}/pause", None),
        ("POST", f"/v1/fine_tuning/jobs/{JOB}/resume", None),
        ("GET", "/v1/fine_tuning/jobs?limit=0", None),
        ("GET", "/v1/fine_tuning/jobs?limit=-5&unknown=1", None),
        ("GET", "/v1/fine_tuning/jobs?after=nothing", None),
        ("GET", f"/v1/fine_tuning/jobs/{JOB}/events?after=nothing&limit=999999999999", None),
        ("GET", f"/v1/fine_tuning/jobs/{JOB}/checkpoints?after=nothing", None),
        ("GET", "/v1/files?order=sideways", None),
        ("POST", f"/v1/fine_tuning/checkpoints/{TUNED}/permissions", {"project_ids": ["p"]}),
        ("POST", "/v1/webhook_endpoints", {"name": "n", "url": "ftp://nowhere", "event_types": ["odd"]}),
        ("POST", "/v1/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": ""}], "n": 0}),
    ],
)
def test_rules_are_switched_off(loose: App, strict: App, method: str, path: str, body: Any) -> None:
    """What is refused elsewhere is answered under ``--loose``. Nobody there has an admin key."""
    passed = loose.ask(method, path, body, key="sk-anybody")
    assert passed.status == 200, passed.body
    refused = strict.ask(method, path, body, key="sk-anybody")
    assert refused.status in (400, 401, 403, 404), refused.body


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("/v1/fine_tuning/jobs", {"model": MODEL}, "missing_required_parameter", "training_file"),
        ("/v1/fine_tuning/jobs", {**CREATE, "model": 5}, "invalid_type", "model"),
        ("/v1/fine_tuning/jobs", {**CREATE, "seed": "5"}, "invalid_type", "seed"),
        ("/v1/fine_tuning/jobs", {**CREATE, "seed": 10**30}, "integer_above_max_value", "seed"),
        (
            "/v1/fine_tuning/jobs",
            {**CREATE, "method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": "x"}}}},
            "invalid_type",
            "method.dpo.hyperparameters.beta",
        ),
        ("/v1/chat/completions", {"model": MODEL}, "missing_required_parameter", "messages"),
        ("/v1/chat/completions", {"model": MODEL, "messages": "Hi"}, "invalid_type", "messages"),
    ],
)
def test_types_and_required_parameters_are_still_checked(
    loose: App, path: str, body: Any, code: str, param: str
) -> None:
    answer = loose.post(path, body)
    assert answer.status == 400
    assert (answer["error"]["code"], answer["error"]["param"]) == (code, param)


def test_the_control_plane_keeps_its_rules(loose: App) -> None:
    for body in ({"by": "5s", "odd": 1}, {"until": {"job": JOB, "status": "done"}}):
        assert loose.post("/_mocktune/clock/advance", body).status == 400


def test_objects_that_are_not_there_are_still_not_found(loose: App) -> None:
    for path in ("/v1/files/file-x", "/v1/fine_tuning/jobs/ftjob-x", "/v1/models/x", "/v1/webhook_endpoints/x"):
        assert loose.get(path).status == 404


def test_a_job_with_numbers_out_of_range_is_played_with_the_nearest_ones() -> None:
    app = App(scenario="quick", others={"loose": True})
    try:
        file = app.upload(dataset())["id"]
        asked = {"n_epochs": -5, "batch_size": 0, "learning_rate_multiplier": -1.0}
        id = app.post("/v1/fine_tuning/jobs", {**CREATE, "training_file": file, "hyperparameters": asked})["id"]
        app.advance("1h")
        job = app.get(f"/v1/fine_tuning/jobs/{id}").json()
        assert job["status"] == "succeeded"
        assert job["hyperparameters"] == {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1e-300}
    finally:
        app.close()


# -- the models --------------------------------------------------------------------------------------------------------


class _Inner(BaseModel):
    model_config = {"extra": "forbid", "strict": True}

    type: str
    size: int = Field(ge=1, le=5)


class _Outer(BaseModel):
    model_config = {"extra": "forbid", "strict": True}

    name: str = Field(min_length=2, max_length=3, pattern="^a")
    inner: list[_Inner] = Field(default_factory=list, max_length=1)
    share: float = Field(0.5, gt=0, lt=1, multiple_of=0.5)
    ge: int = Field(1, ge=1)


def test_a_loosened_model_is_the_model_without_its_bounds() -> None:
    """Also where a field has the name of a bound."""
    given_ = {"name": "bbbbb", "inner": [{"type": "x", "size": 9, "odd": 1}] * 2, "share": 7.3, "ge": -4, "odd": []}
    with pytest.raises(ParameterError):
        check(_Outer, given_)
    loose = check(_Outer, given_, loose=True)
    assert isinstance(loose, _Outer)
    assert loose.model_dump() == {"name": "bbbbb", "inner": [{"type": "x", "size": 9}] * 2, "share": 7.3, "ge": -4}
    for wrong in ({}, {"name": 5}, {"name": "a", "ge": "4"}, {"name": "a", "inner": [{"size": 1}]}):
        with pytest.raises(ParameterError):
            check(_Outer, wrong, loose=True)


def test_every_request_model_can_be_loosened_and_stays_strict_itself(loose: App) -> None:
    assert loose.get("/openapi.json").status == 200  # loads every route
    assert len(DESCRIBED) > 20
    for model in DESCRIBED.values():
        loosened(model)
    with pytest.raises(ParameterError):
        check(CreateFineTuningJobRequest, {**CREATE, "seed": -1})


# -- anything ----------------------------------------------------------------------------------------------------------

MESSAGES = [{"role": "user", "content": "What is 3 plus 3?"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
GRADER = {
    "type": "multi",
    "name": "m",
    "graders": {
        "a": {
            "type": "text_similarity", "name": "a", "input": "{{sample.output_text}}", "reference": "x",
            "evaluation_metric": "fuzzy_match",
        },
        "b": {
            "type": "score_model", "name": "b", "model": "gpt-4o-2024-08-06", "range": [0, 1],
            "input": [{"role": "user", "content": "{{sample.output_text}}"}],
            "sampling_params": {"seed": 1, "temperature": 0.5, "max_completions_tokens": 5},
        },
    },
    "calculate_output": "a + b",
}  # fmt: skip
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/fine_tuning/jobs", {
        **CREATE, "validation_file": "file_id", "suffix": "s", "seed": 1, "metadata": {"a": "b"},
        "hyperparameters": {"n_epochs": 2, "batch_size": 1, "learning_rate_multiplier": 1.5},
        "integrations": [{"type": "wandb", "wandb": {"project": "p", "name": "n", "entity": "e", "tags": ["t"]}}],
    }),
    ("POST", "/v1/fine_tuning/jobs", {**CREATE, "method": {"type": "dpo", "dpo": {"hyperparameters": {
        "n_epochs": 2, "batch_size": 1, "learning_rate_multiplier": 1.5, "beta": 0.1,
    }}}}),
    ("POST", "/v1/fine_tuning/jobs", {**CREATE, "model": "o4-mini", "method": {
        "type": "reinforcement",
        "reinforcement": {
            "grader": GRADER,
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}},
            "hyperparameters": {
                "n_epochs": 2, "batch_size": 1, "learning_rate_multiplier": 1.5, "compute_multiplier": 1.0,
                "eval_interval": 5, "eval_samples": 2, "reasoning_effort": "low",
            },
        },
    }}),
    ("GET", "/v1/fine_tuning/jobs", {"limit": 20, "after": JOB}),
    ("GET", f"/v1/fine_tuning/jobs/{JOB}/events", {"limit": 20, "after": "ftevent-x"}),
    ("GET", f"/v1/fine_tuning/jobs/{JOB}/checkpoints", {"limit": 10, "after": "ftckpt_x"}),
    ("GET", "/v1/files", {"limit": 20, "after": "file_id", "order": "asc", "purpose": "fine-tune"}),
    ("POST", "/v1/chat/completions", {
        "model": TUNED, "messages": MESSAGES, "n": 1, "max_tokens": 5, "top_logprobs": 2, "logprobs": True,
        "temperature": 1, "top_p": 1, "stop": ["x"], "seed": 3, "store": True, "metadata": {"a": "b"},
        "presence_penalty": 0, "logit_bias": {"5": 1}, "stream": False,
    }),
    ("POST", "/v1/chat/completions", {
        "model": MODEL, "max_completion_tokens": 50, "tool_choice": "auto", "parallel_tool_calls": True,
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            ]},
            {"role": "assistant", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA, "strict": True}},
        "stream": True, "stream_options": {"include_usage": True},
    }),
    ("POST", "/v1/chat/completions", {
        "model": MODEL, "messages": MESSAGES, "functions": [FUNCTION], "function_call": {"name": "f"},
    }),
    ("GET", "/v1/chat/completions", {"limit": 5, "after": "x", "order": "asc", "model": MODEL}),
    ("GET", "/v1/chat/completions/completion_id/messages", {"limit": 5, "after": "x", "order": "desc"}),
    ("POST", "/v1/chat/completions/completion_id", {"metadata": {"a": "b"}}),
    ("POST", "/v1/completions", {
        "model": "babbage-002", "prompt": ["Once", "upon"], "n": 1, "best_of": 2, "logprobs": 2, "max_tokens": 5,
        "echo": True, "stop": ["x"], "temperature": 1, "suffix": "s", "seed": 4,
    }),
    ("POST", "/v1/responses", {
        "model": MODEL, "max_output_tokens": 20, "top_logprobs": 3, "max_tool_calls": 2, "temperature": 1, "top_p": 1,
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "ok"},
        ],
        "tools": [{"type": "function", **FUNCTION}], "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}, "verbosity": "low"},
        "reasoning": {"effort": "low"}, "truncation": "auto", "metadata": {"a": "b"},
        "include": ["message.output_text.logprobs"], "stream": True,
    }),
    ("POST", "/v1/responses/input_tokens", {"model": MODEL, "input": "Hi"}),
    ("POST", "/v1/moderations", {"input": [{"type": "text", "text": "x"}], "model": "omni-moderation-latest"}),
    ("POST", "/v1/moderations", {"input": ["a", "b"]}),
    ("POST", "/v1/fine_tuning/alpha/graders/run", {"grader": GRADER, "model_sample": "x", "item": {"a": "b"}}),
    ("POST", "/v1/fine_tuning/alpha/graders/validate", {"grader": GRADER}),
    ("POST", f"/v1/fine_tuning/checkpoints/{TUNED}/permissions", {"project_ids": ["a", "b"]}),
    ("GET", f"/v1/fine_tuning/checkpoints/{TUNED}/permissions", {"limit": 3, "after": "x", "order": "ascending"}),
    ("POST", "/v1/uploads", {
        "filename": "f", "purpose": "fine-tune", "bytes": 5, "mime_type": "text/plain",
        "expires_after": {"anchor": "created_at", "seconds": 3600},
    }),
    ("POST", "/v1/uploads/upload_abc123/complete", {"part_ids": ["part_abc123"], "md5": "x"}),
    ("POST", "/v1/webhook_endpoints", {"name": "n", "url": "https://x", "event_types": ["fine_tuning.job.failed"]}),
    ("POST", "/v1/webhook_endpoints/whe_123", {"name": "n", "url": "https://x", "event_types": ["batch.failed"]}),
    ("POST", "/v1/webhook_endpoints/whe_123/test", {"event_type": "fine_tuning.job.succeeded"}),
    ("GET", "/v1/webhook_endpoints", {"limit": 3, "after": "x"}),
    ("PUT", f"{MANAGED}/d?api-version=2024-10-21", {
        "sku": {"name": "standard", "capacity": 1}, "properties": {"model": {"format": "OpenAI", "name": MODEL}},
    }),
    ("GET", "/v1/fine_tuning/model_limits", {"limit": 3}),
    ("POST", "/_mocktune/clock/advance", {"by": "5s"}),
    ("POST", "/_mocktune/clock/advance", {"until": {"job": JOB, "status": "succeeded"}}),
    ("PUT", "/_mocktune/clock", {"clock": "x60", "start": 1768435200}),
]  # fmt: skip

FAR: list[Any] = [
    0, -1, -5, 1, 2, 10**6, 10**9, 10**12, 2**53, 2**63 - 1, -(2**63), 2**64, 10**30, 10**400, 0.0, -0.5, 1e-320, 1e300,
    -1e308, 0.1, "", "x", "0", "null", "é" * 70, "x" * 600, "x" * 5000, "\u0000\u001f", "{{item.a}}", None, True, False,
    [], {}, [[]], [None], {"": ""}, {"a": {"b": []}}, [1, -1], ["x"] * 200, {str(n): "x" for n in range(40)}, "auto",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    body = deepcopy(body)
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return body


def sent(app: App, method: str, path: str, body: Any) -> int:
    """The status, of an answer that came soon."""
    began = time.process_time()
    if method == "GET":
        pairs = body.items() if isinstance(body, dict) else [("x", body)]
        texts = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in pairs]
        answer = app.get(f"{path}?{urlencode(texts)}")
    else:
        answer = app.ask(method, path, body)
    assert answer.status < 500, (method, path, body, answer.body)
    assert time.process_time() - began < MOST_S, (method, path, body)
    if answer.status == 200 and method == "POST" and path == "/v1/fine_tuning/jobs":
        _plays(app, body)
    return answer.status


def _plays(app: App, body: Any) -> None:
    """A server that keeps what it is told, over the job's whole life."""
    keeping = App(state=app.state, scenario="quick", others={"loose": app.services.settings.loose})
    try:
        job = keeping.post("/v1/fine_tuning/jobs", body)["id"]
        for by in ("1s", "3s", "5s", "30d"):
            for below in ("", "/events?limit=100", "/checkpoints"):
                answer = keeping.get(f"/v1/fine_tuning/jobs/{job}{below}")
                assert answer.status == 200, answer.body
            keeping.advance(by)
        assert keeping.get("/v1/files").status == 200
    finally:
        keeping.close()


numbered = st.sampled_from(range(len(REQUESTS)))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), which=numbered)
def test_no_value_makes_a_loose_server_fail(loose: App, data: st.DataObject, which: int) -> None:
    method, path, body = REQUESTS[which]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(places(body))[1:] or [()]))
        body = changed(body, place, data.draw(st.sampled_from(FAR)))
        if not isinstance(body, dict):
            break
    sent(loose, method, path, body)


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data(), which=numbered)
def test_no_value_makes_a_strict_server_fail(strict: App, data: st.DataObject, which: int) -> None:
    method, path, body = REQUESTS[which]
    place = data.draw(st.sampled_from(list(places(body))[1:] or [()]))
    sent(strict, method, path, changed(body, place, data.draw(st.sampled_from(FAR))))


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_each_of_these_requests_is_good(loose: App, method: str, path: str, body: Any) -> None:
    """Else the tests above would ask nothing."""
    assert sent(loose, method, path, body) < 300
