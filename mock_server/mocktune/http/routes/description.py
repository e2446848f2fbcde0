"""``/openapi.json``: the API's description, made from the routes when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import Answer, compact_json
from mocktune.http.call import BODY, DESCRIBED, QUERY, Call


def description_routes(describe: Callable[[], dict[str, Any]]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi(call: Call) -> Response:
        return Answer(compact_json(describe()))

    return router


def written_out(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the bodies and queries that routes named, and what their schemas share among its components."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for path in document["paths"].values():
        for operation in path.values():
            if (body := operation.pop(BODY, None)) is not None:
                schema = _schema(body)
                schemas |= schema.pop("$defs", {})
                operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
            if (query := operation.pop(QUERY, None)) is not None:
                schema = _schema(query)
                named = [
                    {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}
                    for name, each in schema["properties"].items()
                ]
                operation["parameters"] = [*operation.get("parameters", ()), *named]
    return document


def _schema(model: str) -> dict[str, Any]:
    schema: dict[str, Any] = DESCRIBED[model].model_json_schema(ref_template="#/components/schemas/{model}")
    return schema
