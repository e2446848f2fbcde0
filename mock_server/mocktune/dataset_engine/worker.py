"""A process that reads parts of datasets for a server: ``python -m mocktune.dataset_engine.worker``.

It is asked over its standard input and answers over its standard output, one part at a time::

    asked     length (4 bytes), Task as MessagePack, then the part's bytes, whole lines, if it names no path
    answered  length (4 bytes), Answer as MessagePack

It ends when its input does, so it never outlives its server, however that ends; and when nobody asked for a while.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from typing import BinaryIO, Literal

import msgspec

from mocktune.dataset_engine.lines import BLOCK_BYTES
from mocktune.dataset_engine.part import Part, read_part
from mocktune.domain.models import Encoding, Method
from mocktune.domain.report import FileFormat, Screening

IDLE_S = 30.0
MAX_FRAME_BYTES = 1 << 26


class Task(msgspec.Struct, frozen=True):
    """What to do with the ``length`` bytes that follow, or that lie at ``offset`` of the file at ``path``."""

    kind: Literal["part", "screening"]
    length: int
    encoding: Encoding | None = None
    method: Method = "supervised"
    format: FileFormat | None = None
    path: str | None = None
    offset: int = 0


class Answer(msgspec.Struct, frozen=True):
    """Both None: the file could not be opened."""

    part: Part | None = None
    screening: Screening | None = None


def do(task: Task, source: BinaryIO) -> Answer:
    """The answer to a task, its bytes read from ``source``; also what a server does itself where no worker can."""
    if task.kind == "part":
        part = read_part(source, task.encoding, task.method, format=task.format, length=task.length)
        return Answer(part=part)
    from mocktune.dataset_engine.screening import screen
    from mocktune.domain.moderation import flagged_categories

    return Answer(screening=screen(source, flagged_categories, length=task.length))


def write_frame(stream: BinaryIO, message: Task | Answer) -> None:
    data = msgspec.msgpack.encode(message)
    stream.write(len(data).to_bytes(4, "big") + data)


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame. ``EOFError`` at the end of the stream, inside a frame too."""
    size = int.from_bytes(_exactly(stream, 4), "big")
    if size > MAX_FRAME_BYTES:
        raise EOFError(f"a frame of {size} bytes")
    return _exactly(stream, size)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class _Counted:
    """Counts what is read, so that what a part was not interested in can be skipped."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self.read_bytes += len(data)
        return data


def serve(asked: BinaryIO, answered: BinaryIO, idle_s: float = IDLE_S) -> None:
    """Answer until the input ends."""
    tasks = msgspec.msgpack.Decoder(Task)
    while True:
        idle = threading.Timer(idle_s, os._exit, (0,))
        idle.daemon = True
        idle.start()
        try:
            task = tasks.decode(read_frame(asked))
        except EOFError:
            return
        finally:
            idle.cancel()
        if task.path is not None:
            answer = _do_at(task.path, task)
        else:
            counted = _Counted(asked)
            answer = do(task, counted)  # type: ignore[arg-type]  # of a source only read() is used
            while left := task.length - counted.read_bytes:
                if not counted.read(min(BLOCK_BYTES, left)):
                    return
        write_frame(answered, answer)
        answered.flush()


def _do_at(path: str, task: Task) -> Answer:
    try:
        with open(path, "rb", buffering=0) as source:  # blocks are read, not lines
            source.seek(task.offset)
            return do(task, source)
    except OSError:
        return Answer()


def main() -> None:
    # An interrupt at the terminal reaches the whole group; the server decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)  # requests come first
    # What is decoded holds no cycles, and goes block by block.
    gc.disable()
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
