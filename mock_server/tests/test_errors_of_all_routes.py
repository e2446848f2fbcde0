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
from error_play import ADMIN_TOKEN, Answered, Servers, is_of
from error_play import description as description
from error_play import servers as servers

from mocktune.domain.error_kinds import common
from mocktune.domain.error_kinds.deployments import ACCESS_DENIED
from mocktune.domain.error_kinds.faults import UNREADABLE_RULE
from mocktune.domain.error_kinds.sandboxes import NO_ADMIN_TOKEN, WRONG_ADMIN_TOKEN
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

    def ask(self, lab: Lab, key: str | None = "", **more: Any) -> httpx2.Response:
        """``key``: one that may ask, unless given; None: none is sent."""
        if key == "":
            key = ADMIN_TOKEN if self.is_server_wide else "sk-any"
        headers = {**({} if key is None else {"authorization": f"Bearer {key}"}), **more.pop("headers", {})}
        params = {"api-version": "1", **more.pop("params", {})} if self.is_azure else more.pop("params", {})
        return lab.keyless.request(self.method, lab.root + self.path, headers=headers, params=params, **more)

    @property
    def is_server_wide(self) -> bool:
        return self.operation.startswith("mocktune.sandboxes.") and ".current." not in self.operation

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


def takes_json(routes: Iterable[Route]) -> list[Route]:
    """The operations whose body is JSON by the rules that all share."""
    return [route for route in routes if route.takes_json and route.operation not in OWN_DOCUMENT]


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
    asked = [route for route in routes if route.operation not in OPEN and not route.is_server_wide]
    plain = ((route, route.ask(lab, key)) for route in asked if not route.is_azure)
    azures = ((route, route.ask(lab, key)) for route in asked if route.is_azure)
    assert unlike(plain, common.NO_KEY if key is None else common.INVALID_KEY) == []
    assert unlike(azures, ACCESS_DENIED) == []


@pytest.mark.parametrize("key", [None, "sk-any", ADMIN_TOKEN + "x", ADMIN_TOKEN[:-1]])
def test_every_operation_about_the_whole_server_wants_its_token(
    servers: Servers, routes: list[Route], key: str | None
) -> None:
    asked = [route for route in routes if route.is_server_wide]
    assert len(asked) == 3
    expected = NO_ADMIN_TOKEN if key is None else WRONG_ADMIN_TOKEN
    assert unlike(((route, route.ask(servers.lab(), key)) for route in asked), expected) == []


def test_every_operation_refuses_foreign_hosts_and_pages(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    for kind, header in ((common.FOREIGN_HOST, "host"), (common.FOREIGN_ORIGIN, "origin")):
        value = "example.org" if header == "host" else "https://example.org"
        assert unlike(((route, route.ask(lab, headers={header: value})) for route in routes), kind) == []


def test_every_operation_needs_a_sandbox(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab(max_sandboxes=0)
    asked = (route for route in routes if route.operation not in OPEN and not route.is_server_wide)
    assert unlike(((route, route.ask(lab)) for route in asked), common.TOO_MANY_SANDBOXES) == []


def test_every_url_says_which_methods_it_has(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    asked = ((route, replace(route, method="LOCK").ask(lab)) for route in routes)
    assert unlike(asked, common.METHOD_NOT_ALLOWED) == []


OWN_DOCUMENT = {"mocktune.state.update"}
"""Takes a document with words and a bound of its own (``test_state_commands.py``)."""

BODILESS = {
    "webhooks.rotate_secret",
    "mocktune.state.files.create",
    "mocktune.state.jobs.create",
    "mocktune.state.gallery.create",
    "mocktune.state.models.create",
}
"""May be asked without a body."""


@pytest.mark.parametrize("body", [b"", b'{"model', b"[1", b"\xff"])
def test_every_operation_with_a_body_wants_json(servers: Servers, routes: list[Route], body: bytes) -> None:
    lab = servers.lab()
    asked = [route for route in takes_json(routes) if body or route.operation not in BODILESS]
    assert len(asked) > 15
    assert unlike(((route, route.ask(lab, content=body)) for route in asked), common.BODY_NO_JSON) == []


def test_every_operation_with_a_body_wants_an_object(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    asked = ((route, route.ask(lab, json=["model"])) for route in takes_json(routes))
    assert unlike(asked, common.BODY_NO_OBJECT) == []


def test_every_body_is_bounded(servers: Servers, routes: list[Route], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.http.call.MAX_JSON_BYTES", 10)
    lab = servers.lab()
    asked = ((route, route.ask(lab, json={"model": "x" * 10})) for route in takes_json(routes))
    assert unlike(asked, common.PAYLOAD_TOO_LARGE) == []


def test_every_body_and_every_query_refuses_what_nobody_knows(servers: Servers, routes: list[Route]) -> None:
    """Or says what it misses, which comes first. A rule of faults names the nearest that is known."""
    lab = servers.lab()
    bodies = ((route, route.ask(lab, json={"nonsense": 1})) for route in takes_json(routes))
    assert unlike(bodies, common.UNKNOWN_PARAMETER, common.MISSING_PARAMETER, UNREADABLE_RULE) == []
    queries = ((route, route.ask(lab, params={"nonsense": 1})) for route in routes if route.query)
    assert unlike(queries, common.UNKNOWN_PARAMETER) == []


def test_every_limit_has_its_bounds(servers: Servers, routes: list[Route]) -> None:
    lab = servers.lab()
    limited = [route for route in routes if "limit" in route.query]
    assert len(limited) > 7
    for value, kind in (("0", common.INTEGER_BELOW_MIN), ("10001", common.INTEGER_ABOVE_MAX)):
        assert unlike(((route, route.ask(lab, params={"limit": value})) for route in limited), kind) == []
    assert unlike(((route, route.ask(lab, params={"limit": "ten"})) for route in limited), common.INVALID_TYPE) == []
