"""How the objects of the other resources are written into a state and read from one: kind by kind, one table.

A record that is plain data is written as it is, field by field. An upload has bytes behind it: its parts carry theirs
in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from mocktune.domain.clock import VirtualTime
from mocktune.domain.state import StateError
from mocktune.domain.uploads import UploadRequest
from mocktune.ports import Blob
from mocktune.service.deployments import DeploymentRecord
from mocktune.service.permissions import Permission
from mocktune.service.responses import ResponseRecord
from mocktune.service.sandboxes import Sandbox
from mocktune.service.settling import expect_upload_expiry
from mocktune.service.stored_completions import StoredCompletion
from mocktune.service.upload_records import PartRecord, UploadRecord
from mocktune.service.webhook_endpoints import WebhookEndpointRecord

Document = dict[str, Any]
Store = Callable[[bytes], Blob]
"""Keeps bytes for one sandbox."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """Records of plain data: their type, and where their id and the instant of their creation are."""

    record: type[Any]
    place: Callable[[Any], tuple[str, VirtualTime]]


_PLAIN: dict[str, _Plain] = {
    "deployments": _Plain(DeploymentRecord, lambda each: (each.id, each.created_at)),
    "permission": _Plain(Permission, lambda each: (each.id, each.created_at)),
    "response": _Plain(ResponseRecord, lambda each: (each.id, each.created_at)),
    "stored_completion": _Plain(StoredCompletion, lambda each: (each.id, each.completion.created_at)),
    "webhook_endpoint": _Plain(WebhookEndpointRecord, lambda each: (each.endpoint.id, each.endpoint.created_at)),
}
KINDS = (*_PLAIN, "upload")


def write_objects(sandbox: Sandbox) -> dict[str, list[Document]]:
    """Every object of these kinds that the sandbox holds, oldest first; kinds without any are left out."""
    written = {
        kind: [msgspec.to_builtins(each) for each in sandbox.ledger(kind).oldest_first()] for kind in sorted(_PLAIN)
    }
    written["upload"] = [_upload_document(each) for each in sandbox.ledger("upload").oldest_first()]
    return {kind: documents for kind, documents in written.items() if documents}


def read_objects(sandbox: Sandbox, objects: Mapping[str, list[Document]], store: Store) -> None:
    """Put the objects of a state into ``sandbox``. Raises ``StateError``."""
    for kind, documents in objects.items():
        if kind not in KINDS:
            raise StateError(f"objects: '{kind:.100}' is no kind of object; known are {', '.join(sorted(KINDS))}")
        for document in documents:
            try:
                _read(sandbox, kind, document, store)
            except (msgspec.ValidationError, KeyError, ValueError) as error:
                raise StateError(f"objects.{kind}: {error}") from error


def _read(sandbox: Sandbox, kind: str, document: Document, store: Store) -> None:
    if kind == "upload":
        _read_upload(sandbox, document, store)
        return
    plain = _PLAIN[kind]
    item = msgspec.convert(document, plain.record)
    id, created_at = plain.place(item)
    sandbox.ledger(kind).add(id, created_at, item)


def _upload_document(upload: UploadRecord) -> Document:
    return {
        "id": upload.id,
        "ordinal": upload.ordinal,
        "created_at": upload.created_at,
        "request": msgspec.to_builtins(upload.request),
        "parts": [
            {"id": part.id, "created_at": part.created_at, "content_base64": base64.b64encode(_bytes(part)).decode()}
            for part in upload.parts.values()
        ],
        "ended": upload.ended,
        "file_id": upload.file_id,
    }


def _bytes(part: PartRecord) -> bytes:
    with part.blob.open() as source:
        return source.read()


def _read_upload(sandbox: Sandbox, document: Document, store: Store) -> None:
    upload = UploadRecord(
        id=document["id"],
        ordinal=document.get("ordinal", 0),
        created_at=VirtualTime(document["created_at"]),
        request=msgspec.convert(document["request"], UploadRequest),
        ended=document.get("ended"),
        file_id=document.get("file_id"),
    )
    for part in document.get("parts", ()):
        data = base64.b64decode(part["content_base64"], validate=True)
        upload.add_part(PartRecord(part["id"], VirtualTime(part["created_at"]), store(data)))
    sandbox.ledger("upload").add(upload.id, upload.created_at, upload)
    if upload.ended is None:
        sandbox.ledger("pending_upload").add(upload.id, upload.created_at, upload)
        expect_upload_expiry(sandbox, upload)
