"""What every route answers alike: to callers without a key, wrong methods, bodies and queries that cannot be read.

The requests are made from the server's own description of the API, so a new route is asked as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from error_play import Answered, Servers, is_of
from error_play import description as description
from error_play import servers as servers

from mocktune.domain.error_kinds import common
from mocktune.domain.error_kinds.deployments import ACCESS_DENIED
from mocktune.domain.errors import ErrorKind
from mocktune_contract.lab import Lab


@dataclass(frozen=True, slots=True)
class Route:
    """An operation as the description has it, with something in the place of every parameter of its path."""

    method: str
    path: str
    operation: str
    takes_json: bool
    query: frozenset[str]

    def ask(self, lab: Lab, key: str | None = "sk-any", **more: Any) -> httpx2.Response:
        headers = {**({} if key is None else {"authorization": f"Bearer {key}"}), **more.pop("headers", {})}
        params = {"api-version": "1", **more.pop("params", {})} if self.is_azure else more.pop("params", {})
        return lab.keyless.request(self.method, lab.root + self.path, headers=headers, params=params, **more)

    @property
    def is_azure(self) -> bool:
        return self.operation.startswith("azure.")


@pytest.fixture(scope="module")
def routes(description: dict[str, Any]) -> list[Route]:
    return [
        Route(
            method.upper(),
            re.sub(r"\{[^}]*\}", "x", path),
            each["x-mocktune-operation"],
            "application/json" in each.get("requestBody", {}).get("content", {}),
            frozenset(parameter["name"] for parameter in each.get("parameters", ()) if parameter["in"] == "query"),
        )
        for path, methods in description["paths"].items()
        for method, each in methods.items()
    ]


def unlike(answers: Iterable[tuple[Route, httpx2.Response]], *expected: ErrorKind) -> list[str]:
    """The operations that answered something else than one of ``expected``."""
    found = []
    for route, answer in answers:
        error = answer.json().get("error") if answer.headers.get("content-type") == "application/json" else None
        of_kind = error and any(is_of(Answered(None, answer.status_code, error), kind) for kind in expected)
        if not of_kind:
            found.append(f"{route.operation}: {answer.status_code} {answer.text[:200]}")
    return found


OPEN = {"mocktune.health"}
"""Answered without a key."""


@pytest.mark.parametrize("key", [None, "sk-invalid-key"])
def test_every_operation_wants_a_key(servers: Servers, routes: list[Route], key: str | None) -> None:
    lab = servers.lab()
    asked = [route for route in routes if route.operation not in OPEN]
    plain = ((route, route.ask(lab, key)) for route in asked if not route.is_azure)
    azures = ((route, route.ask(lab, key)) for route in asked if route.is_azure)
    assert unlike(plain, common.NO_KEY if key is None else common.INVALID_KEY) == []
    assert unlike(azures, ACCESS_DENIED) == []


def test_every_operation_refuses_foreign_hosts_and_pages(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    for kind, header in ((common.FOREIGN_HOST, "host"), (common.FOREIGN_ORIGIN, "origin")):
        value = "example.org" if header == "host" else "https://example.org"
        assert unlike(((route, route.ask(lab, headers={header: value})) for route in routes), kind) == []


def test_every_operation_needs_a_sandbox(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab(max_sandboxes=0)
    asked = ((route, route.ask(lab)) for route in routes if route.operation not in OPEN)
    assert unlike(asked, common.TOO_MANY_SANDBOXES) == []


def test_every_url_says_which_methods_it_has(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    asked = ((route, replace(route, method="PATCH").ask(lab)) for route in routes)
    assert unlike(asked, common.METHOD_NOT_ALLOWED) == []


BODILESS = {"webhooks.rotate_secret"}
"""May be asked without a body."""


@pytest.mark.parametrize("body", [b"", b'{"model', b"[1", b"\xff"])
def test_every_operation_with_a_body_wants_json(servers: Servers, routes: list[Route], body: bytes) -> None:
    lab = servers.lab()
    asked = [route for route in routes if route.takes_json and (body or route.operation not in BODILESS)]
    assert len(asked) > 15
    assert unlike(((route, route.ask(lab, content=body)) for route in asked), common.BODY_NO_JSON) == []


def test_every_operation_with_a_body_wants_an_object(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    asked = ((route, route.ask(lab, json=["model"])) for route in routes if route.takes_json)
    assert unlike(asked, common.BODY_NO_OBJECT) == []


def test_every_body_is_bounded(servers: Servers, routes: list[Route], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.http.call.MAX_JSON_BYTES", 10)
    lab = servers.lab()
    asked = ((route, route.ask(lab, json={"model": "x" * 10})) for route in routes if route.takes_json)
    assert unlike(asked, common.PAYLOAD_TOO_LARGE) == []


def test_every_body_and_every_query_refuses_what_nobody_knows(servers: Servers, routes: list[Route]) -> None:
    """Or says what it misses, which comes first."""
    lab = servers.lab()
    bodies = ((route, route.ask(lab, json={"nonsense": 1})) for route in routes if route.takes_json)
    assert unlike(bodies, common.UNKNOWN_PARAMETER, common.MISSING_PARAMETER) == []
    queries = ((route, route.ask(lab, params={"nonsense": 1})) for route in routes if route.query)
    assert unlike(queries, common.UNKNOWN_PARAMETER) == []


def test_every_limit_has_its_bounds(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    limited = [route for route in routes if "limit" in route.query]
    assert len(limited) > 7
    for value, kind in (("0", common.INTEGER_BELOW_MIN), ("10001", common.INTEGER_ABOVE_MAX)):
        assert unlike(((route, route.ask(lab, params={"limit": value})) for route in limited), kind) == []
    assert unlike(((route, route.ask(lab, params={"limit": "ten"})) for route in limited), common.INVALID_TYPE) == []
