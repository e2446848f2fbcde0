"""``/openapi.json``: the API's description, made from the routes when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import Answer, compact_json
from mocktune.http.call import BODILESS, BODY, DESCRIBED, QUERY, Call

_REF = "#/components/schemas/"


def description_routes(describe: Callable[[], dict[str, Any]]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi(call: Call) -> Response:
        return Answer(compact_json(describe()))

    return router


def written_out(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the bodies and queries that routes named, and what their schemas share among its components."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for _, path in sorted(document["paths"].items()):
        for operation in path.values():
            if (body := operation.pop(BODY, None)) is not None:
                required = not operation.pop(BODILESS)
                content = {"application/json": {"schema": _schema(body, schemas)}}
                operation["requestBody"] = {"required": required, "content": content}
            if (query := operation.pop(QUERY, None)) is not None:
                schema = _schema(query, schemas)
                named = [
                    {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}
                    for name, each in schema["properties"].items()
                ]
                operation["parameters"] = [*operation.get("parameters", ()), *named]
    return document


def _schema(name: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model that a route named. What it is made of goes to ``schemas``, under the name of the model's
    module too where another part is called the same."""
    model = DESCRIBED[name]
    schema: dict[str, Any] = model.model_json_schema(ref_template=_REF + "{model}")
    module = model.__module__.rpartition(".")[2].title().replace("_", "")
    parts = schema.pop("$defs", {})
    taken = {part for part, each in parts.items() if schemas.get(part, each) != each}
    text = json.dumps([schema, {module + part if part in taken else part: each for part, each in parts.items()}])
    for part in taken:
        text = text.replace(f'"{_REF}{part}"', f'"{_REF}{module}{part}"')
    schema, parts = json.loads(text)
    for part, each in parts.items():
        if schemas.setdefault(part, each) != each:
            raise ValueError(f"two models of {module} are called {part}")
    return schema
