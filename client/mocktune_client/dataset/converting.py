"""Tables and other datasets turned into training files: CSV, prompt/completion pairs, preference pairs.

A column is looked for by its usual names, whatever their case, or named by the caller. A row without an answer is bad,
and so is one that the service's rulebook refuses. Bad rows are told, and unless they may be left out, nothing is
written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from mocktune.domain.formats import check_example
from mocktune.domain.formats.messages import json_type
from mocktune_client.dataset.tables import ConvertError, Row, Table
from mocktune_client.writing import replacing

Target: TypeAlias = Literal["chat", "preference"]
Message: TypeAlias = dict[str, Any]

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "system": ("system", "system_prompt"),
    "prompt": ("prompt", "question", "instruction", "user", "query", "input"),
    "completion": ("completion", "answer", "output", "response", "assistant"),
    "preferred": ("preferred", "chosen", "preferred_output"),
    "non_preferred": ("non_preferred", "rejected", "non_preferred_output", "dispreferred"),
}
"""Of the columns for each part, the most usual first."""

NEEDED: Mapping[Target, tuple[str, ...]] = {
    "chat": ("prompt", "completion"),
    "preference": ("prompt", "preferred", "non_preferred"),
}

PROMPT_ENDS = ("\n\n###\n\n", "\n###\n", "###", " ->", "->", " =>", "=>")
COMPLETION_ENDS = ("\nEND", " END", " ###", "###", "\n")
"""What the legacy guide told people to end their texts with; a chat has roles for that."""

LOOKED_AT = 1_000
LOOKED_AT_CHARS = 16 << 20
"""The first rows, from which the ends are told."""

MAX_TOLD = 20
"""Bad rows that are told one by one."""

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class BadRow:
    """``line`` is the line of the file at which the row begins, from 1."""

    line: int
    why: str


class BadRows(ConvertError):
    """Rows without an answer, or that the rulebook refuses: ``count`` of them, of which ``told`` are the first."""

    def __init__(self, count: int, told: tuple[BadRow, ...]) -> None:
        super().__init__(f"{count} bad row(s)")
        self.count = count
        self.told = told


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that make each part; the texts of several are joined by a blank line. A part that is empty is looked
    for by its usual names."""

    system: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ()
    completion: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    non_preferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ends:
    """What every one of the first texts has, and no chat needs: taken off all that have it."""

    prompt: str = ""
    completion: str = ""
    completion_begin: str = ""


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of it. ``columns`` made the parts, ``unused`` are the others; ``bad`` rows were left out, of which
    ``told`` are the first."""

    target: Target
    examples: int
    columns: Columns
    unused: tuple[str, ...]
    ends: Ends
    bad: int
    told: tuple[BadRow, ...]


def convert_dataset(
    path: Path | str,
    out: Path | str,
    *,
    target: Target | None = None,
    columns: Columns | None = None,
    system: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    keep_ends: bool = False,
    skip_bad: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Converted:
    """Write a training file made of the rows of a CSV file (``.csv``, ``.tsv``) or of a JSONL file.

    ``target`` None: preference pairs where there are columns for them, else chat. ``system`` is the system message of
    examples whose row has none. ``delimiter`` None: the one that the first line has most of; ``encoding`` None: UTF-8,
    or what a byte order mark says. Unless ``keep_ends``, prompts lose the separator that all of the first end with,
    completions their stop sequence and the blank they begin with.

    In JSONL a text may also be a list of messages, and a prompt may be missing where both outputs begin with it. The
    file is there once it is whole. ``on_progress`` gets bytes done, and bytes in all. Raises ``ConvertError``,
    ``BadRows`` and ``OSError``.
    """
    with Table(path, delimiter=delimiter, encoding=encoding, on_progress=on_progress) as table:
        plan = _plan(table, target, columns or Columns(), system)
        rows = iter(table)
        first = list(_first(rows))
        if plan.target == "chat" and not keep_ends:
            plan = replace(plan, ends=_ends(plan, first))
        bad: list[BadRow] = []
        examples = refused = 0
        with replacing(out) as file:
            for row in chain(first, rows):
                try:
                    example = _example(plan, row)
                except _Refused as refusal:
                    refused += 1
                    if len(bad) < MAX_TOLD:
                        bad.append(BadRow(row.line, str(refusal)))
                    continue
                examples += 1
                file.write(_ENCODER.encode(example) + b"\n")
            if refused and not skip_bad:
                raise BadRows(refused, tuple(bad))
            if not examples:
                raise ConvertError("there is no row that makes an example")
    used = {name for part in fields(Columns) for name in getattr(plan.columns, part.name)}
    unused = tuple(name for name in table.names if name and name not in used)
    return Converted(plan.target, examples, plan.columns, unused, plan.ends, refused, tuple(bad))


def target_of(path: Path | str, columns: Columns) -> Target:
    """What a file's columns make where nobody says. Raises ``ConvertError`` and ``OSError``."""
    with Table(path) as table:
        return _plan(table, None, columns, None).target


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    room = LOOKED_AT_CHARS
    for row in islice(rows, LOOKED_AT):
        yield row
        room -= sum(len(value) for value in row.values.values() if isinstance(value, str))
        if room < 0:
            return


