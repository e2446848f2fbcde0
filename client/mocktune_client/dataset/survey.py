"""What one part of a dataset says of itself, as it is handed from process to process.

A part does not know how many lines stand before it, so it numbers its own from 1. Hashes are Python's own: parts whose
hashes are compared are read by processes with the same ``PYTHONHASHSEED``.
"""

from __future__ import annotations

import msgspec

from mocktune.domain.models import Encoding
from mocktune.domain.report import FileFormat
from mocktune_client.dataset.report import Severity


class Question(msgspec.Struct, frozen=True):
    """How a file is looked at. ``encodings`` are those whose tokens are counted, the first for the statistics; none of
    them: no token is. ``context`` is the training context that too long examples are told against, in tokens."""

    format: FileFormat
    encodings: tuple[Encoding, ...]
    context: int


class Flaw(msgspec.Struct, frozen=True, array_like=True):
    """``kind`` is the rulebook's, None for what the service does not mind. ``detail`` is what it says, or what we say;
    of a line that is no JSON, it is what its reader says."""

    severity: Severity
    line: int
    rule: str
    kind: str | None
    detail: str
    excerpt: str | None
    remedy: str


class SystemPrompt(msgspec.Struct, array_like=True):
    """How many examples have it, the line of the first, and its beginning; that of examples without one is None."""

    count: int
    line: int
    text: str | None


class Tokens(msgspec.Struct):
    """Of one encoding: all tokens, and for each of ``TRAIN_CONTEXTS`` how many are beyond it, in how many examples."""

    total: int
    beyond: list[int]
    examples_beyond: list[int]


class Counts(msgspec.Struct):
    """A tally, as it is handed on."""

    counts: dict[int, int]
    total: int
    max: int


class Survey(msgspec.Struct):
    """``blanks`` lines at the end are blank, which only the end of a file may be. ``counts`` are of all findings, by
    rule and severity, ``flaws`` the first of them. ``lines``, ``prompts`` and ``examples_hashed`` are arrays of 8-byte
    numbers, one for each good example."""

    lines: int
    blanks: int
    examples: int
    good: int
    flaws: list[Flaw]
    counts: dict[Severity, dict[str, int]]
    missing_system: int
    missing_user: int
    system_prompts: dict[int, SystemPrompt]
    messages: Counts
    totals: Counts
    assistants: Counts
    tokens: dict[Encoding, Tokens]
    images: int
    vision_examples: int
    numbers: bytes
    prompts: bytes
    hashes: bytes
