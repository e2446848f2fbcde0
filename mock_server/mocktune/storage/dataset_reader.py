"""Reads whole training files without holding up other requests: small ones at once, larger ones in a thread, big
ones in worker processes, each of which is waited for in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from mocktune.dataset_engine.lines import MAX_IMAGE_LINE_BYTES
from mocktune.dataset_engine.part import Part, format_of, too_long
from mocktune.dataset_engine.report import read_report, read_verdict, report_of, verdict_of
from mocktune.dataset_engine.tokenizer import count_batch, cut, split, warm
from mocktune.domain.learned import Learned, LearnedBuilder
from mocktune.domain.models import Encoding, Method
from mocktune.domain.report import FileReport, Screening, Verdict

if TYPE_CHECKING:
    from mocktune.storage.dataset_workers import DatasetWorkers, Parts, Ranges

T = TypeVar("T")

INLINE_BYTES = 128 * 1024
"""Up to this size a file is read at once: five milliseconds for a full 128 KB of short examples, as measured."""

WORKER_BYTES = 16 << 20
"""From this size on workers read a file: below, a thread is done before a new process has its vocabulary."""

MAX_AT_ONCE = 2


class ThreadedDatasetReader:
    """``DatasetReader`` of one server process.

    Until the tokenizer is warm, every file is read in a thread: the first count of a process takes half a second.
    """

    def __init__(self, workers: DatasetWorkers | None = None, *, worker_bytes: int = WORKER_BYTES) -> None:
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._warm = False
        self._workers = workers
        self._worker_bytes = worker_bytes

    async def warm_up(self) -> None:
        await asyncio.to_thread(warm)
        self._warm = True

    def close(self) -> None:
        """End the worker processes."""
        if self._workers is not None:
            self._workers.close()

    async def verdict(self, source: BinaryIO, size_bytes: int, method: Method = "supervised") -> Verdict:
        if size_bytes < self._worker_bytes:
            return await self._run(size_bytes, source, partial(read_verdict, source, method))
        return verdict_of(await self._parts(source, None, method))

    async def report(
        self, source: BinaryIO, size_bytes: int, encoding: Encoding, method: Method = "supervised"
    ) -> FileReport:
        if size_bytes < self._worker_bytes:
            report = await self._run(size_bytes, source, partial(read_report, source, encoding, method))
            self._warm = True
            return report
        parts = await self._parts(source, encoding, method)
        return await asyncio.to_thread(report_of, parts)

    async def screen(self, source: BinaryIO, size_bytes: int) -> Screening:
        # Few jobs have moderation, so its table of words is read when one has.
        from mocktune.dataset_engine.screening import joined, screen
        from mocktune.domain.moderation import flagged_categories

        if size_bytes < self._worker_bytes:
            return await self._run(size_bytes, source, partial(screen, source, flagged_categories))
        return joined(await self._in_workers(*self._cut(source), _screenings))

    async def learned(self, source: BinaryIO, size_bytes: int) -> Learned:
        return await self._run(size_bytes, source, partial(_learned, source))

    async def examples(self, source: BinaryIO, size_bytes: int, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
        from mocktune.dataset_engine.picking import pick_examples

        return await self._run(size_bytes, source, partial(pick_examples, source, numbers))

    async def _run(self, size_bytes: int, source: BinaryIO, compute: Callable[[], T]) -> T:
        def work() -> T:
            with source:
                return compute()

        if size_bytes <= INLINE_BYTES and self._warm:
            return work()
        async with self._slots:
            return await asyncio.to_thread(work)

    async def _parts(self, source: BinaryIO, encoding: Encoding | None, method: Method) -> list[Part]:
        def read(workers: DatasetWorkers, parts: Parts | Ranges, said: dict[int, Part]) -> None:
            for index, lines in parts:
                said[index] = part = workers.part(lines, encoding, method, format_of(parts.first_block, method))
                if part.fault is not None:
                    parts.stop()

        workers, parts = self._cut(source)
        said = await self._in_workers(workers, parts, read)
        return said if parts.too_long is None else [*said, too_long(parts.too_long)]

    def _cut(self, source: BinaryIO) -> tuple[DatasetWorkers, Parts | Ranges]:
        # Most servers never see a file big enough for processes.
        from mocktune.storage.dataset_workers import DatasetWorkers

        self._workers = self._workers or DatasetWorkers()
        return self._workers, self._workers.parts(source)

    async def _in_workers(
        self,
        workers: DatasetWorkers,
        parts: Parts | Ranges,
        read: Callable[[DatasetWorkers, Parts | Ranges, dict[int, T]], None],
    ) -> list[T]:
        """What all parts of a file say, read in as many threads as there are workers to wait for."""
        said: dict[int, T] = {}
        try:
            async with self._slots:
                await asyncio.gather(*(asyncio.to_thread(read, workers, parts, said) for _ in range(workers.most)))
        finally:
            parts.close()
        return [said[index] for index in sorted(said)]


class ToktokTokenizer:
    """``Tokenizer`` with the vocabularies in its wheel."""

    def count(self, texts: Sequence[str], encoding: Encoding) -> list[int]:
        return count_batch(list(texts), encoding)

    def cut(self, text: str, most: int, encoding: Encoding) -> str:
        return cut(text, most, encoding)

    def split(self, text: str, encoding: Encoding) -> list[bytes]:
        return split(text, encoding)


def _screenings(workers: DatasetWorkers, parts: Parts | Ranges, said: dict[int, Screening]) -> None:
    for index, lines in parts:
        said[index] = workers.screening(lines)


def _learned(source: BinaryIO) -> Learned:
    builder, offset = LearnedBuilder(), 0
    while line := source.readline(MAX_IMAGE_LINE_BYTES):
        builder.add_line(line, offset)
        offset += len(line)
    return builder.build()
