"""Items of the Responses API: how they are kept, and the conversation they make.

An *item* is one entry of ``input`` or ``output``, as JSON: a message, a ``function_call``, a ``function_call_output``,
a ``reasoning`` (SDK ``ResponseItem``). Calls are items of their own here and part of an assistant message in a
conversation, so those that follow one another join one message: that is how they were trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]
Message = dict[str, Any]

_PREFIXES = {"function_call": "fc_", "function_call_output": "fco_", "reasoning": "rs_"}
"""Assumed for outputs; messages are ``msg_``."""


def item_type(item: Item) -> str:
    """``message`` where nothing is said and a role is, ``item_reference`` where there is only an id (SPEC)."""
    given = item.get("type")
    if isinstance(given, str):
        return given
    return "message" if "role" in item else "item_reference"


def as_kept(item: Item, id: str) -> Item:
    """An item as the API lists it: every field there, plain text as a part. ``id`` (``msg_…``) is for one without."""
    kind = item_type(item)
    prefix = _PREFIXES.get(kind)
    given = item.get("id") or (prefix + id.removeprefix("msg_") if prefix else id)
    status = item.get("status") or "completed"
    match kind:
        case "message":
            parts = _parts_kept(item.get("content"), item["role"])
            return {"id": given, "type": kind, "status": status, "content": parts, "role": item["role"]}
        case "function_call":
            said = {key: item[key] for key in ("arguments", "call_id", "name")}
            return {"id": given, "type": kind, "status": status, **said}
        case "function_call_output":
            output = item.get("output")
            if not isinstance(output, str):
                output = _parts_kept(output, "user")
            return {"id": given, "type": kind, "status": status, "call_id": item.get("call_id"), "output": output}
    return {**item, "id": given, "summary": item.get("summary") or []}


def _parts_kept(content: object, role: str) -> list[Item]:
    kind = "output_text" if role == "assistant" else "input_text"
    if isinstance(content, str):
        content = [{"type": kind, "text": content}]
    kept: list[Item] = []
    for part in content if isinstance(content, list) else ():
        if part["type"] == "output_text":
            kept.append({"type": "output_text", "annotations": [], "logprobs": [], "text": part.get("text") or ""})
        elif part["type"] == "input_image":
            kept.append({**part, "detail": part.get("detail") or "auto"})
        else:
            kept.append(part)
    return kept


def conversation(items: Iterable[Item]) -> list[Message]:
    """The chat messages that kept items stand for, in their order."""
    messages: list[Message] = []
    open_turn: Message | None = None  # the assistant message that calls still join
    for item in items:
        match item["type"]:
            case "message":
                message: Message = {"role": item["role"], "content": _content(item["content"])}
                messages.append(message)
                open_turn = message if item["role"] == "assistant" else None
            case "function_call":
                if open_turn is None:
                    open_turn = {"role": "assistant", "content": None}
                    messages.append(open_turn)
                function = {"name": item["name"], "arguments": item["arguments"]}
                call = {"id": item["call_id"], "type": "function", "function": function}
                open_turn.setdefault("tool_calls", []).append(call)
            case "function_call_output":
                output = item["output"]
                content = output if isinstance(output, str) else _content(output)
                messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": content})
                open_turn = None
    return messages


def _content(parts: Sequence[Item]) -> str | list[Message]:
    if len(parts) == 1 and isinstance(text := parts[0].get("text"), str):
        return text
    return [_part(part) for part in parts]


def _part(part: Item) -> Message:
    match part["type"]:
        case "input_image":
            url = part.get("image_url") or part.get("file_id") or ""
            return {"type": "image_url", "image_url": {"url": url, "detail": part["detail"]}}
        case "input_file":
            return {"type": "file", "file": {key: value for key, value in part.items() if key != "type"}}
        case "refusal":
            return {"type": "refusal", "refusal": part.get("refusal") or ""}
    return {"type": "text", "text": part.get("text") or ""}


def call_without_output(items: Iterable[Item]) -> str | None:
    """The id of the first call that no output answers; None where all are answered."""
    open_calls: dict[str, None] = {}
    for item in items:
        if item["type"] == "function_call":
            open_calls[item["call_id"]] = None
        elif item["type"] == "function_call_output":
            open_calls.pop(str(item["call_id"]), None)
    return next(iter(open_calls), None)


def output_without_call(items: Iterable[Item]) -> str | None:
    """The call id of the first output that answers no call before it."""
    called: set[object] = set()
    for item in items:
        if item["type"] == "function_call":
            called.add(item["call_id"])
        elif item["type"] == "function_call_output" and item["call_id"] not in called:
            return str(item["call_id"])
    return None


def says_json(items: Iterable[Item]) -> bool:
    """Whether the word "json" stands in a message; JSON mode asks for it."""
    for item in items:
        for part in item["content"] if item["type"] == "message" else ():
            if "json" in str(part.get("text", "")).casefold():
                return True
    return False
