"""The format of reinforcement fine-tuning, contract 3.5: ``{"messages": [... , the user's], "any_key": ...}``.

The prompt is all of it: the model's answer is sampled and graded, with the other keys as references (``item`` of the
grader's templates). The words of its defects are those of the chat format (assumed).
"""

from __future__ import annotations

from collections.abc import Iterator

from mocktune.domain import draws
from mocktune.domain.formats.chat import conversation_defects, missing_messages
from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import MESSAGE_KEYS, bad, tools_defects

MAX_GRADED = 64
"""Examples a grader is run on: enough to tell how its scores spread, few enough for any file."""


def defects(example: object, number: int) -> Iterator[Defect]:
    """The defects of example ``number`` (1-based). Keys beside ``messages`` and the tools hold anything."""
    if not isinstance(example, dict):
        yield Defect("not_json", f"Invalid file format. Example {number} is not an object.", number)
        return
    if "messages" not in example:
        yield missing_messages(number)
    yield from tools_defects(example, number)
    if "messages" not in example:
        return
    messages = example["messages"]
    yield from conversation_defects(messages, number)
    last = messages[-1] if isinstance(messages, list) and messages else None
    role = last.get("role") if isinstance(last, dict) else None
    if isinstance(role, str) and role in MESSAGE_KEYS and role != "user":
        yield bad(number, ": the last message must be from the user.")


def graded_examples(examples: int, seed: int, most: int = MAX_GRADED) -> tuple[int, ...]:
    """The numbers (1-based, rising) of the examples that a grader is run on: all of a small file, else one drawn from
    each of ``most`` equal stretches of it."""
    if examples <= most:
        return tuple(range(1, examples + 1))
    borders = [examples * stretch // most for stretch in range(most + 1)]
    return tuple(
        draws.integer(seed, borders[stretch] + 1, borders[stretch + 1], "graded example", stretch)
        for stretch in range(most)
    )
