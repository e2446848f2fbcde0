"""Uploads: parts that arrive one by one or side by side, and become a file like any other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence

from mocktune.domain import ids
from mocktune.domain.error_kinds import uploads as kinds
from mocktune.domain.uploads import (
    MAX_BYTES,
    MAX_PARTS,
    MAX_PENDING,
    UploadPartView,
    UploadRequest,
    UploadStatus,
    UploadView,
)
from mocktune.ports import Blob, Blobs
from mocktune.service.files import FIRST_LINE_BYTES, FileService, Upload, check_purpose
from mocktune.service.retention import end_upload
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.settling import expect_upload_expiry
from mocktune.service.upload_records import PartRecord, UploadRecord

PIECE_BYTES = 1024 * 1024
TURN_BYTES = 64 * 1024 * 1024
"""Bytes are read in pieces, so many of them in one turn of a thread: threads are shared, and a server that stops waits
for one turn at most."""


class UploadService:
    """Create, add parts, complete and cancel. Under ``--loose`` every command succeeds in every status, and one that
    comes too late changes nothing."""

    def __init__(self, files: FileService, blobs: Blobs) -> None:
        self._files = files
        self._blobs = blobs

    def create(self, visit: Visit, request: UploadRequest) -> UploadView:
        """Raises ``ParameterError`` for a purpose that is none, ``ServiceUnavailableError`` past ``MAX_PENDING``."""
        check_purpose(visit, request.purpose)
        sandbox = visit.sandbox
        pending = sandbox.ledger("pending_upload")
        if len(pending) >= MAX_PENDING:
            raise kinds.TOO_MANY_PENDING(most=MAX_PENDING)
        ordinal = sandbox.next_ordinal("upload")
        upload = UploadRecord(ids.object_id("upload", sandbox.seed, ordinal), ordinal, visit.now, request)
        for ledger in (sandbox.ledger("upload"), pending):
            ledger.add(upload.id, visit.now, upload)
        expect_upload_expiry(sandbox, upload)
        return _view(upload, "pending")

    def check_exists(self, sandbox: Sandbox, id: str) -> None:
        """Raises ``NotFoundError``, before anybody sends 64 MB for nothing."""
        _get(sandbox, id)

    async def add_part(self, visit: Visit, id: str, blob: Blob) -> UploadPartView:
        """Raises for an upload that is not pending and for a part that does not fit; the caller then drops the blob."""
        sandbox = visit.sandbox
        upload = _get(sandbox, id)
        async with upload.lock:
            pending = _is_pending(visit, upload, "add a part to")
            if pending:
                _check_part(visit, upload, blob)
            part_id = ids.object_id("upload_part", sandbox.seed, sandbox.next_ordinal("upload_part"))
            if pending:
                upload.add_part(PartRecord(part_id, visit.now, blob))
            else:
                blob.delete()
            return UploadPartView(part_id, id, visit.now)

    async def complete(self, visit: Visit, id: str, part_ids: Sequence[str], md5: str | None) -> UploadView:
        """The parts in the order of ``part_ids`` become a file; others are dropped (assumed).

        Raises for parts that are not the upload's, for a size or a checksum that is not what was announced, and for
        whatever a file is refused for at its creation. The upload stays pending then (assumed).
        """
        upload = _get(visit.sandbox, id)
        async with upload.lock:
            if _is_pending(visit, upload, "complete"):
                await self._complete(visit, upload, _named_parts(visit, upload, part_ids), md5)
        file = None
        if upload.file_id is not None and visit.sandbox.files.get(upload.file_id) is not None:
            file = await self._files.retrieve(visit, upload.file_id)
        return UploadView(upload.id, upload.request, upload.created_at, upload.expires_at, "completed", file)

    async def cancel(self, visit: Visit, id: str) -> UploadView:
        """Drops the parts. Raises ``InvalidRequestError`` for an upload that is not pending."""
        upload = _get(visit.sandbox, id)
        async with upload.lock:
            if _is_pending(visit, upload, "cancel"):
                end_upload(visit.sandbox, upload, "cancelled")
        return _view(upload, "cancelled")

    async def _complete(self, visit: Visit, upload: UploadRecord, parts: list[PartRecord], md5: str | None) -> None:
        request = upload.request
        upload.reading = True
        try:
            sums = _Sums(md5 is not None and not visit.loose)
            pieces = _pieces(parts)
            while await asyncio.to_thread(sums.take, pieces):
                pass
            if sums.md5 is not None and md5 is not None and sums.md5.hexdigest() != md5.strip().lower():
                raise kinds.OTHER_MD5(actual=sums.md5.hexdigest(), given=md5)
            blob = self._blobs.joined([part.blob for part in parts], sums.sha256.hexdigest())
            whole = Upload(request.filename, request.purpose, blob, bytes(sums.head), request.expires_after_s)
            file = await self._files.create(visit, whole)
        except BaseException:
            upload.reading = False
            if upload.ended is not None:  # it expired meanwhile
                upload.end(upload.ended)
            raise
        upload.reading = False
        upload.file_id = file.id
        end_upload(visit.sandbox, upload, "completed", keep={part.id for part in parts})


class _Sums:
    """What is to be known of the bytes of an upload: checksums, and the beginning."""

    def __init__(self, with_md5: bool) -> None:
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
        self.head = bytearray()

    def take(self, pieces: Iterator[bytes]) -> bool:
        """Take in ``TURN_BYTES`` of ``pieces``; whether there may be more."""
        taken = 0
        for piece in pieces:
            self.sha256.update(piece)
            if self.md5 is not None:
                self.md5.update(piece)
            if len(self.head) < FIRST_LINE_BYTES:
                self.head += piece[: FIRST_LINE_BYTES - len(self.head)]
            taken += len(piece)
            if taken >= TURN_BYTES:
                return True
        return False


def _pieces(parts: Sequence[PartRecord]) -> Iterator[bytes]:
    for part in parts:
        with part.blob.open() as source:
            while piece := source.read(PIECE_BYTES):
                yield piece


def _get(sandbox: Sandbox, id: str) -> UploadRecord:
    upload: UploadRecord | None = sandbox.ledger("upload").get(id)
    if upload is None:
        raise kinds.NO_SUCH_UPLOAD(id=id)
    return upload


def _is_pending(visit: Visit, upload: UploadRecord, do: str) -> bool:
    """Whether the command has an effect. Raises ``InvalidRequestError`` if not, unless ``--loose`` lets it pass."""
    status = upload.status_at(visit.now)
    if status != "pending" and not visit.loose:
        raise kinds.NOT_PENDING(do=do, id=upload.id, status=status)
    return status == "pending"


def _check_part(visit: Visit, upload: UploadRecord, blob: Blob) -> None:
    if len(upload.parts) >= MAX_PARTS:
        raise kinds.TOO_MANY_PARTS(id=upload.id, most=MAX_PARTS)
    if visit.loose:
        return
    if blob.size_bytes == 0:
        raise kinds.EMPTY_PART()
    size_bytes = upload.parts_bytes + blob.size_bytes
    if size_bytes > MAX_BYTES:
        raise kinds.TOO_MANY_BYTES(id=upload.id, most=MAX_BYTES, size=size_bytes)


def _named_parts(visit: Visit, upload: UploadRecord, part_ids: Sequence[str]) -> list[PartRecord]:
    """The parts in the order they are named. ``--loose`` takes those there are, each once, whatever they add up to."""
    parts: dict[str, PartRecord] = {}
    for id in part_ids:
        part = upload.parts.get(id)
        if part is not None and id not in parts:
            parts[id] = part
        elif not visit.loose:
            raise (kinds.UNKNOWN_PART if part is None else kinds.REPEATED_PART)(id=upload.id, part=id)
    size_bytes = sum(part.blob.size_bytes for part in parts.values())
    if size_bytes != upload.request.size_bytes and not visit.loose:
        raise kinds.OTHER_SIZE(id=upload.id, size=size_bytes, declared=upload.request.size_bytes)
    return list(parts.values())


def _view(upload: UploadRecord, status: UploadStatus) -> UploadView:
    return UploadView(upload.id, upload.request, upload.created_at, upload.expires_at, status)
