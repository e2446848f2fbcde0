"""A dataset as a file on disk, whatever was given, and the SHA-256 of its bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mocktune.domain.formats.defects import Which

_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: ``name`` is what it is called, ``path`` where it lies."""

    which: Which
    name: str
    path: str
    size_bytes: int


@contextmanager
def on_disk(which: Which, name: str) -> Iterator[File]:
    with open(name, "rb", buffering=0) as source:
        found = os.fstat(source.fileno())
        if stat.S_ISREG(found.st_mode):
            yield File(which, name, name, found.st_size)
            return
        with tempfile.NamedTemporaryFile(prefix="mocktune-", suffix=".jsonl") as copy:
            shutil.copyfileobj(source, copy, _HASH_BYTES)
            copy.flush()
            yield File(which, name, copy.name, copy.tell())


class Hashing:
    """The SHA-256 of all files, by one thread; ``stopped`` makes it end early, with anything."""

    def __init__(self, files: Sequence[File]) -> None:
        self._files = files
        self.stopped = False

    def digests(self) -> list[str]:
        return [self._digest(file) for file in self._files]

    def _digest(self, file: File) -> str:
        digest = hashlib.sha256()
        with open(file.path, "rb", buffering=0) as source:
            while not self.stopped and (block := source.read(_HASH_BYTES)):
                digest.update(block)
        return digest.hexdigest()
