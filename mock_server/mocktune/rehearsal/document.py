"""A rehearsal as JSON: what programs read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mocktune.rehearsal.evidence import evidence_of, repeating_command
from mocktune.rehearsal.faults import Fault
from mocktune.rehearsal.judging import Judged
from mocktune.rehearsal.rehearsing import Rehearsal

LAST_LINES = 20


def document(of: Rehearsal) -> dict[str, Any]:
    return {
        "ready": of.ready,
        "command": list(of.command),
        "scenarios": [_scenario(each, of.command) for each in of.judged],
        "skipped": [each.name for each in of.skipped],
        "faults": [_fault(each, of.command) for each in of.faults],
        "wall_s": round(of.wall_s, 3),
        "virtual_s": round(sum(each.run.virtual_s for each in of.judged), 3),
        "cost_usd": round(sum(each.run.cost_usd for each in of.judged), 6),
    }


def _scenario(of: Judged, command: Sequence[str]) -> dict[str, Any]:
    run = of.run
    return {
        "name": run.scenario,
        "summary": run.summary,
        "expected": run.expect.outcome,
        "outcome": of.outcome,
        "passed": of.passed,
        "exit_code": run.exit_code,
        "reasons": [each.text for each in of.symptoms],
        "findings": run.findings,
        "allowed": list(run.verdict.get("allowed", ())),
        "complete": bool(run.verdict.get("complete", True)),
        "seed": run.seed,
        "requests": run.seen.requests,
        "virtual_s": round(run.virtual_s, 3),
        "wall_s": round(run.wall_s, 3),
        "stdout": run.stdout.last_lines(LAST_LINES),
        "stderr": run.stderr.last_lines(LAST_LINES),
        "repeat": repeating_command(run, command),
    }


def _fault(of: Fault, command: Sequence[str]) -> dict[str, Any]:
    evidence = evidence_of(of, command)
    return {
        "code": of.code,
        "title": of.title,
        "summary": evidence.told,
        "scenarios": of.scenarios,
        "led_to": of.led_to,
        "remedy": of.remedy,
        "page": f"docs/reference/verdict.md#{of.code.lower()}" if of.is_finding else None,
        "evidence": {
            "scenario": evidence.scenario,
            "requests": [
                {"ordinal": each.ordinal, "at": each.at, "status": each.status, "what": each.what}
                for each in evidence.requests
            ],
            "output": list(evidence.output),
        },
        "repeat": evidence.repeat,
    }
