"""The supervised chat format: what an example may hold, and what may be wrong with one.

An example is ``{"messages": [...]}`` with optional ``tools``, ``functions`` and ``parallel_tool_calls`` (contract 3.2);
with images in it, it is a vision example (contract 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import (
    MESSAGE_KEYS,
    bad,
    extra_key,
    images_of,
    json_type,
    messages_defects,
    tools_defects,
)

TOP_LEVEL_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})

MAX_IMAGES = 10
"""Of one example (VISDOC); that more of them fail the file is assumed."""


def defects(example: object, number: int) -> Iterator[Defect]:
    """The defects of example ``number`` (1-based), top-level keys first, then message by message."""
    if not isinstance(example, dict):
        yield Defect("not_json", f"Invalid file format. Example {number} is not an object.", number)
        return
    if "messages" not in example:
        yield missing_messages(number)
    # Most examples have this one key, so the others are looked at only where there are others.
    if len(example) > 1 or "messages" not in example:
        for key in example:
            if key not in TOP_LEVEL_KEYS:
                yield extra_key(number, key)
        yield from tools_defects(example, number, ("tools", "functions"))
    if "messages" in example:
        yield from conversation_defects(example["messages"], number)
        yield from _what_is_learned(example["messages"], number)


def is_trained(assistant_message: Mapping[str, object]) -> bool:
    """SEED: every assistant message is learned unless its ``weight`` is 0."""
    return assistant_message.get("weight", 1) != 0


def missing_messages(number: int) -> Defect:
    """Contract 3.7 row 7 [OBS]."""
    return Defect("missing_messages", f"Invalid file format. Example {number} is missing key 'messages'", number)


def conversation_defects(messages: object, number: int) -> Iterator[Defect]:
    """The defects of a list of messages; of its images where the messages themselves have none."""
    if not isinstance(messages, list):
        yield bad(number, f" 'messages' must be a list, not {json_type(messages)}.")
        return
    if not messages:
        yield bad(number, " has no messages.")
        return
    good = True
    for defect in messages_defects(messages, number):
        good = False
        yield defect
    if good and (images := len(images_of(messages))) > MAX_IMAGES:
        yield bad(number, f" has {images} images, but must have at most {MAX_IMAGES}.")


def _what_is_learned(messages: object, number: int) -> Iterator[Defect]:
    """Of a conversation in which it is known who says what."""
    if not isinstance(messages, list) or not messages:
        return
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in MESSAGE_KEYS:
            return
    assistants = [message for message in messages if message["role"] == "assistant"]
    if not assistants:
        yield bad(number, " has no assistant message.")
    elif messages[-1]["role"] != "assistant":
        yield bad(number, ": the last message must be from the assistant.")
    elif not any(map(is_trained, assistants)):
        yield bad(number, " has nothing to learn: every assistant message has weight 0.")
