"""The tokenizer: exact counts of o200k_base and cl100k_base, offline.

``toktok`` has its vocabularies compiled in and counts without building ids. It is imported when the first text is
counted, since most commands count none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from mocktune.domain.models import Encoding

_THREADS = 1
"""More would cost a chat prompt 100 µs instead of 30, gain a dataset little, and take the server's cores from it."""

_FEW_TEXTS, _FEW_CHARS = 32, 8_192
"""Up to these, texts are counted one by one: 1 µs each, while a batch takes 10 to begin with, and wakes a thread."""


@cache
def _library() -> Any:
    import toktok

    return toktok


def warm() -> None:
    """Load the vocabulary of today's models: half a second of a core, without holding up other threads."""
    count_batch([""], "o200k_base")


def count_batch(texts: list[str], encoding: Encoding) -> list[int]:
    """The number of tokens of each text, in order. Control tokens written out count as the plain text they are.

    A lone surrogate, which no UTF-8 can hold, counts as U+FFFD; a pair of them as the character they mean.
    """
    library = _library()
    try:
        if len(texts) <= _FEW_TEXTS and sum(map(len, texts)) <= _FEW_CHARS:
            return [library.truncate(text, 0, encoding)[1] for text in texts]
        counts: list[int] = library.batch_count(texts, encoding, _THREADS)
    except UnicodeEncodeError:
        counts = library.batch_count([_without_surrogates(text) for text in texts], encoding, _THREADS)
    return counts


def count(text: str, encoding: Encoding) -> int:
    """The number of tokens of one text."""
    return count_batch([text], encoding)[0]


def cut(text: str, most: int, encoding: Encoding) -> str:
    """The longest beginning of ``text`` of at most ``most`` tokens; the cut never splits a character."""
    # No text has more tokens than UTF-8 bytes, and the counter takes no number beyond its word size.
    beginning: str = _library().truncate(_without_surrogates(text), min(most, 4 * len(text)), encoding)[0]
    return beginning


def split(text: str, encoding: Encoding) -> list[bytes]:
    """The tokens of ``text`` in order; joined they are its UTF-8.

    The library counts and cuts but names no tokens: they are found by cutting after one, after two, … tokens, word by
    word. Where several tokens make one character, its bytes are dealt out among them as evenly as they go.
    """
    words = _SAFE_BREAK.split(_without_surrogates(text))
    tokens: list[bytes] = []
    for word, size in zip(words, count_batch(words, encoding), strict=True):
        if size == 1:
            tokens.append(word.encode())
        else:
            tokens += _tokens_of(word, encoding)
    return tokens


_SAFE_BREAK = re.compile(r"(?<=\S)(?= )|(?<=[^\W\d_])(?=[\t\r\n,.;:!?()\"、。，！？；：…])")
"""Where both encodings always start a new token: before a space, and before punctuation that follows a letter."""

_WINDOW_CHARS = 256


def _tokens_of(word: str, encoding: Encoding) -> Iterator[bytes]:
    """The tokens of a text without safe breaks, in windows: each cut takes time for all of its text."""
    truncate = _library().truncate
    while word:
        window = word[:_WINDOW_CHARS]
        total: int = truncate(window, 0, encoding)[1]
        # The end of a window that is not the end of the text may be cut otherwise there.
        size = total if len(window) == len(word) else max(1, total * 3 // 4)
        done = waiting = 0
        for number in range(1, size + 1):
            end = len(truncate(window, number, encoding)[0]) if number < total else len(window)
            waiting += 1
            if end > done:
                yield from _dealt(window[done:end].encode(), waiting)
                done, waiting = end, 0
        word = word[done or len(window) :]


def _dealt(piece: bytes, parts: int) -> Iterator[bytes]:
    for index in range(parts):
        yield piece[len(piece) * index // parts : len(piece) * (index + 1) // parts]


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