# -- which columns -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    target: Target
    columns: Columns
    system: str | None
    ends: Ends = Ends()


def _plan(table: Table, target: Target | None, asked: Columns, system: str | None) -> _Plan:
    if not table.names:
        raise ConvertError("the file is empty, or its first line says nothing")
    _refuse_what_is_converted(table.first)
    for each in fields(Columns):
        for name in getattr(asked, each.name):
            if name not in table.names:
                raise ConvertError(f"there is no column '{name}'; {_told(table)}")
    columns = Columns(*(getattr(asked, part.name) or _usual(part.name, table.names) for part in fields(Columns)))
    if target is None:
        target = "preference" if columns.preferred and columns.non_preferred else "chat"
    for part in NEEDED[target]:
        if not getattr(columns, part) and not (part == "prompt" and target == "preference" and table.is_jsonl):
            raise ConvertError(f"no column is called {_or(USUAL_NAMES[part])}; {_told(table)}. Say which is the {part}")
    unneeded = {part.name: () for part in fields(Columns) if part.name not in (*NEEDED[target], "system")}
    return _Plan(target, replace(columns, **unneeded), system)


def _refuse_what_is_converted(first: Mapping[str, Any]) -> None:
    if isinstance(first.get("messages"), list):
        raise ConvertError("the file is in the chat format already: mocktune check says what is wrong with it")
    if isinstance(first.get("input"), dict) and "preferred_output" in first:
        raise ConvertError("the file has preference pairs already: mocktune check says what is wrong with them")


def _usual(part: str, names: Sequence[str]) -> tuple[str, ...]:
    by_name = {name.strip().lower().replace(" ", "_").replace("-", "_"): name for name in names}
    found = [by_name[usual] for usual in USUAL_NAMES[part] if usual in by_name]
    if part == "prompt" and {"instruction", "input"} <= by_name.keys():
        return (by_name["instruction"], by_name["input"])  # an instruction, and what it is about
    return tuple(found[:1])


def _told(table: Table) -> str:
    what = "the keys of the first line" if table.is_jsonl else "the columns"
    shown = [name if len(name) <= 40 else f"{name[:40]}…" for name in table.names if name]
    return f"{what} are {', '.join(shown[:20])}{', …' if len(shown) > 20 else ''}"


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


# -- one row -----------------------------------------------------------------------------------------------------------


class _Refused(Exception):
    """Says why a row makes no example."""


