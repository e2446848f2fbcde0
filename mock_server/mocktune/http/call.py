"""One request on its way to a route, and what routes say of their parameters in the API's description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from mocktune.domain.errors import PayloadTooLargeError
from mocktune.http.validation import parse_body, parse_query
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.services import Services

Model = TypeVar("Model", bound=BaseModel)

BODY, QUERY = "x-body", "x-query"

MAX_JSON_BYTES = 64 * 1024 * 1024
"""Of a JSON body: enough for a chat request with images, bounded."""


class Call(Request):
    """A request on its way to a route: what it says, and the sandbox it is for."""

    sandbox: Sandbox
    services: Services

    async def visit(self) -> Visit:
        """The sandbox at ``now``, which is read here, once per request.

        Asked for after the body was read: what a request creates is created when it has arrived, not when it began to.
        """
        return await self.services.visit(self.sandbox)

    @property
    def declared_bytes(self) -> int:
        """The length of the body as its sender declared it; 0 where none was declared."""
        declared = self.headers.get("content-length", "")
        return int(declared) if declared.isascii() and declared.isdigit() else 0

    def path(self, name: str) -> str:
        value: str = self.path_params[name]
        return value

    def query(self, model: type[Model]) -> Model:
        """The query as ``model``; ``a[b]`` keys belong to routes that read them on their own."""
        return parse_query(model, {key: value for key, value in self.query_params.items() if not is_metadata(key)})

    async def body_as(self, model: type[Model]) -> Model:
        return parse_body(model, await self.limited_body())

    async def limited_body(self) -> bytes:
        pieces, size_bytes = [], 0
        async for piece in self.stream():
            size_bytes += len(piece)
            if size_bytes > MAX_JSON_BYTES:
                raise PayloadTooLargeError(MAX_JSON_BYTES, size_bytes)
            pieces.append(piece)
        return b"".join(pieces)


def is_metadata(key: str) -> bool:
    """``metadata[k]``, or ``metadata`` alone for the literal null."""
    return key == "metadata" or (key.startswith("metadata[") and key.endswith("]"))


def described_by(
    *, body: type[BaseModel] | None = None, query: type[BaseModel] | None = None, parameters: Sequence[Any] = ()
) -> dict[str, Any]:
    """What a route that reads its body or query itself says of them in the API's description.

    By name: ``routes/description.py`` writes the models out when the description is first asked for, which would take a
    start 30 ms.
    """
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if body is not None:
        extra[BODY] = body.__name__
    if query is not None:
        extra[QUERY] = query.__name__
    return extra
