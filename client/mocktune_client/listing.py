"""Lists of the service, page by page, as far as one cares to read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from mocktune_client.steps import Steps
from mocktune_client.waiting import Timing, patiently

if TYPE_CHECKING:
    from openai import OpenAI

MAX_PAGES = 100


def whole_list(
    ask_for_page: Callable[[OpenAI, dict[str, Any]], Any],
    timing: Timing,
    *,
    limit: int,
    pages: int = MAX_PAGES,
    within_s: float | None = None,
) -> Steps[list[Any]]:
    """The objects of at most ``pages`` pages, oldest first.

    ``ask_for_page(client, cursor)`` passes ``cursor`` on as keyword arguments. Lists are newest first; those made in
    one second keep their order.
    """
    walked: dict[str, Any] = {}
    cursor: dict[str, Any] = {"limit": limit}
    for _ in range(pages):
        page = yield from patiently(partial(_asked, ask_for_page, cursor), timing, within_s)
        fresh = {each.id: each for each in page.data or () if each.id not in walked}
        walked |= fresh
        # A page without anything fresh ends the walk: that server does not understand ``after``.
        if getattr(page, "has_more", None) is not True or not fresh:
            break
        cursor = {"limit": limit, "after": page.data[-1].id}
    oldest_first = list(walked.values())[::-1]
    return sorted(oldest_first, key=lambda each: each.created_at or 0)


def _asked(ask_for_page: Callable[[OpenAI, dict[str, Any]], Any], cursor: dict[str, Any], client: OpenAI) -> Any:
    return ask_for_page(client, cursor)
