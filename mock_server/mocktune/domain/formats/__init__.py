"""Training file formats: what may be wrong with a line of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mocktune.domain.formats import chat, preference, prompt_completion, reinforcement
from mocktune.domain.formats.defects import Defect

if TYPE_CHECKING:  # the report names the defects of this package, so at run time the arrow points the other way
    from mocktune.domain.models import Method
    from mocktune.domain.report import FileFormat

_DEFECTS: dict[FileFormat, Callable[[object, int], Iterator[Defect]]] = {
    "chat": chat.defects,
    "preference": preference.defects,
    "reinforcement": reinforcement.defects,
    "prompt_completion": prompt_completion.defects,
}


def detect(example: object, method: Method = "supervised") -> FileFormat:
    """The format of a file, by its first example and what a job's ``method`` looks for in it.

    Two methods read messages, and only they can tell whose they are: under ``reinforcement`` an example counts as chat
    if chat it is, which a prompt is not. What is no chat under the other two methods is judged as what they need, so
    that the missing key is told, as recorded for ``input``.
    """
    keys = example.keys() if isinstance(example, dict) else frozenset[str]()
    if method == "dpo":
        return "chat" if "messages" in keys and keys.isdisjoint(preference.KEYS) else "preference"
    if method == "reinforcement":
        return "chat" if "messages" in keys and next(chat.defects(example, 1), None) is None else "reinforcement"
    if "messages" in keys:
        return "chat"
    if not keys.isdisjoint(preference.KEYS):
        return "preference"
    if "prompt" in keys or "completion" in keys:
        return "prompt_completion"
    return "unknown"


def check_example(format: FileFormat, example: object, number: int) -> Defect | None:
    """The first defect of example ``number`` (1-based) of a file in ``format``: the one the service tells."""
    return next(defects(format, example, number), None)


def defects(format: FileFormat, example: object, number: int) -> Iterator[Defect]:
    """Every defect of example ``number`` (1-based) of a file in ``format``; of an unknown format, the format is one."""
    of_format = _DEFECTS.get(format)
    return of_format(example, number) if of_format else _unexpected_format(number)


def _unexpected_format(number: int) -> Iterator[Defect]:
    # OBS, contract 3.7 row 9.
    detail = "Unexpected file format, expected either prompt/completion pairs or chat messages."
    yield Defect("unexpected_format", detail, number)
