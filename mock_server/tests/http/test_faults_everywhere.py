"""No route forgets faults: every operation of ``/v1`` and of Azure's paths is answered by a rule that is about it.

The operations are those of the server's own table, so a new route is asked as well. That a fault comes after what the
handler did is asked of a handler that does nothing but succeed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asking import App

from mocktune.domain.fault_checks import check_rule
from mocktune.domain.faults import FaultRule
from mocktune.domain.operations import OPERATIONS
from mocktune.http.answers import json_answer
from mocktune.http.call import Call


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    operation: str
    azure: bool


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = App(scenario="quick")
    yield app
    app.close()


@pytest.fixture(scope="module")
def routes(app: App) -> list[Route]:
    """Every route of the API, and again as Azure spells it."""
    found = []
    for each in app.get("/_mocktune/capabilities").json()["endpoints"]:
        path, operation = re.sub(r"\{[^}]*\}", "x", each["path"]), each["operation"]
        if operation.startswith("mocktune."):
            continue
        azure = operation.startswith("azure.")
        found.append(Route(each["method"], path + ("?api-version=1" if azure else ""), operation, azure))
        for begins, becomes in (
            ("/v1/chat/completions", "/openai/deployments/x/chat/completions"),
            ("/v1/completions", "/openai/deployments/x/completions"),
            ("/v1/files", "/openai/files"),
            ("/v1/fine_tuning", "/openai/fine_tuning"),
            ("/v1/models", "/openai/models"),
            ("/v1/responses", "/openai/responses"),
            ("/v1/uploads", "/openai/uploads"),
            ("/v1/", "/openai/v1/"),
        ):
            if path.startswith(begins):
                found.append(Route(each["method"], path.replace(begins, becomes) + "?api-version=1", operation, True))
    assert len(found) > 120
    return found


@pytest.fixture
def stubbed(app: App, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every handler succeeds and does nothing but to write down its operation."""
    called: list[str] = []

    async def succeed(call: Call) -> Any:
        called.append(call.operation)
        return json_answer({"object": "done", "of": call.operation})

    match = app.app._table.match

    def stubbed(method: str, path: str) -> Any:
        found = match(method, path)
        return type(found)(succeed, found.path_params, found.operation) if not isinstance(found, tuple) else found

    monkeypatch.setattr(app.app._table, "match", lambda m, p: (match if "/_mocktune/" in p else stubbed)(m, p))
    return called


def injected(app: App, **rule: Any) -> None:
    app.delete("/_mocktune/faults")
    answer = app.post("/_mocktune/faults", rule)
    assert answer.status == 200, answer.body


def test_the_operations_that_rules_may_name_are_those_there_are(routes: list[Route]) -> None:
    assert {each.operation for each in routes} == set(OPERATIONS)
    for operation in OPERATIONS:
        check_rule(FaultRule(operation=operation, fault="EMPTY_RESPONSE"))


def test_every_operation_is_answered_by_a_fault_before_its_handler(app: App, routes: list[Route]) -> None:
    """By the real handlers, if they were reached: with a body of nonsense, all would say something else."""
    for route in routes:
        injected(app, id="teapot", operation=route.operation, answer={"status": 418, "code": "teapot"})
        answer = app.ask(route.method, route.path, b"{")
        assert (answer.status, answer.headers["x-mocktune-fault"]) == (418, "teapot"), route
        assert list(answer["error"]) == (["code", "message"] if route.azure else ["message", "type", "param", "code"])


def test_every_operation_is_answered_by_a_fault_after_its_handler(
    app: App, routes: list[Route], stubbed: list[str]
) -> None:
    for route in routes:
        injected(app, operation=route.operation, at="after_commit", answer={"status": 503})
        assert app.ask(route.method, route.path, {}).status == 503, route
        assert stubbed.pop() == route.operation


def test_every_operation_breaks_in_the_middle_of_its_body(app: App, routes: list[Route], stubbed: list[str]) -> None:
    for route in routes:
        injected(app, operation=route.operation, at="mid_body", fault="TRUNCATE")
        with pytest.raises(ConnectionResetError, match="TRUNCATE"):
            app.run(app.send(route.method, route.path, {}))
        whole = json.dumps({"object": "done", "of": route.operation}, indent=2) + "\n"
        assert b"".join(each.get("body", b"") for each in app.came).decode() == whole[: len(whole) // 2]


def test_a_rule_about_one_operation_leaves_all_others_alone(app: App, routes: list[Route], stubbed: list[str]) -> None:
    injected(app, operation="files.list", answer={"status": 418})
    hit = {route.operation for route in routes if app.ask(route.method, route.path, {}).status == 418}
    assert hit == {"files.list"}


def test_the_control_plane_and_unknown_urls_have_no_faults(app: App) -> None:
    injected(app, operation="*", answer={"status": 418})
    for path in ("clock", "faults", "health", "version", "capabilities"):
        assert app.get(f"/_mocktune/{path}").status == 200
    assert app.get("/v1/nothing").status == 404
