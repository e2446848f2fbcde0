"""A dataset's lines, many at a time, in bounded memory; and the places at which a file may be cut into parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mocktune.dataset_engine.lines import BLOCK_BYTES, MAX_IMAGE_LINE_BYTES, MAX_LINE_BYTES

PART_BYTES = 8 << 20
"""What is read at a time, by one process: some hundredths of a second."""

_IMAGE = b"data:image/"


@dataclass(frozen=True, slots=True)
class TooLong:
    """Stands in the place of a line of more than ``limit`` bytes, which was skipped."""

    limit: int


def line_lists(source: BinaryIO, length: int) -> Iterator[list[bytes] | TooLong]:
    """The lines of the next ``length`` bytes in order, without their ends, some hundred at a time.

    An end at the very end begins no further line. A line may have 16 MiB, one with images in it 160 MiB.
    """
    begun: list[bytes] = []  # the pieces of a line whose end was not read yet
    begun_bytes, limit, skipping = 0, MAX_LINE_BYTES, False
    left = length
    while left and (block := source.read(min(BLOCK_BYTES, left))):
        left -= len(block)
        lines = block.split(b"\n")
        last = lines.pop()
        if lines:
            if skipping:
                yield TooLong(limit)
                del lines[0]
            elif begun:
                begun.append(lines[0])
                lines[0] = b"".join(begun)
            begun, begun_bytes, limit, skipping = [], 0, MAX_LINE_BYTES, False
            if lines:
                yield lines
        if skipping or not last:
            continue
        begun.append(last)
        begun_bytes += len(last)
        if begun_bytes > limit == MAX_LINE_BYTES and _IMAGE in b"".join(begun):
            limit = MAX_IMAGE_LINE_BYTES
        if begun_bytes > limit:
            begun, skipping = [], True
    if skipping:
        yield TooLong(limit)
    elif begun:
        yield [b"".join(begun)]


def cuts(source: BinaryIO, size_bytes: int, part_bytes: int) -> Iterator[tuple[int, int]]:
    """Places and lengths of a file's parts, in order: whole lines, about ``part_bytes`` of them."""
    start = 0
    while start < size_bytes:
        end = _line_end(source, min(start + part_bytes, size_bytes), size_bytes)
        yield start, end - start
        start = end


def _line_end(source: BinaryIO, place: int, size_bytes: int) -> int:
    """Behind the line that the byte before ``place`` stands in."""
    place -= 1  # a part that ends with a line end is a good one
    source.seek(place, os.SEEK_SET)
    while place < size_bytes and (found := source.read(BLOCK_BYTES)):
        end = found.find(b"\n")
        if end >= 0:
            return min(place + end + 1, size_bytes)
        place += len(found)
    return size_bytes


def first_lines(source: BinaryIO, most: int = 1000) -> Iterator[bytes]:
    """The first lines of a file, up to ``most`` of them in 16 MiB, from its beginning."""
    source.seek(0)
    for lines in line_lists(source, MAX_LINE_BYTES):
        if isinstance(lines, TooLong):
            return
        yield from lines[:most]
        most -= len(lines)
        if most <= 0:
            return
