"""Examples and prompts that occur more than once, in memory that does not grow with their number.

Of each example three numbers are kept: its line, the hash of its prompt, the hash of all of it. Beyond a few MiB of
them they go to a temporary file. They are looked through by shares of the hashes, one share in memory at a time. Two
different examples with one hash of 64 bits are so improbable (one in a million for ten million examples) that nobody
looks at the texts again.
"""

from __future__ import annotations

import heapq
import tempfile
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Literal, NamedTuple, TypeAlias, cast

MEMORY_BYTES = 4 << 20
"""Kept in memory before a temporary file is used."""

SHARE = 100_000
"""About how many different hashes are looked through at a time."""

MAX_SHARES = 256
"""Each is a temporary file while they are looked through."""

_NUMBERS = 3  # of one record
_CHUNK_BYTES = 8 * _NUMBERS * 16_384


class Repeat(NamedTuple):
    """A line, and the first one it repeats. Lines of the validation file are negative."""

    line: int
    first: int


@dataclass(slots=True)
class Found:
    """``count`` of them, of which the ``most`` first lines are kept."""

    most: int
    count: int = 0
    _kept: list[tuple[int, Repeat]] = field(default_factory=list)  # a heap with the last line on top

    def add(self, line: int, first: int) -> None:
        self.count += 1
        entry = (-abs(line), Repeat(line, first))
        if len(self._kept) < self.most:
            heapq.heappush(self._kept, entry)
        elif entry > self._kept[0]:
            heapq.heapreplace(self._kept, entry)

    def __iter__(self) -> Iterator[Repeat]:
        """By line."""
        return (repeat for _, repeat in sorted(self._kept, reverse=True))


Kind: TypeAlias = Literal["duplicate_example", "in_both_files", "conflicting_answers", "prompt_in_both_files"]


class AllFound:
    """What occurs more than once, by kind and file: of each at most ``most`` are kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[tuple[Kind, bool], Found] = {}

    def add(self, kind: Kind, line: int, first: int) -> None:
        self.of(kind, validation=line < 0).add(line, first)

    def of(self, kind: Kind, *, validation: bool) -> Found:
        return self._found.setdefault((kind, validation), Found(self._most))


class Repeats:
    """Collects records in the order of lines, those of the training file first. Use it in a ``with`` block."""

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES, share: int = SHARE) -> None:
        self._memory_bytes = memory_bytes
        self._share = share
        self._records = _spool(memory_bytes)
        self._count = 0

    def __enter__(self) -> Repeats:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._records.close()

    def add(self, lines: array[int], prompts: array[int], examples: array[int]) -> None:
        """One number of each for every example; a prompt of 0 is none, and conflicts with nothing."""
        records = array("q", bytes(8 * _NUMBERS * len(lines)))
        records[0::3], records[1::3], records[2::3] = lines, prompts, examples
        self._records.write(records.tobytes())
        self._count += len(lines)

    def find(self, most: int) -> AllFound:
        """What repeats, of each kind at most ``most``."""
        found = AllFound(most)
        self._by_hash(2, lambda share: _same_examples(share, found))
        self._by_hash(1, lambda share: _same_prompts(share, found))
        return found

    def _by_hash(self, place: int, look: Callable[[Iterator[array[int]]], None]) -> None:
        """``look`` at all records, those with one hash at ``place`` together."""
        if not _has_repeats(self._records, place, self._count, self._share):
            return
        shares = min(MAX_SHARES, -(-self._count // self._share))
        if shares == 1:
            look(_chunks(self._records))
            return
        parts = [_spool(self._memory_bytes // shares) for _ in range(shares)]
        try:
            for chunk in _chunks(self._records):
                dealt = [array("q") for _ in range(shares)]
                for start, hashed in zip(range(0, len(chunk), _NUMBERS), chunk[place::_NUMBERS], strict=True):
                    dealt[hashed % shares].extend(chunk[start : start + _NUMBERS])
                for part, records in zip(parts, dealt, strict=True):
                    part.write(records.tobytes())
            for part in parts:
                look(_chunks(part))
                part.close()
        finally:
            for part in parts:
                part.close()


def _has_repeats(records: BinaryIO, place: int, count: int, share: int) -> bool:
    """Whether any hash occurs twice: told quickly of a file that fits, and taken to be so of a greater one."""
    if count > share:
        return True
    hashes: set[int] = set()
    for chunk in _chunks(records):
        hashes.update(chunk[place::_NUMBERS])
    return len(hashes) < count


def _same_examples(records: Iterator[array[int]], found: AllFound) -> None:
    first: dict[int, int] = {}
    for chunk in records:
        for line, example in zip(chunk[0::3], chunk[2::3], strict=True):
            before = first.setdefault(example, line)
            if before != line:
                found.add("in_both_files" if line < 0 < before else "duplicate_example", line, before)


def _same_prompts(records: Iterator[array[int]], found: AllFound) -> None:
    """Each answer is compared with the first one of its prompt, in its own file and in the training file."""
    training: dict[int, tuple[int, int]] = {}
    validation: dict[int, tuple[int, int]] = {}
    for chunk in records:
        for line, prompt, example in zip(chunk[0::3], chunk[1::3], chunk[2::3], strict=True):
            if not prompt:
                continue
            before, answered = (training if line > 0 else validation).setdefault(prompt, (line, example))
            if answered != example:
                found.add("conflicting_answers", line, before)
            if line < 0 and prompt in training:
                before, answered = training[prompt]
                if answered != example:
                    found.add("prompt_in_both_files", line, before)


def _spool(memory_bytes: int) -> BinaryIO:
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=max(1, memory_bytes), prefix="mocktune-"))


def _chunks(records: BinaryIO) -> Iterator[array[int]]:
    records.seek(0)
    while data := records.read(_CHUNK_BYTES):
        yield array("q", data)
