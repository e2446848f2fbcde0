"""The report card as text: the scenarios in a table, the faults with their evidence, and whether it is ready."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mocktune.rehearsal.evidence import Evidence, evidence_of, happened, in_reality, printable
from mocktune.rehearsal.faults import Fault
from mocktune.rehearsal.judging import Judged, told_duration
from mocktune.rehearsal.rehearsing import Rehearsal

WIDEST = 116
"""Columns that are used at most, and where nobody says how many there are."""

WITH_SUMMARIES = 96
"""Columns from which on a table has room for what each scenario is."""

INDENT = 3


def print_card(console: Console, of: Rehearsal) -> None:
    width = min(console.width, WIDEST)
    for each in card(of, width):
        if isinstance(each, Text):  # a line as it stands, such as a command that is to be copied
            console.print(each, soft_wrap=True)
        else:
            console.print(each, width=width)


def card(of: Rehearsal, width: int) -> Iterator[RenderableType]:
    yield Text.assemble(("rehearsed: ", "bold"), printable(shlex.join(of.command)))
    if of.judged:
        yield _table(of, width)
    if of.skipped:
        yield Text(f"not run: {', '.join(each.name for each in of.skipped)}", "yellow")
    for number, fault in enumerate(of.faults, 1):
        yield from _fault(number, fault, of)
    yield from _closing(of)


def _table(of: Rehearsal, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("scenario", no_wrap=True)
    roomy = width >= WITH_SUMMARIES
    if roomy:
        table.add_column("what it is", ratio=1 if width >= WIDEST else None)
    table.add_column("should")
    table.add_column("did", no_wrap=True)
    table.add_column("virtual", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for each in of.judged:
        run = each.run
        verdict = Text("passed", "green") if each.passed else Text(_wrong(each), "red")
        should = "succeed" if run.expect.outcome == "recover" else "fail"
        told = [run.summary] if roomy else []
        table.add_row(run.scenario, *told, should, happened(each), told_duration(run.virtual_s), verdict)
    return table


def _wrong(judged: Judged) -> str:
    """What is wrong with a run, by its codes: findings, or else how it ended."""
    codes = [each["code"] for each in judged.run.findings]
    return " ".join(codes) if codes else "FAILED"


def _fault(number: int, fault: Fault, of: Rehearsal) -> Iterator[RenderableType]:
    evidence = evidence_of(fault, of.command)
    code = f"{fault.code}  " if fault.is_finding else ""
    yield Text()
    yield Text.assemble((f"{number}. {code}{fault.title}", "bold red"), f", {_places(fault, of)}")
    for each in _told(fault, evidence):
        yield Padding(each, (0, 0, 0, INDENT), expand=False)
    yield Text(f"{' ' * INDENT}again: {evidence.repeat}")


def _places(fault: Fault, of: Rehearsal) -> str:
    names = fault.scenarios
    if len(names) < 4:
        return f"in {', '.join(names)}"
    return f"in {'all' if len(names) == len(of.judged) else len(names)} of {len(of.judged)} scenarios"


def _told(fault: Fault, evidence: Evidence) -> Iterator[RenderableType]:
    yield Text(f"under {evidence.scenario}: {evidence.told}")
    for each in evidence.requests:
        ordinal = "" if each.ordinal is None else f"#{each.ordinal}"
        yield Text(f"{ordinal:>6} {each.at:>10}  {each.status or '-':>3}  {each.what}", "cyan", overflow="ellipsis",
                   no_wrap=True)  # fmt: skip
    for line in evidence.output:
        yield Text(f"     | {line}", "dim", overflow="ellipsis", no_wrap=True)
    if fault.led_to:
        yield Text(f"which led to: {', '.join(fault.led_to)}")
    yield Text(f"instead: {fault.remedy}")
    if fault.is_finding:
        yield Text(f"more: mocktune explain {fault.code}")


def _closing(of: Rehearsal) -> Iterator[RenderableType]:
    passed = sum(each.passed for each in of.judged)
    runs = [each.run for each in of.judged]
    yield Text()
    yield Text(f"In reality: {in_reality(runs)}. Here: {of.wall_s:.0f} s.")
    scenarios = f"{passed} of {len(of.judged) + len(of.skipped)} scenarios passed"
    if of.ready:
        yield Text(f"ready: {scenarios}", "bold green")
    else:
        faults = len(of.faults)
        yield Text(f"not ready: {scenarios}, {faults} {'fault' if faults == 1 else 'faults'}", "bold red")
