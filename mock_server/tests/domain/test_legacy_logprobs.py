"""Log probabilities in the legacy shape: four lists, drawn from a seed."""

from __future__ import annotations

from mocktune.domain.legacy_logprobs import legacy_logprobs

TOKENS = (b"The", b" tide", b",", b" high")


def test_the_four_lists_are_of_equal_length_and_count_characters() -> None:
    found = legacy_logprobs(TOKENS, 2, 1, begins_with_prompt=False)
    assert found.tokens == ("The", " tide", ",", " high")
    assert found.text_offset == (0, 3, 8, 9)
    assert found.top_logprobs is not None
    assert len(found.token_logprobs) == len(found.top_logprobs) == 4
    for token, logprob, top in zip(found.tokens, found.token_logprobs, found.top_logprobs, strict=True):
        assert logprob is not None
        assert logprob <= 0
        assert top is not None
        assert top[token] == logprob == max(top.values())
        assert len(top) == 2


def test_a_character_of_several_tokens_counts_when_it_is_whole() -> None:
    found = legacy_logprobs((b"a", b"\xe6\x97", b"\xa5", b"b"), 0, 1, begins_with_prompt=False)
    assert found.text_offset == (0, 1, 1, 2)
    assert found.tokens[0] == "a"


def test_nothing_precedes_the_first_token_of_a_prompt() -> None:
    found = legacy_logprobs(TOKENS, 1, 1, begins_with_prompt=True)
    assert found.token_logprobs[0] is None
    assert found.top_logprobs is not None
    assert found.top_logprobs[0] is None
    assert None not in found.token_logprobs[1:]


def test_zero_asks_for_no_alternatives() -> None:
    assert legacy_logprobs(TOKENS, 0, 1, begins_with_prompt=False).top_logprobs is None


def test_equal_seeds_draw_equal_numbers() -> None:
    first, again = (legacy_logprobs(TOKENS, 5, 7, begins_with_prompt=False) for _ in range(2))
    assert first == again
    assert first != legacy_logprobs(TOKENS, 5, 8, begins_with_prompt=False)
