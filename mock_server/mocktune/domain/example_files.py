"""Training files that nobody had to write: examples of every format, as many as wanted, each a little different."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mocktune.domain.models import BaseModel, Method
from mocktune.domain.report import FileFormat
from mocktune.domain.validation import needed_format

DEFAULT_EXAMPLES = 12
"""Two more than a training file needs."""

GRADER: Mapping[str, Any] = {
    "type": "string_check",
    "name": "the same number",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
"""Grades the examples of the reinforcement format."""


def format_for(model: BaseModel, method: Method) -> FileFormat:
    """The format that a job of ``method`` on ``model`` reads."""
    return needed_format(model, method)


def example(format: FileFormat, number: int) -> dict[str, Any]:
    """Example ``number`` (from 0) of a good file; of the format ``unknown`` one that no method reads."""
    question, answer = f"What is {number} plus {number}?", f"It is {2 * number}."
    asked = [{"role": "user", "content": question}]
    match format:
        case "chat":
            return {"messages": [*asked, {"role": "assistant", "content": answer}]}
        case "preference":
            return {
                "input": {"messages": asked},
                "preferred_output": [{"role": "assistant", "content": answer}],
                "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
            }
        case "reinforcement":
            return {"messages": asked, "answer": str(2 * number)}
        case "prompt_completion":
            return {"prompt": f"{question} ->", "completion": f" {answer}\n"}
        case _:
            return {"text": f"{question} {answer}"}


def examples(format: FileFormat, count: int) -> list[dict[str, Any]]:
    """The first ``count`` examples of a good file."""
    return [example(format, number) for number in range(count)]


def jsonl(lines: Iterable[Mapping[str, Any] | str]) -> bytes:
    """A JSONL file of these examples; a text is a line as it stands."""
    texts = (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    return "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass")
