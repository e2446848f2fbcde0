"""A comparison in the terminal: two columns side by side, or labelled lines where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mocktune.cli.comparison import SIDES, Given, Row, Summary
from mocktune.cli.listing import usd
from mocktune.cli.printing import printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST = 60
"""Columns of a terminal from which two answers stand side by side."""


class ComparisonView:
    """Prints rows as they come, and at the end both summaries."""

    def __init__(self, base: str, tuned: str, prompts: int) -> None:
        from rich.console import Console

        self._names = {"base": base, "tuned": tuned}
        self._prompts = prompts
        self._console: Console | None = None
        if sys.stdout.isatty():
            console = Console(highlight=False)
            self._console = console if console.width >= NARROWEST else None

    def row(self, row: Row) -> None:
        if self._console is not None:
            self._side_by_side(self._console, row)
        else:
            self._in_lines(row)

    def summary(self, summaries: Sequence[Summary], rows: Sequence[Row]) -> None:
        """The figures, a column a model."""
        width = max(len(name) for name, _ in _figures(summaries[0]))
        columns = [dict(_figures(summary)) for summary in summaries]
        widths = [max(len(side), *map(len, column.values())) for side, column in zip(SIDES, columns, strict=True)]
        if self._console is not None:
            print()
        for side in SIDES:
            print(f"{side:<{width}}  {printable(self._names[side])}")
        print()
        print(" " * width + "".join(f"  {side:>{wide}}" for side, wide in zip(SIDES, widths, strict=True)))
        for name in columns[0]:
            cells = (f"  {column[name]:>{wide}}" for column, wide in zip(columns, widths, strict=True))
            print(f"{name:<{width}}{''.join(cells)}".rstrip())
        differ = sum(bool(row.differ) for row in rows)
        both = sum(row.differ is not None for row in rows)
        print(f"\n{differ:,} of {both:,} answers differ", flush=True)

    def _in_lines(self, row: Row) -> None:
        told = [("prompt", row.prompt.text), ("base", _told(row.base)), ("tuned", _told(row.tuned))]
        if row.prompt.expected is not None:
            told.append(("expected", row.prompt.expected))
        print(f"-- {row.number} of {self._prompts}")
        for label, text in told:
            first, *others = printable_lines(text).split("\n") or [""]
            print(f"{label:<8}  {first}".rstrip())
            for line in others:
                print(f"{'':<8}  {line}".rstrip())
        print(flush=True)

    def _side_by_side(self, console: Console, row: Row) -> None:
        from rich.table import Table
        from rich.text import Text

        if row.number == 1:
            head = Table.grid(padding=(0, 3, 0, 0), expand=True)
            head.add_column(ratio=1, overflow="fold")
            head.add_column(ratio=1, overflow="fold")
            head.add_row(*(Text(printable(self._names[side]), style="bold") for side in SIDES))
            console.print(head)
        title = Text(f"{row.number} of {self._prompts}  ", style="dim")
        title.append(printable_lines(row.prompt.text), style="not dim cyan")
        console.print()
        console.print(title)
        grid = Table.grid(padding=(0, 3, 0, 0), expand=True)
        grid.add_column(ratio=1, overflow="fold")
        grid.add_column(ratio=1, overflow="fold")
        grid.add_row(*(Text(printable_lines(_told(row.of(side))), style=_style(row.of(side))) for side in SIDES))
        console.print(grid)
        if row.prompt.expected is not None and not (row.base.is_expected and row.tuned.is_expected):
            expected = Text("expected  ", style="dim")
            expected.append(printable_lines(row.prompt.expected), style="not dim green")
            console.print(expected)


def _told(given: Given) -> str:
    return f"({given.error})" if given.answer is None else given.answer.text


def _style(given: Given) -> str:
    if given.answer is None:
        return "red"
    return "green" if given.is_expected else ""


def _figures(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "answered", f"{summary.answered:,} of {summary.answered + summary.failed:,}"
    if summary.expected:
        yield "as expected", f"{summary.exact:,} of {summary.expected:,}"
        yield "mean similarity", f"{summary.mean_similarity or 0:.2f}"
    yield "tokens in", f"{summary.input_tokens:,}"
    yield "tokens out", f"{summary.output_tokens:,}"
    yield "price", "not known" if summary.usd is None else usd(summary.usd)
    yield "mean time", "-" if summary.mean_s is None else f"{summary.mean_s:.2f} s"
