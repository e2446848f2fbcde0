"""Whether the server has each operation of the API: asked with ids of nothing and without a body, so nothing is made.

An operation is missing where the answer is 405 or 501, or the 404 that any unheard-of path is answered with.
"""

from __future__ import annotations

import json

import httpx2
import pytest

from mocktune_contract.lab import Lab
from mocktune_contract.operations import OPERATIONS, Operation
from mocktune_contract.targets import Target, ask_for

pytestmark = pytest.mark.source("SPEC")


def as_parameter(operation: Operation) -> object:
    marks = [pytest.mark.operation(operation.name), pytest.mark.source(operation.source), pytest.mark.probe]
    if operation.azure:
        marks.append(pytest.mark.needs("azure"))
    return pytest.param(operation, id=operation.name, marks=marks)


@pytest.mark.parametrize("operation", [as_parameter(operation) for operation in OPERATIONS])
def test_the_server_has_the_operation(
    operation: Operation, lab: Lab, target: Target, request: pytest.FixtureRequest
) -> None:
    found = target.found.get(operation.name)
    if found is None:
        found = ask_for(_with_a_version(lab.http), lab.base_url, operation)
    request.node.user_properties.append(("implemented", json.dumps([found.present, found.status])))
    answered = f"is answered with {found.status}" if found.status else "is not answered"
    assert found.present, f"{operation.method} {operation.path} {answered}: the server has no {operation.name}"


def _with_a_version(http: httpx2.Client) -> httpx2.Client:
    """Azure's paths want one; the others do not mind."""
    http.params = http.params.merge({"api-version": "2024-10-21"})
    return http


@pytest.mark.source("mocktune")
@pytest.mark.needs("mocktune")
def test_the_table_of_operations_is_that_of_the_server(lab: Lab) -> None:
    listed = lab.http.get(f"{lab.root}/_mocktune/capabilities").raise_for_status().json()["endpoints"]
    served = {
        (each["operation"], each["method"], each["source"])
        for each in listed
        if not each["operation"].startswith("mocktune.")
    }
    assert {(each.name, each.method, each.source) for each in OPERATIONS} == served


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
def test_a_path_that_nobody_thought_of_is_no_operation(lab: Lab) -> None:
    """The probe can tell: a server that answers everything would have everything."""
    nothing = Operation("nothing", "GET", "/v1/nothing/{id}", "mocktune")
    assert not ask_for(lab.http, lab.base_url, nothing).present
    other_method = Operation("nothing", "PUT", "/v1/files", "mocktune")
    assert not ask_for(lab.http, lab.base_url, other_method).present
