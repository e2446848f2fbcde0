"""Files."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.objects import FileView
from mocktune.http.render import Json, seconds
from mocktune.settings import Form


def file(view: FileView, form: Form) -> Json:
    """``evals`` may be uploaded for, and is no purpose of a file in the SDK's types; Azure calls ``uploaded``
    ``pending`` (learn.microsoft.com)."""
    purpose, status = view.purpose, str(view.status)
    if form == "sdk" and purpose == "evals":
        purpose = "user_data"
    if form == "azure" and status == "uploaded":
        status = "pending"
    return {
        "object": "file",
        "id": view.id,
        "purpose": purpose,
        "filename": view.filename,
        "bytes": view.size_bytes,
        "created_at": unix_seconds(view.created_at),
        "expires_at": seconds(view.expires_at),
        "status": status,
        "status_details": view.status_details,
    }
