"""Uploads: files that arrive in parts. Their limits, what was asked for, and what is to be seen at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.objects import FileView

UploadStatus = Literal["pending", "completed", "cancelled", "expired"]

LIFETIME_S = 3600
"""An upload that was neither completed nor cancelled expires an hour after its creation [SPEC]."""

MAX_BYTES = 8 * 1024**3
"""8 GB in all [SPEC], taken as binary because the SDK takes the 64 MB of a part so."""

MAX_PART_BYTES = 64 * 1024**2

MAX_PARTS = 10_000
MAX_PENDING = 1_000
"""Parts of one upload, and pending uploads of one sandbox: bounds of mocktune's own."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A create request. ``size_bytes`` is what the parts must add up to; ``expires_after_s`` is the file's."""

    filename: str
    purpose: str
    size_bytes: int
    mime_type: str
    expires_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class UploadView:
    """An upload at one instant. ``file`` is given once it is completed."""

    id: str
    request: UploadRequest
    created_at: VirtualTime
    expires_at: VirtualTime
    status: UploadStatus
    file: FileView | None = None


@dataclass(frozen=True, slots=True)
class UploadPartView:
    """A part that was added to an upload."""

    id: str
    upload_id: str
    created_at: VirtualTime


def expiry_of(created_at: VirtualTime) -> VirtualTime:
    return VirtualTime(created_at + LIFETIME_S * SECOND)
