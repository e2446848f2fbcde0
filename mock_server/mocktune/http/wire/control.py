"""Models of the control plane."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from mocktune.http.wire.base import Request, Response


class ClockChange(Request):
    """``clock`` is ``real``, ``frozen`` or ``x60``; ``start`` an instant, Unix seconds or ISO 8601."""

    clock: str
    start: int | float | str | None = None


class AdvanceUntil(Request):
    job: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled", "terminal"]


class ClockAdvance(Request):
    """Exactly one of the four."""

    by: str | None = None
    to: int | float | str | None = None
    until: AdvanceUntil | None = None
    next: Literal[True] | None = None


class ClockState(Response):
    clock: str
    now: float
    elapsed: float


class FiredTransition(Response):
    at: float
    job: str
    status: str


class AdvanceResult(Response):
    now: float
    elapsed: float
    reached: bool
    fired: list[FiredTransition]
    fired_dropped: int


class Health(Response):
    status: Literal["ok"]
    version: str


class Version(Response):
    """``spec``, ``openai_python`` and ``openai_node`` are what the server was made after."""

    version: str
    spec: str
    openai_python: str
    openai_node: str


class SchemaList(Response):
    """The paths of JSON Schemas, by the name of what they describe."""

    schemas: dict[str, str]


class Known(BaseModel):
    """An entry of a table: ``source`` in the words of the page of sources, and how sure that makes it."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    source: str
    confidence: Literal["recorded", "spec", "sdk", "docs", "assumed", "mocktune"]


class ObjectFields(Response):
    """``part_of`` is the object that this one stands in, or nothing."""

    part_of: str
    fields: dict[str, Known]


class Limits(Response):
    jobs: list[Known]
    bounds: list[Known]


class Capabilities(Response):
    version: str
    settings: dict[str, Any]
    endpoints: list[Known]
    not_part_of_mocktune: list[str]
    errors: list[Known]
    defects: list[Known]
    events: list[Known]
    fields: dict[str, ObjectFields]
    models: list[Known]
    limits: Limits
    profiles: list[Known]
    differences: list[Known]
    assumed: list[Known]
    azure: list[Known]
    loose_rules: list[Known]
    sources: dict[str, str]
