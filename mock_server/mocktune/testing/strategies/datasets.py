"""Whole training files that nothing is wrong with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from mocktune.domain.validation import MIN_EXAMPLES
from mocktune.testing.strategies.examples import DatasetFormat, examples

MAX_DIFFERENT = 2
"""Examples of one file that differ; the others repeat them. Files are drawn and shrunk so much faster."""


def datasets(
    format: DatasetFormat = "chat",
    *,
    min_examples: int = MIN_EXAMPLES,
    max_examples: int = 30,
    tools: bool = True,
    images: bool = False,
    weights: bool = True,
    names: bool = True,
    unicode: bool = True,
) -> st.SearchStrategy[bytes]:
    """A valid training file: JSONL in UTF-8, every line closed by ``\\n``.

    Has ``min_examples`` to ``max_examples`` lines; fewer than 10 are too few for a training file, and enough for a
    validation file. What the lines may hold is told of in ``examples``. ``images`` need a model with vision, such as
    gpt-4o-2024-08-06. Raises ``ValueError`` for bounds that leave nothing.
    """
    if not 1 <= min_examples <= max_examples:
        raise ValueError(f"a file has at least 1 example, and at most max_examples: {min_examples}..{max_examples}")
    drawn = rows(
        format,
        min_examples,
        max_examples,
        examples(format, tools=tools, images=images, weights=weights, names=names, unicode=unicode),
    )
    return st.builds(jsonl, drawn, st.booleans() if unicode else st.just(True))


def rows(
    format: DatasetFormat, min_examples: int, max_examples: int, example: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """The examples of a file."""
    few = st.lists(example, min_size=1, max_size=MAX_DIFFERENT)
    many = st.integers(min_examples, max_examples)
    return st.builds(lambda different, count: [different[n % len(different)] for n in range(count)], few, many)


def jsonl(lines: Sequence[Any], escaped: bool = True) -> bytes:
    """The lines as a file. Where ``escaped``, all of it is ASCII."""
    return "".join(json.dumps(each, ensure_ascii=escaped) + "\n" for each in lines).encode()
