"""Uploads and their parts."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.uploads import UploadPartView, UploadView
from mocktune.http.render import Json
from mocktune.http.render import files as render_files
from mocktune.settings import Form


def upload(view: UploadView, form: Form) -> Json:
    return {
        "id": view.id,
        "object": "upload",
        "bytes": view.request.size_bytes,
        "created_at": unix_seconds(view.created_at),
        "filename": view.request.filename,
        "purpose": view.request.purpose,
        "status": view.status,
        "expires_at": unix_seconds(view.expires_at),
        "file": render_files.file(view.file, form) if view.file else None,
    }


def part(view: UploadPartView) -> Json:
    return {
        "id": view.id,
        "object": "upload.part",
        "created_at": unix_seconds(view.created_at),
        "upload_id": view.upload_id,
    }
