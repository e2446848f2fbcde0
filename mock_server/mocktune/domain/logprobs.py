"""Log probabilities of the tokens of an answer: nobody computed any, so plausible ones are drawn.

The token that was said is the likeliest of its place; the others share what it leaves, each a part of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from mocktune.domain import draws

_OTHERS = (
    " the", ",", " a", ".", " and", " to", " of", " in", " is", "\n", " it", " that", " for", " you", " with", " on",
    " I", " as", " this", " be", " or", "!",
)  # fmt: skip
"""What might have been said instead: more than the 20 that can be asked for, as the token itself is left out."""


@dataclass(frozen=True, slots=True)
class TopLogprob:
    """A token that might have stood at a place, with its natural logarithm of the probability."""

    token: str
    bytes: tuple[int, ...]
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenLogprob(TopLogprob):
    """A token of an answer, and the likeliest ones of its place, itself first."""

    top: tuple[TopLogprob, ...]


def token_logprobs(tokens: Sequence[bytes], top: int, seed: int) -> tuple[TokenLogprob, ...]:
    """One for each token; ``top`` (0..20) others are named. Equal arguments give equal numbers."""
    return tuple(_at(token, index, top, seed) for index, token in enumerate(tokens))


def _at(token: bytes, index: int, top: int, seed: int) -> TokenLogprob:
    # Most tokens are nearly certain, some are not: the fourth power of an even draw.
    probability = 1 - 0.6 * draws.uniform(seed, "logprob", index) ** 4 - 1e-6
    said = TopLogprob(_written(token), tuple(token), round(log(probability), 8))
    others = (said, *_others(said.token, 1 - probability, index, seed)) if top else ()
    return TokenLogprob(said.token, said.bytes, said.logprob, others[:top])


def _others(said: str, left: float, index: int, seed: int) -> Iterator[TopLogprob]:
    first = draws.integer(seed, 0, len(_OTHERS) - 1, "other token", index)
    for other in _OTHERS[first:] + _OTHERS[:first]:
        if other != said:
            left *= 0.45  # so each is less likely than the one before, and all together less than what is left
            yield TopLogprob(other, tuple(other.encode()), round(log(left), 8))


def _written(token: bytes) -> str:
    """A token as text; the bytes of one that is no whole character as escapes, as the real service writes them."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in token)
