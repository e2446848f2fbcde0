"""Models of the control plane's faults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from mocktune.http.wire.base import Request, Response


class Fault(Response):
    """A rule with the fields it was given, its id, and its counters. ``remaining`` is how often it may still fire, null
    without end; ``made_at`` in virtual time, null until the first request asks a rule of the scenario; ``job`` is the
    one it is about alone.
    """

    model_config = ConfigDict(extra="allow")

    id: str
    source: Literal["scenario", "control", "job"]
    job: str | None
    made_at: float | None
    matched: int
    fired: int
    remaining: int | None


class FaultList(Response):
    faults: list[Fault]


class FaultDeleted(Response):
    id: str
    deleted: bool


class FaultsDeleted(Response):
    """How many rules there were."""

    deleted: int


class DeleteFaultsQuery(Request):
    """``all=true`` deletes those of the scenario too."""

    all: Literal["true", "false"] = "false"


FaultRuleBody: dict[str, Any] = {
    "description": "A rule, or a list of them. Its schema is `/_mocktune/schemas/fault`.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "maxItems": 100}],
            }
        }
    },
}
