"""What a report card shows for a fault: the requests that earned it, in virtual time, and the last lines of output."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mocktune.rehearsal.faults import Fault
from mocktune.rehearsal.judging import Judged, told_duration
from mocktune.rehearsal.runs import Run

MOST_REQUESTS = 6
MOST_LINES = 6
LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A request: ``at`` is the virtual time since the run began."""

    ordinal: int | None
    at: str
    status: int
    what: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of the first run that shows the fault: ``told`` says what happened there, ``output`` is empty where the requests
    say it all."""

    scenario: str
    told: str
    requests: tuple[Shown, ...]
    output: tuple[str, ...]
    repeat: str


def evidence_of(fault: Fault, command: Sequence[str]) -> Evidence:
    judged, symptom = fault.seen[0]
    run = judged.run
    finding = next((each for each in run.findings if each["code"] == fault.code), None)
    requests = [
        Shown(each["ordinal"], _offset(each["at"] - run.began_s), each["status"], printable(each["what"]))
        for each in (finding["evidence"] if finding else ())[:MOST_REQUESTS]
    ]
    return Evidence(
        scenario=run.scenario,
        told=printable(symptom.text),
        requests=tuple(requests or last_requests(run)),
        output=() if finding and run.exit_code == 0 else tuple(last_lines(run)),
        repeat=repeating_command(run, command),
    )


def last_requests(run: Run) -> list[Shown]:
    return [
        Shown(each.ordinal, _offset(each.at_s), each.status, printable(each.what))
        for each in run.seen.asked[-MOST_REQUESTS:]
    ]


def last_lines(run: Run) -> list[str]:
    """The end of what was written to stderr, or of stdout where that is empty."""
    lines = run.stderr.last_lines(MOST_LINES) or run.stdout.last_lines(MOST_LINES)
    return [printable(line)[:LONGEST_LINE] for line in lines]


def happened(judged: Judged) -> str:
    """How a run ended, in a few words."""
    run = judged.run
    match judged.outcome:
        case "recovered":
            return "succeeded"
        case "gave_up":
            return f"failed ({run.exit_code})"
        case "hung":
            return "no end"
        case "not_started":
            return "not started"
    return "interrupted"


def expected(run: Run) -> str:
    return "succeed" if run.expect.outcome == "recover" else "fail, and say why"


def repeating_command(run: Run, command: Sequence[str]) -> str:
    """A line for a shell that runs the command once more, under the same scenario with the same seed."""
    return shlex.join(["mocktune", "exec", "--scenario", run.asked, "--seed", str(run.seed), "--", *command])


def in_reality(runs: Iterable[Run]) -> str:
    """What the same would have taken and cost on the real service."""
    runs = list(runs)
    took, cost_usd = told_duration(sum(run.virtual_s for run in runs)), sum(run.cost_usd for run in runs)
    return f"{took} and ${cost_usd:.2f}" if cost_usd >= 0.005 or not cost_usd else f"{took} and less than a cent"


def printable(text: str) -> str:
    """Without what a terminal would obey, XML forbids, or no encoding can write."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "�" for each in text)


def _offset(seconds: float) -> str:
    return f"+{told_duration(max(0.0, seconds))}"
