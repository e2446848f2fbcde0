"""Models of ``/files``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mocktune.http.wire.base import ExpiresAfter, Request, Response


class ListFilesQuery(Request):
    purpose: str | None = None
    after: str | None = None
    limit: int = Field(10_000, ge=1, le=10_000)
    order: Literal["asc", "desc"] = "desc"


class ExpiresAfterForm(Request):
    expires_after: ExpiresAfter


class OpenAIFile(Response):
    object: Literal["file"]
    id: str
    purpose: str
    filename: str
    bytes: int
    created_at: int
    expires_at: int | None
    status: Literal["uploaded", "processed", "error"]
    status_details: str | None
