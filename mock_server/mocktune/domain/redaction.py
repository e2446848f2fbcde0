"""Credentials taken out of what is remembered: signing secrets, API keys, and what a query calls a key or a token.

Looked for with a search for bytes first: most requests have none, and then nothing else is done.
"""

from __future__ import annotations

import re

_SECRETS = re.compile(rb"""whsec_[\w+/=\\-]+|(?<![\w-])sk-[^\s"'\\,;&<>()\[\]{}]+""", re.ASCII)
_IN_QUERY = re.compile(rb"((?:^|[&;])[\w.-]*(?:key|token|secret|signature|password)=)[^&;]*", re.IGNORECASE | re.ASCII)

HIDDEN = b"***"

MIN_KEY_BYTES = 12


def redacted(data: bytes, key: bytes = b"") -> bytes:
    """``data`` with ``whsec_***`` and ``sk-***`` in the place of secrets and keys.

    ``key`` is the caller's own where it looks like neither (``odd_key``).
    """
    if key and key in data:
        data = data.replace(key, HIDDEN)
    if data.find(b"sk-") >= 0 or data.find(b"whsec_") >= 0:
        return _SECRETS.sub(_hidden, data)
    return data


def redacted_query(query: bytes, key: bytes = b"") -> bytes:
    """A query, not decoded, also without the values of parameters such as ``api-key``, ``key`` and ``token``."""
    return redacted(_IN_QUERY.sub(rb"\1" + HIDDEN, query), key)


def redacted_path(path: str, key: bytes = b"") -> str:
    if "sk-" in path or "whsec_" in path or key:
        return redacted(path.encode("utf-8", "surrogatepass"), key).decode("utf-8", "replace")
    return path


def odd_key(key: str | None) -> bytes:
    """A caller's key that has to be looked for on its own; empty for one that is found by its form, and for one that
    is so short that it may be a word of any text.
    """
    if key is None or key.startswith("sk-") or len(key) < MIN_KEY_BYTES:
        return b""
    return key.encode("latin-1", "replace")


def _hidden(found: re.Match[bytes]) -> bytes:
    return (b"whsec_" if found[0].startswith(b"whsec_") else b"sk-") + HIDDEN
