"""Lists of objects: read page by page, and printed as tables that fit their terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mocktune.cli.amounts import told_size
from mocktune.cli.printing import printable

PAGE = 100
MAX_OBJECTS = 100_000
"""Of one list; a service that never says that a list is over shall not be read for ever."""

_COLOURS = {
    "succeeded": "green", "processed": "green", "failed": "red", "error": "red", "cancelled": "yellow",
    "paused": "yellow", "running": "cyan",
}  # fmt: skip


def walk(ask_for_page: Callable[..., Any], limit: int | None, after: str | None = None) -> Iterator[Any]:
    """The first ``limit`` objects (None: all) of a list in the order of the service, each once.

    ``ask_for_page(limit=, after=)`` answers one page.
    """
    seen: set[str] = set()
    left = MAX_OBJECTS if limit is None else min(limit, MAX_OBJECTS)
    while left > 0:
        cursor = {} if after is None else {"after": after}
        page = ask_for_page(limit=min(PAGE, left), **cursor)
        fresh = [each for each in page.data or () if each.id not in seen]
        for each in fresh[:left]:
            seen.add(each.id)
            yield each
        left -= len(fresh)
        # A page without anything new ends the walk too: that server does not understand ``after``.
        if page.has_more is False or not fresh:
            return
        after = page.data[-1].id


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]], none: str, *, spare: int = 0) -> None:
    """Columns of text, without those that say nothing; ``none`` is printed where there are no rows.

    On a terminal that is too narrow for a row its last columns go to lines below, with their names; the last ``spare``
    ones are left out there. Nothing is cut off: ids are there to be copied.
    """
    listed = [list(row) for row in rows]
    if not listed:
        print(none)
        return
    said = [column for column in range(len(head)) if any(row[column] not in (None, "") for row in listed)]
    cells = [[printable(_shown(row[column])) for column in said] for row in listed]
    table = [[head[column] for column in said], *cells]
    widths = [max(len(row[column]) for row in table) for column in range(len(said))]
    room = shutil.get_terminal_size().columns
    beside = _columns_beside(widths, room)
    left_out = set(head[len(head) - spare :])
    for number, row in enumerate(table):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row[:beside], widths, strict=False)).rstrip()
        print(line if number == 0 else _coloured(line, row[:beside]))
        named = zip(table[0][beside:], row[beside:], strict=True)
        below = [f"{name} {cell}".strip() for name, cell in named if cell != "-" and name not in left_out]
        if below and number > 0:
            for each in _lines(below, room):
                print("    " + each)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """A name and a value a line; those that are None are left out."""
    shown = [(name, printable(_shown(value))) for name, value in fields if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name.ljust(width)}  {_coloured(value, [value])}")


def when(seconds: Any) -> str | None:
    """Unix seconds as an instant such as ``2026-01-15T00:00:00Z``; None for what is none."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 2**33:
        return None
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    return format_instant(VirtualTime(int(seconds) * SECOND))


def size(size_bytes: Any) -> str | None:
    return told_size(size_bytes) if isinstance(size_bytes, int) else None


def usd(amount: float) -> str:
    """An amount with as many digits as say something."""
    if 0 < amount < 0.000_001:
        return "less than $0.000001"
    if amount >= 1 or round(amount, 2) == amount:
        return f"${amount:,.2f}"
    return f"${amount:.6f}".rstrip("0")


def number(value: Any) -> str | None:
    """A metric to four digits; None for what is none."""
    return f"{value:.4f}" if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(cell: object) -> object:
    return "-" if cell is None or cell == "" else cell


def _lines(parts: list[str], room: int) -> Iterator[str]:
    """The parts beside each other as far as they fit, and below each other where they do not."""
    line = ""
    for part in parts:
        if line and 4 + len(line) + 2 + len(part) > room:
            yield line
            line = ""
        line = f"{line}  {part}" if line else part
    yield line


def _columns_beside(widths: list[int], room: int) -> int:
    """How many columns stand on the first line."""
    beside = len(widths)
    if sys.stdout.isatty():
        while beside > 1 and sum(widths[:beside]) + 2 * (beside - 1) > room:
            beside -= 1
    return beside


def _coloured(line: str, cells: Sequence[str]) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return line
    import typer

    for cell in cells:
        if colour := _COLOURS.get(cell):
            return line.replace(cell, typer.style(cell, fg=colour), 1)
    return line
