"""Where a behaviour is known from, and how sure that makes it.

Tables name their sources by these words, several of them with commas in between, and further words after the name:
``"RUBY, PINOLO"``, ``"OBS of other routes"``, ``"GRADDOC, words assumed"``. ``docs/explanation/sources.md`` explains
each.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

Confidence = Literal["recorded", "spec", "sdk", "docs", "assumed", "mocktune"]

SOURCES: dict[str, Confidence] = {
    # Real answers that somebody recorded or pasted.
    "OBS": "recorded",
    "RUBY": "recorded",
    "PINOLO": "recorded",
    "CN1229": "recorded",
    "PY0225": "recorded",
    "NERBOOK": "recorded",
    "YiVal": "recorded",
    "LIMITS": "recorded",
    "LLMCOMP": "recorded",
    "EVALPROTOCOL": "recorded",
    "openai-java": "recorded",
    "openai-php": "recorded",
    "community": "recorded",
    "help article": "recorded",
    "cookbook": "recorded",
    # What the vendor publishes for machines.
    "SPEC": "spec",
    "SDK": "sdk",
    "NODE": "sdk",
    "EXP": "sdk",
    # What is written for people. A single third party counts no more than a page: somebody says so.
    "DOC": "docs",
    "RFTDOC": "docs",
    "SFTDOC": "docs",
    "BESTDOC": "docs",
    "GRADDOC": "docs",
    "VISDOC": "docs",
    "DEPDOC": "docs",
    "RATEDOC": "docs",
    "PRICEDOC": "docs",
    "SEED": "docs",
    "learn.microsoft.com": "docs",
    "3P": "docs",
    # What nobody confirmed, and what is our own.
    "REC": "assumed",
    "assumed": "assumed",
    "mocktune": "mocktune",
}
"""Every name of a source, the surest kind first."""

CONFIDENCES: tuple[Confidence, ...] = ("recorded", "spec", "sdk", "docs", "assumed", "mocktune")


@cache
def names_in(source: str) -> tuple[str, ...]:
    """The names in a table's ``source``. Raises ``ValueError`` for one that is not among ``SOURCES``."""
    return tuple(_name(part.strip()) for part in re.sub(r"\(.*?\)", "", source).split(","))


def confidence_of(source: str) -> Confidence:
    """How sure a ``source`` makes what it stands for: as sure as the surest of its names.

    One that says ``assumed`` anywhere is assumed: then the names tell of the rule, not of its words.
    """
    if "assumed" in source:
        return "assumed"
    return min((SOURCES[name] for name in names_in(source)), key=CONFIDENCES.index)


def _name(part: str) -> str:
    for name in SOURCES:
        if part == name or part.startswith(f"{name} "):
            return name
    if part.endswith(" assumed"):
        return "assumed"
    raise ValueError(f"'{part}' is no source that domain/sources.py knows")
