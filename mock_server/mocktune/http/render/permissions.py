"""Checkpoint permissions."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.http.render import Json
from mocktune.service.permissions import Permission


def permission(granted: Permission) -> Json:
    return {
        "object": "checkpoint.permission",
        "id": granted.id,
        "created_at": unix_seconds(granted.created_at),
        "project_id": granted.project_id,
    }
