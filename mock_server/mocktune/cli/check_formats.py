"""A check for programs: JSON, JUnit XML, and the workflow commands of GitHub."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mocktune.cli.amounts import told_usd
from mocktune.cli.check_verdict import SEVERITIES, Group, Judged, groups, place
from mocktune.rehearsal.evidence import printable
from mocktune_client.dataset.report import FileReport, Finding

SUITE = "mocktune check"

MAX_ANNOTATIONS = 10
"""Of one severity: GitHub shows no more of a step, and drops the others without a word."""

MAX_TEXT = 4_000
MAX_ENTRIES = 100
"""Of the first example in JSON: characters of a text, and entries of a list or object. An image can have megabytes."""

# -- JSON --------------------------------------------------------------------------------------------------------------


def json_document(of: Judged) -> bytes:
    """UTF-8; the report's own names and units, and what was made of it."""
    report = of.report
    document = {
        "ok": of.exit_code == 0,
        "exit_code": of.exit_code,
        "verdict": of.line,
        "errors": report.errors,
        "warnings": report.warnings,
        "fail_on": of.fail_on,
        "max_cost_usd": of.max_cost_usd,
        "over_budget": of.over_budget is not None,
        "price": asdict(of.price) if of.price else None,
        "method": report.method,
        "training": _file_document(report.training),
        "validation": _file_document(report.validation) if report.validation else None,
        "prices": [asdict(price) for price in report.prices],
        "priced_on": report.priced_on,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    # What UTF-8 cannot write, such as a file name of other bytes, becomes an escape, which JSON knows as well.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _file_document(file: FileReport) -> dict[str, Any]:
    document = asdict(file)
    document["counts"] = dict(file.counts)
    document["statistics"]["first_example"] = shortened(file.statistics.first_example)
    for finding in document["findings"]:
        if finding["other"] is not None:
            finding["other"] = dict(zip(("path", "line"), finding["other"], strict=True))
    return document


def shortened(value: Any) -> Any:
    """Without the rest of long texts and lists."""
    match value:
        case str():
            return value if len(value) <= MAX_TEXT else f"{value[:MAX_TEXT]}…"
        case Mapping():
            return {str(key)[:MAX_TEXT]: shortened(each) for key, each in [*value.items()][:MAX_ENTRIES]}
        case list():
            return [shortened(each) for each in value[:MAX_ENTRIES]]
        case _:
            return value


# -- JUnit -------------------------------------------------------------------------------------------------------------


def junit_xml(of: Judged) -> bytes:
    """A suite for each file, a case for each rule that something was found of; UTF-8, with the declaration."""
    root = Element("testsuites", {"name": SUITE})
    suites = [_suite(root, of, file) for file in of.files]
    if of.max_cost_usd is not None:
        suite = SubElement(root, "testsuite", {"name": "cost"})
        case = SubElement(suite, "testcase", {"classname": SUITE, "name": f"at most {told_usd(of.max_cost_usd)}"})
        if of.over_budget:
            SubElement(case, "failure", {"type": "over_budget", "message": printable(of.over_budget)})
        suites.append(suite)
    for suite in suites:
        _count(suite, suite)
    _count(root, root)
    del root.attrib["skipped"]  # which no schema has here
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _count(element: Element, within: Element) -> None:
    for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(1 for _ in within.iter(tag))))


def _suite(root: Element, of: Judged, file: FileReport) -> Element:
    suite = SubElement(root, "testsuite", {"name": printable(file.path)})
    properties = SubElement(suite, "properties")
    statistics = file.statistics
    for name, value in (
        ("format", file.format),
        ("examples", statistics.examples),
        ("tokens", statistics.total_tokens),
        ("sha256", statistics.sha256),
    ):
        SubElement(properties, "property", {"name": name, "value": str(value)})
    readable = SubElement(suite, "testcase", {"classname": printable(file.path), "name": "every line was read"})
    SubElement(readable, "system-out").text = of.line
    for severity in SEVERITIES:
        for group in groups(file, severity):
            case = SubElement(suite, "testcase", {"classname": printable(file.path), "name": group.rule})
            text = "\n".join(_told(group))
            if severity == "warning" and of.fail_on != "warning":
                SubElement(case, "system-out").text = text
            else:
                message = printable(group.findings[0].message)
                SubElement(case, "failure", {"type": severity, "message": message}).text = text
    return suite


def _told(group: Group) -> Iterator[str]:
    for finding in group.findings:
        yield f"{place(finding)}: {group.severity}: {printable(finding.message)}"
        if finding.excerpt:
            yield f"    | {printable(finding.excerpt)}"
    if group.count > len(group.findings):
        yield f"{group.count - len(group.findings):,} more"
    for remedy in dict.fromkeys(finding.remedy for finding in group.findings):
        yield f"-> {printable(remedy)}"


# -- GitHub ------------------------------------------------------------------------------------------------------------


def workflow_commands(of: Judged, workspace: str | None = None) -> str:
    """An annotation for each finding, as many as GitHub shows; the others, and the verdict, as lines of the log.

    ``workspace`` is the root of the checkout, from which the annotations' paths begin. Lines of the log stand where
    nothing is taken for a command: the word that ends this is a hash of the files, which cannot stand in one of them.
    """
    lines: list[str] = []
    logged: list[Finding] = []
    if of.over_budget:
        lines.append(f"::error title=over budget::{_data(of.over_budget)}")
    for severity in SEVERITIES:
        most = MAX_ANNOTATIONS - (severity == "error" and bool(lines))
        findings = [each for file in of.files for each in file.findings if each.severity == severity]
        lines += (_annotation(each, workspace) for each in findings[:most])
        logged += findings[most:]
    stop = sha256("".join(file.statistics.sha256 for file in of.files).encode()).hexdigest()
    if logged:
        lines += [f"::group::{len(logged):,} more", f"::stop-commands::{stop}"]
        lines += (f"{place(each)}: {each.severity}: {each.rule}: {printable(each.message)}" for each in logged)
        lines += [f"::{stop}::", "::endgroup::"]
    lines += [f"::stop-commands::{stop}", printable(of.line), f"::{stop}::"]
    return "\n".join(lines) + "\n"


def _annotation(finding: Finding, workspace: str | None) -> str:
    line = "" if finding.line is None else f",line={finding.line}"
    text = printable(finding.message)
    if finding.excerpt:
        text += f"\n| {printable(finding.excerpt)}"
    text += f"\n{printable(finding.remedy)}"
    properties = f"file={_property(_from(workspace, finding.path))}{line},title={_property(finding.rule)}"
    return f"::{finding.severity} {properties}::{_data(text)}"


def _from(workspace: str | None, path: str) -> str:
    """The path from the root of the checkout, of a file inside of it."""
    if workspace:
        inside = os.path.relpath(Path(path).resolve(), Path(workspace).resolve())
        if not inside.startswith(".."):
            return Path(inside).as_posix()
    return path


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
