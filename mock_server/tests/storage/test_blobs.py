"""Nothing is visible before commit, nothing stays after abort, and the sum is bounded."""

from __future__ import annotations

import gc
import hashlib
from pathlib import Path

import pytest

from mocktune.domain.errors import ServiceUnavailableError
from mocktune.storage.blobs import DiskBlobs


def test_a_committed_blob_gives_its_bytes_size_and_hash(tmp_path: Path) -> None:
    writer = DiskBlobs(tmp_path).writer()
    writer.write(b"abc")
    writer.write(memoryview(b"xdefx")[1:4])
    blob = writer.commit()
    with blob.open() as source:
        assert source.read() == b"abcdef"
    assert (blob.size_bytes, blob.sha256) == (6, hashlib.sha256(b"abcdef").hexdigest())


def test_an_aborted_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    writer = blobs.writer()
    writer.write(b"abc")
    writer.abort()
    assert list(tmp_path.iterdir()) == []
    assert blobs.used_bytes == 0


def test_a_deleted_blob_gives_its_room_back(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path, max_bytes=4)
    writer = blobs.writer()
    writer.write(b"abcd")
    blob = writer.commit()
    full = blobs.writer()
    with pytest.raises(ServiceUnavailableError, match="at most 4 bytes"):
        full.write(b"e")
    full.abort()
    blob.delete()
    assert list(tmp_path.iterdir()) == []
    assert blobs.used_bytes == 0


def test_closing_removes_the_folder() -> None:
    blobs = DiskBlobs()
    assert blobs._folder is None  # made at the first upload
    writer = blobs.writer()
    writer.write(b"abc")
    writer.commit()
    folder = blobs._folder
    assert folder is not None
    assert len(list(folder.iterdir())) == 1
    blobs.close()
    assert not folder.exists()


def test_a_folder_nobody_closed_goes_with_its_owner() -> None:
    blobs = DiskBlobs()
    writer = blobs.writer()
    writer.write(b"abc")
    writer.commit()
    folder = blobs._folder
    assert folder is not None
    del blobs, writer
    gc.collect()
    assert not folder.exists()


def test_large_pieces_are_hashed_beside_the_write_and_in_order(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    writer, pieces = blobs.writer(), [bytes([n]) * (100_000 if n % 2 else 10) for n in range(40)]
    for piece in pieces:
        writer.write(piece)
    assert writer.commit().sha256 == hashlib.sha256(b"".join(pieces)).hexdigest()
    blobs.close()
