"""``--metadata KEY=VALUE``, as every command takes it."""

from __future__ import annotations

from collections.abc import Iterable

from mocktune.cli.exits import fail


def metadata_of(texts: Iterable[str]) -> dict[str, str]:
    """The pairs of the option's values; of a key given twice the last. Ends the command for what is no pair."""
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            fail(f"--metadata: '{text}' is no pair: write KEY=VALUE")
        pairs[key] = value
    return pairs
