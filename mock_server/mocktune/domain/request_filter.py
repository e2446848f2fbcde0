"""Which requests of a journal are meant, and which came near when none was: what a test says of what a client did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from heapq import nsmallest
from typing import Any

import msgspec
from rapidfuzz import fuzz

from mocktune.domain.journal import Entry

MAX_NEAR_MISSES = 3

MAX_SHOWN = 200
"""Characters of a value that differs."""

STATUS_FORM = re.compile(r"\d{1,3}|[1-5]xx", re.ASCII)


@dataclass(frozen=True, slots=True)
class Difference:
    """In what an entry is not the one that is meant, and both values as texts."""

    what: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An entry that was not meant, and all in which it differs from one that is."""

    entry: Entry
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """What is not given is not asked for.

    ``operation`` is a name in the SDK's words or a glob of one (``fine_tuning.jobs.*``); ``resource`` an id that stands
    in the path or in one of the bodies; ``status`` a number or a class of them (``4xx``), 0 for what got no answer;
    ``since`` an ordinal: requests after that one; ``body`` values that must be equal, by their dotted path in the
    request's JSON.
    """

    operation: str | None = None
    resource: str | None = None
    method: str | None = None
    status: str | None = None
    since: int | None = None
    committed: bool | None = None
    lost: bool | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, entry: Entry) -> bool:
        return next(self._differences(entry), None) is None

    def near_misses(self, entries: Iterable[Entry]) -> list[NearMiss]:
        """Of ``entries``, none of which is meant, those that differ in least, the nearest first and then the newest."""
        misses = (NearMiss(entry, tuple(self._differences(entry))) for entry in entries)
        return nsmallest(MAX_NEAR_MISSES, (each for each in misses if each.differences), key=_distance)

    def _differences(self, entry: Entry) -> Iterator[Difference]:
        if self.since is not None and entry.ordinal <= self.since:
            yield Difference("ordinal", f"> {self.since}", str(entry.ordinal))
        if self.operation is not None and not fnmatchcase(entry.operation, self.operation):
            yield Difference("operation", self.operation, entry.operation)
        if self.method is not None and entry.method != self.method.upper():
            yield Difference("method", self.method.upper(), entry.method)
        if self.status is not None and not _is_status(entry.status, self.status):
            yield Difference("status", self.status, str(entry.status))
        if self.committed is not None and entry.committed is not self.committed:
            yield Difference("committed", _text(self.committed), _text(entry.committed))
        if self.lost is not None and entry.lost is not self.lost:
            yield Difference("lost", _text(self.lost), _text(entry.lost))
        if self.resource is not None and not entry.names(self.resource):
            yield Difference("resource", self.resource, entry.path)
        if self.body:
            sent = parsed(entry.request_body)
            for path, wanted in self.body.items():
                found = _at(sent, path)
                if found is _MISSING or found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
                    yield Difference(f"body.{path}", _text(wanted), "" if found is _MISSING else _text(found))


_MISSING = object()


def parsed(body: bytes) -> object:
    """``body`` as JSON; None where it is none."""
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_status(status: int, wanted: str) -> bool:
    return status // 100 == int(wanted[0]) if wanted.endswith("xx") else status == int(wanted)


def _at(value: object, path: str) -> object:
    """The value below ``path``, keys and indices joined by dots."""
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key, _MISSING)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(value):
            value = value[int(key[:9])]
        else:
            return _MISSING
    return value


def _distance(miss: NearMiss) -> tuple[int, float, int]:
    """In how much an entry differs, then how far its values are off, then the newest."""
    unlike = sum(100 - fuzz.ratio(each.wanted, each.found) for each in miss.differences)
    return len(miss.differences), unlike, -miss.entry.ordinal


def _text(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode()[:MAX_SHOWN]
    except (TypeError, ValueError, UnicodeEncodeError, RecursionError):
        return repr(value)[:MAX_SHOWN]
