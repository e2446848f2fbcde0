"""Whether a command said why it gave up: in what it wrote, what the service had told it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from mocktune.rehearsal.runs import Run
from mocktune.rehearsal.seen import Refusal

LEAST = 4
"""Letters and digits of a text that says anything."""

WINDOW = 40
"""Letters and digits of a long message that must be told in one piece. Messages are cut, wrapped and quoted on their
way to people; a piece as long says which one it was."""

_WORDS = re.compile(r"[^\w]+")
_ESCAPES = re.compile(r"\\u([0-9a-fA-F]{4})|\\[nrt]|\\")
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the service says that something came to nothing. ``texts``: each alone would tell it."""

    about: str
    texts: tuple[str, ...]

    @property
    def told(self) -> str:
        return max(self.texts, key=len, default="")


def reasons_shown(run: Run) -> list[Reason]:
    """What the client was shown that nothing can be made of, the weightiest first; each is enough to tell why."""
    return [each for each in _reasons(run) if each.texts]


def _reasons(run: Run) -> Iterator[Reason]:
    seen = run.seen
    for status, details in seen.files.values():
        if status == "error":
            yield Reason("a file that ended in `error`", _meaningful(details))
    for job in seen.jobs.values():
        if job.status == "failed":
            yield Reason("a job that failed", _meaningful(job.code, job.message))
        elif job.status == "cancelled":
            yield Reason("a job that was cancelled", ("cancelled", "canceled"))
    refused = _last_refusals(run)
    for each in refused:
        yield Reason(f"{each.operation or 'a request'} that was refused", _meaningful(each.code, each.message))


def _last_refusals(run: Run) -> list[Refusal]:
    """Of each operation the last one, the newest first: what was repeated and got better is no reason any more."""
    last: dict[str, Refusal] = {}
    answered = {each.operation: each.ordinal for each in run.seen.asked if each.shown and each.status < 400}
    for each in run.seen.refusals:
        if answered.get(each.operation, 0) < each.ordinal:
            last[each.operation] = each
    return sorted(last.values(), key=lambda each: -each.ordinal)


def _meaningful(*texts: str) -> tuple[str, ...]:
    return tuple(text for text in texts if len(plain(text)) >= LEAST)


def says_why(output: str, reasons: list[Reason]) -> bool:
    """Whether ``output`` tells one of the reasons: a code, or as much of a message as tells it from others.

    Case, blanks, wrapped lines, quotes, JSON's escapes and colours make no difference. A traceback that holds the
    message counts: it is there for whoever looks.
    """
    told = plain(output)
    return any(_tells(told, plain(text)) for reason in reasons for text in reason.texts)


def _tells(told: str, text: str) -> bool:
    if len(text) <= WINDOW:
        return text in told
    # Windows that overlap by half, so that any piece of one and a half times the length is found.
    starts = range(0, len(text) - WINDOW + 1, WINDOW // 2)
    return any(text[at : at + WINDOW] in told for at in starts)


def plain(text: str) -> str:
    """The letters and digits of a text alone, in lower case."""
    text = _ESCAPES.sub(_unescaped, _ANSI.sub("", text))
    return _WORDS.sub("", unicodedata.normalize("NFKC", text).casefold()).replace("_", "")


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else " "
