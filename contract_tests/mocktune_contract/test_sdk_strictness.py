"""The official SDK with ``_strict_response_validation=True``, which holds every answer to the SDK's own types.

Under ``--wire sdk`` the whole surface passes, but for what no answer can fit (``UNFITTING``). Under ``--wire observed``
what was recorded is sent, and the SDK's types are stricter than the real service: ``VIOLATIONS`` is the whole of it. In
its default mode the SDK parses either.
"""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI
from pydantic import ValidationError

from mocktune_contract.lab import Lab, Labs, training_file
from mocktune_contract.receiver import Receiver
from mocktune_contract.whole_surface import PLAIN, is_known, whole_surface

pytestmark = [
    pytest.mark.needs("time", "sandboxes"),
    pytest.mark.source("SDK"),
    pytest.mark.observed_wire("holds answers to the SDK's types itself, where they are meant to be left too"),
]

Violations = dict[str, set[str]]

MULTI = "grader.MultiGrader.graders"
"""GRADDOC: the ``graders`` of a multi grader are a map of names to graders. The SDK's type is one single grader, which
no map can be; the path is that of the union's branches, cut short."""

ERROR = {"error.code", "error.message"}
"""OBS RUBY: the ``error`` of a job that did not fail is ``{}``; the SDK's ``Error`` wants these."""

METHODS = {
    "supervised": set[str](),
    # OBS CN1229: null; the SDK wants an object.
    "dpo": {"hyperparameters"},
    "reinforcement": {"hyperparameters"},
    "multi": {"hyperparameters", f"method.reinforcement.{MULTI}"},
}
STATUSES = {
    "validating_files": ERROR, "queued": ERROR, "running": ERROR, "succeeded": ERROR, "long succeeded": ERROR,
    "cancelled": ERROR, "failed": set[str](),
    # SPEC: the example of the pause route; the SDK's type has no such status.
    "paused": {*ERROR, "status"},
}  # fmt: skip


def _of_jobs() -> Violations:
    found: Violations = {}
    for method, fields in METHODS.items():
        found[f"fine_tuning.jobs.create, {method}"] = fields | ERROR
        found[f"fine_tuning.jobs.pause, {method}"] = fields | STATUSES["paused"]
        found[f"fine_tuning.jobs.resume, {method}"] = fields | ERROR
        found[f"fine_tuning.jobs.cancel, {method}"] = fields | ERROR
        for status, more in STATUSES.items():
            found[f"fine_tuning.jobs.retrieve, {method} {status}"] = fields | more
            found[f"fine_tuning.jobs.list, {method} {status}"] = {f"data.0.{field}" for field in fields | more}
    return {call: fields for call, fields in found.items() if fields}


VIOLATIONS: Violations = {
    **_of_jobs(),
    "fine_tuning.alpha.graders.validate, multi": {MULTI},
    # SPEC's example: an object of four counts; the SDK's type is a number.
    "fine_tuning.alpha.graders.run, score_model": {"metadata.token_usage"},
    # SPEC: a purpose to upload for, and none in the SDK's type of a file.
    "files.create, evals": {"purpose"},
    # The SDK's type of a stored message knows no role but the assistant's.
    "chat.completions.messages.list": {"data.0.role", "data.1.role"},
    # The SDK's type of a chunk knows function calls only.
    "chat.completions.create, a custom tool call, streamed": {"choices.0.delta.tool_calls.0.type"},
    # 3P: null until the last chunk; the SDK has one type for whole completions and for chunks.
    **{f"completions.create, {what}, streamed": {"choices.0.finish_reason"} for what in ("plain", "two prompts")},
    # 3P: the first token of a prompt has no probability.
    **{
        f"completions.create, an echoed prompt with logprobs{streamed}": {
            "choices.0.logprobs.token_logprobs.0",
            "choices.0.logprobs.top_logprobs.0",
        }
        for streamed in ("", ", streamed")
    },
}
"""The fields, by call, in which the recorded wire leaves the SDK's strict types."""

