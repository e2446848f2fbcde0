"""What looks like a credential is taken out, what looks alike is left."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.redaction import odd_key, redacted, redacted_path, redacted_query


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b'{"key": "sk-abc"}', b'{"key": "sk-***"}'),
        (b"Bearer sk-proj-a_B-9.x~y, and", b"Bearer sk-***, and"),
        (b'"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=="', b'"whsec_***"'),
        (b'"whsec_ab\\/cd+ef"', b'"whsec_***"'),
        (b"sk-one sk-two\nsk-three", b"sk-*** sk-***\nsk-***"),
        (b"a task-force, ask-me, desk-top, whsec and sk", b"a task-force, ask-me, desk-top, whsec and sk"),
        (b'"signing_secret_hint": "whsec_***aSw"', b'"signing_secret_hint": "whsec_***aSw"'),
        (b"", b""),
    ],
)
def test_secrets_are_hidden_and_words_are_not(given: bytes, kept: bytes) -> None:
    assert redacted(given) == kept


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"api-key=abc&limit=2", b"api-key=***&limit=2"),
        (b"limit=2&key=abc", b"limit=2&key=***"),
        (b"Token=abc&access_token=d&X-Amz-Signature=e", b"Token=***&access_token=***&X-Amz-Signature=***"),
        (b"after=sk-abc", b"after=sk-***"),
        (b"monkey=1&metadata%5Bkey%5D=2", b"monkey=***&metadata%5Bkey%5D=2"),
        (b"limit=20&after=ftjob-1", b"limit=20&after=ftjob-1"),
        (b"", b""),
    ],
)
def test_a_query_is_kept_without_its_keys(query: bytes, kept: bytes) -> None:
    assert redacted_query(query) == kept


def test_a_path_is_kept_without_its_keys() -> None:
    assert redacted_path("/v1/models/sk-abc") == "/v1/models/sk-***"
    assert redacted_path("/v1/models/my own key of a kind", b"my own key of a kind") == "/v1/models/***"
    assert redacted_path("/v1/files/file-1") == "/v1/files/file-1"


def test_a_key_is_looked_for_on_its_own_where_its_form_does_not_tell() -> None:
    assert odd_key("sk-anything at all") == b""
    assert odd_key("0123456789abcdef") == b"0123456789abcdef"
    assert odd_key("model") == b""
    assert odd_key(None) == b""


@settings(max_examples=60)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"sk-abcdef", b"whsec_abcdef", b"0123456789abcdef"]),
    st.binary(max_size=60),
)
def test_nothing_hides_a_secret_and_what_is_hidden_stays_so(before: bytes, secret: bytes, after: bytes) -> None:
    once = redacted(before + b' "' + secret + b'" ' + after, b"0123456789abcdef")
    assert secret not in once
    assert redacted(once, b"0123456789abcdef") == once
