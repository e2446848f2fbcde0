"""Objects in memory, ordered by creation, paged by cursor in logarithmic time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from mocktune.domain.clock import VirtualTime
from mocktune.ports import Ledger

T = TypeVar("T")

_Key = tuple[int, int]


class MemoryLedger(Generic[T]):
    """Two parallel lists in order of ``(created_at, rank)`` and a table from id to key.

    A result file enters late with an earlier ``created_at``; ``rank`` keeps the order of arrival within one instant.
    Deleting moves the tail of a list of pointers, which is cheap far beyond 100,000 objects.
    """

    __slots__ = ("_items", "_key_of", "_keys", "_rank")

    def __init__(self) -> None:
        self._keys: list[_Key] = []
        self._items: list[T] = []
        self._key_of: dict[str, _Key] = {}
        self._rank = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, id: str, created_at: VirtualTime, item: T) -> None:
        if id in self._key_of:
            raise ValueError(f"{id} is taken")
        key = (created_at, self._rank)
        self._rank += 1
        self._key_of[id] = key
        if not self._keys or self._keys[-1] < key:
            self._keys.append(key)
            self._items.append(item)
        else:
            index = bisect_left(self._keys, key)
            self._keys.insert(index, key)
            self._items.insert(index, item)

    def get(self, id: str) -> T | None:
        key = self._key_of.get(id)
        return None if key is None else self._items[bisect_left(self._keys, key)]

    def remove(self, id: str) -> None:
        index = bisect_left(self._keys, self._key_of.pop(id))
        del self._keys[index]
        del self._items[index]

    def newest_first(self, after: str | None = None) -> Iterator[T]:
        newest = len(self._items) if after is None else bisect_left(self._keys, self._key_of[after])
        return (self._items[index] for index in range(newest - 1, -1, -1))

    def oldest_first(self, after: str | None = None) -> Iterator[T]:
        oldest = 0 if after is None else bisect_left(self._keys, self._key_of[after]) + 1
        return (self._items[index] for index in range(oldest, len(self._items)))


class MemoryStore:
    """Keeps every sandbox's objects in memory, for as long as the process lives."""

    def ledger(self) -> Ledger[Any]:
        return MemoryLedger()
