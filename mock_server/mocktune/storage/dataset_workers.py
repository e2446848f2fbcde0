"""Processes that read datasets for this server, over pipes: begun when the first big file comes, at most four.

Of a file on disk they are told where a part of it lies, and read it themselves; of several blobs in a row they are sent
the lines. Where a worker fails, or finds the file gone, the part is read here: the server has it open.
"""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple, cast

import msgspec

from mocktune.dataset_engine.lines import BLOCK_BYTES, MAX_IMAGE_LINE_BYTES, LineTooLong, blocks
from mocktune.dataset_engine.part import Part as DatasetPart
from mocktune.dataset_engine.worker import Answer, Task, do, read_frame, write_frame
from mocktune.domain.models import Encoding, Method
from mocktune.domain.report import FileFormat, Screening

log = logging.getLogger("mocktune")

PART_BYTES = 8 << 20
"""What one worker is given at a time: a fifth of a second's counting."""

MAX_WORKERS = 4
_END_S = 2.0
_ANSWER = msgspec.msgpack.Decoder(Answer)


class Range(NamedTuple):
    """Whole lines of a file on disk: ``length`` bytes from ``offset`` on. ``fd`` is the server's own handle on it."""

    fd: int
    path: str
    offset: int
    length: int


def cut(source: BinaryIO, part_bytes: int) -> Parts | Ranges:
    """The parts of a file: places of it where it is one file on disk, else its lines."""
    path = getattr(source, "name", None)
    if isinstance(path, str) and hasattr(os, "pread"):
        return Ranges(source, path, part_bytes)
    return Parts(source, part_bytes)


