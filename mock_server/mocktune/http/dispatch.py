"""A table on (method, path segments), compiled at start from FastAPI's own routes.

OpenAPI and dispatch have one source. FastAPI looks through its routes one by one (about 2.5 us each) and takes 30 us
for each declared parameter; this table takes the same time for any number of routes, which declare a ``Call`` and read
the rest from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from inspect import signature

from fastapi.routing import APIRoute
from starlette.responses import Response

from mocktune.http.call import OPERATION, Call

Endpoint = Callable[[Call], Awaitable[Response]]


@dataclass(slots=True)
class _Node:
    literal: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    names: tuple[str, ...] = ()
    endpoints: dict[str, tuple[Endpoint, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A route, and what its path says. ``operation`` is its name in the SDK's words."""

    endpoint: Endpoint
    path_params: dict[str, str]
    operation: str


@dataclass(frozen=True, slots=True, eq=False)
class Later:
    """Routes below ``prefix`` that are made when the first request asks for one of them."""

    prefix: str
    load: Callable[[], Iterable[APIRoute]]


class Table:
    """Finds the route of a request in one step per path segment."""

    def __init__(self, routes: Iterable[APIRoute], later: Iterable[Later] = ()) -> None:
        self._root = _Node()
        self._later = list(later)
        for route in routes:
            self._add(route)

    def load_all(self) -> None:
        """Make every route there is known."""
        self._load(self._later)

    def _load(self, groups: list[Later]) -> None:
        self._later = [group for group in self._later if group not in groups]
        for group in groups:
            for route in group.load():
                self._add(route)

    def _add(self, route: APIRoute) -> None:
        node, names = self._root, []
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literal.setdefault(segment, _Node())
        node.names = tuple(names)
        if list(signature(route.endpoint).parameters) != ["call"]:
            raise TypeError(f"{route.path} declares more than a call: it would be read by nobody")
        for method in route.methods or ():
            node.endpoints[method] = route.endpoint, (route.openapi_extra or {}).get(OPERATION, "")

    def match(self, method: str, path: str) -> Match | tuple[str, ...]:
        """The route; or the methods the path has instead, none for a path that is no endpoint."""
        found = self._match(method, path)
        if self._later and not isinstance(found, Match):
            self._load([group for group in self._later if path.startswith(group.prefix)])
            found = self._match(method, path)
        return found

    def _match(self, method: str, path: str) -> Match | tuple[str, ...]:
        node: _Node | None = self._root
        values = []
        for segment in path.split("/")[1:]:
            assert node is not None
            following = node.literal.get(segment)
            if following is None and segment:
                following = node.parameter
                values.append(segment)
            if following is None:
                return ()
            node = following
        assert node is not None
        if method in node.endpoints:
            endpoint, operation = node.endpoints[method]
            return Match(endpoint, dict(zip(node.names, values, strict=True)), operation)
        return tuple(sorted(node.endpoints))
