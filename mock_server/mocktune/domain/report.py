"""What is known of an uploaded dataset once it was read: pure functions of its bytes, a method and an encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mocktune.domain.formats.defects import Defect

FileFormat = Literal["chat", "preference", "reinforcement", "prompt_completion", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at every line says of a file, with no token counted.

    ``syntax_error`` is the file's ``status_details`` when a line is not JSON: the file then ends in ``error`` (OBS,
    openai-php fixture). ``defect`` is the first defect by line of a file that parses. Both None: the file is good,
    apart from the number of examples, which only the job can judge.
    """

    format: FileFormat
    examples: int
    syntax_error: str | None
    defect: Defect | None


@dataclass(frozen=True, slots=True)
class FileReport(Verdict):
    """The result of reading a whole training or validation file once.

    ``billable_tokens`` maps each training context of the model table to the sum over examples of
    ``min(tokens, context)``; ``content_tokens`` counts the text alone, ``assistant_tokens`` what is learned of it.
    ``predictability`` in 0..1 says how well the assistant text compresses (1: the same words again and again), and
    shapes the loss curve.

    ``images`` counts all images, ``skipped_images`` those that training leaves out, ``vision_examples`` the examples
    that have any. None of the numbers go on after a defect but ``examples``.
    """

    content_tokens: int
    assistant_tokens: int
    billable_tokens: dict[int, int]
    predictability: float
    images: int = 0
    skipped_images: int = 0
    vision_examples: int = 0


@dataclass(frozen=True, slots=True)
class Screening:
    """What moderation says of a file. ``flagged_lines`` names the first of the ``flagged`` lines (1-based);
    ``categories`` are those of all of them, in alphabetical order.
    """

    examples: int
    flagged: int
    flagged_lines: tuple[int, ...]
    categories: tuple[str, ...]
