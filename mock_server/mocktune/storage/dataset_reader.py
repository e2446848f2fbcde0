"""Reads whole training files: small ones at once, larger ones in a thread, so that other requests go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO, TypeVar

from mocktune.dataset_engine.report import read_report
from mocktune.dataset_engine.tokenizer import count_batch, cut, warm
from mocktune.domain.learned import Learned, LearnedBuilder
from mocktune.domain.models import Encoding
from mocktune.domain.report import FileReport

T = TypeVar("T")

INLINE_BYTES = 128 * 1024
"""Up to this size a file is read at once: five milliseconds for a full 128 KB of short examples, as measured."""

MAX_AT_ONCE = 2
MAX_LINE_BYTES = 16 * 1024 * 1024


class ThreadedDatasetReader:
    """``DatasetReader`` of one server process.

    Until the tokenizer is warm, every file is read in a thread: the first count of a process takes half a second.
    """

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._warm = False

    async def warm_up(self) -> None:
        await asyncio.to_thread(warm)
        self._warm = True

    async def report(self, source: BinaryIO, size_bytes: int, encoding: Encoding) -> FileReport:
        report = await self._run(size_bytes, partial(_report, source, encoding))
        self._warm = True
        return report

    async def learned(self, source: BinaryIO, size_bytes: int) -> Learned:
        return await self._run(size_bytes, partial(_learned, source))

    async def _run(self, size_bytes: int, compute: Callable[[], T]) -> T:
        if size_bytes <= INLINE_BYTES and self._warm:
            return compute()
        async with self._slots:
            return await asyncio.to_thread(compute)


class ToktokTokenizer:
    """``Tokenizer`` with the vocabularies in its wheel."""

    def count(self, texts: Sequence[str], encoding: Encoding) -> list[int]:
        return count_batch(list(texts), encoding)

    def cut(self, text: str, most: int, encoding: Encoding) -> str:
        return cut(text, most, encoding)


def _report(source: BinaryIO, encoding: Encoding) -> FileReport:
    with source:
        return read_report(source, encoding)


def _learned(source: BinaryIO) -> Learned:
    builder, offset = LearnedBuilder(), 0
    with source:
        while line := source.readline(MAX_LINE_BYTES):
            builder.add_line(line, offset)
            offset += len(line)
    return builder.build()
