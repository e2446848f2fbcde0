"""Training files with one thing wrong, and what the service says of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from mocktune.domain.formats.defects import KINDS
from mocktune.domain.validation import MIN_EXAMPLES
from mocktune.testing.strategies.datasets import jsonl, rows
from mocktune.testing.strategies.examples import DatasetFormat, Json, examples


@dataclass(frozen=True, slots=True)
class BrokenDataset:
    """A file and its one defect.

    ``defect`` is a name of ``defects`` in ``GET /_mocktune/capabilities``, ``line`` where it is (1-based; None: the
    file as a whole), ``code`` the ``error.code`` of a job that has this for its training file. A file whose ``defect``
    is ``not_json`` ends in ``error`` itself, and its ``status_details`` name the line.
    """

    data: bytes
    defect: str
    line: int | None
    code: str
    format: DatasetFormat


def broken_datasets(
    format: DatasetFormat = "chat",
    *,
    defects: frozenset[str] | set[str] | None = None,
    min_examples: int = MIN_EXAMPLES,
    max_examples: int = 20,
    tools: bool = True,
    weights: bool = True,
    names: bool = True,
    unicode: bool = True,
) -> st.SearchStrategy[BrokenDataset]:
    """A valid file with exactly one defect put into it, never in the first line, which tells the format.

    ``defects`` leaves only those of these names. The other options are those of ``datasets``. Raises ``ValueError``
    where nothing is left.
    """
    possible = [each for each in _ways(format) if defects is None or each[0] in defects]
    if not possible:
        raise ValueError(f"a {format} file has no such defect: {sorted(defects or ())}; it has {names_of(format)}")
    if not 2 <= min_examples <= max_examples:
        raise ValueError(f"a broken file has 2 lines or more: {min_examples}..{max_examples}")
    example = examples(format, tools=tools, weights=weights, names=names, unicode=unicode)
    whole = rows(format, min_examples, max_examples, example)

    def broken(way: Way, lines: list[Json], place: int, escaped: bool) -> BrokenDataset:
        defect, inject = way
        code = KINDS[defect].code
        if inject is None:
            few = lines[: 1 + place % (MIN_EXAMPLES - 1)]
            return BrokenDataset(jsonl(few, escaped), defect, None, code, format)
        place = 1 + place % (len(lines) - 1)
        written = [json.dumps(each, ensure_ascii=escaped) for each in lines]
        spoiled = inject(copy.deepcopy(lines[place]))
        written[place] = spoiled if isinstance(spoiled, str) else json.dumps(spoiled, ensure_ascii=escaped)
        return BrokenDataset("".join(f"{each}\n" for each in written).encode(), defect, place + 1, code, format)

    return st.builds(broken, st.sampled_from(possible), whole, st.integers(0, max_examples), st.booleans())


Inject = Callable[[Json], object]
"""Spoils one example; a text it gives stands as the line itself."""

Way = tuple[str, Inject | None]
"""A defect, and how it is made; None: by leaving too few lines."""


def names_of(format: DatasetFormat) -> list[str]:
    """The defects that a file of this format can be given."""
    return sorted({defect for defect, _ in _ways(format)})


def in_lines(format: DatasetFormat) -> list[tuple[str, Inject]]:
    """The defects of a single example, which is still an object of JSON."""
    return _DEFECTS[format]


def _ways(format: DatasetFormat) -> list[Way]:
    return [*_DEFECTS[format], *(("not_json", spoil) for spoil in _NO_JSON), ("too_few_examples", None)]


def _changed(**changes: Any) -> Inject:
    return lambda example: {**example, **changes}


def _without(key: str) -> Inject:
    return lambda example: {name: value for name, value in example.items() if name != key}


def _messages_of(example: Json) -> list[Any]:
    messages: list[Any] = (example["input"] if "preferred_output" in example else example)["messages"]
    return messages


def _in_message(change: Callable[[Json], object]) -> Inject:
    """Change the first message, which a valid example has, and which nothing before it can spoil."""

    def inject(example: Json) -> object:
        messages = _messages_of(example)
        messages[0] = change(messages[0])
        return example

    return inject


def _as_message(**message: Any) -> Inject:
    return _in_message(lambda was: message)


def _last_by(role: str) -> Inject:
    def inject(example: Json) -> object:
        _messages_of(example).append({"role": role, "content": "and then"})
        return example

    return inject


_NO_JSON: tuple[Inject, ...] = (
    lambda example: json.dumps(example)[:-1],
    lambda example: json.dumps(example).replace(":", "", 1),
    lambda example: "ahoy",
    lambda example: json.dumps(example) + ",",
)

_IN_MESSAGES: list[tuple[str, Inject]] = [
    ("missing_role", _in_message(_without("role"))),
    ("bad_message", _in_message(_changed(role="sailor"))),
    ("bad_message", _in_message(_changed(mood="calm"))),
    ("bad_message", _in_message(_changed(name=7))),
    ("bad_message", _in_message(lambda message: "ahoy")),
    ("bad_message", _as_message(role="user", content=7)),
    ("bad_message", _as_message(role="user")),
    ("bad_message", _as_message(role="assistant", content="a", weight=True)),
    ("bad_message", _as_message(role="assistant", tool_calls=[])),
    ("bad_message", _as_message(role="tool", tool_call_id="c9", content="")),
    ("bad_message", _as_message(role="user", content=[])),
    ("special_token", _as_message(role="system", content="<|endoftext|>")),
]
_DEFECTS: dict[DatasetFormat, list[tuple[str, Inject]]] = {
    "chat": [
        *_IN_MESSAGES,
        ("missing_messages", _without("messages")),
        ("extra_key", _changed(weight=1)),
        ("bad_message", _changed(tools={})),
        ("bad_message", _changed(messages=[])),
        ("bad_message", _changed(messages="ahoy")),
        ("bad_message", _last_by("user")),
        ("bad_message", _as_message(role="assistant", content=[{"type": "image_url"}])),
    ],
    "preference": [
        *_IN_MESSAGES,
        ("missing_messages", _without("input")),
        ("missing_messages", _without("preferred_output")),
        ("missing_messages", _without("non_preferred_output")),
        ("extra_key", _changed(weight=1)),
        ("bad_message", _changed(input=[])),
        ("bad_message", _changed(preferred_output=[])),
        ("bad_message", _changed(non_preferred_output=[{"role": "user", "content": "a"}])),
        ("missing_role", _changed(non_preferred_output=[{"content": "a"}])),
        ("special_token", _changed(non_preferred_output=[{"role": "assistant", "content": "<|im_end|>"}])),
    ],
    "reinforcement": [
        *_IN_MESSAGES,
        ("missing_messages", _without("messages")),
        ("bad_message", _changed(tools={})),
        ("bad_message", _changed(messages=[])),
        ("bad_message", _last_by("assistant")),
    ],
    "completion": [
        ("missing_messages", _without("prompt")),
        ("missing_messages", _without("completion")),
        ("extra_key", _changed(weight=1)),
        ("bad_message", _changed(prompt=7)),
        ("bad_message", _changed(completion="")),
        ("special_token", _changed(completion="<|endoftext|>")),
    ],
}