def _example(plan: _Plan, row: Row) -> dict[str, Any]:
    if row.fault is not None:
        raise _Refused(row.fault)
    make = _chat if plan.target == "chat" else _preference
    example = make(plan, row.values)
    defect = check_example(plan.target, example, row.line)
    if defect is not None:
        raise _Refused(defect.detail.removeprefix(f"Invalid file format. Example {row.line}").lstrip(" ,:"))
    return example


def _chat(plan: _Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    prompt = _part(plan, values, "prompt")
    answer = _part(plan, values, "completion")
    if isinstance(prompt, str):
        prompt = prompt.removesuffix(plan.ends.prompt)
    if isinstance(answer, str):
        answer = answer.removeprefix(plan.ends.completion_begin).removesuffix(plan.ends.completion)
        if not answer.strip():
            raise _Refused("its completion is nothing but the stop sequence")
    return {"messages": [*_asked(plan, values, _messages(prompt, "user")), *_messages(answer, "assistant")]}


def _preference(plan: _Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    preferred = _messages(_part(plan, values, "preferred"), "assistant")
    other = _messages(_part(plan, values, "non_preferred"), "assistant")
    asked = preferred[:-1]
    if asked != other[:-1]:
        raise _Refused("the two outputs do not begin with the same messages")
    if not asked:
        if not plan.columns.prompt:
            raise _Refused("it has no prompt")
        asked = _messages(_part(plan, values, "prompt"), "user")
    return {
        "input": {"messages": _asked(plan, values, asked)},
        "preferred_output": preferred[-1:],
        "non_preferred_output": other[-1:],
    }


def _asked(plan: _Plan, values: Mapping[str, Any], messages: list[Message]) -> list[Message]:
    """With the system message of the row, or of all rows, before those that have none."""
    if isinstance(messages[0], dict) and messages[0].get("role") in ("system", "developer"):
        return messages
    texts = [_text(name, values) for name in plan.columns.system]
    system = "\n\n".join(text for text in texts if text.strip()) or plan.system
    return [{"role": "system", "content": system}, *messages] if system else messages


def _part(plan: _Plan, values: Mapping[str, Any], part: str) -> str | list[Any]:
    """A text that is not blank, or a list of messages that is not empty."""
    names: tuple[str, ...] = getattr(plan.columns, part)
    if len(names) == 1 and isinstance(found := values.get(names[0]), list) and found:
        return found
    text = "\n\n".join(text for text in (_text(name, values) for name in names) if text.strip())
    if not text:
        raise _Refused(f"its {' and '.join(names)} {'is' if len(names) == 1 else 'are'} empty")
    return text


def _text(name: str, values: Mapping[str, Any]) -> str:
    match values.get(name):
        case str(text):
            return text
        case None:
            return ""
        case bool() as value:
            return "true" if value else "false"
        case int() | float() as value:
            return str(value)
        case value:
            raise _Refused(f"its {name} is {json_type(value)}, and no text")


def _messages(part: str | list[Any], role: str) -> list[Message]:
    return [{"role": role, "content": part}] if isinstance(part, str) else part


# -- ends --------------------------------------------------------------------------------------------------------------


def _ends(plan: _Plan, rows: Sequence[Row]) -> Ends:
    prompts = _texts(rows, plan.columns.prompt[-1:])
    completions = _texts(rows, plan.columns.completion)
    return Ends(
        prompt=_common(PROMPT_ENDS, prompts, str.endswith),
        completion=_common(COMPLETION_ENDS, completions, str.endswith),
        completion_begin=_common((" ",), completions, str.startswith),
    )


def _texts(rows: Iterable[Row], names: Sequence[str]) -> list[str]:
    values = (row.values.get(name) for row in rows for name in names)
    return [text for text in values if isinstance(text, str) and text.strip()]


def _common(affixes: Iterable[str], texts: Sequence[str], has: Callable[[str, str], bool]) -> str:
    """The first of ``affixes`` that all texts have; of a single text nobody can say."""
    return next((each for each in affixes if len(texts) > 1 and all(has(text, each) for text in texts)), "")
