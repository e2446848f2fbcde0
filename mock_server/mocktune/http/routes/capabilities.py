"""What this server is and plays: its version, its capabilities, and the schemas of documents it reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune import __version__
from mocktune.domain.documents import nearest
from mocktune.domain.error_kinds.control import NO_SUCH_SCHEMA
from mocktune.domain.fault_schema import fault_schema
from mocktune.domain.scenario_schema import scenario_schema
from mocktune.domain.state import state_schema
from mocktune.http.answers import Answer, compact_json, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.control_schemas import control_schemas, standalone
from mocktune.http.wire import control as wire
from mocktune.service.services import Services

SPEC_VERSION, SDK_VERSION, NODE_VERSION = "2.3.0", "3.54.0", "7.5.0"
"""What was played after: SPEC, SDK and NODE of ``docs/explanation/sources.md``."""

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "fault": fault_schema, "scenario": scenario_schema, "state": state_schema,
}  # fmt: skip
"""JSON Schemas by name."""


def capabilities_routes(services: Services, describe: Callable[[], dict[str, Any]]) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])

    @router.get(
        "/capabilities",
        response_model=wire.Capabilities,
        openapi_extra=described_by("mocktune.capabilities", "mocktune"),
    )
    async def read_capabilities(call: Call) -> Response:
        """What this server plays, from the tables in its code. The fidelity page is written from the same.

        | field | |
        |---|---|
        | `version`, `settings` | the version, and what the server was started with |
        | `endpoints` | each with `method`, `path`, `operation` (in the SDK's words) and `note` |
        | `not_part_of_mocktune` | beginnings of paths that the real service has and this one has not |
        | `errors` | `name`, `status`, `type`, `code`, `param`, `message` (a template) and `operations` (`*`: any) |
        | `defects` | what can be wrong with a training file: `name`, `code`, `begins` |
        | `events` | a job's events: `name`, `type`, `level`, `message` (a template) |
        | `fields` | by object, each field with `note`, `sdk` and `azure`: how those dialects write it otherwise |
        | `models` | methods, contexts, prices, aliases, and the dates of their ends |
        | `limits` | `jobs`: caps by model; `bounds`: of requests, lists and stores |
        | `profiles`, `loose_rules` | what `--profile` and `--loose` change |
        | `differences`, `assumed`, `azure` | `topic` and `text`, in Markdown |
        | `sources` | every name of a source, and how sure it makes something |
        """
        from mocktune.http.capabilities import capabilities

        return Answer(compact_json(capabilities(describe(), services.settings)))

    @router.get("/version", response_model=wire.Version, openapi_extra=described_by("mocktune.version", "mocktune"))
    async def version(call: Call) -> Response:
        """The version, and what was played after: the public description and two SDKs.

        ```json
        {"version": "0.1.0", "spec": "2.3.0", "openai_python": "3.54.0", "openai_node": "7.5.0"}
        ```
        """
        return json_answer(
            {"version": __version__, "spec": SPEC_VERSION, "openai_python": SDK_VERSION, "openai_node": NODE_VERSION}
        )

    @router.get(
        "/schemas", response_model=wire.SchemaList, openapi_extra=described_by("mocktune.schemas.list", "mocktune")
    )
    async def list_schemas(call: Call) -> Response:
        """Where the JSON Schemas are: of documents, and of what each call of the control plane takes and answers.

        ```json
        {"schemas": {"scenario": "/_mocktune/schemas/scenario", "clock.advance.request": "/_mocktune/schemas/clock.…"}}
        ```
        """
        return json_answer({"schemas": {name: f"/_mocktune/schemas/{name}" for name in (*SCHEMAS, *of_calls())}})

    @router.get("/schemas/{name}", openapi_extra=described_by("mocktune.schemas.retrieve", "mocktune"))
    async def read_schema(call: Call) -> Response:
        """One JSON Schema: `state`, `scenario`, `fault`, or that of a call, such as `clock.advance.request`."""
        name = call.path("name")
        if name in SCHEMAS:
            return json_answer(SCHEMAS[name]())
        if name not in of_calls():
            near = nearest(name, (*SCHEMAS, *of_calls()))
            raise NO_SUCH_SCHEMA(name=name, near=near if near.endswith("?") else ".")
        return json_answer(standalone(of_calls()[name], describe()))

    @cache
    def of_calls() -> dict[str, Any]:
        return control_schemas(describe())

    return router
