"""The bar of ``mocktune rehearse`` on a terminal: what is being run, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mocktune.cli.rehearse import RunProgress
from mocktune.rehearsal.judging import Judged
from mocktune.rehearsal.stage import Piece


class Bar(RunProgress):
    """Runs that failed are told in a line above the bar."""

    def __init__(self, count: int, progress: Progress) -> None:
        super().__init__(count)
        self._progress = progress
        self._task = progress.add_task("", total=count)
        self._running: list[str] = []

    def begins(self, piece: Piece) -> None:
        self._running.append(piece.name)
        self._show()

    def ended(self, judged: Judged) -> None:
        self._running.remove(judged.run.scenario)
        if not judged.passed:
            super().ended(judged)
        else:
            self.done += 1
        self._progress.advance(self._task)
        self._show()

    def tell(self, line: str) -> None:
        self._progress.console.print(line, style="red")

    def _show(self) -> None:
        self._progress.update(self._task, description=", ".join(self._running))


@contextmanager
def bar(console: Console, count: int) -> Iterator[Bar]:
    columns = SpinnerColumn(), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(count, progress)
