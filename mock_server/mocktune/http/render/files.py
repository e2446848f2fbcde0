"""Files."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.objects import FileView
from mocktune.http.render import Json, seconds


def file(view: FileView) -> Json:
    return {
        "object": "file",
        "id": view.id,
        "purpose": view.purpose,
        "filename": view.filename,
        "bytes": view.size_bytes,
        "created_at": unix_seconds(view.created_at),
        "expires_at": seconds(view.expires_at),
        "status": view.status,
        "status_details": view.status_details,
    }
