"""Processes that look at parts of a dataset, over pipes: ``python -m mocktune_client.dataset.worker``.

::

    asked     length (4 bytes), Task as MessagePack
    answered  length (4 bytes), Survey as MessagePack; a length of 0: the file cannot be read

A worker ends when its input does, so it never outlives the check, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from types import TracebackType
from typing import BinaryIO, cast

import msgspec

from mocktune_client.dataset.survey import Question, Survey

COMMAND = (sys.executable, "-P", "-m", "mocktune_client.dataset.worker")

_HASH_SEED = "1"
"""The same in all workers, so that their hashes can be compared."""

_END_S = 5.0
_SURVEY = msgspec.msgpack.Decoder(Survey)


class Task(msgspec.Struct, frozen=True):
    """Look at ``length`` bytes, whole lines, from ``offset`` of the file at ``path``."""

    path: str
    offset: int
    length: int
    question: Question


class WorkerFailed(Exception):
    """A worker could not be started, or ended before it answered."""


class Workers:
    """Up to ``most`` processes, started as they are needed; end them by leaving the ``with`` block."""

    def __init__(self, most: int, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._free = threading.Semaphore(most)
        self._idle: list[subprocess.Popen[bytes]] = []
        self._all: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended = True
            for worker in self._all:
                worker.kill()
        for worker in self._all:
            worker.wait(_END_S)
            for stream in (worker.stdin, worker.stdout):
                with contextlib.suppress(OSError):  # what was not written yet has nobody to read it
                    cast(BinaryIO, stream).close()

    def survey(self, task: Task) -> Survey:
        """Waits for a free worker. Raises ``WorkerFailed``, and ``OSError`` for a file that cannot be read."""
        with self._free:
            worker = self._worker()
            try:
                answer = _ask(worker, task)
            except (OSError, EOFError, ValueError) as error:
                raise WorkerFailed(f"a process that read {task.path} ended: {error}") from error
            with self._lock:
                self._idle.append(worker)
        if not answer:
            raise OSError(f"{task.path} cannot be read any more")
        return _SURVEY.decode(answer)

    def _worker(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._ended or not self._command[0]:
                raise WorkerFailed("no process can be started")
            try:
                worker = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONHASHSEED": _HASH_SEED},
                )
            except OSError as error:
                raise WorkerFailed(f"no process can be started: {error}") from error
            self._all.append(worker)
            return worker


def _ask(worker: subprocess.Popen[bytes], task: Task) -> bytes:
    asked, answered = cast(BinaryIO, worker.stdin), cast(BinaryIO, worker.stdout)
    write_frame(asked, msgspec.msgpack.encode(task))
    return read_frame(answered)


def write_frame(stream: BinaryIO, data: bytes) -> None:
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame. ``EOFError`` at the end of the stream, inside a frame too."""
    size = stream.read(4)
    data = stream.read(int.from_bytes(size, "big")) if len(size) == 4 else b""
    if len(size) < 4 or len(data) < int.from_bytes(size, "big"):
        raise EOFError("no whole answer")
    return data
