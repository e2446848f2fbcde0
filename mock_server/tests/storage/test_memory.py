"""A ledger keeps its objects in order of creation, whatever the order they come in, and pages by cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.clock import VirtualTime
from mocktune.storage.memory import MemoryLedger


def filled(times: list[int]) -> MemoryLedger[str]:
    ledger: MemoryLedger[str] = MemoryLedger()
    for number, time in enumerate(times):
        ledger.add(f"id-{number}", VirtualTime(time), f"id-{number}")
    return ledger


@given(st.lists(st.integers(0, 5), max_size=30))
def test_the_order_is_by_time_then_by_arrival(times: list[int]) -> None:
    expected = [f"id-{number}" for number, _ in sorted(enumerate(times), key=lambda each: (each[1], each[0]))]
    assert list(filled(times).oldest_first()) == expected
    assert list(filled(times).newest_first()) == expected[::-1]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 7), st.data())
def test_any_page_size_enumerates_each_object_once(times: list[int], size: int, data: st.DataObject) -> None:
    ledger = filled(times)
    for id in data.draw(st.sets(st.sampled_from([f"id-{n}" for n in range(len(times))]), max_size=len(times) - 1)):
        ledger.remove(id)
    seen: list[str] = []
    while page := list(ledger.newest_first(seen[-1] if seen else None))[:size]:
        seen += page
    assert seen == list(ledger.newest_first())
    assert len(seen) == len(ledger)


def test_an_object_is_found_by_its_id_until_it_is_removed() -> None:
    ledger = filled([3, 1, 2])
    assert ledger.get("id-1") == "id-1"
    ledger.remove("id-1")
    assert ledger.get("id-1") is None
    assert len(ledger) == 2
    with pytest.raises(KeyError):
        ledger.newest_first("id-1")


def test_an_id_is_given_only_once() -> None:
    with pytest.raises(ValueError, match="taken"):
        filled([1]).add("id-0", VirtualTime(2), "again")
