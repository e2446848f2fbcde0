"""Models of ``/fine_tuning/checkpoints/{checkpoint}/permissions``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mocktune.http.wire.base import Request, Response

ProjectId = Annotated[str, Field(min_length=1, max_length=256)]


class CreateCheckpointPermissionRequest(Request):
    """At least one project, and no more than a few lists of them (assumed; the public description has no limits)."""

    project_ids: list[ProjectId] = Field(min_length=1, max_length=1000)


class ListCheckpointPermissionsQuery(Request):
    """Unlike other lists, the orders are written out [SPEC]."""

    project_id: str | None = None
    after: str | None = None
    limit: int = Field(10, ge=1, le=100)
    order: Literal["ascending", "descending"] = "descending"


class CheckpointPermission(Response):
    object: Literal["checkpoint.permission"]
    id: str
    created_at: int
    project_id: str