class Ranges:
    """A file's parts as places in it, handed out in order to several threads. Owns ``source``."""

    def __init__(self, source: BinaryIO, path: str, part_bytes: int) -> None:
        self._source = source
        self._path = path
        self._part_bytes = part_bytes
        self._size = os.fstat(source.fileno()).st_size
        self._lock = threading.Lock()
        self._next_offset = 0
        self._count = 0
        self._stopped = False
        self.first_block = self._line_at(0)
        self.too_long: LineTooLong | None = None
        """Never set: a line too long to be read is found by who reads the part it stands in."""

    def __iter__(self) -> Iterator[tuple[int, Range]]:
        """Each part's index, from 0, and where it lies."""
        while (part := self._next()) is not None:
            yield part

    def _next(self) -> tuple[int, Range] | None:
        with self._lock:
            offset = self._next_offset
            if self._stopped or (offset >= self._size and self._count):
                return None
            self._next_offset = end = self._line_end(min(offset + self._part_bytes, self._size))
            self._count += 1
            return self._count - 1, Range(self._source.fileno(), self._path, offset, end - offset)

    def _line_end(self, offset: int) -> int:
        """Behind the line that ``offset`` lies in; the end of the file where that line is too long to be read."""
        place = offset - 1  # a part that ends with a line end is a good one
        while 0 <= place < self._size and place - offset <= MAX_IMAGE_LINE_BYTES:
            found = os.pread(self._source.fileno(), BLOCK_BYTES, place)
            end = found.find(b"\n")
            if end >= 0:
                return place + end + 1
            place += len(found) or self._size
        return self._size

    def _line_at(self, offset: int) -> bytes:
        length = min(self._line_end(offset + 1), MAX_IMAGE_LINE_BYTES) - offset
        return os.pread(self._source.fileno(), length, offset)

    def stop(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._stopped = True

    def close(self) -> None:
        """Once all parts were read: they lie in the source."""
        self._source.close()


class Parts:
    """A file's parts, handed out in order to several threads, until it ends or somebody has seen enough. Owns
    ``source``, and reads it in one thread at a time.
    """

    def __init__(self, source: BinaryIO, part_bytes: int) -> None:
        self._source = source
        self._blocks = blocks(source, block_bytes=min(BLOCK_BYTES, part_bytes))
        self._part_bytes = part_bytes
        self._lock = threading.Lock()
        self._count = 0
        self.first_block = b""
        """Lines of the file's beginning; known once a part was handed out."""
        self.too_long: LineTooLong | None = None
        """Set where the file goes on with a line too long to be read: it stands after all parts."""

    def __iter__(self) -> Iterator[tuple[int, list[bytes]]]:
        """Each part's index, from 0, and its blocks of whole lines."""
        while (part := self._next()) is not None:
            yield part

    def _next(self) -> tuple[int, list[bytes]] | None:
        """The next part; the first one may be empty, since every file has a part."""
        with self._lock:
            part: list[bytes] = []
            size = 0
            while size < self._part_bytes and (block := self._block()):
                part.append(block)
                size += len(block)
            if not part and self._count:
                return None
            if not self._count and part:
                self.first_block = part[0]
            self._count += 1
            return self._count - 1, part

    def _block(self) -> bytes | None:
        if self._source.closed:
            return None
        try:
            return next(self._blocks, None)
        except LineTooLong as error:
            self.too_long = error
            return None

    def stop(self) -> None:
        """Hand out no more, and close the source."""
        with self._lock:
            self._source.close()

    def close(self) -> None:
        self.stop()


class DatasetWorkers:
    """The worker processes of one server. ``command`` starts one."""

    def __init__(
        self, most: int | None = None, command: list[str] | None = None, *, part_bytes: int = PART_BYTES
    ) -> None:
        self._part_bytes = part_bytes
        self.most = most or max(1, min(MAX_WORKERS, os.cpu_count() or 1))
        # -P: what lies in the folder that a server was started in is not to be imported.
        self._command = command or [sys.executable, "-P", "-m", "mocktune.dataset_engine.worker"]
        self._free = threading.Semaphore(self.most)
        self._idle: list[subprocess.Popen[bytes]] = []
        self._all: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._unusable = False
        self.started = 0
        """How many processes were started so far."""
        self._end = weakref.finalize(self, _end_all, self._all)

    def parts(self, source: BinaryIO) -> Parts | Ranges:
        """The parts of a file, in the size that one worker gets at a time."""
        return cut(source, self._part_bytes)

    def part(
        self, lines: list[bytes] | Range, encoding: Encoding | None, method: Method, format: FileFormat | None
    ) -> DatasetPart:
        """What a part of a file says, as ``read_part`` has it."""
        part = self._run(lines, _task("part", lines, encoding, method, format)).part
        assert part is not None
        return part

    def screening(self, lines: list[bytes] | Range) -> Screening:
        """What moderation says of a part of a file."""
        screening = self._run(lines, _task("screening", lines)).screening
        assert screening is not None
        return screening

    def _run(self, part: list[bytes] | Range, task: Task) -> Answer:
        """Waits for a worker; does the work of one that failed."""
        with self._free:
            worker = self._worker()
            if worker is not None:
                try:
                    answer = _ask(worker, task, part)
                except (OSError, EOFError, ValueError, msgspec.MsgspecError):
                    self._forget(worker)
                else:
                    with self._lock:
                        self._idle.append(worker)
                    if answer.part is not None or answer.screening is not None:
                        return answer
        return do(task, cast(BinaryIO, _Pread(part) if isinstance(part, Range) else _Joined(part)))

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """Those that were started and not yet forgotten."""
        return tuple(self._all)

    def close(self) -> None:
        """End all workers, those at work too; what they were at is done here."""
        self._unusable = True
        self._end()

    def _worker(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.poll() is None:
                    return worker
                self._drop(worker)  # it had waited for long enough
            if self._unusable:
                return None
            try:
                worker = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except OSError as error:
                self._unusable = True
                log.warning("no process reads datasets, so threads do: %s", error)
                return None
            self._all.add(worker)
            self.started += 1
            return worker

    def _forget(self, worker: subprocess.Popen[bytes]) -> None:
        if self._unusable:
            return
        with self._lock:
            worker.kill()
            code = worker.wait()
            self._drop(worker)
        log.warning("a process that read a dataset ended (%s); its part is read in a thread", code)

    def _drop(self, worker: subprocess.Popen[bytes]) -> None:
        self._all.discard(worker)
        _close(worker)


def _task(
    kind: Literal["part", "screening"],
    part: list[bytes] | Range,
    encoding: Encoding | None = None,
    method: Method = "supervised",
    format: FileFormat | None = None,
) -> Task:
    if isinstance(part, Range):
        return Task(kind, part.length, encoding, method, format, part.path, part.offset)
    return Task(kind, sum(map(len, part)), encoding, method, format)


class _Pread(io.RawIOBase):
    """A range read through the server's own handle, from any thread."""

    def __init__(self, part: Range) -> None:
        self._fd, self._place, self._end = part.fd, part.offset, part.offset + part.length

    def read(self, size: int = -1, /) -> bytes:
        left = self._end - self._place
        data = os.pread(self._fd, left if size < 0 else min(size, left), self._place)
        self._place += len(data)
        return data


class _Joined(io.RawIOBase):
    """Blocks read one after the other."""

    def __init__(self, blocks: list[bytes]) -> None:
        self._left = [memoryview(block) for block in reversed(blocks)]

    def read(self, size: int = -1, /) -> bytes:
        if not self._left:
            return b""
        block = self._left.pop()
        if 0 <= size < len(block):
            self._left.append(block[size:])
            block = block[:size]
        return bytes(block)


def _ask(worker: subprocess.Popen[bytes], task: Task, part: list[bytes] | Range) -> Answer:
    assert worker.stdin is not None
    assert worker.stdout is not None
    stdin = cast(BinaryIO, worker.stdin)
    write_frame(stdin, task)
    for block in () if isinstance(part, Range) else part:
        stdin.write(block)
    stdin.flush()
    return _ANSWER.decode(read_frame(cast(BinaryIO, worker.stdout)))


def _end_all(workers: set[subprocess.Popen[bytes]]) -> None:
    """Also run when the server's process ends, or forgets them."""
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.wait(_END_S)
        _close(worker)
    workers.clear()


def _close(worker: subprocess.Popen[bytes]) -> None:
    for stream in (worker.stdin, worker.stdout):
        try:
            if stream is not None:
                stream.close()
        except OSError:  # what was not written yet has nobody to read it
            pass
