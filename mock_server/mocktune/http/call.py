"""One request on its way to a route, and what routes say of their parameters in the API's description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from mocktune.domain.error_kinds.common import PAYLOAD_TOO_LARGE
from mocktune.domain.journal import FaultDecision
from mocktune.http.validation import check, parse_object, parse_query
from mocktune.service.sandboxes import ANYONE, Caller, Sandbox, Visit
from mocktune.service.services import Services
from mocktune.settings import Form

Model = TypeVar("Model", bound=BaseModel)

BODY, BODILESS, QUERY = "x-body", "x-bodiless", "x-query"
OPERATION, SOURCE = "x-mocktune-operation", "x-mocktune-source"

DESCRIBED: dict[str, type[BaseModel]] = {}
"""The models that routes named for their bodies and queries."""

MAX_JSON_BYTES = 64 * 1024 * 1024
"""Of a JSON body: enough for a chat request with images, bounded."""


class Call(Request):
    """A request on its way to a route: what it says, and the sandbox it is for.

    ``operation`` is the route's name in the SDK's words; ``body_read`` a JSON body, once it was read. ``committed``
    tells that the route refused nothing, ``lost`` that its answer will not arrive whole, ``decisions`` what the rules
    of faults said.
    """

    sandbox: Sandbox
    services: Services
    caller: Caller = ANYONE
    deployment: str | None = None
    operation: str = ""
    body_read: bytes | None = None
    committed: bool = False
    lost: bool = False
    decisions: tuple[FaultDecision, ...] = ()

    async def visit(self) -> Visit:
        """The sandbox at ``now``, which is read here, once per request.

        Asked for after the body was read: what a request creates is created when it has arrived, not when it began to.
        """
        return await self.services.visit(self.sandbox, self.caller)

    @property
    def written_as(self) -> Form:
        """How answers are written: in the Azure dialect, or by ``--wire``."""
        return "azure" if self.caller.dialect == "azure" else self.services.settings.wire

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
        query = {key: value for key, value in self.query_params.items() if not is_metadata(key)}
        if self.caller.dialect == "azure":
            query.pop("api-version", None)
        return parse_query(model, query, loose=self.services.settings.loose)

    async def body_as(self, model: type[Model]) -> Model:
        return self.checked(model, await self.json_object())

    async def json_object(self) -> dict[str, Any]:
        """The body's JSON object. Where the path names an Azure deployment, that is its model."""
        raw = parse_object(await self.limited_body())
        if self.deployment is not None:
            raw["model"] = self.deployment
        return raw

    def checked(self, model: type[Model], value: Mapping[str, object]) -> Model:
        """``value`` as ``model``, by this server's rules."""
        return check(model, value, loose=self.services.settings.loose)

    async def limited_body(self) -> bytes:
        """The body of a request that is no upload, read once."""
        if self.body_read is not None:
            return self.body_read
        pieces, size_bytes = [], 0
        async for piece in self.stream():
            size_bytes += len(piece)
            if size_bytes > MAX_JSON_BYTES:
                raise PAYLOAD_TOO_LARGE(limit=MAX_JSON_BYTES, size=size_bytes)
            pieces.append(piece)
        self.body_read = b"".join(pieces)
        return self.body_read


def is_metadata(key: str) -> bool:
    """``metadata[k]``, or ``metadata`` alone for the literal null."""
    return key == "metadata" or (key.startswith("metadata[") and key.endswith("]"))


def described_by(
    operation: str,
    source: str,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    parameters: Sequence[Any] = (),
    bodiless: bool = False,
) -> dict[str, Any]:
    """What a route that reads its body or query itself says of them in the API's description.

    ``operation`` is the route's name in the SDK's words (``fine_tuning.jobs.create``), ``source`` where its behaviour
    is known from, in the names of ``docs/explanation/sources.md``; ``bodiless``: the body may be left out.

    By name: ``routes/description.py`` writes the models out when the description is first asked for, which would take a
    start 30 ms.
    """
    extra: dict[str, Any] = {OPERATION: operation, SOURCE: source}
    if parameters:
        extra["parameters"] = list(parameters)
    if body is not None:
        DESCRIBED[body.__name__] = body
        extra[BODY] = body.__name__
        extra[BODILESS] = bodiless
    if query is not None:
        DESCRIBED[query.__name__] = query
        extra[QUERY] = query.__name__
    return extra
