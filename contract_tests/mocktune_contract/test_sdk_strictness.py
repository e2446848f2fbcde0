"""The official SDK with ``_strict_response_validation=True``, which holds every answer to the SDK's own types.

Under ``--wire sdk`` the whole life passes. Under ``--wire observed`` what was recorded is sent, and the SDK's types are
stricter than the real service: ``VIOLATIONS`` is the whole of it. In its default mode the SDK parses either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import openai
import pytest
from openai import OpenAI
from pydantic import ValidationError

from mocktune_contract.lab import MODEL, Lab, Labs, training_file

PLAIN = training_file("valid/plain.jsonl")
TOOLS = training_file("valid/tools.jsonl")
TIDE_AT = {"type": "function", "function": {"name": "tide_at", "parameters": {"type": "object", "properties": {}}}}

NO_ERROR = {"error.code", "error.message"}
"""OBS RUBY: the ``error`` of a job that did not fail is ``{}``; the SDK's ``Error`` wants these."""

VIOLATIONS = {
    **{f"jobs.{operation}": NO_ERROR for operation in ("create", "retrieve", "cancel")},
    "jobs.list": {f"data.0.{field}" for field in NO_ERROR},
}
"""The fields, by operation, in which the recorded wire leaves the SDK's strict types."""

Operation = tuple[str, Callable[[], object]]


def whole_life(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    """Every operation of a life, each at a time when it has something to say. Objects are made by another client."""
    uploaded = lab.upload(PLAIN).id
    yield "files.create", lambda: client.files.create(file=("again.jsonl", PLAIN), purpose="fine-tune")
    yield "files.retrieve", lambda: client.files.retrieve(uploaded)
    yield (
        "jobs.create",
        lambda: client.fine_tuning.jobs.create(
            model=MODEL,
            training_file=uploaded,
            validation_file=uploaded,
            metadata={"run": "a"},
            integrations=[{"type": "wandb", "wandb": {"project": "sea"}}],
        ),
    )
    job = lab.create_job(uploaded, validation_file=uploaded, suffix="pip").id
    for status in ("validating_files", "queued", "running", "succeeded"):
        if status != "validating_files":
            lab.clock.until(job, status)
        yield "jobs.retrieve", lambda: client.fine_tuning.jobs.retrieve(job)
        yield "jobs.list", lambda: client.fine_tuning.jobs.list(limit=1)
        yield "jobs.list_events", lambda: client.fine_tuning.jobs.list_events(job, limit=1000)
        yield "checkpoints.list", lambda: client.fine_tuning.jobs.checkpoints.list(job)
    lab.clock.advance(by="10m")
    done = lab.job(job)
    model = done.fine_tuned_model or ""
    yield "jobs.list_events", lambda: client.fine_tuning.jobs.list_events(job, limit=1000)
    yield "files.list", lambda: client.files.list()
    yield "files.content", lambda: client.files.content(done.result_files[0])
    yield "models.list", lambda: client.models.list()
    yield "models.retrieve", lambda: client.models.retrieve(model)
    yield "chat", lambda: client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
    yield "chat", lambda: client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    yield (
        "chat, streamed",
        lambda: list(
            client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": "Hi"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        ),
    )
    caller = lab.tuned_model(TOOLS)
    yield (
        "chat, a tool call",
        lambda: client.chat.completions.create(
            model=caller,
            messages=[{"role": "user", "content": "Is it high tide in Cork?"}],
            tools=[TIDE_AT],  # type: ignore[list-item]  # a plain dict, as users write it
        ),
    )

    bad = lab.create_job(lab.upload_ready(training_file("invalid/seven_examples.jsonl")).id).id
    lab.clock.until(bad, "failed")
    yield "jobs.retrieve, failed", lambda: client.fine_tuning.jobs.retrieve(bad)
    yield "jobs.list_events", lambda: client.fine_tuning.jobs.list_events(bad)
    broken = lab.upload_ready(training_file("invalid/broken_json.jsonl")).id
    yield "files.retrieve", lambda: client.files.retrieve(broken)
    stopped = lab.create_job(uploaded).id
    yield "jobs.cancel", lambda: client.fine_tuning.jobs.cancel(stopped)
    yield "models.delete", lambda: client.models.delete(model)
    yield "files.delete", lambda: client.files.delete(uploaded)


def violations(lab: Lab, client: OpenAI) -> dict[str, set[str]]:
    """The fields in which the answers of a life leave the SDK's types, by operation."""
    found: dict[str, set[str]] = {}
    for name, call in whole_life(lab, client):
        try:
            call()
        except openai.APIResponseValidationError as error:
            found.setdefault(name, set()).update(fields_of(error))
    return found


def fields_of(error: openai.APIResponseValidationError) -> set[str]:
    """The dotted paths that did not fit."""
    refusal = error.__cause__
    assert isinstance(refusal, ValidationError)
    return {".".join(str(part) for part in each["loc"]) for each in refusal.errors()}


def test_the_sdk_wire_keeps_to_the_sdks_strict_types(own_server: Labs) -> None:
    """Not one value is outside the SDK's types."""
    lab = own_server(wire="sdk")
    with lab.strict_client() as client:
        assert violations(lab, client) == {}


def test_the_sdk_wire_says_null_where_there_is_no_error(own_server: Labs) -> None:
    """The one difference between the wires; a failed job's error is the same in both."""
    lab = own_server(wire="sdk")
    job = lab.create_job(lab.upload_ready(training_file("invalid/seven_examples.jsonl")).id)
    assert lab.raw_job(job.id)["error"] is None
    lab.clock.until(job.id, "failed")
    assert lab.raw_job(job.id)["error"]["code"] == "invalid_n_examples"


@pytest.mark.needs_clock
def test_the_observed_wire_leaves_the_strict_types_where_the_real_service_does(lab: Lab) -> None:
    """The set of violations is the listed one, no more and no less."""
    with lab.strict_client() as client:
        assert violations(lab, client) == VIOLATIONS


@pytest.mark.needs_clock
def test_the_sdk_parses_the_observed_wire_in_its_default_mode(lab: Lab) -> None:
    """EXP: ``{}`` becomes an ``Error`` of nulls, so ``if job.error`` is true on a healthy job."""
    client = lab.client()
    for _, call in whole_life(lab, client):
        call()
    job = client.fine_tuning.jobs.list().data[-1]
    assert job.error
    assert job.error.code is None
