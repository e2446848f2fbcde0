"""The rules for one message of a conversation, shared by every format that has messages.

The real validator speaks of a *discriminator*; the words of row 6 and row 8 of contract 3.7 are recorded, those of the
other faults are modelled on them (``bad_message`` in ``KINDS``, assumed).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from mocktune.domain.formats.defects import Defect

_COMMON_KEYS = frozenset({"role", "content", "name"})
MESSAGE_KEYS: dict[str, frozenset[str]] = {
    "system": _COMMON_KEYS,
    "user": _COMMON_KEYS,
    # SPEC FineTuneChatCompletionRequestAssistantMessage: an assistant message of Chat Completions plus weight.
    "assistant": _COMMON_KEYS | {"weight", "tool_calls", "function_call", "refusal", "audio"},
    "tool": _COMMON_KEYS | {"tool_call_id"},
    "function": _COMMON_KEYS,
    "developer": _COMMON_KEYS,
}
"""The roles, and the keys that a message of each may have."""

# OBS LLMCOMP #59 names fim_suffix; the others are the control tokens of the same encodings and of the chat markup.
SPECIAL_TOKEN = re.compile(r"<\|(?:endoftext|fim_prefix|fim_middle|fim_suffix|endofprompt|im_start|im_end|im_sep)\|>")

IMAGE_DETAILS = ("auto", "low", "high")
_IMAGE_URL = re.compile(r"https?://|data:[^,]{0,200};base64,", re.IGNORECASE)

Fault = tuple[str, str]
"""The kind of a defect and what is said of the message; for a special token, the token itself."""

_NO_IDS: frozenset[str] = frozenset()
_ABSENT = object()


def messages_defects(messages: Iterable[Any], number: int) -> Iterator[Defect]:
    """The defects of the messages of example ``number``, in their order (1-based)."""
    awaited: Collection[str] = _NO_IDS  # ids of the tool calls that a tool message may answer at this place
    for index, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            yield bad(number, f", message {index} is not an object.")
            continue
        role = message.get("role")
        content = message.get("content")
        plain = len(message) == 2 and type(content) is str and "<|" not in content
        # Files are made of {"role", "content"} messages with plain text: these are settled without a call.
        if not (plain and (role == "user" or role == "assistant" or role == "system")):
            for fault in message_faults(message, awaited):
                yield at(number, f"message {index}", fault)
        if role == "assistant":
            awaited = _called_ids(message) if "tool_calls" in message else _NO_IDS
        elif role != "tool":
            awaited = _NO_IDS


def _called_ids(message: dict[Any, Any]) -> Collection[str]:
    """The ids of the calls of a message, whose calls may have faults."""
    calls = message["tool_calls"]
    ids = [call.get("id") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    return {id for id in ids if isinstance(id, str)}


def tools_defects(holder: dict[Any, Any], number: int, keys: Iterable[str] = ("tools",)) -> Iterator[Defect]:
    """The defects of ``parallel_tool_calls`` and of the lists of tool (or function) definitions at ``keys``."""
    parallel = holder.get("parallel_tool_calls", True)
    if not isinstance(parallel, bool):
        yield bad(number, f" 'parallel_tool_calls' must be a boolean, not {json_type(parallel)}.")
    for key in keys:
        definitions = holder.get(key, ())
        if not isinstance(definitions, list | tuple):
            yield bad(number, f" '{key}' must be a list, not {json_type(definitions)}.")
            continue
        for index, definition in enumerate(definitions, 1):
            if not _is_definition(definition, wrapped=key == "tools"):
                shape = 'a {"type": "function", "function": {"name": ...}}' if key == "tools" else 'a {"name": ...}'
                yield bad(number, f": entry {index} of '{key}' is not {shape} object.")


def images_of(messages: Iterable[Any]) -> list[str]:
    """The URLs of the image parts of messages without defects."""
    return [
        part["image_url"]["url"]
        for message in messages
        if isinstance(content := message.get("content"), list)
        for part in content
        if part["type"] == "image_url"
    ]


def message_faults(message: dict[Any, Any], awaited: Collection[str] = _NO_IDS) -> Iterator[Fault]:
    """What is wrong with one message; ``awaited`` are the ids that a tool message may answer."""
    role = message.get("role", _ABSENT)
    if role is _ABSENT:
        yield "missing_role", "Discriminator 'role' is missing in value"
        return
    keys = MESSAGE_KEYS.get(role) if isinstance(role, str) else None
    if keys is None:
        allowed = ", ".join(f"'{known}'" for known in MESSAGE_KEYS)
        value = f"'{cut(role)}'" if isinstance(role, str) else json_type(role)
        yield "bad_message", f"No match for discriminator 'role' and value {value} (allowed values: {allowed})"
        return
    for key in message:
        if key not in keys:
            if key == "weight":
                yield "bad_message", f"has a 'weight', which only assistant messages may have (role '{role}')."
            else:
                yield "bad_message", f'contains an extra "{cut(key)}".'
    if "name" in message and not isinstance(message["name"], str):
        yield "bad_message", f"'name' must be a string, not {json_type(message['name'])}."
    if role == "assistant":
        yield from _assistant_faults(message)
    elif role == "tool":
        yield from _tool_faults(message, awaited)
    elif role == "function" and "name" not in message:
        yield "bad_message", "is missing key 'name'"
    yield from _content_faults(message, role)


def at(number: int, place: str, fault: Fault) -> Defect:
    """The defect of example ``number`` that ``fault`` is, at a place such as ``message 2``."""
    kind, said = fault
    if kind == "special_token":  # recorded without the number of the message
        return Defect(kind, f"Invalid file format. Example {number} message contains an invalid token: {said}.", number)
    return Defect(kind, f"Invalid file format. Example {number}, {place} {said}", number)


def bad(number: int, said: str) -> Defect:
    """A defect of the whole example that no recording shows."""
    return Defect("bad_message", f"Invalid file format. Example {number}{said}", number)


def extra_key(number: int, key: object, where: str = "") -> Defect:
    """Contract 3.7 row 5 [OBS]: of several extra keys the first is named."""
    return Defect("extra_key", f'Invalid file format. Example {number}{where} contains an extra "{cut(key)}".', number)


def special_token_in(text: str) -> str | None:
    """The first control token written out in ``text``; None where there is none."""
    found = SPECIAL_TOKEN.search(text) if "<|" in text else None
    return None if found is None else found[0]


def json_type(value: object) -> str:
    """What JSON calls ``value``, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def cut(text: object) -> str:
    """A key or value of the file as an error message shows it: at most 80 characters, however long it is."""
    shown = str(text)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"


