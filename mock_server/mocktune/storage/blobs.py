"""Uploaded bytes in files of a private temporary folder, by generated name.

A client's file name is metadata and never part of a path. What was not committed is unlinked; the folder goes with the
process. All writers together are bounded by ``max_bytes``.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import threading
import weakref
from bisect import bisect_right
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from mocktune.domain.error_kinds.files import NO_ROOM, NOT_STORED
from mocktune.ports import Blob, BlobWriter

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DEFAULT_MAX_BYTES = 20 * 1024**3

BESIDE_BYTES = 64 * 1024
"""Pieces from this size on are worth a turn of the hashing thread (about 50 us)."""


class DiskBlobs:
    """Keeps blobs below one folder; ``close`` removes it."""

    def __init__(self, folder: Path | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._remove: weakref.finalize[..., DiskBlobs] | None = None
        self._count = 0
        self.used_bytes = 0
        self._counting = threading.Lock()  # the last reader of a joined blob may close it in a thread
        # One thread for all: hashing gives up the interpreter lock and runs beside the writes.
        self.hashing = ThreadPoolExecutor(1, thread_name_prefix="mocktune-hash")

    def writer(self) -> BlobWriter:
        self._count += 1
        return _Writer(self, self._made_folder() / f"{self._count:08x}")

    def joined(self, parts: Sequence[Blob], sha256: str) -> Blob:
        return JoinedBlob(parts, sha256)

    def _made_folder(self) -> Path:
        """The folder, made at the first upload, and gone with this object whoever forgets to close it."""
        if self._folder is None:
            own = tempfile.mkdtemp(prefix="mocktune-")
            self._remove = weakref.finalize(self, shutil.rmtree, own, ignore_errors=True)
            self._folder = Path(own)
        return self._folder

    def reserve(self, size_bytes: int) -> None:
        """Account for bytes about to be written. Raises ``ServiceUnavailableError`` beyond the bound."""
        with self._counting:
            if self.used_bytes + size_bytes > self._max_bytes:
                raise NO_ROOM(most=self._max_bytes)
            self.used_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        with self._counting:
            self.used_bytes -= size_bytes

    def close(self) -> None:
        """Remove everything that was kept."""
        self.hashing.shutdown()
        if self._remove is not None:
            self._remove()


class _Writer:
    def __init__(self, blobs: DiskBlobs, path: Path) -> None:
        self._blobs = blobs
        self._path = path
        self._file = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._hashed: Future[None] | None = None
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._blobs.reserve(len(data))
        self._size += len(data)
        view = memoryview(data)
        self._update_hash(view)
        while view:
            try:
                view = view[self._file.write(view) :]
            except OSError as error:
                raise NOT_STORED(problem=error.strerror) from error

    def _update_hash(self, view: memoryview) -> None:
        """Small pieces at once; large ones beside the write, at most one at a time."""
        if self._hashed is not None:
            self._hashed.result()
            self._hashed = None
        if len(view) < BESIDE_BYTES:
            self._hash.update(view)
        else:
            self._hashed = self._blobs.hashing.submit(self._hash.update, view)

    def commit(self) -> Blob:
        self._update_hash(memoryview(b""))
        self._file.close()
        return DiskBlob(self._blobs, self._path, self._size, self._hash.hexdigest())

    def abort(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)
        self._blobs.release(self._size)


class DiskBlob:
    """One committed blob."""

    __slots__ = ("_blobs", "_path", "sha256", "size_bytes")

    def __init__(self, blobs: DiskBlobs, path: Path, size_bytes: int, sha256: str) -> None:
        self._blobs = blobs
        self._path = path
        self.size_bytes = size_bytes
        self.sha256 = sha256

    def open(self) -> BinaryIO:
        return self._path.open("rb")

    def delete(self) -> None:
        self._path.unlink(missing_ok=True)
        self._blobs.release(self.size_bytes)


class JoinedBlob:
    """Several blobs as one. Its readers open one part at a time, so a deletion waits for them."""

    __slots__ = ("_deleted", "_lock", "_parts", "_readers", "sha256", "size_bytes")

    def __init__(self, parts: Sequence[Blob], sha256: str) -> None:
        self._parts = tuple(parts)
        self._lock = threading.Lock()
        self._readers = 0
        self._deleted = False
        self.size_bytes = sum(part.size_bytes for part in parts)
        self.sha256 = sha256

    def open(self) -> BinaryIO:
        with self._lock:
            if self._deleted:
                raise FileNotFoundError("this blob was deleted")
            self._readers += 1
        return cast(BinaryIO, io.BufferedReader(_JoinedReader(self._parts, self._reader_closed)))

    def delete(self) -> None:
        with self._lock:
            self._deleted = True
            unread = self._readers == 0
        if unread:
            self._delete_parts()

    def _reader_closed(self) -> None:
        with self._lock:
            self._readers -= 1
            last = self._deleted and self._readers == 0
        if last:
            self._delete_parts()

    def _delete_parts(self) -> None:
        for part in self._parts:
            part.delete()


class _JoinedReader(io.RawIOBase):
    """Reads one part after the other, from anywhere on."""

    def __init__(self, parts: Sequence[Blob], on_close: Callable[[], None]) -> None:
        self._parts = parts
        self._ends = list(accumulate(part.size_bytes for part in parts))
        self._on_close = on_close
        self._source: BinaryIO | None = None
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        size_bytes = self._ends[-1] if self._ends else 0
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: size_bytes}[whence]
        self._leave_part()
        self._place = max(0, begin + offset)
        return self._place

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        while True:
            if self._source is None:
                index = bisect_right(self._ends, self._place)
                if index == len(self._parts):
                    return 0
                self._source = self._parts[index].open()
                self._source.seek(self._place - (self._ends[index - 1] if index else 0))
            data = self._source.read(len(room))
            if data:
                room[: len(data)] = data
                self._place += len(data)
                return len(data)
            self._leave_part()

    def close(self) -> None:
        if self.closed:
            return
        self._leave_part()
        super().close()
        self._on_close()

    def _leave_part(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
