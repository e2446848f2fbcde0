"""A rehearsal as one HTML page: no script, nothing loaded from elsewhere, and everything that was written escaped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from html import escape

from mocktune.html_frame import framed
from mocktune.rehearsal.evidence import (
    Evidence,
    evidence_of,
    expected,
    happened,
    in_reality,
    last_lines,
    last_requests,
    printable,
    repeating_command,
)
from mocktune.rehearsal.faults import Fault
from mocktune.rehearsal.judging import Judged, told_duration
from mocktune.rehearsal.rehearsing import Rehearsal

STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --line: #8884; --soft: #8881 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } h3 { font-size: 1rem; margin-bottom: 0 }
code, pre { font: 13px/1.5 ui-monospace, monospace }
pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; margin: .4rem 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.n { text-align: right; white-space: nowrap } .good { color: var(--good) } .bad { color: var(--bad) }
.banner { font-size: 1.2rem; font-weight: 600 } summary { cursor: pointer } details { margin: .3rem 0 }
"""


def html_page(of: Rehearsal) -> str:
    """The page, whole."""
    title = f"{'ready' if of.ready else 'not ready'}: {_text(shlex.join(of.command))}"
    return framed(title, STYLE, _body(of))


def _body(of: Rehearsal) -> Iterator[str]:
    yield "<h1>mocktune rehearse</h1>"
    yield f"<pre>{_text(shlex.join(of.command))}</pre>"
    passed = sum(each.passed for each in of.judged)
    how, told = ("good", "Ready") if of.ready else ("bad", "Not ready")
    scenarios = f"{passed} of {len(of.judged) + len(of.skipped)} scenarios passed"
    yield f'<p class="banner {how}">{told}: {scenarios}</p>'
    yield f"<p>In reality this would have taken {_text(in_reality(each.run for each in of.judged))}."
    yield f"Here it took {of.wall_s:.0f} s.</p>"
    if of.faults:
        yield f"<h2>{len(of.faults)} {'fault' if len(of.faults) == 1 else 'faults'}</h2>"
    for number, fault in enumerate(of.faults, 1):
        yield from _fault(number, fault, of)
    yield "<h2>Scenarios</h2>"
    yield "<table>\n<tr><th>scenario<th>what it is<th>a good client will<th>this one<th>virtual time<th></tr>"
    for each in of.judged:
        yield from _row(each)
    for piece in of.skipped:
        yield f"<tr><td>{_text(piece.name)}<td>{_text(piece.scenario.summary)}<td><td>not run<td><td></tr>"
    yield "</table>"
    for each in of.judged:
        if not each.passed:
            yield from _details(each, of)


def _fault(number: int, fault: Fault, of: Rehearsal) -> Iterator[str]:
    evidence = evidence_of(fault, of.command)
    code = f"{fault.code} " if fault.is_finding else ""
    yield f'<h3 class="bad">{number}. {_text(code + fault.title)}</h3>'
    yield f"<p>In {_text(', '.join(fault.scenarios))}.</p>"
    yield f"<p>Under <code>{_text(evidence.scenario)}</code>: {_text(evidence.told)}</p>"
    yield from _requests(evidence)
    if evidence.output:
        yield f"<pre>{_lines(evidence.output)}</pre>"
    if fault.led_to:
        yield f"<p>It led to: {_text(', '.join(fault.led_to))}.</p>"
    yield f"<p>Instead: {_text(fault.remedy)}</p>"
    yield f"<pre>{_text(evidence.repeat)}</pre>"


def _requests(of: Evidence) -> Iterator[str]:
    if of.requests:
        lines = [f"#{each.ordinal or '-'}  {each.at}  {each.status or '-'}  {each.what}" for each in of.requests]
        yield f"<pre>{_lines(lines)}</pre>"


def _row(judged: Judged) -> Iterator[str]:
    run = judged.run
    how, told = ("good", "passed") if judged.passed else ("bad", "failed")
    cells = (run.scenario, run.summary, expected(run), happened(judged))
    yield "<tr>" + "".join(f"<td>{_text(each)}" for each in cells)
    yield f'<td class="n">{told_duration(run.virtual_s)}<td class="{how}">{told}</tr>'


def _details(judged: Judged, of: Rehearsal) -> Iterator[str]:
    run = judged.run
    wrong = "; ".join(each.text for each in judged.symptoms)
    yield f"<details><summary>{_text(run.scenario)}: {_text(wrong)}</summary>"
    lines = [f"#{each.ordinal}  {each.at}  {each.status or '-'}  {each.what}" for each in last_requests(run)]
    yield f"<pre>{_lines(lines)}</pre><pre>{_lines(last_lines(run))}</pre>"
    yield f"<pre>{_text(repeating_command(run, of.command))}</pre></details>"


def _lines(lines: Iterator[str] | tuple[str, ...] | list[str]) -> str:
    return "\n".join(_text(line) for line in lines)


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
