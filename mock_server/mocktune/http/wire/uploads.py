"""Models of ``/uploads``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mocktune.domain.uploads import MAX_BYTES, MAX_PARTS
from mocktune.http.wire.base import ExpiresAfter, Request, Response
from mocktune.http.wire.files import OpenAIFile


class CreateUploadRequest(Request):
    filename: str = Field(min_length=1, max_length=4096)
    purpose: str
    bytes: int = Field(ge=1, le=MAX_BYTES)
    mime_type: str = Field(min_length=1, max_length=256)
    expires_after: ExpiresAfter | None = None


class CompleteUploadRequest(Request):
    part_ids: list[str] = Field(max_length=MAX_PARTS)
    md5: str | None = None


class Upload(Response):
    id: str
    object: Literal["upload"]
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    expires_at: int
    file: OpenAIFile | None


class UploadPart(Response):
    id: str
    object: Literal["upload.part"]
    created_at: int
    upload_id: str
