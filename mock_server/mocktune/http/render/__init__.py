"""How a view is written on the wire: plain dicts with the recorded order of keys, one module a resource.

``wire="observed"`` writes what was recorded; ``"sdk"`` keeps every value inside the official SDK's strict types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mocktune.domain.clock import VirtualTime, unix_seconds
from mocktune.service.paging import Page

T = TypeVar("T")
Json = dict[str, Any]


def page(of: Page[T], render: Callable[[T], Json]) -> Json:
    """A list without cursors of its own: jobs and events [OBS]."""
    return {"object": "list", "data": [render(each) for each in of.items], "has_more": of.has_more}


def cursor_page(of: Page[T], render: Callable[[T], Json]) -> Json:
    """A list that names its first and last id: checkpoints and files."""
    data = [render(each) for each in of.items]
    return {
        "object": "list",
        "data": data,
        "has_more": of.has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def deleted(kind: str, id: str) -> Json:
    return {"id": id, "object": kind, "deleted": True}


def seconds(instant: VirtualTime | None) -> int | None:
    return None if instant is None else unix_seconds(instant)
