"""Prompts for the big model: read from a file, and known by a hash, so that none is asked twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mocktune.domain.formats import check_example

MAX_PROMPTS = 100_000
MAX_LINE_BYTES = 4 * 1024 * 1024


class UnreadablePrompts(ValueError):
    """The file is no list of prompts: ``line`` (1-based, None for the whole file) and what is wrong with it."""

    def __init__(self, path: str, line: int | None, problem: str) -> None:
        super().__init__(path, line, problem)
        self.path = path
        self.line = line
        self.problem = problem

    def __str__(self) -> str:
        where = f"{self.path}, line {self.line}" if self.line else self.path
        return f"{where}: {self.problem}."


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation that waits for an answer: messages as the API takes them, and the tools it may call."""

    messages: tuple[dict[str, Any], ...]
    tools: tuple[dict[str, Any], ...] = ()

    def key(self, *how: object) -> str:
        """32 characters that stand for asking this, ``how`` being what else matters, such as the model."""
        asked = msgspec.json.encode([self.messages, self.tools, how], order="sorted")
        return hashlib.sha256(asked).hexdigest()[:32]


def read_prompts(path: Path | str, *, system: str | None = None) -> list[Prompt]:
    """The prompts of a file, each once, in their order.

    A prompt is a line of text. A file whose first line begins with ``{`` has one object a line, with a ``prompt`` (a
    text) or ``messages``; what stands behind the last user or tool message is dropped, so a training file will do.
    Empty lines are skipped. ``system`` goes before those that have no system message. Raises ``OSError``,
    ``UnreadablePrompts``.
    """
    prompts: dict[str, Prompt] = {}
    is_jsonl: bool | None = None
    for number, line in _lines(path):
        is_jsonl = line.startswith("{") if is_jsonl is None else is_jsonl
        prompt = _of_object(line, str(path), number) if is_jsonl else Prompt(({"role": "user", "content": line},))
        if system and not any(each.get("role") in ("system", "developer") for each in prompt.messages):
            prompt = Prompt(({"role": "system", "content": system}, *prompt.messages), prompt.tools)
        answered = {"messages": [*prompt.messages, {"role": "assistant", "content": "."}], "tools": list(prompt.tools)}
        if defect := check_example("chat", answered, number):
            raise UnreadablePrompts(str(path), number, f"nothing that can be trained on: {defect.detail.rstrip('.')}")
        prompts.setdefault(prompt.key(), prompt)
        if len(prompts) > MAX_PROMPTS:
            raise UnreadablePrompts(str(path), number, f"more than {MAX_PROMPTS:,} prompts: split the file")
    if not prompts:
        raise UnreadablePrompts(str(path), None, "there is no prompt in it")
    return list(prompts.values())


def _lines(path: Path | str) -> Iterator[tuple[int, str]]:
    with open(path, "rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise UnreadablePrompts(str(path), number, f"longer than {MAX_LINE_BYTES:,} bytes")
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                raise UnreadablePrompts(str(path), number, "not UTF-8 text") from None
            if line:
                yield number, line


def _of_object(line: str, path: str, number: int) -> Prompt:
    try:
        row = msgspec.json.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise UnreadablePrompts(path, number, "not JSON") from None
    if not isinstance(row, dict):
        raise UnreadablePrompts(path, number, 'not an object: write {"prompt": …} or {"messages": […]}')
    if isinstance(text := row.get("prompt"), str) and text.strip():
        return Prompt(({"role": "user", "content": text},))
    messages, tools = row.get("messages"), row.get("tools") or []
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise UnreadablePrompts(path, number, "neither a 'prompt' nor 'messages'")
    if not isinstance(tools, list) or not all(isinstance(each, dict) for each in tools):
        raise UnreadablePrompts(path, number, "'tools' is no list of objects")
    while messages and messages[-1].get("role") not in ("user", "tool", "function"):
        messages.pop()
    if not any(each.get("role") == "user" for each in messages):
        raise UnreadablePrompts(path, number, "no message of a user")
    # Weight is a word of training files alone.
    asked = tuple({key: value for key, value in each.items() if key != "weight"} for each in messages)
    return Prompt(asked, tuple(tools))
