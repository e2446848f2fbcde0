"""A dataset divided into a training and a validation file, so that nothing is asked on both sides.

Which side an example goes to depends on what it asks and on the seed: the same question always goes the same way,
whatever answers it has and wherever it stands. Questions are ranked by a hash, and those below a bar go to the
validation file; the bar is set to the share that is wanted. So what is added to a file hardly moves what was there.

Memory does not grow with the file: 8 bytes of each example go to a temporary file.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from mocktune.dataset_engine.syntax import json_fault
from mocktune_client.dataset.reading import TooLong, line_lists
from mocktune_client.writing import replacing

MEMORY_BYTES = 4 << 20
"""Of ranks, kept in memory before a temporary file is used."""

_SHELVES_BITS = 16
_SHELF_SHIFT = 64 - _SHELVES_BITS
_RANK_BYTES = 8
_CHUNK_BYTES = 256 << 10
_BLANKS = b" \t\r"
_DECODER = msgspec.json.Decoder()
_SORTED = msgspec.json.Encoder(order="sorted")


class SplitError(Exception):
    """The file cannot be divided like this; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Split:
    """Examples on either side."""

    training: int
    validation: int


def split_dataset(
    path: Path | str,
    training: Path | str,
    validation: Path | str,
    *,
    share: float | None = None,
    count: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Split:
    """Divide the lines of ``path`` between two new files, unchanged and in their order.

    To the validation file goes a ``share`` of the examples (0 to 1, both excluded) or a ``count`` of them: as near as
    questions allow, since examples that ask the same stay together. Neither file is there before both are whole.
    ``on_progress`` gets bytes done, and bytes in all; each is read twice. Raises ``SplitError`` and ``OSError``.
    """
    if (share is None) == (count is None):
        raise ValueError("either a share or a count")
    size = os.path.getsize(path)
    with ExitStack() as stack:
        source = stack.enter_context(open(path, "rb"))
        ranks = stack.enter_context(_Ranks())
        done = 0
        for number, line in enumerate(_lines(source), 1):
            ranks.add(_rank(_example(line, number), seed))
            done += len(line) + 1
            if on_progress and not number % 4096:
                on_progress(done // 2, size)
        wanted = round((share or 0) * ranks.count) if count is None else count
        if ranks.count < 2:
            raise SplitError(f"there is nothing to divide: the file has {ranks.count} example(s)")
        if count is not None and count >= ranks.count:
            raise SplitError(f"{count} of {ranks.count} examples for validation leave none to train on")
        chosen = ranks.choose(min(max(1, wanted), ranks.count - 1))
        source.seek(0)
        kept = stack.enter_context(replacing(training))
        held_out = stack.enter_context(replacing(validation))
        counts = [0, 0]
        done = size
        for number, (line, rank) in enumerate(_together(_lines(source), ranks), 1):
            side = rank in chosen
            counts[side] += 1
            (held_out if side else kept).write(line + b"\n")
            done += len(line) + 1
            if on_progress and not number % 4096:
                on_progress(done // 2, size)
        if on_progress:
            on_progress(size, size)
    return Split(*counts)


def _together(lines: Iterator[bytes], ranks: Iterable[int]) -> Iterator[tuple[bytes, int]]:
    try:
        yield from zip(lines, ranks, strict=True)
    except ValueError:
        raise SplitError("the file was changed while it was read") from None


# -- lines and what they ask -------------------------------------------------------------------------------------------


def _lines(source: BinaryIO) -> Iterator[bytes]:
    """Those of examples, without their ends: lines that are blank stand at the end, or are no JSON."""
    blank = 0
    number = 0
    for lines in line_lists(source, os.fstat(source.fileno()).st_size):
        if isinstance(lines, TooLong):
            raise SplitError(f"line {number + 1} is longer than {lines.limit} bytes")
        for line in lines:
            number += 1
            if not line.strip(_BLANKS):
                blank = blank or number
                continue
            if blank:
                raise SplitError(f"line {blank} is blank, and examples follow it")
            yield line


def _example(line: bytes, number: int) -> Mapping[str, Any]:
    try:
        example = _DECODER.decode(line)
    except (ValueError, RecursionError) as refusal:
        raise SplitError(f"line {number} is no JSON: {json_fault(line, refusal)}") from None
    if not isinstance(example, dict):
        raise SplitError(f"line {number} is no JSON object")
    return example


def prompt_of(example: Mapping[str, Any]) -> bytes:
    """What an example asks, the same bytes for the same question. Of one that asks nothing, all of it.

    Of a chat that is all but its last answer, of a preference its input, of a reinforcement example its messages.
    """
    messages = example.get("messages")
    if "input" in example and "messages" not in example:
        return b"i" + _SORTED.encode(example["input"])
    if isinstance(messages, list) and messages:
        last = messages[-1]
        if not (isinstance(last, dict) and last.get("role") == "assistant"):
            return b"m" + _SORTED.encode(messages)
        if len(messages) > 1:
            return b"c" + _SORTED.encode({**example, "messages": messages[:-1]})
    elif isinstance(prompt := example.get("prompt"), str) and prompt.strip():
        return b"p" + prompt.encode("utf-8", "surrogatepass")
    return b"w" + _SORTED.encode(example)


def _rank(example: Mapping[str, Any], seed: int) -> int:
    key = seed.to_bytes(8, "big", signed=True)
    return int.from_bytes(blake2b(prompt_of(example), digest_size=_RANK_BYTES, key=key).digest(), "big")


# -- ranks -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ranks below a bar, but for a few."""

    bar: int
    left_out: frozenset[int]

    def __contains__(self, rank: int) -> bool:
        return rank < self.bar and rank not in self.left_out


class _Ranks:
    """The rank of every example, in order; how many there are below each shelf of equal width is counted."""

    def __init__(self) -> None:
        self.count = 0
        self._shelves = array("Q", bytes(8 << _SHELVES_BITS))
        self._file = _spool()
        self._new = array("Q")

    def __enter__(self) -> _Ranks:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, rank: int) -> None:
        self.count += 1
        self._shelves[_shelf(rank)] += 1
        self._new.append(rank)
        if len(self._new) * _RANK_BYTES >= _CHUNK_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(self._new.tobytes())
        self._new = array("Q")

    def __iter__(self) -> Iterator[int]:
        self._flush()
        self._file.seek(0)
        while data := self._file.read(_CHUNK_BYTES):
            yield from array("Q", data)

    def choose(self, wanted: int) -> Chosen:
        """Ranks of about ``wanted`` examples: at least of one, and not of all.

        A question that is asked more often than that stays out, as long as there are others. Raises ``SplitError``.
        """
        chosen = self._below_a_bar(wanted, self._frequent(max(wanted, 4 * self.count >> _SHELVES_BITS)))
        chosen = chosen or self._below_a_bar(wanted, {})
        if chosen is None:
            raise SplitError("the examples cannot be divided: all ask the same, and those that do stay together")
        return chosen

    def _frequent(self, most: int) -> Mapping[int, int]:
        """The ranks of more than ``most`` examples, each with how many it has."""
        full = {shelf for shelf, count in enumerate(self._shelves) if count > most}
        if not full:
            return {}
        counts = Counter(rank for rank in self if _shelf(rank) in full)
        return {rank: count for rank, count in counts.items() if count > most}

    def _below_a_bar(self, wanted: int, left_out: Mapping[int, int]) -> Chosen | None:
        shelves = array("Q", self._shelves)
        for rank, count in left_out.items():
            shelves[_shelf(rank)] -= count
        below = shelf = 0
        while shelf < len(shelves) - 1 and below + shelves[shelf] < wanted:
            below += shelves[shelf]
            shelf += 1
        here = Counter(rank for rank in self if _shelf(rank) == shelf and rank not in left_out)
        bars = [(shelf << _SHELF_SHIFT, below)]
        for rank, count in sorted(here.items()):
            below += count
            bars.append((rank + 1, below))
        bars = [(bar, examples) for bar, examples in bars if 0 < examples < self.count]
        if not bars:
            return None
        bar, _ = min(bars, key=lambda each: abs(each[1] - wanted))
        return Chosen(bar, frozenset(left_out))


def _spool() -> BinaryIO:
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES, prefix="mocktune-"))


def _shelf(rank: int) -> int:
    return rank >> _SHELF_SHIFT
