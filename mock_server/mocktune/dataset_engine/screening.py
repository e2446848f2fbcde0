"""What moderation says of a training file, read when a job whose scenario has moderation validates it (RFTDOC)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import msgspec

from mocktune.dataset_engine.lines import LineTooLong, blocks
from mocktune.domain.report import Screening
from mocktune.domain.validation import LISTED_LINES

FlaggedCategories = Callable[[str], frozenset[str]]
"""The categories that a text is flagged in."""

_DECODER = msgspec.json.Decoder()
_MAX_DEPTH = 64
_NO_TEXT = frozenset({"role", "type", "id", "tool_call_id", "url", "detail"})
"""Keys whose values nobody says."""


def screen(source: BinaryIO, flagged_categories: FlaggedCategories, *, length: int | None = None) -> Screening:
    """Screen every text of every line of the next ``length`` bytes, or of all; what cannot be read is not flagged, for
    a job fails over it anyway."""
    examples = flagged = 0
    listed: list[int] = []
    categories: set[str] = set()
    try:
        for block in blocks(source, length):
            for line in block.split(b"\n"):
                try:
                    example = _DECODER.decode(line)
                except (ValueError, RecursionError):
                    continue
                examples += 1
                found = flagged_categories("\n".join(_texts(example)))
                if found:
                    flagged += 1
                    categories |= found
                    if len(listed) < LISTED_LINES:
                        listed.append(examples)
    except LineTooLong:
        pass
    return Screening(examples, flagged, tuple(listed), tuple(sorted(categories)))


def joined(screenings: Iterable[Screening]) -> Screening:
    """The screening of a file from those of its parts, in their order."""
    examples = flagged = 0
    listed: list[int] = []
    categories: set[str] = set()
    for each in screenings:
        listed += (examples + line for line in each.flagged_lines)
        examples += each.examples
        flagged += each.flagged
        categories.update(each.categories)
    return Screening(examples, flagged, tuple(listed[:LISTED_LINES]), tuple(sorted(categories)))


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """Every text that a value holds: contents, names, arguments, references."""
    if isinstance(value, str):
        yield value
    elif depth < _MAX_DEPTH:
        inner = [each for key, each in value.items() if key not in _NO_TEXT] if isinstance(value, dict) else value
        for each in inner if isinstance(inner, list) else ():
            yield from _texts(each, depth + 1)
