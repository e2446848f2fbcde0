"""``/openapi.json``: each operation with its parameters, bodies, answers, errors and recorded examples of them.

::

    {"paths": {"/v1/fine_tuning/jobs": {"post": {
        "operationId": "fine_tuning.jobs.create",
        "requestBody": {"content": {"application/json": {"schema": …, "example": {"model": …}}}},
        "responses": {"200": {"content": {"application/json": {"schema": …, "example": {"object": …}}}, "headers": …},
                      "429": {"content": {"application/json": {"schema": …, "examples": {"limits.…": …}}}}}}}}}

The examples are real: ``MOCKTUNE_UPDATE_GOLDENS=1 pytest mock_server/tests/test_description.py
mock_server/tests/test_error_enumeration.py`` plays every operation and every error, and writes them down.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from described_calls import Exchange, exchanges, write_examples
from error_play import Operations, Servers
from error_play import description as description
from error_play import operation_of as operation_of
from error_play import servers as servers

from mocktune.http.description.examples import recorded
from mocktune_contract.receiver import Receiver

Json = dict[str, Any]
UPDATE = bool(os.environ.get("MOCKTUNE_UPDATE_GOLDENS"))

LONG_BYTES, KEPT = 4_000, 2
"""Of an answer of more bytes, every list keeps its first entries."""

NEVER_SUCCEEDS = {"responses.cancel"}
"""Refuses whatever it is asked: nothing is ever in the background."""

BEST = {
    "fine_tuning.jobs.retrieve": lambda body: body["status"] == "succeeded",
    "fine_tuning.jobs.list_events": lambda body: body["data"][0]["type"] == "metrics",
    "fine_tuning.jobs.checkpoints.list": lambda body: len(body["data"]) > 1,
    "fine_tuning.checkpoints.permissions.list": lambda body: body["data"],
    "files.content": lambda body: body.startswith("{"),
}
"""Which of several answers tells most; else the first."""


def operations(description: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


@pytest.fixture(scope="module")
def played(servers: Servers, operation_of: Operations) -> list[tuple[str, Exchange]]:
    """What every operation answered, by its name."""
    receiver = Receiver()
    try:
        heard = exchanges(servers.lab("described"), receiver)
    finally:
        receiver.close()
    return [(name, each) for each in heard if (name := operation_of(each.method, each.url))]


@pytest.fixture(scope="module")
def schemas(description: Json) -> dict[tuple[str, str, str], jsonschema.Draft202012Validator]:
    """By operation, status and media type."""
    components = {"components": description["components"]}
    return {
        (operation["operationId"], status, media_type): jsonschema.Draft202012Validator(
            content.get("schema", {}) | components
        )
        for _, _, operation in operations(description)
        for status, response in operation["responses"].items()
        for media_type, content in response.get("content", {}).items()
    }


# -- the examples ------------------------------------------------------------------------------------------------------


def test_every_operation_shows_what_it_was_asked_and_answered(
    description: Json, played: list[tuple[str, Exchange]]
) -> None:
    """``MOCKTUNE_UPDATE_GOLDENS=1`` writes it down anew."""
    if UPDATE:
        write_examples(calls=recorded_calls(description, played))
    calls = recorded().calls
    assert {operation["operationId"] for _, _, operation in operations(description)} - set(calls) == NEVER_SUCCEEDS
    for _, path, operation in operations(description):
        if operation["operationId"] in NEVER_SUCCEEDS:
            continue
        for parameter in operation["parameters"]:
            assert parameter["in"] != "path" or "example" in parameter, path
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in content, path
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                assert "example" in content or "examples" in content, (path, status)


def test_every_example_fits_its_schema(description: Json, schemas: Any) -> None:
    shown = 0
    for _, _, operation in operations(description):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schema = content["schema"] | {"components": description["components"]}
            if "example" in content:
                jsonschema.Draft202012Validator(schema).validate(content["example"])
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                validator = schemas[operation["operationId"], status, media_type]
                named = [each["$ref"].rpartition("/")[2] for each in content.get("examples", {}).values()]
                values = [description["components"]["examples"][name]["value"] for name in named]
                for value in (*values, *([content["example"]] if "example" in content else ())):
                    validator.validate(value)
                    shown += 1
    assert shown > 500


def test_every_answer_of_the_whole_surface_fits_the_schema_it_is_described_with(
    played: list[tuple[str, Exchange]], schemas: Any
) -> None:
    assert len({name for name, _ in played}) > 100
    for name, each in played:
        if each.body is not None:
            validator = schemas[name, str(each.status), each.media_type]
            problem = next(validator.iter_errors(each.body), None)
            assert problem is None, (name, problem)


def recorded_calls(description: Json, played: list[tuple[str, Exchange]]) -> Json:
    """The call of each operation that tells most, and an answer of each media type it has."""
    paths = {operation["operationId"]: path for _, path, operation in operations(description)}
    calls: Json = {}
    for name in sorted(dict(played)):
        of_this = [each for other, each in played if other == name]
        plain = of_this[0].media_type
        best = BEST.get(name, lambda body: True)
        told = next(each for each in of_this if each.media_type == plain and (each.body is None or best(each.body)))
        answers = {plain: told} | {each.media_type: each for each in reversed(of_this) if each.media_type != plain}
        calls[name] = {
            "path": path_parameters(paths[name], told.path),
            "query": told.query,
            "request": shortened(told.request),
            "answers": [
                {"status": str(each.status), "media_type": media_type, "body": shortened(each.body)}
                for media_type, each in answers.items()
            ],
        }
    return calls


def path_parameters(template: str, path: str) -> dict[str, str]:
    names = re.findall(r"\{(\w+)\}", template)
    found = re.fullmatch(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template)), path)
    assert found is not None, (template, path)
    return dict(zip(names, found.groups(), strict=True))


def shortened(body: Any) -> Any:
    """What is long, with its lists cut; a text after its first lines."""
    if len(json.dumps(body)) <= LONG_BYTES:
        return body
    return "".join(body.splitlines(keepends=True)[:4]) if isinstance(body, str) else cut(body)


def cut(body: Any) -> Any:
    if isinstance(body, list):
        return [cut(each) for each in body[:KEPT]]
    if isinstance(body, dict):
        return {name: cut(each) for name, each in body.items()}
    return "".join(body.splitlines(keepends=True)[:4]) if isinstance(body, str) and len(body) > 1000 else body
