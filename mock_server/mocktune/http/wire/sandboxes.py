"""Models of the control plane's sandboxes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mocktune.http.wire.base import Request, Response
from mocktune.service.frozen_reads import MAX_FROZEN_READS

_BOUNDED = Field(max_length=256)


class ListSandboxesQuery(Request):
    after: str | None = Field(None, description="the id of the last one of the page before")
    limit: int = Field(20, ge=1, le=100)


class OpenSandbox(Request):
    """Everything may be left out; what is, is as in every other sandbox of the server."""

    name: str | None = Field(
        None, description="several keys share it: `sk-mt-NAME--WHO`, `/s/NAME/v1`; else one is made up"
    )
    label: str | None = Field(None, description="for people; the name unless given")
    scenario: str | dict[str, Any] | None = Field(
        None, description="the name of a packaged scenario, or a document as `/_mocktune/schemas/scenario` has it"
    )
    set: Annotated[dict[str, Any], _BOUNDED] | Annotated[list[str], _BOUNDED] | None = Field(
        None, description='single fields of the scenario: `{"model.absent_for": "20s"}`'
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=2**63 - 1,
        description="decides ids and losses; else it follows from the server's seed and the name",
    )
    clock: str | None = Field(None, description="`real`, `frozen` or a factor such as `x60`")
    start: int | float | str | None = Field(None, description="where its clock starts: Unix seconds or ISO 8601")
    advance_on_poll: str | None = Field(None, description="a duration or `next`, as of `PUT /_mocktune/clock`")
    advance_on_first_poll: bool = Field(
        True,
        description="false: with `advance_on_poll`, the first look at something moves nothing, and a request for an "
        "answer only if it repeats one since which the clock has stood still",
    )
    max_frozen_reads: int | None = Field(
        None, ge=0, le=MAX_FROZEN_READS, description="a whole number, as of `PUT /_mocktune/clock`"
    )


class SandboxChange(Request):
    label: str = Field(description="at most 100 printable characters")


class SandboxObjects(Response):
    """How many there are."""

    files: int
    jobs: int
    models: int


class Sandbox(Response):
    """A sandbox, by what is no secret."""

    id: str
    object: Literal["sandbox"]
    label: str
    seed: int
    scenario: str
    clock: str
    now: float = Field(description="Unix seconds of its own time")
    objects: SandboxObjects
    requests: int = Field(description="how many it has had")
    size_bytes: int = Field(description="on disk")
    opened_at: float = Field(description="Unix seconds of wall time")
    last_used: float = Field(description="Unix seconds of wall time")


class OpenedSandbox(Sandbox):
    """A new sandbox, and how clients get into it."""

    api_key: str = Field(description="opens it, as does `sk-mt-NAME--WHO` for any WHO")
    base_url: str = Field(description="for that key")
    shared_base_url: str = Field(description="for any key, where clients cannot choose it")


class SandboxList(Response):
    object: Literal["list"]
    data: list[Sandbox]
    has_more: bool
    first_id: str | None
    last_id: str | None
