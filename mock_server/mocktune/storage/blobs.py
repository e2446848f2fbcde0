"""Uploaded bytes in files of a private temporary folder, by generated name.

A client's file name is metadata and never part of a path. What was not committed is unlinked; the folder goes with the
process. All writers together are bounded by ``max_bytes``.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from mocktune.domain.errors import ServiceUnavailableError
from mocktune.ports import Blob, BlobWriter

DEFAULT_MAX_BYTES = 20 * 1024**3


class DiskBlobs:
    """Keeps blobs below one folder; ``close`` removes it."""

    def __init__(self, folder: Path | None = None, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self._own = folder is None
        self._folder = Path(tempfile.mkdtemp(prefix="mocktune-")) if folder is None else folder
        self._max_bytes = max_bytes
        self._count = 0
        self.used_bytes = 0

    def writer(self) -> BlobWriter:
        self._count += 1
        return _Writer(self, self._folder / f"{self._count:08x}")

    def reserve(self, size_bytes: int) -> None:
        """Account for bytes about to be written. Raises ``ServiceUnavailableError`` beyond the bound."""
        if self.used_bytes + size_bytes > self._max_bytes:
            raise ServiceUnavailableError(
                f"This mocktune server keeps at most {self._max_bytes} bytes of uploads; "
                "delete files or raise --max-disk."
            )
        self.used_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes

    def close(self) -> None:
        """Remove everything that was kept."""
        if self._own:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Writer:
    def __init__(self, blobs: DiskBlobs, path: Path) -> None:
        self._blobs = blobs
        self._path = path
        self._file = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._blobs.reserve(len(data))
        self._size += len(data)
        self._hash.update(data)
        view = memoryview(data)
        while view:
            try:
                view = view[self._file.write(view) :]
            except OSError as error:
                raise ServiceUnavailableError(f"The upload could not be stored: {error.strerror}.") from error

    def commit(self) -> Blob:
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
