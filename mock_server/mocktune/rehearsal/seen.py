"""What a client was shown in a run, by the journal: its requests in order, and every reason the service gave it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]

MAX_REASON = 4000
"""Characters of one reason that are compared and shown."""

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and how it ended: ``at_s`` in virtual seconds since the run began, ``status`` 0 without an answer."""

    ordinal: int
    at_s: float
    operation: str
    what: str
    status: int
    shown: bool
    said: str = ""
    """In short what the answer said: a status, or an error's code."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error the client was answered with."""

    ordinal: int
    operation: str
    status: int
    code: str
    message: str


@dataclass(slots=True)
class JobSeen:
    """A job as it was last shown."""

    status: str
    model: str = ""
    code: str = ""
    message: str = ""
    trained_tokens: int = 0


@dataclass(slots=True)
class Seen:
    """``files`` are statuses and their details by id; what is told is told as it was last shown."""

    asked: list[Asked] = field(default_factory=list)
    jobs: dict[str, JobSeen] = field(default_factory=dict)
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    dropped: int = 0

    @property
    def requests(self) -> int:
        return len(self.asked) + self.dropped


def seen_in(entries: Iterable[Json], dropped: int = 0, *, began_s: float) -> Seen:
    """From the journal's entries, the oldest first; ``began_s`` is the sandbox's time at the start of the run."""
    seen = Seen(dropped=dropped)
    for each in entries:
        shown = not each["lost"] and each["status"] != 0
        answer = each["response"]["content"] if shown and each["response"]["form"] == "json" else None
        said = ""
        for found in _objects(answer):
            said = _take(seen, found) or said
        if shown and each["status"] >= 400:
            said = _refused(seen, each, answer)
        query = "?" + "&".join(f"{name}={value}" for name, value in each["query"].items()) if each["query"] else ""
        what = f"{each['method']} {each['path']}{query}"
        at_s = each["at"] - began_s
        seen.asked.append(Asked(each["ordinal"], at_s, each["operation"], what, each["status"], shown, said))
    return seen


def _objects(answer: object) -> Iterator[Json]:
    """The answer, or what the list that it is has in it."""
    if not isinstance(answer, Mapping):
        return
    data = answer.get("data") if answer.get("object") == "list" else None
    for each in data if isinstance(data, list) else (answer,):
        if isinstance(each, Mapping):
            yield each


def _take(seen: Seen, found: Json) -> str:
    """Remember a job or a file, and say how it stands."""
    id, status = _text(found.get("id")), _text(found.get("status"))
    if found.get("object") == "fine_tuning.job" and id:
        error = found.get("error")
        error = error if isinstance(error, Mapping) else {}
        tokens = found.get("trained_tokens")
        seen.jobs[id] = JobSeen(
            status,
            _text(found.get("model")),
            _text(error.get("code")),
            _text(error.get("message")),
            tokens if isinstance(tokens, int) else 0,
        )
        return status
    if found.get("object") == "file" and id:
        seen.files[id] = (status, _text(found.get("status_details")))
        return status
    return ""


def _refused(seen: Seen, entry: Json, answer: object) -> str:
    error = answer.get("error") if isinstance(answer, Mapping) else None
    error = error if isinstance(error, Mapping) else {}
    code, message = _text(error.get("code")), _text(error.get("message"))
    seen.refusals.append(Refusal(entry["ordinal"], entry["operation"], entry["status"], code, message))
    return code or message[:80]


def _text(value: object) -> str:
    return value[:MAX_REASON] if isinstance(value, str) else ""
