"""What this server is and plays: its version, its capabilities, and the schemas of documents it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune import __version__
from mocktune.domain.error_kinds.control import NO_SUCH_SCHEMA
from mocktune.domain.state import state_schema
from mocktune.http.answers import Answer, compact_json, json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.wire import control as wire
from mocktune.service.services import Services

SPEC_VERSION, SDK_VERSION, NODE_VERSION = "2.3.0", "3.54.0", "7.5.0"
"""What was played after: SPEC, SDK and NODE of ``docs/explanation/sources.md``."""

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {"state": state_schema}
"""JSON Schemas by name."""


def capabilities_routes(services: Services, describe: Callable[[], dict[str, Any]]) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])

    @router.get(
        "/capabilities",
        response_model=wire.Capabilities,
        openapi_extra=described_by("mocktune.capabilities", "mocktune"),
    )
    async def read_capabilities(call: Call) -> Response:
        from mocktune.http.capabilities import capabilities

        return Answer(compact_json(capabilities(describe(), services.settings)))

    @router.get("/version", response_model=wire.Version, openapi_extra=described_by("mocktune.version", "mocktune"))
    async def version(call: Call) -> Response:
        return json_answer(
            {"version": __version__, "spec": SPEC_VERSION, "openai_python": SDK_VERSION, "openai_node": NODE_VERSION}
        )

    @router.get(
        "/schemas", response_model=wire.SchemaList, openapi_extra=described_by("mocktune.schemas.list", "mocktune")
    )
    async def list_schemas(call: Call) -> Response:
        return json_answer({"schemas": {name: f"/_mocktune/schemas/{name}" for name in SCHEMAS}})

    @router.get("/schemas/{name}", openapi_extra=described_by("mocktune.schemas.retrieve", "mocktune"))
    async def read_schema(call: Call) -> Response:
        name = call.path("name")
        if name not in SCHEMAS:
            raise NO_SUCH_SCHEMA(name=name, known=", ".join(sorted(SCHEMAS)))
        return json_answer(SCHEMAS[name]())

    return router
