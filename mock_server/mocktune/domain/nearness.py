"""The nearest of many texts, in bounded time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from zlib import crc32

from rapidfuzz import fuzz, process

MAX_NEAR_TEXTS = 50_000
"""Trained prompts that are found by likeness, and as many ends of tool conversations; the first of the file."""

NEAR_CUTOFF = 78.0
"""Likeness in percent (``fuzz.ratio``) from which a prompt is taken for a trained one."""

_NEAR_CHARS = 512
_NEAR_BUDGET_CHARS = 3_000_000  # query length x texts compared: bounds the time of one look
_NEAR_ENOUGH = 95.0  # percent: no order of words could do much better
_REORDERED_LOOKS = 1_000  # texts compared without regard to word order, which costs four times as much a text


class NearTable:
    """Prompts and their places, looked up by likeness in bounded time."""

    __slots__ = ("_places", "_signatures", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._signatures = array("Q")
        self._places = array("Q")

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str, place: int) -> None:
        if text and len(self._texts) < MAX_NEAR_TEXTS:
            text = _both_ends(text)
            self._texts.append(text)
            self._signatures.append(_signature(text))
            self._places.append(place)

    def find(self, text: str) -> int | None:
        """The place of the likest prompt, its words in order or in any; None where nothing is near."""
        if not text or not self._texts:
            return None
        query = _both_ends(text)
        looks: list[tuple[int, Callable[..., float]]] = [
            (_NEAR_BUDGET_CHARS // len(query), fuzz.ratio),
            (_REORDERED_LOOKS, fuzz.token_sort_ratio),
        ]
        ranked: list[int] = []
        place, score = None, NEAR_CUTOFF
        for limit, scorer in looks:
            if score > _NEAR_ENOUGH:
                break
            candidates: Sequence[int] = range(len(self._texts))
            texts = self._texts
            if limit < len(texts):
                ranked = ranked or self._ranked(query)
                # In the order of the file, for the first example to win a tie.
                candidates = sorted(ranked[:limit])
                texts = [self._texts[i] for i in candidates]
            best = process.extractOne(query, texts, scorer=scorer, score_cutoff=score)
            if best is not None:
                place, score = self._places[candidates[best[2]]], best[1]
        return place

    def _ranked(self, query: str) -> list[int]:
        """Every entry, those that share most words with ``query`` first."""
        wanted = _signature(query)
        distances = [(signature ^ wanted).bit_count() for signature in self._signatures]
        return sorted(range(len(distances)), key=distances.__getitem__)


def _both_ends(text: str) -> str:
    """At most 512 characters: many prompts begin, or end, with the same long instruction."""
    half = _NEAR_CHARS // 2
    return text if len(text) <= _NEAR_CHARS else text[:half] + text[-half:]


def _signature(text: str) -> int:
    """64 bits that say which words occur; which characters, for scripts that put no spaces between words."""
    words: Sequence[str] = text.split()
    if len(words) * 16 < len(text):
        words = text
    signature = 0
    for word in words:
        signature |= 1 << (crc32(word.encode("utf-8", "surrogatepass")) & 63)
    return signature
