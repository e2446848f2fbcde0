"""Models of the journal: ``/_mocktune/requests``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mocktune.http.wire.base import CursorList, Request, Response

Name = Annotated[str, Field(max_length=200)]


class _Filters(Request):
    """What is not given is not asked for.

    ``operation`` may be a glob; ``resource`` is an id in the path or in a body; ``status`` a number or ``4xx``;
    ``since`` means requests after that ordinal.
    """

    operation: Name | None = None
    resource: Name | None = None
    method: Name | None = None
    since: Annotated[int, Field(ge=0)] | None = None


class ListRequestsQuery(_Filters):
    status: Name | None = None
    after: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 20


class CountRequests(_Filters):
    """``body`` names values of the request's JSON by their dotted path."""

    status: int | Name | None = None
    committed: bool | None = None
    lost: bool | None = None
    body: Annotated[dict[str, Any], Field(max_length=100)] | None = None


class FindRequests(CountRequests):
    after: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 20


class WaitForRequests(CountRequests):
    """Until there are at least ``count``, or ``timeout_s`` of wall time are over."""

    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    timeout_s: Annotated[float, Field(ge=0, le=60)] = 10


class VerifyRequests(CountRequests):
    """Either ``count``, or a range; without any, at least one."""

    count: Annotated[int, Field(ge=0)] | None = None
    at_least: Annotated[int, Field(ge=0)] | None = None
    at_most: Annotated[int, Field(ge=0)] | None = None


class Body(Response):
    """``content`` is parsed where ``form`` is ``json``, a text, or bytes in base64. ``bytes`` counts what was sent;
    ``cut``: only the beginning was kept."""

    form: Literal["json", "text", "base64", "none"]
    content: Any
    bytes: int
    cut: bool


class FaultDecision(Response):
    rule_id: str
    fired: bool
    reason: str


class RequestEntry(Response):
    """``at`` and ``answered_at`` are in the sandbox's time, ``wall`` and ``answered_wall`` in the world's, both Unix
    seconds. ``committed``: the request was carried out; ``lost``: its answer did not arrive whole."""

    object: Literal["request"]
    ordinal: int
    id: str
    operation: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    answered_at: float
    wall: float
    answered_wall: float
    status: int
    retry_after: str | None
    committed: bool
    lost: bool
    faults: list[FaultDecision]
    request: Body
    response: Body


class RequestList(CursorList[RequestEntry]):
    """The newest first. ``dropped`` counts entries that had to go before the journal was last emptied."""

    dropped: int


class RequestCount(Response):
    count: int
    dropped: int


class AwaitedRequests(Response):
    """``reached``: there are as many as were waited for."""

    count: int
    reached: bool
    dropped: int


class Difference(Response):
    what: str
    wanted: str
    found: str


class NearMiss(Response):
    entry: RequestEntry
    differs: list[Difference]


class Verification(Response):
    """``near_misses`` are those that differ in least; empty where the verification holds."""

    verified: bool
    count: int
    expected: str
    dropped: int
    near_misses: list[NearMiss]


class DroppedRequests(Response):
    deleted: int
