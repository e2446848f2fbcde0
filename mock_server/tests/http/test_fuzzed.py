"""What fuzzing the description found, each as a test of its own (``.ci/schema_fuzz.py`` fuzzes it all)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asking import App


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = App()
    yield app
    app.close()


@pytest.fixture(scope="module")
def description(app: App) -> dict[str, Any]:
    document: dict[str, Any] = app.get("/openapi.json").json()
    return document


def test_a_wrong_method_says_which_are_right_in_azures_dialect_too(app: App) -> None:
    answer = app.ask("TRACE", "/openai/deployments?api-version=1")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("call", ["find", "count", "verify", "wait-for-count"])
@pytest.mark.parametrize("value", [False, True, "0", 0.5])
def test_an_ordinal_of_requests_is_an_integer(app: App, call: str, value: object) -> None:
    answer = app.post(f"/_mocktune/requests/{call}", {"since": value})
    assert (answer.status, answer["error"]["param"], answer["error"]["code"]) == (400, "since", "invalid_type")


def test_in_a_query_it_is_written_as_text(app: App) -> None:
    assert app.get("/_mocktune/requests?since=0").status == 200
    assert app.get("/_mocktune/requests?since=no")["error"]["code"] == "invalid_type"


@pytest.mark.parametrize("call", ["requests/wait-for-count", "webhooks/deliveries/wait-for-count"])
@pytest.mark.parametrize("value", [True, "0"])
def test_how_long_to_wait_is_a_number(app: App, call: str, value: object) -> None:
    answer = app.post(f"/_mocktune/{call}", {"timeout_s": value})
    assert (answer.status, answer["error"]["param"], answer["error"]["code"]) == (400, "timeout_s", "invalid_type")


def test_two_models_of_one_name_have_two_schemas(description: dict[str, Any]) -> None:
    """Chat and responses both have a ``JsonSchemaFormat``; the one of chat has no ``type``."""
    schemas = description["components"]["schemas"]
    assert "type" not in schemas["JsonSchemaFormat"]["properties"]
    assert "type" in schemas["ResponsesJsonSchemaFormat"]["properties"]
    formats = schemas["ResponseFormat"]["properties"]["json_schema"]["anyOf"]
    assert {"$ref": "#/components/schemas/JsonSchemaFormat"} in formats


def test_hyperparameters_are_described_with_their_bounds(description: dict[str, Any]) -> None:
    epochs = description["components"]["schemas"]["Hyperparameters"]["properties"]["n_epochs"]["anyOf"]
    assert {"type": "integer", "minimum": 1, "maximum": 50} in epochs


def test_a_body_that_may_be_left_out_is_described_so(description: dict[str, Any]) -> None:
    for path in ("/_mocktune/state/files", "/v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret"):
        assert description["paths"][path]["post"]["requestBody"]["required"] is False
    assert description["paths"]["/v1/fine_tuning/jobs"]["post"]["requestBody"]["required"] is True


def test_parameters_of_paths_are_described(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for operation in methods.values():
            named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert named == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def test_the_description_does_not_hang_on_who_asked_first() -> None:
    apps = [App(), App()]
    try:
        apps[1].get("/v1/webhook_endpoints")
        apps[1].post("/v1/responses", {})
        first, second = (app.get("/openapi.json").body for app in apps)
        assert first == second
    finally:
        for app in apps:
            app.close()


def test_who_may_call_is_described(description: dict[str, Any]) -> None:
    paths = description["paths"]
    assert paths["/_mocktune/health"]["get"]["security"] == []
    assert paths["/_mocktune/sandboxes"]["post"]["security"] == [{"adminToken": []}]
    assert paths["/v1/files"]["get"]["security"] == [{"apiKey": []}, {"azureKey": []}]
