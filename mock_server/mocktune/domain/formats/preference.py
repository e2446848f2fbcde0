"""The preference format of direct preference optimization (DPO), contract 3.4:
``{"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}``.

Its guide allows text only and exactly one assistant message in each output. One text is recorded, that of the missing
``input``; the others follow it and the chat format (assumed).
"""

from __future__ import annotations

from typing import Any

from mocktune.domain.formats.chat import check_conversation, missing_messages
from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import at, bad, check_tools, extra_key, images_of, json_type, message_fault

OUTPUTS = ("preferred_output", "non_preferred_output")
KEYS = ("input", *OUTPUTS)
INPUT_KEYS = frozenset({"messages", "tools", "parallel_tool_calls"})


def check_example(example: object, number: int) -> Defect | None:
    """The first defect of example ``number`` (1-based): its keys, the input, the preferred output, the other one."""
    if not isinstance(example, dict):
        return Defect("not_json", f"Invalid file format. Example {number} is not an object.", number)
    for key in KEYS:
        if key not in example:
            # OBS for 'input', with its full stop; chat's row 7 has none.
            said = f"Invalid file format. Example {number} is missing key '{key}'."
            return Defect("missing_messages", said, number)
    for key in example:
        if key not in KEYS:
            return extra_key(number, key)
    defect = _check_input(example["input"], number)
    for key in OUTPUTS:
        defect = defect or _check_output(example[key], key, number)
    return defect


def _check_input(asked: object, number: int) -> Defect | None:
    if not isinstance(asked, dict):
        return bad(number, f" 'input' must be an object, not {json_type(asked)}.")
    if "messages" not in asked:
        return missing_messages(number)
    for key in asked:
        if key not in INPUT_KEYS:
            return extra_key(number, key, ", input")
    if defect := check_tools(asked, number) or check_conversation(asked["messages"], number):
        return defect
    return bad(number, " must be text only, but has images.") if images_of(asked["messages"]) else None


def _check_output(output: Any, key: str, number: int) -> Defect | None:
    if not isinstance(output, list):
        return bad(number, f" '{key}' must be a list, not {json_type(output)}.")
    if len(output) != 1:
        return bad(number, f" '{key}' must have exactly one message, not {len(output)}.")
    message = output[0]
    if not isinstance(message, dict):
        return bad(number, f", {key} is not an object.")
    if fault := message_fault(message):
        return at(number, key, fault)
    if message["role"] != "assistant":
        return bad(number, f", {key} must be from the assistant (role '{message['role']}').")
    return None
