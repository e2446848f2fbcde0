"""One page of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Literal, TypeVar

from mocktune.domain.error_kinds.common import UNKNOWN_CURSOR
from mocktune.domain.errors import ApiError
from mocktune.ports import Ledger
from mocktune.service.sandboxes import Visit

T = TypeVar("T")

MAX_LIMIT = 10_000
"""The highest that any list allows: that of files [SPEC]."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``items`` in the list's order; ``has_more`` when at least one comes after them."""

    items: list[T]
    has_more: bool


def take(items: Iterable[T], limit: int) -> Page[T]:
    """The first ``limit`` of ``items``; one more is looked at to know whether there is a next page. Limits that only
    ``--loose`` lets through are cut to 0..``MAX_LIMIT``."""
    limit = min(max(limit, 0), MAX_LIMIT)
    page = list(islice(items, limit + 1))
    return Page(page[:limit], len(page) > limit)


def walk(visit: Visit, ledger: Ledger[T], after: str | None, order: Literal["asc", "desc"] = "desc") -> Iterator[T]:
    """The objects of ``ledger`` from the one after ``after`` on. Raises ``ParameterError`` for an unknown cursor, which
    ``--loose`` takes for the beginning."""
    if visit.loose and after is not None and ledger.get(after) is None:
        after = None
    try:
        return ledger.newest_first(after) if order == "desc" else ledger.oldest_first(after)
    except KeyError:
        raise unknown_cursor(str(after)) from None


def unknown_cursor(after: str) -> ApiError:
    """What an ``after`` that names nothing is answered with."""
    return UNKNOWN_CURSOR(after=after)
