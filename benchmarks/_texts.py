"""Training files of written text for the benchmarks that read them, and the cookbook's check as their peer."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from _lib import HERE

ROLES = {"system", "user", "assistant", "function"}
KEYS = {"role", "content", "name", "function_call", "weight"}


def write_conversations(path: Path, size_mb: int) -> None:
    """Three-message examples of about 1 KB, drawn from the words of this repository's own pages."""
    pages = sorted(page for page in HERE.parent.rglob("*.md") if not any(part.startswith(".") for part in page.parts))
    # A special token, which the pages name as a fault of data, would make the file one.
    words = [each for page in pages for each in page.read_text("utf-8").split() if "<|" not in each]
    draw = random.Random(7)

    def text(count: int) -> str:
        start = draw.randrange(len(words) - count)
        return " ".join(words[start : start + count])

    left = size_mb * 2**20
    with path.open("wb") as file:
        while left > 0:
            block = b"".join(_example(text(12), text(50), text(90)) for _ in range(1000))
            left -= file.write(block)


def _example(*texts: str) -> bytes:
    roles = ("system", "user", "assistant")
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    return json.dumps({"messages": messages}, ensure_ascii=False).encode() + b"\n"


def cookbook_check(path: Path, count: Callable[[str], int] | None = None) -> tuple[Counter[str], int, int]:
    """The rules of the cookbook's data preparation notebook (contract 9.2), line by line instead of on a whole file in
    memory: what it finds, the number of examples, and with ``count`` the tokens of all contents."""
    errors: Counter[str] = Counter()
    examples = tokens = 0
    with path.open("rb") as file:
        for line in file:
            example = json.loads(line)
            examples += 1
            if not isinstance(example, dict):
                errors["data_type"] += 1
                continue
            messages = example.get("messages")
            if not messages:
                errors["missing_messages_list"] += 1
                continue
            for message in messages:
                if "role" not in message or "content" not in message:
                    errors["message_missing_key"] += 1
                if any(key not in KEYS for key in message):
                    errors["message_unrecognized_key"] += 1
                if message.get("role") not in ROLES:
                    errors["unrecognized_role"] += 1
                content = message.get("content")
                if (not content and not message.get("function_call")) or not isinstance(content, str):
                    errors["missing_content"] += 1
                elif count is not None:
                    tokens += count(content)
            if not any(message.get("role") == "assistant" for message in messages):
                errors["example_missing_assistant_message"] += 1
    return errors, examples, tokens
