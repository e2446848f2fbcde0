"""The supervised chat format: what an example may hold, and the first thing that is wrong with one.

An example is ``{"messages": [...]}`` with optional ``tools``, ``functions`` and ``parallel_tool_calls`` (contract 3.2);
with images in it, it is a vision example (contract 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import bad, check_messages, check_tools, extra_key, images_of, json_type

TOP_LEVEL_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})

MAX_IMAGES = 10
"""Of one example (VISDOC); that more of them fail the file is assumed."""


def check_example(example: object, number: int) -> Defect | None:
    """The first defect of example ``number`` (1-based), top-level keys first, then message by message."""
    if not isinstance(example, dict):
        return Defect("not_json", f"Invalid file format. Example {number} is not an object.", number)
    if "messages" not in example:
        return missing_messages(number)
    # Most examples have this one key, so the others are looked at only where there are others.
    if len(example) > 1:
        for key in example:
            if key not in TOP_LEVEL_KEYS:
                return extra_key(number, key)
        if defect := check_tools(example, number, ("tools", "functions")):
            return defect
    return check_conversation(example["messages"], number) or _check_what_is_learned(example["messages"], number)


def is_trained(assistant_message: Mapping[str, object]) -> bool:
    """SEED: every assistant message is learned unless its ``weight`` is 0."""
    return assistant_message.get("weight", 1) != 0


def missing_messages(number: int) -> Defect:
    """Contract 3.7 row 7 [OBS]."""
    return Defect("missing_messages", f"Invalid file format. Example {number} is missing key 'messages'", number)


def check_conversation(messages: object, number: int) -> Defect | None:
    """The first defect of a list of messages, of its images too."""
    if not isinstance(messages, list):
        return bad(number, f" 'messages' must be a list, not {json_type(messages)}.")
    if not messages:
        return bad(number, " has no messages.")
    if defect := check_messages(messages, number):
        return defect
    if (images := len(images_of(messages))) > MAX_IMAGES:
        return bad(number, f" has {images} images, but must have at most {MAX_IMAGES}.")
    return None


def _check_what_is_learned(messages: list[Any], number: int) -> Defect | None:
    assistants = [message for message in messages if message["role"] == "assistant"]
    if not assistants:
        return bad(number, " has no assistant message.")
    if messages[-1]["role"] != "assistant":
        return bad(number, ": the last message must be from the assistant.")
    if not any(map(is_trained, assistants)):
        return bad(number, " has nothing to learn: every assistant message has weight 0.")
    return None
