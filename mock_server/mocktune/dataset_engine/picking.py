"""Single examples of a file by their numbers, for graders that look at a few of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, BinaryIO

import msgspec

from mocktune.dataset_engine.lines import LineTooLong, blocks

MAX_PICKED = 64
MAX_PICKED_BYTES = 32 << 20

_DECODER = msgspec.json.Decoder()


def pick_examples(source: BinaryIO, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    """The examples with these ``numbers`` (1-based, rising, at most 64), in their order.

    An empty one stands in the place of each that does not exist, is no JSON object, or lies behind 32 MiB of others
    that were picked. ``ValueError`` for more numbers, or numbers that do not rise.
    """
    if len(numbers) > MAX_PICKED or any(a >= b for a, b in pairwise(numbers)):
        raise ValueError(f"at most {MAX_PICKED} numbers, each above the one before it")
    picked: list[Mapping[str, Any]] = []
    left = MAX_PICKED_BYTES
    first = 1  # number of the first line of a block
    try:
        for block in blocks(source):
            wanted = len(picked)
            if wanted == len(numbers):
                break
            lines = block.count(b"\n") + (not block.endswith(b"\n"))
            if numbers[wanted] < first + lines:
                split = block.split(b"\n")
                for number in numbers[wanted:]:
                    if number >= first + lines:
                        break
                    line = split[number - first]
                    left -= len(line)
                    picked.append(_decoded(line) if left >= 0 else {})
            first += lines
    except LineTooLong:
        pass
    return picked + [{}] * (len(numbers) - len(picked))


def _decoded(line: bytes) -> Mapping[str, Any]:
    try:
        example = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return {}
    return example if isinstance(example, dict) else {}
