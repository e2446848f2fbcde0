"""What is known of an uploaded dataset once it was read: a pure function of its bytes and an encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mocktune.domain.formats.defects import Defect

FileFormat = Literal["chat", "prompt_completion", "unknown"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result of reading a whole training or validation file once.

    ``syntax_error`` is the file's ``status_details`` when a line is not JSON: the file then ends in ``error`` (OBS,
    openai-php fixture). ``defect`` is the first defect by line of a file that parses. Both None: the file is good,
    apart from the number of examples, which only the job can judge.

    ``billable_tokens`` maps each training context of the model table to the sum over examples of
    ``min(tokens, context)``; ``content_tokens`` counts the text alone. ``predictability`` in 0..1 says how well the
    assistant text compresses (1: the same words again and again), and shapes the loss curve.
    """

    format: FileFormat
    examples: int
    syntax_error: str | None
    defect: Defect | None
    content_tokens: int
    assistant_tokens: int
    billable_tokens: dict[int, int]
    predictability: float
