"""The logic of the well-known data-preparation notebook (contract 9), read line by line instead of as a whole file.

Its rules, counts, distributions and token formula are as published; what it prints is returned. Its bugs are left as
they are where both can be compared, but for the quantiles: they are at 0.05 and 0.95, as it says, not 0.1 and 0.9.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, quantiles

KEYS = {"role", "content", "name", "function_call", "weight"}
ROLES = {"system", "user", "assistant", "function"}
TOKENS_PER_MESSAGE = 3
TOKENS_PER_NAME = 1
MAX_TOKENS_PER_EXAMPLE = 16_385


@dataclass
class Said:
    """``tokens`` and ``assistant_tokens`` are empty where nothing counts them."""

    errors: Counter[str] = field(default_factory=Counter)
    examples: int = 0
    missing_system: int = 0
    missing_user: int = 0
    messages: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    assistant_tokens: list[int] = field(default_factory=list)
    too_long: int = 0

    @property
    def epochs(self) -> int:
        if self.examples * 3 < 100:
            return min(25, 100 // self.examples)
        return max(1, 25_000 // self.examples) if self.examples * 3 > 25_000 else 3


def distribution(values: list[int]) -> tuple[float, ...]:
    """Extremes, mean, median, the quantiles at 0.05 and 0.95."""
    twentieths = quantiles(values, n=20, method="inclusive")
    return min(values), max(values), mean(values), median(values), twentieths[0], twentieths[-1]


def look(path: Path, count: Callable[[str], int] | None = None) -> Said:
    """What the notebook says of a file; ``count`` gives the tokens of a text."""
    said = Said()
    with path.open("rb") as file:
        for line in file:
            example = json.loads(line)
            said.examples += 1
            if not isinstance(example, dict):
                said.errors["data_type"] += 1
                continue
            messages = example.get("messages")
            if not messages:
                said.errors["missing_messages_list"] += 1
                continue
            for message in messages:
                if "role" not in message or "content" not in message:
                    said.errors["message_missing_key"] += 1
                if any(key not in KEYS for key in message):
                    said.errors["message_unrecognized_key"] += 1
                if message.get("role") not in ROLES:
                    said.errors["unrecognized_role"] += 1
                content = message.get("content")
                if (not content and not message.get("function_call")) or not isinstance(content, str):
                    said.errors["missing_content"] += 1
            if not any(message.get("role") == "assistant" for message in messages):
                said.errors["example_missing_assistant_message"] += 1
            if not any(message.get("role") == "system" for message in messages):
                said.missing_system += 1
            if not any(message.get("role") == "user" for message in messages):
                said.missing_user += 1
            said.messages.append(len(messages))
            if count is not None:
                total = 3
                learned = 0
                for message in messages:
                    total += TOKENS_PER_MESSAGE
                    for key, value in message.items():
                        tokens = count(value)
                        total += tokens
                        if key == "name":
                            total += TOKENS_PER_NAME
                    if message["role"] == "assistant":
                        learned += count(message["content"])
                said.tokens.append(total)
                said.assistant_tokens.append(learned)
                said.too_long += total > MAX_TOKENS_PER_EXAMPLE
    return said
