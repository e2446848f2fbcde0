"""``GET /_mocktune/capabilities`` and the tables it is made from: every entry says how it is known, none is forgotten.

::

    {"version": "…",
     "endpoints": [{"method": "GET", "path": "/v1/files", "source": "RUBY", "confidence": "recorded"}, …],
     "errors": […], "fields": {"job": {"fields": {"status": {"source": …, "sdk": …, "azure": …}}}}, …}
"""

from __future__ import annotations

import ast
import json
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient
from support import Wall, settings

import mocktune
from mocktune.bootstrap import bootstrap
from mocktune.domain import errors, reward_events
from mocktune.domain.errors import ApiError
from mocktune.domain.grading import GraderSummary
from mocktune.domain.object_fields import CONTROL_OBJECTS, OBJECTS
from mocktune.domain.rewards import RewardCurve, reward_metrics_at
from mocktune.domain.sources import CONFIDENCES, SOURCES, confidence_of, names_in
from mocktune.http import wire
from mocktune.http.app import create_app
from mocktune.http.capabilities import all_error_kinds
from mocktune.http.wire.base import Response
from mocktune.http.wire.control import Capabilities

KEY = {"authorization": "Bearer sk-capable"}
PACKAGE = Path(mocktune.__file__).parent


@pytest.fixture(scope="module")
def http() -> Iterator[TestClient]:
    services = bootstrap(settings(), clock=Wall())
    yield TestClient(create_app(services), headers=KEY)
    services.close()


@pytest.fixture(scope="module")
def answered(http: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = http.get("/_mocktune/capabilities").raise_for_status().json()
    return answer


# -- the answer --------------------------------------------------------------------------------------------------------


def test_capabilities_have_the_shape_they_are_described_with(answered: dict[str, Any]) -> None:
    Capabilities.model_validate(answered)


def test_every_entry_names_its_source_and_how_sure_that_makes_it(answered: dict[str, Any]) -> None:
    entries = list(known_entries(answered))
    assert len(entries) > 500
    for entry in entries:
        assert entry["confidence"] == confidence_of(entry["source"])
        assert set(names_in(entry["source"])) <= set(SOURCES)


def known_entries(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("source"), str):
            yield value
        for each in value.values():
            yield from known_entries(each)
    elif isinstance(value, list):
        for each in value:
            yield from known_entries(each)


def test_every_endpoint_of_the_description_is_told(http: TestClient, answered: dict[str, Any]) -> None:
    described = http.get("/openapi.json").json()["paths"]
    expected = {(method.upper(), path) for path, methods in described.items() for method in methods}
    assert {(each["method"], each["path"]) for each in answered["endpoints"]} == expected
    assert len({each["operation"] for each in answered["endpoints"]}) == len(expected)


def test_nothing_of_it_is_made_before_it_is_asked_for() -> None:
    services = bootstrap(settings(), clock=Wall())
    app = create_app(services)
    table = app._table

    def known() -> bool:
        return bool(table._match("GET", "/_mocktune/capabilities"))  # match() would load it

    assert not known()
    TestClient(app, headers=KEY).get("/_mocktune/version").raise_for_status()
    assert known()
    services.close()


def test_the_version_names_what_was_played_after(http: TestClient) -> None:
    version = http.get("/_mocktune/version").json()
    assert version["version"] == mocktune.__version__
    assert set(version) == {"version", "spec", "openai_python", "openai_node"}


def test_schemas_are_listed_and_answered(http: TestClient) -> None:
    schemas = http.get("/_mocktune/schemas").json()["schemas"]
    assert {"fault", "scenario", "state"} < set(schemas)
    schema = http.get(schemas["state"]).json()
    assert {"files", "jobs", "models", "objects"} <= set(schema["properties"])


def test_what_a_call_of_the_control_plane_takes_and_answers_has_a_schema_of_its_own(http: TestClient) -> None:
    schemas = http.get("/_mocktune/schemas").json()["schemas"]
    for name, path in schemas.items():
        schema = http.get(path).raise_for_status().json()
        jsonschema.Draft202012Validator.check_schema(schema)
        assert "#/components" not in json.dumps(schema), name
    command, answer = (http.get(schemas[f"clock.advance.{what}"]).json() for what in ("request", "answer"))
    good, bad = {"until": {"job": "ftjob-1", "status": "running"}, "max_virtual": "2h"}, {"until": {"job": 3}}
    jsonschema.validate(good, command)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, command)
    jsonschema.validate(http.post("/_mocktune/clock/advance", json={"by": "0s"}).json(), answer)


