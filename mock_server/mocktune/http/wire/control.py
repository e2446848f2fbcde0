"""Models of the control plane."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mocktune.http.wire.base import Request, Response
from mocktune.service.frozen_reads import MAX_FROZEN_READS


class ClockChange(Request):
    """At least one of the four; what is not given stays as it is."""

    clock: str | None = Field(None, description="`real`, `frozen`, or a factor from `x0.000001` to `x1000000`")
    start: int | float | str | None = Field(
        None,
        description="an instant, Unix seconds or ISO 8601: any in a sandbox in which nothing was created yet, later "
        "only forward",
    )
    advance_on_poll: str | None = Field(
        None,
        description="how far a poll of something unfinished moves the clock before it is answered: a duration, or "
        "`next`: to the next visible change of what is polled (training counts as ten); null: not at all",
    )
    max_frozen_reads: int | None = Field(
        None,
        ge=0,
        le=MAX_FROZEN_READS,
        description="how many reads of one unfinished object are answered while a frozen clock stands still: the next "
        "ones are a 400 `clock_frozen`; null: any number",
    )


class AdvanceUntil(Request):
    """Exactly one of `job`, `file` and `model`, and the status it is to have."""

    job: str | None = Field(None, description="the id of a job")
    file: str | None = Field(None, description="the id of a file")
    model: str | None = Field(None, description="the name of a model")
    status: str = Field(
        description="of a job one of its statuses, `terminal` (any end), or `running@40%` (of its steps); of a file "
        "`processed`, `error` or `terminal`; of a model `loading` or `ready`"
    )
    progress: float | None = Field(None, description="of a job that is `running`: the share of its steps, 0 to 1")


class ClockAdvance(Request):
    """Exactly one of `by`, `to`, `until` and `next`."""

    by: str | None = Field(None, description="a duration")
    to: int | float | str | None = Field(None, description="an instant, Unix seconds or ISO 8601")
    until: AdvanceUntil | None = Field(
        None,
        description="until an object has a status, or to its end when it never will; one that lies behind counts",
    )
    next: Literal[True] | None = Field(
        None,
        description="to the next instant at which something a person would wait for changes; of training only every "
        "tenth part counts",
    )
    max_virtual: str | None = Field(
        None, description="a duration the clock is moved by at most; 30 days for `until` and `next` unless given"
    )
    max_events: int = Field(
        100_000, ge=1, le=1_000_000, description="how many things may happen on the way before the clock stops"
    )


class ClockState(Response):
    """A sandbox's clock."""

    clock: str = Field(description="`real`, `frozen` or a factor")
    now: float = Field(description="Unix seconds")
    elapsed: float = Field(description="seconds since the sandbox's clock started")
    advance_on_poll: str | None = Field(description="a duration, `next` or null")
    max_frozen_reads: int | None = Field(description="null: any number")
    refused_reads: int = Field(description="how many were refused because of it")


class FiredTransition(Response):
    """What happened on the way."""

    at: float = Field(description="Unix seconds")
    kind: Literal["file", "upload", "job", "model", "delivery"]
    id: str
    status: str = Field(
        description="what the object came to: a job's status; `processed`, `error` or `expired` (files, uploads); "
        "`loading`, `ready` or `gone` (models); `delivered`, `retrying`, `failed` or `dropped` (deliveries); in a "
        "timeline also `uploaded` (files) and `refused` (deliveries)"
    )
    job: str | None = Field(description="the job itself, or the one a model or delivery is of")


class AdvanceResult(Response):
    """Where the clock stands, and what happened on the way, in order."""

    now: float = Field(description="Unix seconds")
    elapsed: float = Field(description="seconds since the sandbox's clock started")
    reached: bool = Field(description="false when the awaited status will never come; the clock stands at the end then")
    fired: list[FiredTransition] = Field(description="the first 1000")
    fired_dropped: int = Field(description="how many more there were")


class SandboxTimeline(Response):
    """Times are Unix seconds. `trained_tokens` and `cost_usd` are of the trainings that are billed by now, at the
    prices of the model table."""

    started: float = Field(description="where the sandbox's clock began")
    now: float
    elapsed: float = Field(description="seconds")
    happened: list[FiredTransition] = Field(description="the last 1000; of an attempt to deliver, whether it was taken")
    happened_dropped: int = Field(description="how many more there were before")
    trained_tokens: int
    cost_usd: float
    refused_reads: int = Field(description="because the clock is frozen: see `max_frozen_reads` of the clock")
    refused_because: str = Field(description="what the client was told first, or nothing")


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
