"""The text that a finding is about: one line of at most 120 characters, safe to print."""

from __future__ import annotations

import json
import re
from typing import Any

from mocktune.domain.formats.messages import special_token_in

MAX_CHARS = 120

_PLACE = re.compile(r"\(char (\d+)\)")
_MESSAGE = re.compile(r", message (\d+) ")
_OUTPUT = re.compile(r", (preferred_output|non_preferred_output) ")
_ENTRY = re.compile(r": entry (\d+) of '(\w+)'")
_KEY = re.compile(r" contains an extra \"(.*)\"\.$")
_NAMED = re.compile(r"'(\w+)'")


def of_fault(line: bytes, fault: str) -> str:
    """Around the place at which a line stops being JSON."""
    found = _PLACE.search(fault)
    # Up to four bytes a character: what lies far behind the place is not decoded.
    place = int(found[1]) if found else 0
    return around(line[: 4 * (place + MAX_CHARS)].decode("utf-8", "replace"), place)


def of_defect(example: object, said: str) -> str:
    """The part of an example that a sentence of the rulebook is about."""
    if not isinstance(example, dict):
        return around(_json(example))
    if "invalid token" in said:
        text = _json(example)
        token = special_token_in(text)
        return around(text, text.find(token) if token else 0)
    part, key = _part_of(example, said)
    text = _json(part)
    named = _KEY.search(said) or _NAMED.search(said)
    key = named[1] if named else key
    return around(text, max(0, text.find(json.dumps(key, ensure_ascii=False)))) if key else around(text)


def around(text: str, place: int = 0) -> str:
    """At most 120 characters of ``text``, ``place`` among them, with what cannot be printed written as an escape."""
    room = MAX_CHARS if len(text) <= MAX_CHARS else MAX_CHARS - 2
    start = max(0, min(place - room // 3, len(text) - room))
    window = text[start : start + room]
    shown = window
    if not window.isprintable():
        shown = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in window)
    before, after = "…" if start else "", "…" if start + room < len(text) else ""
    if len(before + shown + after) > MAX_CHARS:  # escapes are longer than what they stand for
        shown, after = shown[: MAX_CHARS - len(before) - 1], "…"
    return f"{before}{shown}{after}"


def _part_of(example: dict[str, Any], said: str) -> tuple[object, str | None]:
    """The narrowest part, and a key to look for in it."""
    try:
        if found := _OUTPUT.search(said):
            return example[found[1]], None
        holder = example["input"] if isinstance(example.get("input"), dict) else example
        if found := _MESSAGE.search(said):
            return holder["messages"][int(found[1]) - 1], None
        if found := _ENTRY.search(said):
            return holder[found[2]][int(found[1]) - 1], None
    except (KeyError, IndexError, TypeError):
        pass
    if "last message" in said or "assistant message" in said:
        messages = example.get("messages")
        if isinstance(messages, list) and messages:
            return messages[-1], None
    return example, None


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:  # what can just be read can sometimes not be written
        return "…"
