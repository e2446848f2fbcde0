"""A rehearsal as JUnit XML, as CI systems read it: a test case for each scenario."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mocktune.rehearsal.evidence import expected, last_requests, printable, repeating_command
from mocktune.rehearsal.judging import Judged, told_duration
from mocktune.rehearsal.rehearsing import Rehearsal

SUITE = "mocktune rehearse"


def junit_xml(of: Rehearsal) -> bytes:
    """UTF-8, with the declaration."""
    failures = sum(not each.passed for each in of.judged)
    counts = {
        "tests": str(len(of.judged) + len(of.skipped)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(len(of.skipped)),
        "time": f"{of.wall_s:.3f}",
    }
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", {"name": SUITE, **counts})
    properties = SubElement(suite, "properties")
    SubElement(properties, "property", {"name": "command", "value": printable(shlex.join(of.command))})
    for each in of.judged:
        _case(suite, each, of)
    for piece in of.skipped:
        case = SubElement(suite, "testcase", {"classname": "mocktune.rehearse", "name": piece.name, "time": "0"})
        SubElement(case, "skipped", {"message": "not run"})
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(suite: Element, judged: Judged, of: Rehearsal) -> None:
    run = judged.run
    named = {"classname": "mocktune.rehearse", "name": run.scenario, "time": f"{run.wall_s:.3f}"}
    case = SubElement(suite, "testcase", named)
    if judged.passed:
        return
    message = "; ".join(printable(each.text) for each in judged.symptoms)
    failure = SubElement(case, "failure", {"type": judged.symptoms[0].code, "message": message})
    failure.text = "\n".join(_lines(judged, of))
    SubElement(case, "system-out").text = _xml_text(run.stdout.text)
    SubElement(case, "system-err").text = _xml_text(run.stderr.text)


def _lines(judged: Judged, of: Rehearsal) -> Iterator[str]:
    run = judged.run
    yield f"{run.summary}. Expected of a good client: to {expected(run)}."
    yield from (f"- {each.code}: {printable(each.text)}" for each in judged.symptoms)
    yield f"after {told_duration(run.virtual_s)} of virtual time; the last requests:"
    for each in last_requests(run):
        yield f"  #{each.ordinal} {each.at} {each.status or '-'} {each.what}"
    yield f"again: {printable(repeating_command(run, of.command))}"


def _xml_text(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())
