"""The dataset that is being made: one line for each prompt, in bounded memory, there as a whole or not at all."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from mocktune_client.distilling.examples import LeftOut, Reason
from mocktune_client.writing import replacing

Keep: TypeAlias = Literal["newest", "oldest", "all"]
"""Which answer of a prompt that was answered several times; ``all``: each that differs."""

MAX_EXAMPLES = 500_000


@dataclass(frozen=True, slots=True)
class Distilled:
    """A dataset at ``path``: ``examples`` lines in chat format.

    ``seen`` completions were looked at; ``repeated`` of them had a prompt that was there already, ``left_out`` counts
    the others by reason, with ``details`` of the first of each reason: the completion's id and what is to be said.
    ``models`` counts the examples by the model that answered. ``asked`` prompts were answered anew, for ``usd`` at
    most, or None where the price is not known; ``stored`` is False where the service would not store their answers.
    """

    path: Path
    examples: int
    seen: int
    repeated: int
    left_out: Mapping[Reason, int]
    details: Mapping[Reason, str]
    models: Mapping[str, int]
    asked: int = 0
    usd: float | None = 0.0
    stored: bool = True


class _Line(NamedTuple):
    offset: int
    length: int
    created: float
    number: int
    model: str


class Dataset:
    """Collects examples beside ``path``; ``finish`` puts the file there, with the oldest first. A context: leaving it
    takes away what was not finished. Methods raise ``OSError``.
    """

    def __init__(self, path: Path, keep: Keep) -> None:
        self._path = path
        self._keep = keep
        self._lines: dict[bytes, _Line] = {}
        self._end = 0
        self.seen = 0
        self._repeated = 0
        self.left_out: Counter[Reason] = Counter()
        self.details: dict[Reason, str] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  # closed by __exit__

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def examples(self) -> int:
        return len(self._lines)

    @property
    def is_full(self) -> bool:
        return self.seen >= MAX_EXAMPLES

    def leave_out(self, id: str, why: LeftOut) -> None:
        self.seen += 1
        self.left_out[why.reason] += 1
        self.details.setdefault(why.reason, f"{id}: {why.detail}" if why.detail else id)

    def add(self, example: Mapping[str, Any], *, model: str, created: float) -> None:
        self.seen += 1
        line = msgspec.json.encode(example) + b"\n"
        prompt = line if self._keep == "all" else msgspec.json.encode([example["messages"][:-1], example.get("tools")])
        key = hashlib.blake2b(prompt, digest_size=16).digest()
        known = self._lines.get(key)
        if known is not None:
            self._repeated += 1
            # Of one second, the one that is added first is the newer: they come newest first.
            newer = created > known.created
            if self._keep == "all" or newer != (self._keep == "newest"):
                return
        self._lines[key] = _Line(self._end, len(line), created, self.seen, model)
        self._file.seek(self._end)
        self._file.write(line)
        self._end += len(line)

    def finish(self, *, asked: int = 0, usd: float | None = 0.0, stored: bool = True) -> Distilled:
        """Write the file. One that was there is replaced, at once."""
        chosen = sorted(self._lines.values(), key=lambda line: (line.created, -line.number))
        with replacing(self._path) as file:
            for line in chosen:
                self._file.seek(line.offset)
                file.write(self._file.read(line.length))
        return Distilled(
            path=self._path,
            examples=len(chosen),
            seen=self.seen,
            repeated=self._repeated,
            left_out=dict(self.left_out),
            details=self.details,
            models=dict(Counter(line.model for line in chosen)),
            asked=asked,
            usd=usd,
            stored=stored,
        )