def _is_definition(definition: object, *, wrapped: bool) -> bool:
    if wrapped:
        if not isinstance(definition, dict) or definition.get("type") != "function":
            return False
        definition = definition.get("function")
    return (
        isinstance(definition, dict)
        and isinstance(definition.get("name"), str)
        and isinstance(definition.get("description", ""), str)
        and isinstance(definition.get("parameters", {}), dict)
    )


def _assistant_faults(message: dict[Any, Any]) -> Iterator[Fault]:
    weight = message.get("weight", 1)
    if type(weight) is not int or weight not in (0, 1):  # a JSON true is an int to Python, and 1.0 equals 1
        yield "bad_message", "'weight' must be 0 or 1."
    if "refusal" in message and not isinstance(message["refusal"], str | None):
        yield "bad_message", f"'refusal' must be a string, not {json_type(message['refusal'])}."
    if "function_call" in message:
        yield from _call_faults(message["function_call"], "'function_call'")
    if "tool_calls" not in message:
        return
    calls = message["tool_calls"]
    if not isinstance(calls, list):
        yield "bad_message", f"'tool_calls' must be a list, not {json_type(calls)}."
        return
    if not calls:
        yield "bad_message", "'tool_calls' is empty."
    for index, call in enumerate(calls, 1):
        if not isinstance(call, dict):
            yield "bad_message", f"tool call {index} is not an object."
            continue
        if not isinstance(call.get("id"), str):
            yield "bad_message", f"tool call {index} has no string 'id'."
        if call.get("type") != "function":
            yield "bad_message", f"tool call {index} must have type 'function'."
        yield from _call_faults(call.get("function"), f"tool call {index}: 'function'")


def _call_faults(call: object, what: str) -> Iterator[Fault]:
    if not isinstance(call, dict):
        yield "bad_message", f"{what} must be an object, not {json_type(call)}."
        return
    for key in ("name", "arguments"):
        if not isinstance(call.get(key), str):
            yield "bad_message", f"{what} has no string '{key}'."
    if isinstance(call.get("arguments"), str):
        yield from _text_faults(call["arguments"])


def _tool_faults(message: dict[Any, Any], awaited: Collection[str]) -> Iterator[Fault]:
    if "tool_call_id" not in message:
        yield "bad_message", "is missing key 'tool_call_id'"
        return
    call_id = message["tool_call_id"]
    if not isinstance(call_id, str):
        yield "bad_message", f"'tool_call_id' must be a string, not {json_type(call_id)}."
    elif call_id not in awaited:
        yield "bad_message", f"follows no assistant message with the tool call '{cut(call_id)}'."


def _content_faults(message: dict[Any, Any], role: str) -> Iterator[Fault]:
    content = message.get("content")
    if content is None:
        # OBS: the cookbook's function-calling lines have no content key and train.
        if role == "assistant" and any(message.get(key) for key in ("tool_calls", "function_call", "refusal")):
            return
        said = "'content' must be a string, not null." if "content" in message else "is missing key 'content'"
        yield "bad_message", said
    elif isinstance(content, str):
        yield from _text_faults(content)
    elif not isinstance(content, list):
        yield "bad_message", f"'content' must be a string or a list of parts, not {json_type(content)}."
    elif not content:
        yield "bad_message", "'content' is an empty list."
    else:
        for index, part in enumerate(content, 1):
            yield from _part_faults(part, index, role)


def _part_faults(part: object, index: int, role: str) -> Iterator[Fault]:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(part, dict) and kind == "text":
        text = part.get("text")
        if isinstance(text, str):
            yield from _text_faults(text)
        else:
            yield "bad_message", f"part {index} has no string 'text'."
    elif isinstance(part, dict) and kind == "image_url":
        if role != "user":
            yield "bad_message", f"part {index}: only user messages may have images (role '{role}')."
        image = part.get("image_url")
        if not isinstance(image, dict) or not isinstance(url := image.get("url"), str):
            yield "bad_message", f"part {index} has no string 'image_url.url'."
            return
        if not _IMAGE_URL.match(url):
            yield "bad_message", f"part {index}: 'image_url.url' must be an http(s) URL or a base64 data URL."
        if image.get("detail", "auto") not in IMAGE_DETAILS:
            yield "bad_message", f"part {index}: 'image_url.detail' must be 'auto', 'low' or 'high'."
    else:
        yield "bad_message", f"part {index} must be an object of type 'text' or 'image_url'."


def _text_faults(text: str) -> Iterator[Fault]:
    token = special_token_in(text)
    if token is not None:
        yield "special_token", token
