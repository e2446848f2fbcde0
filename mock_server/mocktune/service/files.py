"""Files: uploaded ones, and the result files that jobs bring forth."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

import msgspec

from mocktune.domain import ids
from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds import files as kinds
from mocktune.domain.objects import FileView
from mocktune.domain.timeline import Timeline
from mocktune.ports import Blob
from mocktune.service.datasets import Datasets
from mocktune.service.limits import check_download
from mocktune.service.paging import Page, take, walk
from mocktune.service.records import FileRecord, JobRecord
from mocktune.service.retention import remove_file
from mocktune.service.sandboxes import Visit
from mocktune.service.settling import expect_expiry
from mocktune.service.timelines import timeline_of

PURPOSES = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")
"""What a client may upload for, in the order the error message lists them [OBS]."""

MAX_RESULT_ROWS = 100_000
"""Rows of a result file; of a longer job every n-th step is written (assumed: no such job was ever recorded)."""

MAX_INLINE_ROWS = 1_000
"""Rows that are computed at once, in ten milliseconds; more in a thread, beside the loop that serves everybody."""

FIRST_LINE_BYTES = 1024 * 1024
"""A first line up to this long is judged at upload; a longer one when the file is processed."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload whose bytes have arrived. ``head`` is its beginning: the first line, if it is not too long."""

    filename: str
    purpose: str
    blob: Blob
    head: bytes
    expires_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, in pieces."""

    filename: str
    size_bytes: int
    pieces: Iterator[bytes]


class FileService:
    """Create, list, retrieve, delete and read files."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    async def create(self, visit: Visit, upload: Upload) -> FileView:
        """Raises ``ParameterError`` for what the upload itself is refused for; the caller then drops the blob."""
        _check_upload(visit, upload)
        sandbox = visit.sandbox
        scenario = sandbox.scenario.files
        ordinal = sandbox.next_ordinal("file")
        id = ids.object_id("azure_file" if visit.caller.dialect == "azure" else "file", sandbox.seed, ordinal)
        seed = derive_seed(sandbox.seed, "file", id)
        trainable = upload.purpose == "fine-tune"
        processing = scenario.processing.drawn(seed, "processing") if trainable else 0
        expires_at = (
            None if upload.expires_after_s is None else VirtualTime(visit.now + upload.expires_after_s * SECOND)
        )
        file = FileRecord(
            id=id,
            ordinal=ordinal,
            purpose=upload.purpose,
            filename=upload.filename,
            created_at=visit.now,
            ready_at=VirtualTime(visit.now + processing),
            scripted_error=(scenario.status_details or _SCRIPTED_ERROR)
            if trainable and scenario.outcome == "error"
            else None,
            blob=upload.blob,
            expires_at=expires_at,
        )
        view = await self._view(visit, file)
        sandbox.files.add(id, visit.now, file)
        expect_expiry(sandbox, file)
        return view

    async def list(
        self, visit: Visit, *, purpose: str | None, after: str | None, limit: int, order: Literal["asc", "desc"]
    ) -> Page[FileView]:
        each = walk(visit, visit.sandbox.files, after, order)
        page = take((file for file in each if purpose in (None, file.purpose)), limit)
        return Page([await self._view(visit, file) for file in page.items], page.has_more)

    async def retrieve(self, visit: Visit, id: str) -> FileView:
        return await self._view(visit, self._get(visit, id))

    async def delete(self, visit: Visit, id: str) -> None:
        """Raises ``ConflictError`` while the file is being processed [OBS]."""
        file = self._get(visit, id)
        if visit.now < file.ready_at:
            raise kinds.FILE_IN_PROCESSING()
        await remove_file(visit.sandbox, file, visit.now, self._datasets)

    async def content(self, visit: Visit, id: str) -> Content:
        file = self._get(visit, id)
        check_download(visit, file.purpose)
        if file.result_of is not None:
            return await self._result_content(file, file.result_of)
        assert file.blob is not None  # a listed file has its bytes
        # Opened here: what happens to the file while it is being sent no longer matters.
        return Content(file.filename, file.blob.size_bytes, _pieces(file.blob.open()))

    def _get(self, visit: Visit, id: str) -> FileRecord:
        file = visit.sandbox.files.get(id)
        if file is None:
            raise kinds.NO_SUCH_FILE(id=id)
        return file

    async def _view(self, visit: Visit, file: FileRecord) -> FileView:
        status: Literal["uploaded", "processed", "error"] = "uploaded"
        details = None
        if visit.now >= file.ready_at:
            details = await self._datasets.status_details(file)
            status = "processed" if details is None else "error"
        if file.result_of is not None and file.result_size_bytes is None:
            file.result_size_bytes = len(await self._result_csv(file.result_of))
        size_bytes = file.blob.size_bytes if file.blob is not None else file.result_size_bytes or 0
        return FileView(
            file.id, file.purpose, file.filename, size_bytes, file.created_at, file.expires_at, status, details
        )

    async def _result_csv(self, job: JobRecord) -> bytes:
        timeline = await timeline_of(job, self._datasets)
        training = timeline.plan.training
        if training is None or training.curve.total_steps <= MAX_INLINE_ROWS:
            return _csv(timeline)
        return await asyncio.to_thread(_csv, timeline)

    async def _result_content(self, file: FileRecord, job: JobRecord) -> Content:
        """OBS: the whole CSV arrives base64-encoded; the file object's ``bytes`` counts the CSV itself.

        Recorded sizes of 185, 1855 and 1857 bytes are no multiples of four, so they cannot count base64.
        """
        data = await self._result_csv(job)
        if job.scenario.result.encoding == "base64" and job.request.dialect == "openai":
            data = base64.b64encode(data)
        return Content(file.filename, len(data), iter((data,)))


_SCRIPTED_ERROR = (
    "Invalid file format. Example 1 cannot be parsed. Error: line contains invalid json: "
    "Expecting ',' delimiter: line 1 column 79 (char 78) (line 1)"
)


def _csv(timeline: Timeline) -> bytes:
    return ("\n".join(timeline.result_rows(MAX_RESULT_ROWS)) + "\n").encode("ascii")


def check_purpose(visit: Visit, purpose: str) -> None:
    """Raises ``ParameterError`` for what is none of ``PURPOSES``."""
    if purpose not in PURPOSES and not visit.loose:
        raise kinds.UNKNOWN_PURPOSE(purpose=purpose[:100], purposes=list(PURPOSES))


def _check_upload(visit: Visit, upload: Upload) -> None:
    check_purpose(visit, upload.purpose)
    if upload.blob.size_bytes == 0:
        if visit.loose:
            return
        raise kinds.EMPTY_FILE()
    if upload.purpose == "fine-tune":
        if not upload.filename.lower().endswith(".jsonl"):
            raise kinds.NOT_NAMED_JSONL()
        _check_first_line(upload)


def _check_first_line(upload: Upload) -> None:
    line, newline, _ = upload.head.partition(b"\n")
    if not newline and len(upload.head) < upload.blob.size_bytes:
        return  # longer than the head: judged when the file is processed
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict):
        hint = line[:64].decode("utf-8", "replace")[:3]
        raise kinds.FIRST_LINE_NO_OBJECT(beginning=hint)


def _pieces(source: BinaryIO, size_bytes: int = 256 * 1024) -> Iterator[bytes]:
    with source:
        while piece := source.read(size_bytes):
            yield piece
