"""The view of a tuning on a terminal: a story that scrolls by, and below it what is going on right now."""

from __future__ import annotations

from threading import Event, RLock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mocktune.cli.amounts import told_duration, told_size, told_stopwatch
from mocktune.cli.curve_chart import Panel, draw_panel, panels
from mocktune.cli.tune_record import STAGES, TuneRecord
from mocktune.cli.tune_story import (
    Sentence,
    Storyteller,
    estimate_sentences,
    failure_words,
    figures,
    left_sentences,
    spent_words,
    summary,
    waiting_words,
)

if TYPE_CHECKING:
    from mocktune.cli.tune_view import LeftBecause
    from mocktune_client import Tuned
    from mocktune_client.dataset.report import DatasetReport, ModelPrice
    from mocktune_client.progress import Progress

FRAME_S = 0.1
WIDEST = 132
"""Columns that are used at most: longer lines are hard to read."""
NARROWEST = 20
CHART_HEIGHT = 13
LOWEST_CHART = 6
TWO_CHARTS = 60
"""Columns from which the charts stand side by side."""
MARGIN = 9
"""Columns of the time before a line."""

STYLES = {"stage": "bold cyan", "plain": "", "good": "bold green", "bad": "bold red", "dim": "dim"}


class LiveView:
    """Draws from a thread of its own, since the tuner may wait for an answer for a minute: everything else takes its
    lock."""

    def __init__(self, console: Console | None = None, *, record: TuneRecord | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._record = record or TuneRecord()
        self._story = Storyteller(self._record)
        self._live = Live(console=self._console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self._spinner = Spinner("dots", style="bold cyan")
        self._lock = RLock()
        self._over = Event()
        self._ticker = Thread(target=self._tick, name="mocktune-view", daemon=True)
        self._charts: tuple[object, RenderableType] = (None, Text())

    @property
    def record(self) -> TuneRecord:
        return self._record

    def __enter__(self) -> Self:
        with self._lock:
            self._live.start()
        self._ticker.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    # -- the story -------------------------------------------------------------------------------------------------

    def target(self, line: str) -> None:
        self._record.target = line

    def estimate(self, report: DatasetReport, price: ModelPrice | None) -> None:
        with self._lock:
            self._record.estimated(report, price)
            for sentence in estimate_sentences(report, price):
                self._say(sentence)

    def progress(self, told: Progress) -> None:
        with self._lock:
            self._record.take(told)
            for sentence in self._story.tell(told):
                self._say(sentence)

    def note(self, text: str) -> None:
        with self._lock:
            self._record.notes.append(text)
            self._say(Sentence(text))

    def done(self, tuned: Tuned) -> None:
        self._record.done(tuned)
        self._stop()
        self._print_charts()
        self._console.print()
        for name, value in summary(tuned, self._record):
            line = Text.assemble((name.ljust(12), "dim"), (value, "bold green" if name == "model" else ""))
            # A name or a command is copied: it is not broken into lines.
            self._console.print(line, soft_wrap=True)

    def failed(self, error: Exception) -> None:
        self._record.failed(error)
        self._stop()
        self._print_charts()
        stderr = Console(stderr=True, highlight=False)
        stderr.print(Text(f"mocktune: {failure_words(error)}", style="red"), soft_wrap=not stderr.is_terminal)

    def left(
        self,
        because: LeftBecause,
        *,
        attach: str | None = None,
        cancel: str | None = None,
        stands_still: bool = False,
    ) -> None:
        self._stop()
        job = self._record.job
        for sentence in left_sentences(because, job.id if job else None, attach, cancel, stands_still=stands_still):
            self._console.print(Text(sentence.text), soft_wrap=sentence.copied)

    def _say(self, sentence: Sentence) -> None:
        style = STYLES[sentence.tone]
        mark = "● " if sentence.tone in ("stage", "good") else ""
        text = Text(mark + sentence.text, style=style)
        for index, part in enumerate(text.wrap(self._console, self._width - MARGIN, overflow="fold")):
            part.rstrip()
            time = "" if index else f"{told_stopwatch(self._record.elapsed_s):>7}  "
            self._live.update(self._moving_part())
            self._console.print(Text.assemble((time.ljust(MARGIN), "dim"), part))

    def _print_charts(self) -> None:
        if found := panels(self._record.curves):
            self._console.print()
            self._console.print(Group(*self._drawn(found, CHART_HEIGHT)))

    # -- what is going on ------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        while not self._over.wait(FRAME_S):
            with self._lock:
                if not self._over.is_set():
                    self._live.update(self._moving_part(), refresh=True)

    def _stop(self) -> None:
        with self._lock:
            if not self._over.is_set():
                self._over.set()
                self._live.update(Text())
                self._live.stop()
        if self._ticker.is_alive():
            self._ticker.join()

    @property
    def _width(self) -> int:
        return max(NARROWEST, min(self._console.width, WIDEST))

    def _moving_part(self) -> RenderableType:
        record = self._record
        parts: list[RenderableType] = [Text(), self._trail()]
        if doing := self._doing():
            parts.append(Text(f"  {doing}", style="dim", no_wrap=True, overflow="ellipsis"))
        parts += self._uploading()
        if record.stage == "running" and record.curves.last_step:
            parts += self._training()
            height = min(CHART_HEIGHT, self._console.height - len(parts) - 4)
            found = panels(record.curves)
            if found and height >= LOWEST_CHART:
                parts += self._drawn(found, height)
        return Group(*parts[: max(1, self._console.height - 1)])

    def _trail(self) -> RenderableType:
        """The stages behind, the one at hand, the ones to come; where there is no room, the one at hand."""
        record = self._record
        here = STAGES.index(record.stage)
        status = record.status
        name = status if status == "paused" else record.stage
        self._spinner.update(text=Text(name, style="bold cyan"))
        behind = [Text(f"✓ {stage}", style="green") for stage in STAGES[:here]]
        ahead = [Text(stage, style="bright_black") for stage in STAGES[here + 1 :]]
        trail = Table.grid(padding=(0, 2))
        if self._width >= 78:
            trail.add_row("", *behind, self._spinner, *ahead)
        else:
            trail.add_row("", self._spinner, Text(f"{here + 1} of {len(STAGES)}", style="dim"))
        return trail

    def _doing(self) -> str:
        """What is being waited for."""
        record = self._record
        if record.waiting is not None:
            return f"waiting out {waiting_words(record.waiting)}"
        if record.stage in ("validating_files", "queued") and record.job is not None:
            return record.job.id
        return ""

    def _uploading(self) -> list[RenderableType]:
        """The file on its way; where it goes in parts, how much of it has arrived."""
        upload = next(reversed(self._record.uploads.values()), None)
        if self._record.stage != "files" or upload is None or upload.sent_bytes >= upload.size_bytes:
            return []
        size = told_size(upload.size_bytes)
        if not upload.sent_bytes:
            return [Text(f"  {upload.filename}: {size}", style="dim", no_wrap=True, overflow="ellipsis")]
        told = f"{told_size(upload.sent_bytes)} of {size}  {upload.sent_bytes / upload.size_bytes:>4.0%}"
        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(
            total=upload.size_bytes, completed=upload.sent_bytes, width=max(10, min(60, self._width - len(told) - 8))
        )
        row.add_row("", bar, Text(told, no_wrap=True, overflow="ellipsis"))
        return [row]

    def _training(self) -> list[RenderableType]:
        record = self._record
        step, total = record.curves.last_step, record.curves.total_steps
        left_s = record.left_s
        eta = "" if left_s is None else f"ETA {told_duration(left_s)}" if step < total else "finishing"
        count = f"step {step:>{len(str(total))}}/{total}  {record.share:>4.0%}"
        row = Table.grid(padding=(0, 2))
        bar = max(10, min(60, self._width - len(count) - 24))
        told = Text(count, no_wrap=True), Text(eta, style="dim", no_wrap=True, overflow="ellipsis")
        row.add_row("", ProgressBar(total=total, completed=step, width=bar), *told)
        numbers = Text("  ", no_wrap=True, overflow="ellipsis")
        for name, value in figures(record):
            numbers.append(f"{name} ", "dim").append(f"{value}   ", "cyan")
        spent = Text("   ".join(spent_words(record)))
        if numbers.cell_len + spent.cell_len <= self._width:
            return [row, numbers.append_text(spent)]
        return [row, numbers, Text("  ", no_wrap=True, overflow="ellipsis").append_text(spent)]

    def _drawn(self, found: list[Panel], height: int) -> list[RenderableType]:
        """Charts side by side where there is room, else the first alone. A drawing is kept until it has news."""
        width = self._width - 2
        shown = found if width >= TWO_CHARTS else found[:1]
        key = (width, height, len(shown), self._record.curves.points, self._record.curves.last_step)
        if key != self._charts[0]:
            each = (width - 2 * (len(shown) - 1)) // len(shown)
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_row(*(_text(draw_panel(panel, each, height)) for panel in shown))
            self._charts = (key, grid)
        return [_legend(shown), self._charts[1]]


def _legend(found: list[Panel]) -> Text:
    legend = Text("  ", no_wrap=True, overflow="ellipsis")
    legend.append(" and ".join(panel.title for panel in found)).append(":  ")
    legend.append("⠂ step", "bright_black").append("   ").append("⠤⠤ running mean", "cyan")
    if any(panel.validation for panel in found):
        legend.append("   ").append("◆ validation", "yellow")
    return legend


def _text(drawn: str) -> Text:
    lines = Text.from_ansi(drawn).split("\n")
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True).join(lines)
