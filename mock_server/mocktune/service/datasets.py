"""What is known of uploaded files, and what models learned from them: computed once per content.

All of it is a pure function of bytes (a report also of the job's method and its model's encoding), so it is cached by
content hash; a question that needs it waits for it. How long computing takes never changes a virtual time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from mocktune.domain.learned import Learned
from mocktune.domain.models import Encoding, Method
from mocktune.domain.report import FileReport, Screening, Verdict
from mocktune.domain.validation import FileOutlook
from mocktune.ports import Blob, DatasetReader
from mocktune.service.grading import Grading
from mocktune.service.records import FileRecord

T = TypeVar("T")

MAX_REPORTS = 4096
MAX_LEARNED = 16
MAX_PICKED = 16
"""How many results are kept, least recently used out first. A report is small; a learned table can reach tens of MB,
and picked examples 32 MiB."""


class _Once(Generic[T]):
    """Computes each value once, however many ask for it at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._pending: dict[Hashable, asyncio.Future[T]] = {}

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        if key not in self._pending:
            task = asyncio.ensure_future(compute())
            self._pending[key] = task
            task.add_done_callback(lambda done: self._settle(key, done))
        # Shielded: a client that hangs up must not cancel what others wait for.
        return await asyncio.shield(self._pending[key])

    def _settle(self, key: Hashable, done: asyncio.Future[T]) -> None:
        del self._pending[key]
        if not done.cancelled() and done.exception() is None:
            self._values[key] = done.result()
            while len(self._values) > self._most:
                self._values.popitem(last=False)


class Datasets:
    """Reports and learned tables of uploaded files; ``grading`` grades the rows of reinforcement jobs."""

    def __init__(self, reader: DatasetReader, grading: Grading) -> None:
        self._reader = reader
        self.grading = grading
        self._verdicts: _Once[Verdict] = _Once(MAX_REPORTS)
        self._reports: _Once[FileReport] = _Once(MAX_REPORTS)
        self._screenings: _Once[Screening] = _Once(MAX_REPORTS)
        self._learned: _Once[Learned] = _Once(MAX_LEARNED)
        self._picked: _Once[list[Mapping[str, Any]]] = _Once(MAX_PICKED)

    # A blob is opened before anything waits: it may be deleted meanwhile, and others may wait for the same result.

    async def verdict(self, blob: Blob) -> Verdict:
        """Whether the file is good for a supervised job, with no token counted."""
        return await self._verdicts.get(blob.sha256, lambda: self._reader.verdict(blob.open(), blob.size_bytes))

    async def report(self, blob: Blob, encoding: Encoding = "o200k_base", method: Method = "supervised") -> FileReport:
        """What a job of ``method`` on a model with this ``encoding`` finds out about the file."""

        def read() -> Awaitable[FileReport]:
            return self._reader.report(blob.open(), blob.size_bytes, encoding, method)

        return await self._reports.get((blob.sha256, encoding, method), read)

    async def screening(self, blob: Blob) -> Screening:
        """What moderation says of the file."""
        return await self._screenings.get(blob.sha256, lambda: self._reader.screen(blob.open(), blob.size_bytes))

    async def learned(self, blob: Blob) -> Learned:
        return await self._learned.get(blob.sha256, lambda: self._reader.learned(blob.open(), blob.size_bytes))

    async def examples(self, blob: Blob, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
        """The examples with these numbers (1-based, rising, at most 64), as ``DatasetReader.examples`` gives them."""
        wanted = tuple(numbers)

        def read() -> Awaitable[list[Mapping[str, Any]]]:
            return self._reader.examples(blob.open(), blob.size_bytes, wanted)

        return await self._picked.get((blob.sha256, wanted), read)

    async def status_details(self, file: FileRecord) -> str | None:
        """The text of a file that ends in ``error``, None for one that ends in ``processed``."""
        if file.scripted_error is not None:
            return file.scripted_error
        if file.purpose != "fine-tune" or file.blob is None:
            return None
        return (await self.verdict(file.blob)).syntax_error

    async def outlook(
        self, file: FileRecord, encoding: Encoding, method: Method = "supervised", *, moderated: bool = False
    ) -> FileOutlook:
        """What a job's plan needs to know of a file; ``moderated`` where its scenario screens training files."""
        if file.purpose != "fine-tune" or file.blob is None:
            return FileOutlook(file.id, file.purpose, file.ready_at, None)
        blob = file.blob  # a deletion meanwhile takes it from the record
        report = await self.report(blob, encoding, method)
        details = file.scripted_error or report.syntax_error
        screening = await self.screening(blob) if moderated and details is None else None
        return FileOutlook(file.id, file.purpose, file.ready_at, report, details, screening=screening)
