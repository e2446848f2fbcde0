"""Training file formats: a line becomes examples, or the first defect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mocktune.domain.formats import chat, prompt_completion
from mocktune.domain.formats.defects import Defect

if TYPE_CHECKING:  # the report names the defects of this package, so at run time the arrow points the other way
    from mocktune.domain.report import FileFormat

_CHECKS: dict[FileFormat, Callable[[object, int], Defect | None]] = {
    "chat": chat.check_example,
    "prompt_completion": prompt_completion.check_example,
}


def detect(example: object) -> FileFormat:
    """The format of a file, by the keys of its first example."""
    if isinstance(example, dict):
        if "messages" in example:
            return "chat"
        if "prompt" in example or "completion" in example:
            return "prompt_completion"
    return "unknown"


def check_example(format: FileFormat, example: object, number: int) -> Defect | None:
    """The first defect of example ``number`` (1-based) of a file in ``format``; of an unknown format, the format is."""
    check = _CHECKS.get(format)
    if check is None:
        # OBS, contract 3.7 row 9.
        detail = "Unexpected file format, expected either prompt/completion pairs or chat messages."
        return Defect("unexpected_format", detail, number)
    return check(example, number)
