"""The report of a tuning as one HTML page: no script, nothing loaded from elsewhere, and everything escaped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mocktune.cli.amounts import told_duration, told_size, told_usd
from mocktune.cli.curve_chart import panels
from mocktune.cli.curves import Curves
from mocktune.cli.printing import printable
from mocktune.cli.svg_curves import SVG_STYLE, svg_of
from mocktune.cli.tune_story import failure_words, figures
from mocktune.html_frame import framed

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

    from mocktune.cli.tune_record import TuneRecord

MAX_EVENTS = 1_000
"""Shown of the events that are no metrics: the first and the last ones. All are in ``events.jsonl``."""

STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --line: #8884; --soft: #8881;
  --mean: #0969da; --valid: #bf8700 }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #ff7b72; --mean: #58a6ff; --valid: #d29922 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { font-weight: 600 } td.n, th.n { text-align: right; white-space: nowrap } td.k { width: 11rem; opacity: .7 }
.good { color: var(--good) } .bad { color: var(--bad) } .banner { font-size: 1.2rem; font-weight: 600 }
.scroll { overflow-x: auto } summary { cursor: pointer }
"""


def tune_page(record: TuneRecord, curves: Curves) -> str:
    """The page, whole; ``curves`` as ``complete_curves`` puts them together."""
    return framed(_text(_outcome(record)[1]), STYLE + SVG_STYLE, _body(record, curves))


def _body(record: TuneRecord, curves: Curves) -> Iterator[str]:
    how, told = _outcome(record)
    yield "<h1>mocktune tune</h1>"
    yield f'<p class="banner {how}">{_text(told)}</p>'
    if record.error is not None:
        yield f"<p>{_text(failure_words(record.error))}</p>"
    if record.target:
        yield f"<p>{_text(record.target)}</p>"
    yield from _table("Job", _job_rows(record))
    yield from _table("Data and cost", _data_rows(record))
    if found := panels(curves):
        yield f"<h2>Curves</h2>\n<p>By training step, {curves.total_steps:,} in all.</p>"
        names = {each.step_number: each.fine_tuned_model_checkpoint for each in record.checkpoints}
        for panel in found:
            yield svg_of(panel, names)
    yield from _checkpoints(record)
    yield from _table("Time", _time_rows(record))
    yield from _events(record)


def _outcome(record: TuneRecord) -> tuple[str, str]:
    if record.model is not None:
        return "good", f"Tuned: {record.model}"
    job = record.job
    if record.error is not None:
        return "bad", f"Job {job.id}: {job.status}" if job is not None else "No job was created"
    return "", f"Job {job.id} was {job.status} when this was written" if job is not None else "No job was seen yet"


def _job_rows(record: TuneRecord) -> Iterator[tuple[str, str | None]]:
    job = record.job
    yield "tuned model", record.model
    yield "base model", record.base_model
    if job is None:
        return
    yield "job", job.id
    yield "status", str(job.status)
    yield "method", getattr(job.method, "type", None)
    yield "hyperparameters", _hyperparameters(job)
    yield "seed", None if job.seed is None else str(job.seed)
    yield "suffix", getattr(job, "user_provided_suffix", None)
    yield "metadata", _pairs(job.metadata)
    yield "training file", job.training_file
    yield "validation file", job.validation_file
    yield "result file", ", ".join(job.result_files or ()) or record.results_reason
    yield "created", _instant(job.created_at)
    yield "finished", _instant(job.finished_at)


