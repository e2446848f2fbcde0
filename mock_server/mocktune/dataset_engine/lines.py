"""A file's lines, in blocks of bounded size: memory does not grow with the file, nor with a line that never ends.

A line may have 16 MiB. One with images in it may have 160 MiB, since ten images of 10 MB are 133 MB of base64; while it
is looked at it takes about three times that in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

BLOCK_BYTES = 256 << 10
"""Small enough for a processor's cache, which every look at a block profits from."""

MAX_LINE_BYTES = 16 << 20
MAX_IMAGE_LINE_BYTES = 160 << 20

_IMAGE = b"data:image/"


class LineTooLong(Exception):
    """The line after those handed out so far is over ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


def blocks(source: BinaryIO, length: int | None = None, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Whole lines with their ends, about ``block_bytes`` of them at a time; only the last line may lack its end.

    Reads ``length`` bytes from where ``source`` stands, or to its end. Raises ``LineTooLong``.
    """
    begun: list[bytes] = []  # the pieces of a line whose end was not read yet
    begun_bytes, limit = 0, MAX_LINE_BYTES
    left = length
    while block := source.read(block_bytes if left is None else min(block_bytes, left)):
        if left is not None:
            left -= len(block)
        end = block.find(b"\n")
        line_bytes = begun_bytes + (len(block) if end < 0 else end)
        if line_bytes > limit:
            if limit == MAX_LINE_BYTES and _IMAGE in b"".join((*begun, block)):
                limit = MAX_IMAGE_LINE_BYTES
            if line_bytes > limit:
                raise LineTooLong(limit)
        if end < 0:
            begun.append(block)
            begun_bytes = line_bytes
            continue
        end = block.rfind(b"\n") + 1
        whole = b"".join((*begun, memoryview(block)[:end]))
        begun = [block[end:]] if end < len(block) else []
        begun_bytes, limit = len(block) - end, MAX_LINE_BYTES
        yield whole
    if begun:
        yield b"".join(begun)
