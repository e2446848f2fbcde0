"""``/openapi.json``: the API's description, made from the routes when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import Answer, compact_json
from mocktune.http.call import Call


def description_routes(describe: Callable[[], dict[str, Any]]) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi(call: Call) -> Response:
        return Answer(compact_json(describe()))

    return router


def shared_components(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the ``$defs`` of request bodies among its components, where their references point."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for path in document["paths"].values():
        for operation in path.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schemas |= content["schema"].pop("$defs", {})
    return document
