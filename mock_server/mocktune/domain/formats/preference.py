"""The preference format of direct preference optimization (DPO), contract 3.4:
``{"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}``.

Its guide allows text only and exactly one assistant message in each output. One text is recorded, that of the missing
``input``; the others follow it and the chat format (assumed).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mocktune.domain.formats.chat import conversation_defects, missing_messages
from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import at, bad, extra_key, images_of, json_type, message_faults, tools_defects

OUTPUTS = ("preferred_output", "non_preferred_output")
KEYS = ("input", *OUTPUTS)
INPUT_KEYS = frozenset({"messages", "tools", "parallel_tool_calls"})


def defects(example: object, number: int) -> Iterator[Defect]:
    """The defects of example ``number`` (1-based): its keys, the input, the preferred output, the other one."""
    if not isinstance(example, dict):
        yield Defect("not_json", f"Invalid file format. Example {number} is not an object.", number)
        return
    for key in KEYS:
        if key not in example:
            # OBS for 'input', with its full stop; chat's row 7 has none.
            said = f"Invalid file format. Example {number} is missing key '{key}'."
            yield Defect("missing_messages", said, number)
    for key in example:
        if key not in KEYS:
            yield extra_key(number, key)
    if "input" in example:
        yield from _input_defects(example["input"], number)
    for key in OUTPUTS:
        if key in example:
            yield from _output_defects(example[key], key, number)


def _input_defects(asked: object, number: int) -> Iterator[Defect]:
    if not isinstance(asked, dict):
        yield bad(number, f" 'input' must be an object, not {json_type(asked)}.")
        return
    if "messages" not in asked:
        yield missing_messages(number)
    for key in asked:
        if key not in INPUT_KEYS:
            yield extra_key(number, key, ", input")
    yield from tools_defects(asked, number)
    if "messages" not in asked:
        return
    good = True
    for defect in conversation_defects(asked["messages"], number):
        good = False
        yield defect
    if good and images_of(asked["messages"]):
        yield bad(number, " must be text only, but has images.")


def _output_defects(output: Any, key: str, number: int) -> Iterator[Defect]:
    if not isinstance(output, list):
        yield bad(number, f" '{key}' must be a list, not {json_type(output)}.")
        return
    if len(output) != 1:
        yield bad(number, f" '{key}' must have exactly one message, not {len(output)}.")
        return
    message = output[0]
    if not isinstance(message, dict):
        yield bad(number, f", {key} is not an object.")
        return
    good = True
    for fault in message_faults(message):
        good = False
        yield at(number, key, fault)
    if good and message["role"] != "assistant":
        yield bad(number, f", {key} must be from the assistant (role '{message['role']}').")
