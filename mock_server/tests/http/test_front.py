"""The layer in front of FastAPI: who may call, as whom, and one envelope through every door.

{"error": {"message": ..., "type": ..., "param": ..., "code": ...}}
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient
from support import Wall, settings

from mocktune.bootstrap import bootstrap
from mocktune.domain import errors
from mocktune.http.app import create_app
from mocktune.http.call import Call
from mocktune.http.dispatch import Match, Table
from mocktune.http.errors import STATUS
from mocktune.service.services import Services

KEY = {"authorization": "Bearer sk-front"}


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    services = bootstrap(
        settings(allowed_hosts=frozenset({"mocktune"}), allowed_origins=frozenset({"https://ok.example"})), clock=Wall()
    )
    yield services
    services.close()


@pytest.fixture
def http(services: Services) -> TestClient:
    return TestClient(create_app(services), raise_server_exceptions=False)


def assert_envelope(response: httpx2.Response, status: int, **fields: Any) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert {key: error[key] for key in fields} == fields
    assert response.text == response.text.strip() + "\n"
    assert '{\n  "error": {\n    "message": ' in response.text
    return error


def test_a_missing_key_is_a_401_with_the_recorded_text(http: TestClient) -> None:
    response = http.get("/v1/models")
    error = assert_envelope(response, 401, type="invalid_request_error", param=None, code=None)
    assert error["message"].startswith(
        "You didn't provide an API key. You need to provide your API key in an Authorization"
    )
    assert response.headers["www-authenticate"] == 'Bearer realm="OpenAI API"'


def test_a_reserved_key_is_a_401_that_shows_it_redacted(http: TestClient) -> None:
    response = http.get("/v1/models", headers={"authorization": "Bearer sk-invalid-abcdef"})
    error = assert_envelope(response, 401, code="invalid_api_key")
    assert error["message"].startswith("Incorrect API key provided: sk-in***ef. You can find your API key at ")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-x"},
        {"authorization": "bearer sk-x"},
        {"api-key": "sk-x"},
        {"authorization": "Basic " + base64.b64encode(b":sk-x").decode()},
    ],
)
def test_a_key_is_taken_from_every_place_the_real_service_takes_it(http: TestClient, headers: dict[str, str]) -> None:
    assert http.get("/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"x").decode(), "Digest x", ""]
)
def test_a_malformed_authorization_counts_as_none(http: TestClient, value: str) -> None:
    assert_envelope(http.get("/v1/models", headers={"authorization": value}), 401, code=None)


def test_an_unknown_url_is_a_404(http: TestClient) -> None:
    assert_envelope(http.get("/v1/nothing", headers=KEY), 404, message="Invalid URL (GET /v1/nothing)")


@pytest.mark.parametrize(
    "path", ["/v1/files/a/b/c", "/", "/v1", "/v1/models/", "//v1/models", "/v1/fine_tuning/jobs//events"]
)
def test_paths_that_nearly_are_endpoints_are_404s(http: TestClient, path: str) -> None:
    assert http.get("http://testserver" + path, headers=KEY).status_code == 404


def test_an_endpoint_of_the_real_api_that_is_not_played_says_so(http: TestClient) -> None:
    response = http.post("/v1/embeddings", headers=KEY, json={})
    assert_envelope(response, 404, code="not_part_of_mocktune", message="POST /v1/embeddings is not part of mocktune.")


def test_a_wrong_method_is_a_405_that_names_the_right_ones(http: TestClient) -> None:
    response = http.put("/v1/files/file-1", headers=KEY)
    assert_envelope(response, 405, message="Not allowed to PUT on /v1/files/file-1")
    assert response.headers["allow"] == "DELETE, GET"


def test_reading_by_get_changes_nothing(http: TestClient) -> None:
    assert http.get("/_mocktune/clock/advance", headers=KEY).status_code == 405


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"clock": 3}', {"param": "clock", "code": "invalid_type"}),
        (b'{"clock": "real", "start": "soon"}', {"param": "start", "code": "invalid_value"}),
        (b'{"clock": "' + b"z" * 9000 + b'"}', {"param": "clock", "code": "invalid_value"}),
        (b'{"clock": "\\ud800"}', {"type": "invalid_request_error"}),
        (b'{"clock": "\xff"}', {"type": "invalid_request_error"}),
        (b"[" * 100_000, {"type": "invalid_request_error"}),
        (b"{", {"type": "invalid_request_error"}),
        (b"", {"type": "invalid_request_error"}),
        (b"null", {"param": None, "code": "invalid_type"}),
    ],
)
def test_a_bad_body_of_the_control_plane_leaves_by_the_same_door(
    http: TestClient, body: bytes, fields: dict[str, Any]
) -> None:
    error = assert_envelope(http.put("/_mocktune/clock", headers=KEY, content=body), 400, **fields)
    assert len(error["message"]) < 600


@pytest.mark.parametrize("query", ["limit=--5", "limit=-", "limit=1e3", "limit=", "limit=" + "9" * 30, "limit=٥"])
def test_a_limit_that_is_no_number_is_a_400(http: TestClient, query: str) -> None:
    assert_envelope(http.get("/v1/files?" + query, headers=KEY), 400, param="limit")


def test_too_many_query_parameters_are_a_400(http: TestClient) -> None:
    query = "&".join(f"metadata[k{n}]=v" for n in range(1001))
    assert_envelope(http.get("/v1/fine_tuning/jobs?" + query, headers=KEY), 400, code="invalid_value")


def test_credentials_that_are_no_text_count_as_none(http: TestClient) -> None:
    for value in (b"Basic \xff\xfe", b"Bearer \xff\x80"):
        assert http.get("/v1/models", headers=[(b"authorization", value)]).status_code == 401


def test_an_unexpected_error_is_a_500_that_names_the_request(
    services: Services, http: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(services.models), "list", broken)
    response = http.get("/v1/models", headers=KEY)
    error = assert_envelope(response, 500, type="server_error")
    id = response.headers["x-request-id"]
    assert f"(Please include the request ID {id} in your email.)" in error["message"]
    assert id in caplog.text
    assert "a bug" not in response.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4141", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_a_foreign_host_is_refused_and_named(http: TestClient, host: str) -> None:
    error = assert_envelope(http.get("/v1/models", headers={**KEY, "host": host}), 403)
    assert "--allowed-host" in error["message"]


@pytest.mark.parametrize("host", ["127.0.0.1:1", "LOCALHOST", "[::1]:4141", "mocktune:4141"])
def test_loopback_names_and_allowed_hosts_are_answered(http: TestClient, host: str) -> None:
    assert http.get("/v1/models", headers={**KEY, "host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/_mocktune/clock", "/_mocktune/health", "/openapi.json"])
def test_a_page_of_a_foreign_origin_is_refused_on_every_route(http: TestClient, path: str) -> None:
    error = assert_envelope(http.get(path, headers={**KEY, "origin": "https://evil.example"}), 403)
    assert "--allow-origin https://evil.example" in error["message"]


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://ok.example"])
def test_local_and_allowed_origins_are_answered(http: TestClient, origin: str) -> None:
    assert http.get("/v1/models", headers={**KEY, "origin": origin}).status_code == 200


def test_every_answer_carries_the_recorded_headers(http: TestClient) -> None:
    for path in ("/v1/models", "/v1/nothing", "/_mocktune/clock"):
        headers = http.get(path, headers={**KEY, "openai-organization": "org-x", "openai-project": "proj_y"}).headers
        assert headers["openai-version"] == "2020-10-01"
        assert headers["openai-organization"] == "org-x"
        assert headers["openai-project"] == "proj_y"
        assert re.fullmatch(r"\d+", headers["openai-processing-ms"])
        assert re.fullmatch(r"req_[0-9a-f]{32}", headers["x-request-id"])
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["access-control-expose-headers"] == "X-Request-ID"


def test_request_ids_follow_from_the_seed_and_never_repeat() -> None:
    def ids(seed: int) -> list[str]:
        services = bootstrap(settings(seed=seed), clock=Wall())
        http = TestClient(create_app(services))
        found = [http.get("/v1/models", headers=KEY).headers["x-request-id"] for _ in range(5)]
        services.close()
        return found

    assert ids(1) == ids(1) != ids(2)
    assert len(set(ids(1))) == 5


def test_health_and_the_api_description_need_no_key(http: TestClient) -> None:
    assert http.get("/_mocktune/health").json()["status"] == "ok"
    document = http.get("/openapi.json").json()
    assert "/v1/fine_tuning/jobs/{fine_tuning_job_id}/events" in document["paths"]


def test_every_described_operation_is_in_the_table_and_the_other_way_round(services: Services) -> None:
    front = create_app(services)
    document = TestClient(front).get("/openapi.json").json()
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    for method, path in described:
        assert isinstance(front._table.match(method, re.sub(r"\{\w+\}", "x", path)), Match), (method, path)
    routes = {(method, route.path) for route in front._app.routes for method in getattr(route, "methods", ())}
    assert described >= {(method, path) for method, path in routes if path.startswith("/v1")}


def test_every_reference_of_the_api_description_leads_somewhere(http: TestClient) -> None:
    text = http.get("/openapi.json").text
    named = set(re.findall(r'"\$ref":\s*"#/components/schemas/(\w+)"', text))
    assert len(named) > 20
    assert named <= set(json.loads(text)["components"]["schemas"])
    assert '"$defs"' not in text


def test_bodies_and_queries_that_routes_read_themselves_are_described(http: TestClient) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    create = paths["/v1/fine_tuning/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert create["required"] == ["model", "training_file"]
    listed = {each["name"] for each in paths["/v1/fine_tuning/jobs"]["get"]["parameters"]}
    assert listed == {"after", "limit", "metadata"}
    events = paths["/v1/fine_tuning/jobs/{fine_tuning_job_id}/events"]["get"]["parameters"]
    assert {each["name"] for each in events} >= {"after", "limit"}
    assert "x-body" not in str(paths)
    assert "x-query" not in str(paths)


def test_a_route_that_declares_more_than_a_call_is_refused_at_start() -> None:
    async def typed(call: Call, limit: int) -> None: ...

    with pytest.raises(TypeError, match="/x declares more than a call"):
        Table([APIRoute("/x", typed)])


def test_every_error_class_has_a_status() -> None:
    def below(cls: type[errors.ApiError]) -> Iterator[type[errors.ApiError]]:
        yield cls
        for each in cls.__subclasses__():
            yield from below(each)

    for cls in below(errors.ApiError):
        if cls is not errors.ApiError:
            assert any(base in STATUS for base in cls.__mro__), cls


def test_deep_json_and_huge_numbers_are_answered_with_400(http: TestClient) -> None:
    for body in (
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"seed": 1' + b"0" * 5000 + b"}",
        b"\xff\xfe",
        b"",
        b"null",
        b"3",
        b'{"model": "\\ud800"}',
    ):
        response = http.post("/v1/fine_tuning/jobs", headers=KEY, content=body)
        assert_envelope(response, 400, type="invalid_request_error")


def test_a_body_over_the_limit_is_a_413(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.http.call.MAX_JSON_BYTES", 1000)
    response = http.post("/v1/fine_tuning/jobs", headers=KEY, content=b" " * 1001)
    assert_envelope(response, 413, message="Maximum content size limit (1000) exceeded (1001 bytes read)")


def test_a_browser_may_ask_and_then_call_from_an_allowed_origin_only(http: TestClient) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,x-stainless-os"}
    preflight = http.options("/v1/files", headers={"origin": "https://ok.example", **asked})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://ok.example"
    assert preflight.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    called = http.get("/v1/files", headers={**KEY, "origin": "https://ok.example"})
    assert called.headers["access-control-allow-origin"] == "https://ok.example"
    assert http.options("/v1/files", headers={"origin": "https://evil.example", **asked}).status_code == 403
    local = http.get("/v1/files", headers={**KEY, "origin": "http://localhost:3000"})
    assert "access-control-allow-origin" not in local.headers


def test_a_declared_length_that_is_no_number_is_survived(http: TestClient) -> None:
    headers = {**KEY, "content-length": "many", "content-type": "multipart/form-data; boundary=x"}
    assert_envelope(http.post("/v1/files", headers=headers), 400)
