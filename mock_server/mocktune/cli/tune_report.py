"""The saved report of a tuning: a page with curves for people, tables for programs.

=================  ==============================================================================
file               content
=================  ==============================================================================
``report.html``    one page, readable offline: what came out, cost, curves, checkpoints, events
``metrics.csv``    a row for each step: every number that was told, empty where there is none
``events.jsonl``   the job's events that are no metrics, as the service wrote them
=================  ==============================================================================

A folder gets all three. A file gets what its name ends in: ``.html``, ``.csv`` or ``.jsonl``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from mocktune.cli.curves import METRICS, Curves
from mocktune_client.writing import replacing

if TYPE_CHECKING:
    from mocktune.cli.tune_record import TuneRecord

RESULT_COLUMNS = {
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}
"""Columns of the result file, and the same metrics in events."""


def write_report(path: Path, record: TuneRecord) -> list[Path]:
    """Write the report, replacing an earlier one; what was written. A path is a folder, made if need be, unless it is
    a file or ends in one of the three endings. Raises ``OSError``.
    """
    if path.is_dir() or (not path.is_file() and path.suffix.lower() not in _BY_ENDING):
        path.mkdir(exist_ok=True)
        written = {path / name: write for name, write in _FILES.items()}
    else:
        written = {path: _BY_ENDING.get(path.suffix.lower(), _html)}
    for each, text in written.items():
        with replacing(each) as file:  # what was there before stays until the new one is whole
            file.write(text(record).encode("utf-8", "replace"))
    return list(written)


def metrics_csv(record: TuneRecord) -> str:
    """Comma-separated, LF at line ends, numbers as Python writes them; columns are ``step`` and those of ``METRICS``
    of which anything is known.
    """
    curves = complete_curves(record)
    columns = [name for name in METRICS if name in curves.series]
    out = StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["step", *columns])
    series = [curves.of(name) for name in columns]
    for step in sorted(set().union(*series)):
        table.writerow([step, *(points.get(step, "") for points in series)])
    return out.getvalue()


def complete_curves(record: TuneRecord) -> Curves:
    """What events told, and of steps that no event was seen of, what the result file says: it rounds."""
    curves = Curves(total_steps=record.curves.total_steps, last_step=record.curves.last_step)
    for row in record.results.rows if record.results else ():
        numbers = {metric: getattr(row, column) for column, metric in RESULT_COLUMNS.items()}
        curves.add({"step": row.step, **numbers})
    for name, points in record.curves.series.items():
        for step, value in points.items():
            curves.put(name, step, value)
    return curves


def events_jsonl(record: TuneRecord) -> str:
    """An event a line, oldest first."""
    lines = (dumps(each.to_dict(mode="json", warnings=False), default=str) for each in record.events)
    return "".join(line + "\n" for line in lines)


def _html(record: TuneRecord) -> str:
    from mocktune.cli.tune_page import tune_page

    return tune_page(record, complete_curves(record))


_FILES: dict[str, Callable[[TuneRecord], str]] = {
    "report.html": _html,
    "metrics.csv": metrics_csv,
    "events.jsonl": events_jsonl,
}
_BY_ENDING = {Path(name).suffix: write for name, write in _FILES.items()}
