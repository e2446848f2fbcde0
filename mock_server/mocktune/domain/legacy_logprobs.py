"""Log probabilities of the legacy completions route, in its own shape: four lists of equal length.

They are drawn as those of chat completions are (``logprobs.py``). Equal seeds and tokens give equal numbers.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Sequence
from dataclasses import dataclass

from mocktune.domain.logprobs import token_logprobs

_Decoder = getincrementaldecoder("utf-8")


@dataclass(frozen=True, slots=True)
class Logprobs:
    """``token_logprobs`` and ``top_logprobs`` are None for the first token of a prompt, which nothing precedes.

    ``top_logprobs`` as a whole is None where no alternatives were asked for (assumed). ``text_offset`` counts the
    characters of the choice's text that end before each token does.
    """

    tokens: tuple[str, ...]
    token_logprobs: tuple[float | None, ...]
    top_logprobs: tuple[dict[str, float] | None, ...] | None
    text_offset: tuple[int, ...]


def legacy_logprobs(tokens: Sequence[bytes], most_likely: int, seed: int, *, begins_with_prompt: bool) -> Logprobs:
    """``most_likely`` (0..5): the tokens named for each place, the one that was said among them."""
    drawn = token_logprobs(tokens, most_likely, seed)
    offsets, decoder, characters = [], _Decoder("replace"), 0
    for token in tokens:
        offsets.append(characters)
        characters += len(decoder.decode(token))
    unknown = 1 if begins_with_prompt else 0
    chosen = [None if index < unknown else each.logprob for index, each in enumerate(drawn)]
    tops = [
        None if index < unknown else {other.token: other.logprob for other in each.top}
        for index, each in enumerate(drawn)
    ]
    return Logprobs(
        tuple(each.token for each in drawn), tuple(chosen), tuple(tops) if most_likely else None, tuple(offsets)
    )
