"""Lists of services that page in their own ways, and amounts as people read them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mocktune.cli.listing import usd, walk


def page(ids: list[int], *, more: bool | None) -> Any:
    return SimpleNamespace(data=[SimpleNamespace(id=f"x{n}") for n in ids], has_more=more)


def walked(ask_for_page: Any, limit: int | None = None) -> list[str]:
    return [each.id for each in walk(ask_for_page, limit)]


def test_a_service_that_does_not_understand_after_is_read_once() -> None:
    asked: list[Any] = []

    def ask_for_page(**cursor: Any) -> Any:
        asked.append(cursor)
        return page([1, 2, 3], more=True)

    assert walked(ask_for_page) == ["x1", "x2", "x3"]
    assert [cursor.get("after") for cursor in asked] == [None, "x3"]


def test_pages_that_overlap_give_each_object_once() -> None:
    pages = {None: page([1, 2, 3], more=True), "x3": page([3, 4], more=None), "x4": page([], more=None)}
    assert walked(lambda limit, after=None: pages[after]) == ["x1", "x2", "x3", "x4"]


def test_a_service_that_answers_more_than_it_was_asked_for_is_cut() -> None:
    assert walked(lambda limit: page([1, 2, 3], more=True), 2) == ["x1", "x2"]


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0, "$0.00"),
        (1e-9, "less than $0.000001"),
        (0.0000279, "$0.000028"),
        (0.05, "$0.05"),
        (0.3, "$0.30"),
        (1, "$1.00"),
        (12345.678, "$12,345.68"),
    ],
)
def test_an_amount_has_the_digits_that_say_something(amount: float, told: str) -> None:
    assert usd(amount) == told
