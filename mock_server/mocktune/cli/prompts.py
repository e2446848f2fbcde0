"""A file of prompts: a line of text each, or JSONL such as a training file, whose answers are what is expected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mocktune.cli.answers import said

MAX_PROMPTS = 10_000
MAX_LINE_BYTES = 4_000_000


class PromptsError(ValueError):
    """What cannot be read, and where."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """``expected`` is the answer the file gives, None where it gives none; ``line`` is 1-based."""

    line: int
    messages: tuple[Mapping[str, Any], ...]
    expected: str | None
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def text(self) -> str:
        """What is asked last, after ``…`` where the conversation began before."""
        before = [each for each in self.messages[:-1] if each.get("role") not in ("system", "developer")]
        return ("… " if before else "") + said(self.messages[-1])


def read_prompts(path: Path, *, system: str | None, limit: int | None) -> list[Prompt]:
    """The first ``limit`` prompts. A file whose first line begins with ``{`` is JSONL. ``system`` goes before those
    that have no system message. Raises ``PromptsError`` and ``OSError``.
    """
    most = MAX_PROMPTS if limit is None else min(limit, MAX_PROMPTS)
    found: list[Prompt] = []
    as_json: bool | None = None
    with path.open("rb") as file:
        for number, line in _lines(file):
            if not line:
                continue
            if as_json is None:
                as_json = line.startswith("{")
            if len(found) == most:
                if limit is None:
                    raise PromptsError(f"{path} has more than {MAX_PROMPTS:,} prompts: take some of them with --limit")
                break
            found.append(_of_object(number, line, system) if as_json else _of_text(number, line, system))
    if not found:
        raise PromptsError(f"{path} has no prompts")
    return found


def _lines(file: IO[bytes]) -> Any:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(raw) > MAX_LINE_BYTES:
            raise PromptsError(f"line {number} is longer than {MAX_LINE_BYTES:,} bytes")
        try:
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise PromptsError(f"line {number} is not UTF-8") from None


def _of_text(number: int, line: str, system: str | None) -> Prompt:
    return Prompt(number, _with_system([{"role": "user", "content": line}], system), None)


def _of_object(number: int, line: str, system: str | None) -> Prompt:
    try:
        example = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PromptsError(f"line {number} is no JSON: {error}") from None
    if not isinstance(example, dict):
        raise PromptsError(f"line {number} is no JSON object")
    expected: Any = None
    asked: dict[str, Any] = example["input"] if isinstance(example.get("input"), dict) else example
    if isinstance(asked.get("messages"), list):
        messages = asked["messages"]
        if not all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in messages):
            raise PromptsError(f"line {number}: each message needs a role")
        # What the model is to say is not part of the question.
        if messages and messages[-1]["role"] == "assistant":
            messages, expected = messages[:-1], messages[-1]
        preferred = example.get("preferred_output")
        if isinstance(preferred, list) and preferred:
            expected = preferred[-1]
    elif isinstance(asked.get("prompt"), str):
        messages = [{"role": "user", "content": asked["prompt"]}]
        told = asked.get("completion", asked.get("expected"))
        expected = {"content": told.strip()} if isinstance(told, str) else None
    else:
        raise PromptsError(f"line {number} has neither messages nor a prompt")
    if not messages:
        raise PromptsError(f"line {number} asks nothing")
    tools = asked.get("tools")
    return Prompt(
        number,
        _with_system([_sendable(message) for message in messages], system),
        said(expected) if isinstance(expected, dict) else None,
        tuple(tools) if isinstance(tools, list) else (),
    )


def _sendable(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """``weight`` is for training only, and refused in a prompt."""
    return {name: value for name, value in message.items() if name != "weight"}


def _with_system(messages: list[Mapping[str, Any]], system: str | None) -> tuple[Mapping[str, Any], ...]:
    if system is not None and not any(message.get("role") in ("system", "developer") for message in messages):
        return ({"role": "system", "content": system}, *messages)
    return tuple(messages)