UNFITTING = {call: {field for field in fields if MULTI in field} for call, fields in VIOLATIONS.items()}
UNFITTING = {call: fields for call, fields in UNFITTING.items() if fields}
"""What stays outside them under ``--wire sdk`` too."""


def violations(lab: Lab, client: OpenAI, receiver: Receiver) -> Violations:
    """The fields in which answers leave the SDK's types, by call."""
    found: Violations = {}
    for name, call in whole_surface(lab, client, receiver):
        try:
            call()
        except openai.APIResponseValidationError as error:
            found.setdefault(name, set()).update(fields_of(error.__cause__))
        except ValidationError as error:
            found.setdefault(name, set()).update(fields_of(error))
    return found


def fields_of(refusal: BaseException | None) -> set[str]:
    """The dotted paths that did not fit."""
    assert isinstance(refusal, ValidationError)
    paths = {".".join(str(part) for part in each["loc"]) for each in refusal.errors()}
    of_multi = {path.partition(MULTI)[0] + MULTI for path in paths if MULTI in path}
    # A union's other branches are complained about as well.
    inside = {
        path for path in paths if any(path.startswith(each.removesuffix("MultiGrader.graders")) for each in of_multi)
    }
    return paths - inside | of_multi


def of_this_sdk(expected: Violations, client: OpenAI) -> Violations:
    return {name: fields for name, fields in expected.items() if is_known(client, name.partition(",")[0])}


@pytest.mark.shape
def test_the_sdk_wire_keeps_to_the_sdks_strict_types(own_server: Labs, receiver: Receiver) -> None:
    """Not one value is outside the SDK's types, but for what cannot be inside."""
    lab = own_server(wire="sdk")
    with lab.strict_client() as client:
        assert violations(lab, client, receiver) == of_this_sdk(UNFITTING, client)


@pytest.mark.shape
def test_the_sdk_wire_says_null_where_there_is_no_error(own_server: Labs) -> None:
    """A failed job's error is the same on both wires."""
    lab = own_server(wire="sdk")
    job = lab.create_job(lab.upload_ready(training_file("invalid/seven_examples.jsonl")).id)
    assert lab.raw_job(job.id)["error"] is None
    lab.clock.until(job.id, "failed")
    assert lab.raw_job(job.id)["error"]["code"] == "invalid_n_examples"


@pytest.mark.shape
def test_the_observed_wire_leaves_the_strict_types_where_the_real_service_does(lab: Lab, receiver: Receiver) -> None:
    """The set of violations is the listed one, no more and no less."""
    with lab.strict_client() as client:
        assert violations(lab, client, receiver) == of_this_sdk(VIOLATIONS, client)


@pytest.mark.source("EXP")
@pytest.mark.shape
def test_the_sdk_parses_the_observed_wire_in_its_default_mode(lab: Lab, receiver: Receiver) -> None:
    """EXP: ``{}`` becomes an ``Error`` of nulls, so ``if job.error`` is true on a healthy job."""
    client = lab.client()
    for _, call in whole_surface(lab, client, receiver):
        call()
    healthy = lab.create_job(lab.upload(PLAIN).id)
    assert healthy.error
    assert healthy.error.code is None


def test_no_operation_is_left_out(lab: Lab, receiver: Receiver) -> None:
    """Every operation that the server describes and this SDK knows is among the calls."""
    described = lab.keyless.get(f"{lab.root}/openapi.json").json()["paths"]
    operations = {each["x-mocktune-operation"] for path in described.values() for each in path.values()}
    client = lab.client()
    called = set()
    for name, call in whole_surface(lab, client, receiver):
        call()
        called.add(name.partition(",")[0])
    left_out = {each for each in operations - called if is_known(client, each)}
    assert left_out == {"responses.cancel"}  # refuses whatever it is asked: nothing is ever in the background
