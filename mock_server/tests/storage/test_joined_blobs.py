"""Several blobs as one: read in order, without a copy, and kept until the last reader has closed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mocktune.ports import Blob
from mocktune.storage.blobs import DiskBlobs


def blob(blobs: DiskBlobs, data: bytes) -> Blob:
    writer = blobs.writer()
    writer.write(data)
    return writer.commit()


def joined(blobs: DiskBlobs, *parts: bytes) -> Blob:
    whole = hashlib.sha256(b"".join(parts)).hexdigest()
    return blobs.joined([blob(blobs, part) for part in parts], whole)


@pytest.mark.parametrize("size_bytes", [1, 3, 1000, -1])
def test_a_joined_blob_reads_as_its_parts_in_their_order(tmp_path: Path, size_bytes: int) -> None:
    whole = joined(DiskBlobs(tmp_path), b"abc", b"", b"defg\nh", b"i\n")
    read = b""
    with whole.open() as source:
        while piece := source.read(size_bytes):
            read += piece
    assert read == b"abcdefg\nhi\n"
    assert (whole.size_bytes, whole.sha256) == (11, hashlib.sha256(read).hexdigest())


@pytest.mark.parametrize("size_bytes", [1, 3, 1000, -1])
def test_it_is_read_from_anywhere_on(tmp_path: Path, size_bytes: int) -> None:
    data = b"abcdefg\nhi\n"
    with joined(DiskBlobs(tmp_path), b"", b"abc", b"", b"defg\nh", b"i\n", b"").open() as source:
        for offset in (*range(13), *range(12, -1, -1), 100):
            assert source.seek(offset) == offset
            assert source.read(size_bytes) == (data[offset:] if size_bytes < 0 else data[offset : offset + size_bytes])
        assert source.seek(-3, 2) == 8
        assert source.readline() == b"hi\n"


def test_its_lines_may_go_across_parts(tmp_path: Path) -> None:
    with joined(DiskBlobs(tmp_path), b"ab", b"c\nd", b"e").open() as source:
        assert list(source) == [b"abc\n", b"de"]


def test_a_joined_blob_of_nothing_is_empty(tmp_path: Path) -> None:
    whole = joined(DiskBlobs(tmp_path))
    with whole.open() as source:
        assert source.read() == b""
    assert whole.size_bytes == 0


def test_its_deletion_gives_the_room_of_its_parts_back(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    whole = joined(blobs, b"abc", b"def")
    assert blobs.used_bytes == 6
    whole.delete()
    assert blobs.used_bytes == 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        whole.open()


def test_who_reads_it_reads_on_though_it_is_deleted(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    whole = joined(blobs, b"abc", b"def")
    first, second = whole.open(), whole.open()
    first.read(1)
    whole.delete()
    assert first.read() == b"bcdef"
    first.close()
    first.raw.close()  # type: ignore[attr-defined]  # a second time changes nothing
    assert second.read() == b"abcdef"
    second.close()
    assert blobs.used_bytes == 0
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_is_forgotten_holds_nothing_back(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    whole = joined(blobs, b"abc", b"def")
    reader = whole.open()
    whole.delete()
    assert blobs.used_bytes == 6
    del reader
    assert blobs.used_bytes == 0


def test_one_part_is_open_at_a_time(tmp_path: Path) -> None:
    """However many there are: a process may open about a thousand files."""
    whole = joined(DiskBlobs(tmp_path), *[b"x"] * 400)
    readers = [whole.open() for _ in range(4)]
    assert [len(reader.read()) for reader in readers] == [400] * 4
    for reader in readers:
        reader.close()
