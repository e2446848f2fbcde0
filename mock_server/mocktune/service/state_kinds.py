"""How the objects of the other resources are written into a state and read from one: kind by kind, one table.

A record that is plain data is written field by field: instants as everywhere in a state, JSON as JSON. An upload has
bytes behind it: its parts carry theirs in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import msgspec

from mocktune.domain.clock import VirtualTime, printable
from mocktune.domain.deliveries import Delivery
from mocktune.domain.documents import nearest
from mocktune.domain.response_items import conversation
from mocktune.domain.state import Id, Instant, StateError, instant_of, told_of, written_instant
from mocktune.domain.uploads import UploadRequest, UploadStatus
from mocktune.ports import Blob
from mocktune.service.deployments import DeploymentRecord
from mocktune.service.model_memory import ModelUse
from mocktune.service.permissions import Permission
from mocktune.service.response_store import ResponseRecord
from mocktune.service.sandboxes import Sandbox
from mocktune.service.settling import expect_upload_expiry
from mocktune.service.state_blobs import decoded
from mocktune.service.state_documents import Document, converted, read_instant, with_instants
from mocktune.service.stored_completions import StoredCompletion
from mocktune.service.upload_records import PartRecord, UploadRecord
from mocktune.service.webhook_records import WebhookEndpointRecord

Store = Callable[[bytes], Blob]


@dataclass(frozen=True, slots=True)
class _Plain:
    """Records of plain data: their type, where their id and the instant of their creation are, and what must hold of
    them beyond their types. ``json`` are fields of JSON in bytes.
    """

    record: type[Any]
    place: Callable[[Any], tuple[str, VirtualTime]]
    check: Callable[[Any], None] = lambda record: None
    json: tuple[str, ...] = ()


def _check_completion(stored: StoredCompletion) -> None:
    asked = stored.request()
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list) or not all(isinstance(each, dict) and "role" in each for each in messages):
        raise StateError("asked: expected an object with messages, each of them with a role")
    for message in messages:
        content = message.get("content")
        if isinstance(content, list) and not all(isinstance(part, dict) and "type" in part for part in content):
            raise StateError("asked: expected parts of content with a type")


def _check_response(response: ResponseRecord) -> None:
    items = response.conversation
    echoed = response.request.echoed
    try:
        conversation(items)
        if not all(isinstance(each["id"], str) for each in items):
            raise StateError("expected items with an id")
        for part in (part for item in response.output if item["type"] == "message" for part in item["content"]):
            if not isinstance(part["text"], str) or not isinstance(part["logprobs"], list):
                raise StateError("output: expected parts with text and logprobs")
        if not isinstance(echoed.get("reasoning", {}), dict) or not isinstance(echoed.get("metadata", {}), dict):
            raise StateError("request.echoed: expected objects for reasoning and metadata")
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError("its items are not as the API lists them") from error


_PLAIN: dict[str, _Plain] = {
    "delivery": _Plain(Delivery, lambda each: (each.id, each.due_at)),
    "deployments": _Plain(DeploymentRecord, lambda each: (each.id, each.created_at)),
    "model_use": _Plain(ModelUse, lambda each: (each.id, each.since)),
    "permission": _Plain(Permission, lambda each: (each.id, each.created_at)),
    "response": _Plain(ResponseRecord, lambda each: (each.id, each.created_at), _check_response),
    "stored_completion": _Plain(
        StoredCompletion, lambda each: (each.id, each.completion.created_at), _check_completion, json=("asked",)
    ),
    "webhook_endpoint": _Plain(WebhookEndpointRecord, lambda each: (each.endpoint.id, each.endpoint.created_at)),
}


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    id: Id
    created_at: Instant
    content_base64: str


class _Upload(msgspec.Struct, forbid_unknown_fields=True):
    """An upload; its parts are in the order they came."""

    id: Id
    created_at: Instant
    request: UploadRequest
    parts: list[_Part] = []
    ended: UploadStatus | None = None
    file_id: str | None = None


KINDS = (*_PLAIN, "upload")


# -- writing -----------------------------------------------------------------------------------------------------------


def held_bytes(sandbox: Sandbox) -> int:
    """Of the uploads that are not complete."""
    return sum(upload.parts_bytes for upload in sandbox.ledger("upload").oldest_first() if upload.parts)


def write_objects(sandbox: Sandbox) -> dict[str, list[Document]]:
    """Every object of these kinds that the sandbox holds, oldest first; kinds without any are left out."""
    written = {
        kind: [_written(each, plain) for each in sandbox.ledger(kind).oldest_first()] for kind, plain in _PLAIN.items()
    }
    written["upload"] = [_upload_document(each) for each in sandbox.ledger("upload").oldest_first()]
    return {kind: documents for kind, documents in sorted(written.items()) if documents}


def _written(record: object, plain: _Plain) -> Document:
    document = with_instants(msgspec.to_builtins(record), plain.record, written_instant)
    for name in plain.json:
        document[name] = msgspec.json.decode(getattr(record, name))
    return document


def _upload_document(upload: UploadRecord) -> Document:
    parts = [_Part(part.id, written_instant(part.created_at), _base64(part.blob)) for part in upload.parts.values()]
    written: Document = msgspec.to_builtins(
        _Upload(
            id=upload.id,
            created_at=written_instant(upload.created_at),
            request=upload.request,
            parts=parts,
            ended=upload.ended,
            file_id=upload.file_id,
        )
    )
    return written


def _base64(blob: Blob) -> str:
    with blob.open() as source:
        return base64.b64encode(source.read()).decode("ascii")


# -- reading -----------------------------------------------------------------------------------------------------------


class SeedObjects:
    """The objects of a state, checked, to be put into any number of sandboxes. Raises ``StateError``."""

    def __init__(self, objects: Mapping[str, list[Document]], store: Store) -> None:
        self._plain: list[tuple[str, str, VirtualTime, Any]] = []
        self._uploads: list[_Upload] = []
        self._parts: dict[str, list[PartRecord]] = {}
        for kind, documents in objects.items():
            if kind not in KINDS:
                raise StateError(f"objects: '{printable(kind)}' is no kind of object{nearest(printable(kind), KINDS)}")
            ids: set[str] = set()
            for index, document in enumerate(documents):
                with told_of(f"objects.{kind}[{index}]"):
                    id = self._read_upload(document, store) if kind == "upload" else self._read(kind, document)
                    if not 0 < len(id) <= 512 or id in ids:
                        raise StateError(f"its id '{printable(id)}' is there twice" if id else "its id is empty")
                    ids.add(id)

    @property
    def ids(self) -> frozenset[str]:
        parts = [part.id for each in self._parts.values() for part in each]
        return frozenset([*(id for _, id, _, _ in self._plain), *(each.id for each in self._uploads), *parts])

    def put_into(self, sandbox: Sandbox) -> None:
        """A copy of each; what may change of it is the sandbox's own."""
        for kind, id, created_at, record in self._plain:
            sandbox.ledger(kind).add(id, created_at, deepcopy(record))
        for ordinal, written in enumerate(self._uploads):
            created_at = instant_of(written.created_at)
            upload = UploadRecord(
                written.id, ordinal, created_at, written.request, ended=written.ended, file_id=written.file_id
            )
            for part in self._parts[written.id]:
                upload.add_part(part)
            sandbox.ledger("upload").add(upload.id, created_at, upload)
            if upload.ended is None:
                sandbox.ledger("pending_upload").add(upload.id, created_at, upload)
                expect_upload_expiry(sandbox, upload)

    def _read(self, kind: str, document: Document) -> str:
        plain = _PLAIN[kind]
        found = with_instants(document, plain.record, read_instant)
        for name in plain.json:
            if name in found:
                found[name] = msgspec.json.encode(found[name])
        record = converted(found, plain.record)
        plain.check(record)
        id, created_at = plain.place(record)
        self._plain.append((kind, id, created_at, record))
        return id

    def _read_upload(self, document: Document, store: Store) -> str:
        upload = converted(document, _Upload)
        for instant in (upload.created_at, *(part.created_at for part in upload.parts)):
            instant_of(instant)
        self._parts.setdefault(
            upload.id,
            [
                PartRecord(part.id, instant_of(part.created_at), store(decoded(part.content_base64, "content_base64")))
                for part in upload.parts
            ],
        )
        self._uploads.append(upload)
        return str(upload.id)
