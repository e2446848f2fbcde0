"""How ``mocktune demo`` looks: a story that scrolls by, and below it, on a terminal, what is going on right now.

Where output is piped there are the same lines without the part that moves, and every tenth step as a line instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import sleep
from types import TracebackType
from typing import Self

from rich.box import HORIZONTALS
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mocktune.cli.loss_chart import LossCurve, draw
from mocktune.clock import stopwatch_ns

STAGES = ("files", "validating_files", "queued", "running", "succeeded", "loading")
"""What there is to wait for until a tuned model is ready, in the API's words where it has some."""

FRAME_S = 0.08

WIDEST = 116
"""Columns that are used at most: longer lines are hard to read."""
CHART_HEIGHT = 13
_INDENT = 10
"""Of what belongs to a section: a time fits before it."""


class DemoView:
    """Prints what happened, and keeps the moving part up to date. A context: leaving it gives the terminal back."""

    def __init__(self, console: Console, *, moving: bool) -> None:
        self._console = console
        self._width = min(console.width, WIDEST)
        self._started_ns = stopwatch_ns()
        self._stage = STAGES[0]
        self._doing = ""
        self._curve = LossCurve()
        self._training_since_s = 0.0
        self._spinner = Spinner("dots", style="bold cyan")
        self._live = (
            # Drawn by the one thread that also prints: a second one would draw over lines that are just printed.
            Live(console=console, auto_refresh=False, transient=True) if moving else None
        )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._draw()
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def elapsed_s(self) -> float:
        """Wall seconds since the demo began."""
        return (stopwatch_ns() - self._started_ns) / 1e9

    # -- the story -------------------------------------------------------------------------------------------------

    def headline(self, title: str, text: str) -> None:
        self._print(Text.assemble((title, "bold cyan"), "  ", text))

    def note(self, text: str) -> None:
        """A line at the margin."""
        self._print(Text(text, style="dim"))

    def section(self, title: str, note: str = "") -> None:
        self._print(Text())
        self._print(Text.assemble((title, "bold"), ("  " + note if note else "", "dim")))

    def line(self, text: str, *, style: str = "", timed: bool = False) -> None:
        """One line of the story, its continuation indented as well."""
        wrapped = Text(text, style=style).wrap(self._console, self._width - _INDENT, overflow="fold")
        for index, part in enumerate(wrapped):
            time = f"{self.elapsed_s:6.1f} s" if timed and not index else ""
            part.rstrip()
            self._print(Text.assemble((time.ljust(_INDENT), "dim"), part))

    def status(self, status: str) -> None:
        """A stage that was reached."""
        self.enter(status)
        self.line(f"● {status}", style="bold green" if status in ("succeeded", "ready") else "bold cyan", timed=True)

    def answers(self, base: str, tuned: str, rows: Iterable[tuple[str, str, str]]) -> None:
        """Questions, and what two models answered, side by side."""
        table = self._table()
        table.expand = True
        table.add_column("question", ratio=2, overflow="fold")
        table.add_column(base, ratio=3, overflow="fold")
        table.add_column(tuned, ratio=3, overflow="fold", style="bold")
        for row in rows:
            table.add_row(*map(Text, row), end_section=True)
        self._print(Padding(table, (0, 0, 0, 2)), width=self._width)

    def figures(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of figures whose last row sums them up."""
        table = self._table()
        for column in columns:
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row), end_section=row is rows[-2], style="bold" if row is rows[-1] else "")
        self._print(Padding(table, (0, 0, 0, 2), expand=False))

    def _table(self) -> Table:
        return Table(box=HORIZONTALS, border_style="bright_black", header_style="dim", pad_edge=False)

    def chart(self) -> None:
        """The whole curve, to stay."""
        legend = Text("    training loss: ")
        legend.append("⠂ step", "bright_black").append("  ").append("⠤⠤ mean of 9 steps", "cyan")
        legend.append("    validation loss: ").append("◆", "yellow")
        self._print(Text())
        self._print(legend)
        self._print(self._drawn(CHART_HEIGHT))

    # -- what is going on ------------------------------------------------------------------------------------------

    def enter(self, stage: str) -> None:
        """Wait for the end of ``stage`` from now on; one that is none of ``STAGES`` ends the moving part."""
        self._doing = ""
        if stage == "running":
            self._training_since_s = self.elapsed_s
        if stage in STAGES:
            self._stage = stage
            self._draw()
        elif self._live is not None:
            self._live.stop()
            self._live = None

    def doing(self, text: str) -> None:
        """What is being waited for, until the next stage."""
        self._doing = text
        self._draw()

    def step(self, curve: LossCurve, message: str) -> None:
        """A metric event, taken into ``curve`` already."""
        self._curve = curve
        if self._live is None and (curve.last_step % 10 == 0 or curve.last_step == curve.total_steps):
            self.line(message)

    def pause(self, seconds: float) -> None:
        """Sleep, and keep the moving part moving. A ``sleep`` for ``mocktune_client.Tuner``."""
        until_s = self.elapsed_s + seconds
        while (left_s := until_s - self.elapsed_s) > 0:
            self._draw()
            sleep(left_s if self._live is None else min(left_s, FRAME_S))

    def _draw(self) -> None:
        if self._live is not None:
            self._live.update(self._moving_part(), refresh=True)

    def _moving_part(self) -> RenderableType:
        parts: list[RenderableType] = [Text(), self._trail()]
        if self._doing:
            parts.append(Text(f"    {self._doing}", style="dim", no_wrap=True, overflow="ellipsis"))
        if self._stage == "running" and self._curve.train:
            parts += [self._progress(), self._drawn(min(CHART_HEIGHT, self._console.height - 8))]
        return Group(*parts)

    def _trail(self) -> RenderableType:
        """The stages behind, the one at hand, the ones to come."""
        here = STAGES.index(self._stage)
        self._spinner.update(text=Text(self._stage, style="bold cyan"))
        behind = [Text(f"✓ {stage}", style="green") for stage in STAGES[:here]]
        ahead = [Text(stage, style="bright_black") for stage in STAGES[here + 1 :]]
        trail = Table.grid(padding=(0, 2))
        trail.add_row("", *behind, self._spinner, *ahead)
        return trail

    def _progress(self) -> RenderableType:
        curve = self._curve
        step = curve.last_step
        left_s = (self.elapsed_s - self._training_since_s) / step * (curve.total_steps - step)
        row = Table.grid(padding=(0, 2))
        row.add_row(
            "  ",
            ProgressBar(total=curve.total_steps, completed=step, width=max(10, self._width - 56)),
            Text(f"step {step:>3}/{curve.total_steps}"),
            Text(f"loss {curve.train[step]:.2f}", style="cyan"),
            Text(f"accuracy {curve.accuracy[step]:.2f}"),
            Text(f"ETA {left_s:.0f} s", style="dim"),
        )
        return row

    def _drawn(self, height: int) -> Text:
        """The loss curve so far."""
        if height < 6:
            return Text()
        lines = Text.from_ansi(draw(self._curve, self._width - 6, height)).split("\n")
        for line in lines:
            line.rstrip()
        return Text("\n", no_wrap=True).join(Text("    ") + line for line in lines)

    def _print(self, what: RenderableType, width: int | None = None) -> None:
        if self._live is not None:
            # What is printed pushes the moving part down, which is then drawn as it was set last.
            self._live.update(self._moving_part())
        self._console.print(what, width=width)