def _data_rows(record: TuneRecord) -> Iterator[tuple[str, str | None]]:
    report, price, spent = record.report, record.price, record.spent
    for which, file in (("training", report.training), ("validation", report.validation)) if report else ():
        if file is not None:
            counts = f"{file.statistics.examples:,} examples, {file.statistics.total_tokens:,} tokens"
            yield f"{which} data", f"{file.path}: {counts}, {told_size(file.size_bytes)}"
    if report is not None:
        yield "check", f"{report.errors:,} errors, {report.warnings:,} warnings"
    if price is not None and report is not None:
        cost = "by the hour" if price.usd is None else told_usd(price.usd)
        yield (
            "estimate",
            f"{price.n_epochs} epochs, {price.trained_tokens:,} tokens, {cost}, prices of {report.priced_on}",
        )
    if spent.tokens is not None:
        yield "tokens trained on", f"{spent.tokens:,}{'' if spent.exact else ' (in proportion to the steps)'}"
    if spent.usd is not None:
        assumed = ", at a price that nobody confirmed" if spent.assumed_price else ""
        yield "cost", f"{told_usd(spent.usd)}{assumed}"
    yield "last figures", ", ".join(" ".join(each) for each in figures(record)) or None


def _time_rows(record: TuneRecord) -> Iterator[tuple[str, str | None]]:
    """How long this command saw each stage, in wall time; an attached one saw the earlier ones not at all."""
    marks = [*record.stages.items(), (None, record.elapsed_s)]
    for (stage, began_s), (_, ended_s) in pairwise(marks):
        if stage is not None and stage != "ready":
            yield stage, told_duration(ended_s - began_s)
    yield "in all", told_duration(record.elapsed_s)
    if record.waits:
        yield "errors waited out", f"{record.waits:,}"


def _checkpoints(record: TuneRecord) -> Iterator[str]:
    if not record.checkpoints:
        return
    from mocktune.cli.job_words import MEASURES, measures

    rows = sorted(record.checkpoints, key=lambda each: each.step_number)
    table = [measures(each.metrics) for each in rows]
    used = [index for index in range(len(MEASURES)) if any(row[index] is not None for row in table)]
    yield '<h2>Checkpoints</h2>\n<div class="scroll"><table>'
    head = "".join(f'<th class="n">{MEASURES[index]}' for index in used)
    yield f'<tr><th class="n">step{head}<th>model</tr>'
    for checkpoint, row in zip(rows, table, strict=True):
        cells = "".join(f'<td class="n">{_text(row[index] or "")}' for index in used)
        name = _text(checkpoint.fine_tuned_model_checkpoint)
        yield f'<tr><td class="n">{checkpoint.step_number:,}{cells}<td><code>{name}</code></tr>'
    yield "</table></div>"


def _events(record: TuneRecord) -> Iterator[str]:
    events = list(record.events)
    if not events:
        return
    left_out = max(0, len(events) - MAX_EVENTS)
    half = MAX_EVENTS // 2
    shown = events if not left_out else [*events[:half], *events[-half:]]
    note = f", {left_out:,} in the middle left out" if left_out else ""
    yield f"<h2>Events</h2>\n<details open><summary>{len(events):,} that are no metrics{note}</summary>"
    yield "<table>\n<tr><th>time (UTC)<th>level<th>message</tr>"
    for event in shown:
        style = ' class="bad"' if event.level in ("warn", "error") else ""
        cells = f"<td>{_instant(event.created_at) or ''}<td>{_text(str(event.level))}<td{style}>{_text(event.message)}"
        yield f"<tr>{cells}</tr>"
    yield "</table></details>"


def _table(title: str, rows: Iterator[tuple[str, str | None]]) -> Iterator[str]:
    told = [(name, value) for name, value in rows if value]
    if told:
        yield f"<h2>{_text(title)}</h2>\n<table>"
        for name, value in told:
            yield f'<tr><td class="k">{_text(name)}<td><code>{_text(value)}</code></tr>'
        yield "</table>"


def _hyperparameters(job: FineTuningJob) -> str | None:
    """Those of the method where the job has them only there, as with preferences."""
    found: Any = job.hyperparameters
    if found is None and job.method is not None:
        part = getattr(job.method, str(job.method.type), None)
        found = getattr(part, "hyperparameters", None)
    return _pairs(found)


def _pairs(given: Any) -> str | None:
    if given is None:
        return None
    document = given if isinstance(given, dict) else given.to_dict(warnings=False)
    return ", ".join(f"{name} {value}" for name, value in document.items() if value is not None) or None


def _instant(seconds: Any) -> str | None:
    if not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return None


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