def test_an_unknown_schema_is_a_404_that_names_the_known_ones(http: TestClient) -> None:
    answer = http.get("/_mocktune/schemas/scenarios")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == (
        "There is no schema 'scenarios'; did you mean 'scenario'? GET /_mocktune/schemas lists all."
    )


# -- confidence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "confidence"),
    [
        ("RUBY, SPEC", "recorded"),
        ("SPEC, REC 5.3", "spec"),
        ("SDK, 3P", "sdk"),
        ("3P", "docs"),
        ("GRADDOC, words assumed", "assumed"),
        ("OBS (issues of Azure users, 2023 to 2024)", "recorded"),
        ("openai-java 647", "recorded"),
        ("mocktune", "mocktune"),
    ],
)
def test_the_surest_source_counts_unless_it_says_assumed(source: str, confidence: str) -> None:
    assert confidence_of(source) == confidence
    assert confidence in CONFIDENCES


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="'HEARSAY' is no source"):
        confidence_of("RUBY, HEARSAY")


# -- fields ------------------------------------------------------------------------------------------------------------


def test_the_table_of_fields_has_every_field_of_every_answer() -> None:
    told = {key: sorted(each.fields) for key, each in (OBJECTS | CONTROL_OBJECTS).items()}
    assert told == {key: sorted(fields) for key, fields in wire_fields().items()}


def wire_fields() -> dict[str, list[str]]:
    """The fields of all models of answers, by module and name; of the two open ones those that a step really has."""
    curve = RewardCurve(7, 20, 2, 80, GraderSummary(64, 0.3, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, ()), True)
    measured = reward_metrics_at(curve, 20)
    found = {
        "jobs.RewardData": list(reward_events.event_data(measured)),
        "jobs.RewardCheckpointMetrics": list(reward_events.checkpoint_metrics(measured)),
    }
    for module in (f"{wire.__name__}.{each.name}" for each in pkgutil.iter_modules(wire.__path__)):
        for name, value in vars(import_module(module)).items():
            is_answer = isinstance(value, type) and issubclass(value, Response) and value is not Response
            if is_answer and value.__module__ == module and "[" not in value.__name__:
                found[f"{module.rpartition('.')[2]}.{name}"] = list(value.model_fields)
    return found


def test_no_two_objects_share_a_title_and_parts_name_one() -> None:
    objects = [*OBJECTS.values(), *CONTROL_OBJECTS.values()]
    titles = {each.title for each in objects}
    assert len(titles) == len(objects)
    assert {each.part_of for each in objects} - {""} <= titles


# -- errors ------------------------------------------------------------------------------------------------------------

KINDS = dict(all_error_kinds())

WITHOUT_A_KIND = {
    "http/wire/response_input.py": "pydantic's findings about items; their words stand beside the types they check",
}
"""Modules that word an error themselves, and why."""


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_error_has_a_status_and_operations_that_exist(name: str, answered: dict[str, Any]) -> None:
    kind = KINDS[name]
    (told,) = (each for each in answered["errors"] if each["name"] == name)
    assert 400 <= told["status"] < 600
    operations = {each["operation"] for each in answered["endpoints"]} | {"responses.compact"}
    for operation in kind.operations:
        assert operation == "*" or operation.startswith("azure") or operation in operations, operation


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_of_error_is_filled_in(name: str) -> None:
    """Every template can be, with its values as named."""
    kind = KINDS[name]
    names = [field.partition("!")[0] for _, field, _, _ in Formatter().parse(kind.message) if field]
    message = kind(**dict.fromkeys(names, "something")).message
    assert all("something" in message for _ in names)


def test_errors_are_worded_in_their_kinds_alone() -> None:
    """Elsewhere nobody raises one with words of its own."""
    offenders = {
        module.relative_to(PACKAGE).as_posix(): lines
        for module in PACKAGE.rglob("*.py")
        if "error_kinds" not in module.parts and (lines := worded_errors(module))
    }
    assert offenders.keys() == WITHOUT_A_KIND.keys(), offenders


def worded_errors(module: Path) -> list[int]:
    """The lines on which a class of errors, or a finding for one, is called with words instead of a kind's."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, ApiError)}
    return [
        node.lineno
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and _name_of(node.func) in classes | {"api_value_error"}
        and not _words_of_a_kind(node)
    ]


def _name_of(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _words_of_a_kind(call: ast.Call) -> bool:
    """``KIND.message…``, or what was worded before: a finding of pydantic's that has the API's words already."""
    if not call.args:
        return False
    words = ast.unparse(call.args[0])
    return ".message" in words or words == "str(first['msg'])"
