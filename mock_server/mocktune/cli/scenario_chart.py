"""A job's life as a chart of characters: one row for each phase, a scale of virtual time below."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from mocktune.cli.scenario_play import Life, Style
from mocktune.domain.clock import SECOND, format_duration

ROWS = (
    "file", "validating_files", "queued", "running", "paused", "final validation", "safety checks", "signals",
    "succeeded", "failed", "cancelled", "result file", "last events", "model absent", "model loading", "model ready",
    "model gone",
)  # fmt: skip

_LABEL = 18
_DURATION = 11
_NARROWEST = 20
"""Columns of the part that is drawn to scale, at least."""

_MINUTE, _HOUR, _DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
_TICKS = [
    *(SECOND * n for n in (1, 2, 5, 10, 20, 30)), *(_MINUTE * n for n in (1, 2, 5, 10, 20, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)), *(_DAY * n for n in (1, 2, 5, 10, 30, 100)),
]  # fmt: skip
_TICK_COLUMNS = 9
"""From one tick of the scale to the next, at least."""

_LOOKS: dict[Style, tuple[str, str]] = {
    "waiting": ("▒", "yellow"),
    "working": ("█", "cyan"),
    "standing": ("░", "magenta"),
    "ready": ("█", "green"),
}
_SIGNS = {"✗": "bold red", "●": "bold green", "◆": "bold white", "▼": "bold magenta"}


def draw(life: Life, width: int) -> Iterator[Text]:
    """The lines of the chart, none wider than ``width``; with their colours, for a terminal."""
    columns = max(_NARROWEST, width - _LABEL - _DURATION)
    scale = max(1, life.ends)
    for row in _rows(life):
        spans = [span for span in life.spans if span.row == row]
        line = Text(row.ljust(_LABEL))
        cells = [(" ", "")] * columns
        for span in spans:
            first = min(columns - 1, span.begins * columns // scale)
            end = min(columns, max(first + 1, round(span.ends * columns / scale)))
            cells[first:end] = [_LOOKS[span.style]] * (end - first)
            if span.open:
                cells[-1] = "→", _LOOKS[span.style][1]
        for mark in (mark for mark in life.marks if mark.row == row):
            cells[min(columns - 1, mark.at * columns // scale)] = mark.sign, _SIGNS[mark.sign]
        for sign, style in cells:
            line.append(sign, style)
        line.append(_told(life, row).rjust(_DURATION), "dim")
        line.rstrip()
        yield line
    yield from _scale(columns, scale)


def _rows(life: Life) -> list[str]:
    """Those there is something of, the job's before the model's."""
    there = {span.row for span in life.spans} | {mark.row for mark in life.marks}
    return [row for row in ROWS if row in there]


def _told(life: Life, row: str) -> str:
    """How long a row lasts altogether; of an instant, when it is."""
    spans = [span for span in life.spans if span.row == row]
    if not spans:
        return "at " + format_duration(_whole(next(mark.at for mark in life.marks if mark.row == row)))
    return "" if spans[-1].open else format_duration(_whole(sum(span.ends - span.begins for span in spans)))


def _whole(duration: int) -> int:
    """Rounded to the second where seconds are few of many."""
    return round(duration / SECOND) * SECOND if duration >= _MINUTE else duration


def _scale(columns: int, scale: int) -> Iterator[Text]:
    tick = next((each for each in _TICKS if each * columns // scale >= _TICK_COLUMNS), scale)
    ticks = [at for at in range(0, scale + 1, tick) if at * columns // scale < columns]
    line, labels = ["─"] * columns, [" "] * (columns + _DURATION)
    for at in ticks:
        column, label = at * columns // scale, format_duration(at)
        line[column] = "┴"
        labels[column : column + len(label)] = label
    yield Text(" " * _LABEL + "".join(line), "dim")
    yield Text((" " * _LABEL + "".join(labels)).rstrip(), "dim")
