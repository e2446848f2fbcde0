"""Moderation as a table of keywords: deterministic, small, and no judgement at all.

**This is a keyword table, not a classifier.** A text is flagged for a category when one of the table's phrases stands
in it, as whole words, in any case and with any white space between them. The real service looks at meaning; here a test
says one of these phrases when it wants something flagged, and everything else passes. No slur is in the table. The
sentence of the official reference ("I want to kill them.") is flagged as it shows it; all other phrases are assumed.
Images are counted, never looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mocktune.domain import draws

Category = Literal[
    "sexual", "sexual/minors", "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions", "violence", "violence/graphic",
]  # fmt: skip
InputType = Literal["text", "image"]

CATEGORIES: tuple[Category, ...] = (
    "sexual", "sexual/minors", "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions", "violence", "violence/graphic",
)  # fmt: skip
"""Every category, in the order in which the official guide prints them."""

IMAGE_CATEGORIES: frozenset[Category] = frozenset(
    {"sexual", "self-harm", "self-harm/intent", "self-harm/instructions", "violence", "violence/graphic"}
)
"""Those that apply to images too (SDK ``Moderation.CategoryAppliedInputTypes``)."""

_THREAT: tuple[Category, ...] = ("violence", "harassment", "harassment/threatening")

_PHRASES: dict[str, tuple[Category, ...]] = {
    # DOC: "I want to kill them." is flagged so by text-moderation-007.
    **dict.fromkeys(("kill them", "kill you", "kill him", "kill her", "hurt you badly", "beat you up"), _THREAT),
    **dict.fromkeys(("kill people", "murder someone", "stab someone", "shoot them"), ("violence",)),
    **dict.fromkeys(("blood everywhere", "torn limb from limb", "severed head"), ("violence", "violence/graphic")),
    **dict.fromkeys(("you are worthless", "you pathetic loser", "nobody likes you"), ("harassment",)),
    **dict.fromkeys(("they are subhuman", "inferior race", "go back to your country"), ("hate",)),
    "exterminate them all": ("hate", "hate/threatening", "violence"),
    # DOC: the SDK's own example of the category is "how to shoplift".
    **dict.fromkeys(("how to shoplift", "launder money", "forge a passport", "steal a credit card"), ("illicit",)),
    **dict.fromkeys(("build a bomb", "make a pipe bomb", "buy an illegal gun"), ("illicit", "illicit/violent")),
    "cut myself": ("self-harm",),
    **dict.fromkeys(("kill myself", "end my own life", "want to hurt myself"), ("self-harm", "self-harm/intent")),
    "how to hurt yourself": ("self-harm", "self-harm/instructions"),
    **dict.fromkeys(("explicit sex", "sexually explicit", "hardcore pornography"), ("sexual",)),
    "sexual content with minors": ("sexual", "sexual/minors"),
}

_FLAGS: dict[str, frozenset[Category]] = {phrase: frozenset(found) for phrase, found in _PHRASES.items()}


def _compiled() -> re.Pattern[str]:
    """One pattern for the whole table. Phrases that begin with the same word share it: what is tried at each word of a
    text is the number of first words, not of phrases."""
    by_first: dict[str, list[str]] = {}
    for phrase in sorted(_FLAGS, key=len, reverse=True):
        first, _, rest = phrase.partition(" ")
        by_first.setdefault(first, []).append(rest.replace(" ", r"\s+"))
    return re.compile(
        r"\b(?:" + "|".join(rf"{first}\s+(?:{'|'.join(rests)})" for first, rests in by_first.items()) + r")\b"
    )


_TABLE = _compiled()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result for one input. ``scores`` are in [0, 1]; a flagged category scores above one half, any other far
    below it."""

    flags: frozenset[Category]
    scores: dict[Category, float]
    input_types: dict[Category, tuple[InputType, ...]]

    @property
    def flagged(self) -> bool:
        return bool(self.flags)


def flagged_categories(text: str) -> frozenset[str]:
    """The categories a text is flagged for: those of every phrase of the table that stands in it. Fast enough for
    training files: about 100 MB in a few seconds."""
    found: set[str] = set()
    for match in _TABLE.finditer(text.lower()):
        found |= _FLAGS[" ".join(match.group().split())]
    return frozenset(found)


def moderate(text: str, *, has_text: bool = True, has_image: bool = False) -> Verdict:
    """The verdict on one input. Equal texts get equal scores."""
    flags = flagged_categories(text)
    return Verdict(
        frozenset(each for each in CATEGORIES if each in flags),
        {each: _score(each, text, each in flags) for each in CATEGORIES},
        {each: _input_types(each, has_text, has_image) for each in CATEGORIES},
    )


def _score(category: Category, text: str, flagged: bool) -> float:
    drawn = draws.uniform(0, "moderation", category, text)
    # As recorded: unflagged scores are spread over powers of ten, from a millionth to a hundredth.
    return 0.5 + 0.49 * drawn if flagged else float(10 ** (4 * drawn - 6))


def _input_types(category: Category, has_text: bool, has_image: bool) -> tuple[InputType, ...]:
    types: list[InputType] = ["text"] if has_text else []
    if has_image and category in IMAGE_CATEGORIES:
        types.append("image")
    return tuple(types)
