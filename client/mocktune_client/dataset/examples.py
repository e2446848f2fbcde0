"""What one example says beside its tokens: what it asks, what it teaches, and whether it teaches anything.

All functions take an example without defects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from mocktune.domain.billing import ExampleTexts
from mocktune.domain.formats.chat import is_trained
from mocktune.domain.formats.images import Skipped, skipped
from mocktune.domain.formats.messages import images_of
from mocktune.domain.report import FileFormat

SYSTEM_ROLES = frozenset({"system", "developer"})
_PLAIN_ROLES = frozenset({"system", "user", "assistant"})
_SORTED = msgspec.json.Encoder(order="sorted")

_SKIPPED: dict[Skipped, str] = {
    "too_large": "it has more than 10 MB",
    "unreadable": "it cannot be read",
    "wrong_format": "it is no JPEG, PNG or WEBP",
    "wrong_mode": "it is neither RGB nor RGBA",
}


def messages_of(example: Mapping[str, Any], format: FileFormat) -> Sequence[Mapping[str, Any]]:
    """The conversation; that of a preference is what was asked."""
    asked = example["input"] if format == "preference" else example
    messages: Sequence[Mapping[str, Any]] = asked["messages"]
    return messages


def system_prompt(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The text of the first message, if it is the system's or developer's."""
    if messages[0]["role"] not in SYSTEM_ROLES:
        return None
    content = messages[0]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def hashes(example: Mapping[str, Any], format: FileFormat) -> tuple[int, int]:
    """What two examples with one prompt have in common, 0 for no prompt, and what equal examples do.

    Two preferences "with one prompt" are of the same two outputs: if they differ, then in which one is preferred.
    """
    if format == "chat":
        return _of_chat(example)
    if format == "preference":
        asked = _SORTED.encode(example["input"])
        outputs = [_SORTED.encode(example[key]) for key in ("preferred_output", "non_preferred_output")]
        return hash((asked, *sorted(outputs))), hash((asked, *outputs))
    if format == "reinforcement":
        return hash(_SORTED.encode(example["messages"])), hash(_SORTED.encode(example))
    prompt = hash(example["prompt"]) if example["prompt"].strip() else 0
    return prompt, hash((example["prompt"], example["completion"]))


def plain_hashes(roles: tuple[str, ...], contents: Sequence[str]) -> tuple[int, int]:
    """Of a chat of nothing but roles and texts, with the answer at its end."""
    prompt = hash((roles, *contents[:-1])) if len(contents) > 1 else 0
    return prompt, hash((prompt, contents[-1]))


def _of_chat(example: Mapping[str, Any]) -> tuple[int, int]:
    messages = example["messages"]
    if len(example) == 1 and all(_is_plain(message) for message in messages):
        # Such examples are mostly read by another way, and have to be known again when they are not.
        return plain_hashes(
            tuple(message["role"] for message in messages), [message["content"] for message in messages]
        )
    whole = hash(_SORTED.encode(example))
    if len(messages) == 1 or not is_trained(messages[-1]):
        return 0, whole
    return hash(_SORTED.encode({**example, "messages": messages[:-1]})), whole


def _is_plain(message: Mapping[str, Any]) -> bool:
    return len(message) == 2 and message["role"] in _PLAIN_ROLES and isinstance(message.get("content"), str)


def has_one_answer(example: Mapping[str, Any], format: FileFormat) -> bool:
    """Whether all that is learned stands at the end."""
    if format == "prompt_completion":
        return True
    return format == "chat" and sum(map(_is_learned, example["messages"])) == 1 and _is_learned(example["messages"][-1])


def _is_learned(message: Mapping[str, Any]) -> bool:
    return message["role"] == "assistant" and is_trained(message)


def warnings(example: Mapping[str, Any], format: FileFormat, texts: ExampleTexts) -> Iterator[tuple[str, str]]:
    """Rules and sentences of what the service takes, and nobody wants."""
    if format == "preference":
        if example["preferred_output"] == example["non_preferred_output"]:
            yield "same_outputs", "Both outputs are the same: there is nothing to prefer."
    elif format != "reinforcement" and not any(text.strip() for text in texts.learned):
        yield "nothing_to_learn", "The answer is empty."
    if texts.skipped_images:
        for number, url in enumerate(images_of(messages_of(example, format)), 1):
            why = skipped(url)
            if why is not None:
                yield "image_skipped", f"Image {number} is left out of training: {_SKIPPED[why]}."
