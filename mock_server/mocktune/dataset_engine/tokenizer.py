"""The tokenizer: exact counts of o200k_base and cl100k_base, offline.

``toktok`` has its vocabularies compiled in and counts without building ids. It is imported when the first text is
counted, since most commands count none.
"""

from __future__ import annotations

from mocktune.domain.models import Encoding

_THREADS = 1
"""More would cost a chat prompt 100 µs instead of 30, gain a dataset little, and take the server's cores from it."""


def warm() -> None:
    """Load the vocabulary of today's models: half a second of a core, without holding up other threads."""
    count_batch([""], "o200k_base")


def count_batch(texts: list[str], encoding: Encoding) -> list[int]:
    """The number of tokens of each text, in order. Control tokens written out count as the plain text they are.

    A lone surrogate, which no UTF-8 can hold, counts as U+FFFD; a pair of them as the character they mean.
    """
    from toktok import batch_count

    try:
        counts: list[int] = batch_count(texts, encoding, _THREADS)
    except UnicodeEncodeError:
        counts = batch_count([_without_surrogates(text) for text in texts], encoding, _THREADS)
    return counts


def count(text: str, encoding: Encoding) -> int:
    """The number of tokens of one text."""
    return count_batch([text], encoding)[0]


def cut(text: str, most: int, encoding: Encoding) -> str:
    """The longest beginning of ``text`` of at most ``most`` tokens; the cut never splits a character."""
    from toktok import truncate

    # No text has more tokens than UTF-8 bytes, and the counter takes no number beyond its word size.
    beginning: str = truncate(_without_surrogates(text), min(most, 4 * len(text)), encoding)[0]
    return beginning


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
