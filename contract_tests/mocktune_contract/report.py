"""``--contract-report DIR``: what a server keeps of the contract, operation by operation, for people and programs.

``contract.json``::

    {"schema": 1, "target": {"base_url", "kind", "identity", "wire"}, "run": {"at", "seconds", "mocktune", "openai",
     "python", "complete"}, "totals": {"operations": {"of_the_api", "implemented", "missing", "not_asked"}, "tests":
     {"passed", "failed", "skipped", "missing"}},
     "operations": [{"name", "method", "path", "source", "confidence", "implemented": {"answer": "yes|no|not asked",
                     "status"}, "shape": {"passed", "failed", "skipped", "missing"}, "behaviour": {…},
                     "sources": {"recorded": 12, "spec": 3}, "failures": [{"test", "aspect", "source", "reason"}]}],
     "beside": [{"module", "passed", "failed", "skipped", "missing", "failures": […]}], "skipped": {reason: number}}

``missing`` are tests of operations that the target does not have. ``contract.md`` shows the same; ``contract.xml`` is
pytest's own JUnit report.
"""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import pytest

from mocktune_contract.operations import BY_NAME, OPERATIONS, Operation
from mocktune_contract.targets import Found, Target

SCHEMA = 1
KINDS = {
    "served": "started for this run",
    "in process": "in the process of this run",
    "mocktune": "named by --target",
    "other": "a server of another make, named by --target",
}
MISSING = "the target has no "
"""How the reason of a skip begins where an operation is missing."""

OUTCOMES = ("passed", "failed", "skipped", "missing")
MAX_REASON = 200
MAX_FAILURES, MAX_CASES = 40, 5
"""Tests of one operation, and cases of one test, in contract.md; contract.json has them all."""

Json = dict[str, Any]


@dataclass(slots=True)
class Seen:
    """How one test ended."""

    test: str
    operations: list[str]
    aspect: str
    source: str
    outcome: str = "passed"
    reason: str = ""


class ContractReport:
    """Listens to every report of a test and writes the files when the run is over."""

    def __init__(self, folder: Path, config: pytest.Config) -> None:
        self.folder = folder
        self._config = config
        self._begun = datetime.now(UTC)
        self._seen: dict[str, Seen] = {}
        self._found: dict[str, Found] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if "aspect" not in properties:
            return
        named = [name for name in str(properties["operations"]).split(", ") if name]
        seen = self._seen.setdefault(
            report.nodeid,
            Seen(readable(report.nodeid), named, str(properties["aspect"]), str(properties["source"])),
        )
        if "implemented" in properties and seen.aspect == "implemented":
            present, status = json.loads(str(properties["implemented"]))
            self._found[named[0]] = Found(present, status)
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
            seen.reason = reason.removeprefix("Skipped: ")
            seen.outcome = "missing" if seen.reason.startswith(MISSING) else "skipped"
        elif report.failed:
            seen.outcome, seen.reason = "failed", one_line(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self._seen:
            return
        from mocktune_contract.plugin import TARGET

        target = self._config.stash.get(TARGET, None)
        document = self.document(target, complete=exitstatus in (0, 1))
        (self.folder / "contract.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (self.folder / "contract.md").write_text(as_markdown(document), "utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._seen:
            terminalreporter.section("contract report")
            terminalreporter.write_line(summary_line(json.loads((self.folder / "contract.json").read_text("utf-8"))))
            terminalreporter.write_line(f"{self.folder / 'contract.md'}, contract.json, contract.xml")

    def document(self, target: Target | None, *, complete: bool) -> Json:
        from mocktune import __version__

        in_process = bool(self._config.getoption("--in-process", False))
        own = Target(
            "a server of this run", "in process" if in_process else "served", identity=f"mocktune {__version__}"
        )
        asked = target or own
        found = {**self._found, **asked.found}
        rows = [self._row(operation, found.get(operation.name)) for operation in OPERATIONS]
        api = [row for row in rows if not BY_NAME[row["name"]].azure]
        answers = Counter(row["implemented"]["answer"] for row in api)
        about = [seen for seen in self._seen.values() if seen.aspect != "implemented"]
        return {
            "schema": SCHEMA,
            "target": {
                "base_url": asked.base_url, "kind": asked.kind, "identity": asked.identity, "wire": asked.wire,
            },
            "run": {
                "at": self._begun.isoformat(timespec="seconds"),
                "seconds": round((datetime.now(UTC) - self._begun).total_seconds(), 1),
                "mocktune": __version__,
                "openai": openai.__version__,
                "python": platform.python_version(),
                "complete": complete,
            },
            "totals": {
                "operations": {
                    "of_the_api": len(api), "implemented": answers["yes"], "missing": answers["no"],
                    "not_asked": answers["not asked"],
                },
                "tests": counted(about),
            },
            "operations": rows,
            "beside": self._beside(),
            "skipped": dict(Counter(each.reason for each in about if each.outcome == "skipped").most_common()),
        }  # fmt: skip

    def _row(self, operation: Operation, found: Found | None) -> Json:
        from mocktune.domain.sources import CONFIDENCES, confidence_of

        own = [seen for seen in self._seen.values() if operation.name in seen.operations]
        about = [seen for seen in own if seen.aspect != "implemented"]
        confidences = Counter(confidence_of(seen.source) for seen in about)
        answer = "not asked" if found is None else "yes" if found.present else "no"
        return {
            "name": operation.name,
            "method": operation.method,
            "path": operation.path,
            "source": operation.source,
            "confidence": confidence_of(operation.source),
            "implemented": {"answer": answer, "status": found.status if found else None},
            **{aspect: counted(s for s in about if s.aspect == aspect) for aspect in ("shape", "behaviour")},
            "sources": {name: confidences[name] for name in CONFIDENCES if confidences[name]},
            "failures": failures(about),
        }

    def _beside(self) -> list[Json]:
        """Tests that are about no single operation, by their module."""
        modules: dict[str, list[Seen]] = {}
        for nodeid, seen in self._seen.items():
            if not seen.operations:
                modules.setdefault(Path(nodeid.partition("::")[0]).stem, []).append(seen)
        return [{"module": name, **counted(seen), "failures": failures(seen)} for name, seen in sorted(modules.items())]


def counted(seen: Any) -> Json:
    counts = Counter(each.outcome for each in seen)
    return {outcome: counts[outcome] for outcome in OUTCOMES}


def failures(seen: list[Seen]) -> list[Json]:
    return [
        {"test": each.test, "aspect": each.aspect, "source": each.source, "reason": each.reason}
        for each in seen
        if each.outcome == "failed"
    ]


def readable(nodeid: str) -> str:
    """``test_chat: the usage is exact``."""
    module, _, test = nodeid.partition("::")
    name, bracket, parameters = test.partition("[")
    claim = name.removeprefix("test_").replace("_", " ")
    return f"{Path(module).stem.removeprefix('test_')}: {claim}{bracket}{parameters}"


def one_line(report: pytest.TestReport) -> str:
    """What went wrong, in one line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr)
    line = next((line for line in text.splitlines() if line.strip()), "no reason was given")
    line = re.sub(r"^(E\s+)?(AssertionError|Failed): ", "", line.strip())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


# -- contract.md -------------------------------------------------------------------------------------------------------


def summary_line(document: Json) -> str:
    operations, tests = document["totals"]["operations"], document["totals"]["tests"]
    asked = f", {operations['not_asked']} not asked" if operations["not_asked"] else ""
    return (
        f"{operations['implemented']} of {operations['of_the_api']} operations are implemented, "
        f"{operations['missing']} missing{asked}; tests: {tests['passed']} passed, {tests['failed']} failed, "
        f"{tests['skipped']} skipped, {tests['missing']} of missing operations"
    )


def as_markdown(document: Json) -> str:
    target, run = document["target"], document["run"]
    with_what = f"mocktune {run['mocktune']}, openai {run['openai']}, Python {run['python']}"
    lines = [
        f"# Contract of {target['base_url']}",
        "",
        f"{summary_line(document)}.",
        "",
        f"Target: {target['identity']} ({KINDS[target['kind']]}), asked at {run['at']} for {run['seconds']} s with "
        f"{with_what}."
        + ("" if run["complete"] else " **The run was not finished: what is missing below was not asked.**"),
        "",
        "## How to read this",
        "",
        "- *implemented*: whether the server knows the operation, and the status it answered an empty request with.",
        "- *shape* and *behaviour*: tests passed of those that ran. Those that did not run are in parentheses: skipped "
        "because the target lacks what they need, or missing with the operation.",
        "- *source*: how sure the tests of that row are of the real service: from real answers (recorded), its "
        "description (spec), its SDK (sdk), its documentation (docs), or assumed; mocktune marks our own choices.",
        "",
        "## Operations",
        "",
        *table([row for row in document["operations"] if not BY_NAME[row["name"]].azure]),
        "",
    ]
    azure = [row for row in document["operations"] if BY_NAME[row["name"]].azure]
    if any(row["implemented"]["answer"] == "yes" for row in azure):
        lines += ["## Azure's dialect", "", *table(azure), ""]
    elif any(row["implemented"]["answer"] == "no" for row in azure):
        lines += ["Azure's dialect: none of its operations, which are left out above.", ""]
    lines += _failed(document)
    if document["beside"]:
        lines += [
            "## Beside the operations",
            "",
            "Headers, envelopes, clocks, and what no single operation stands for.",
            "",
        ]
        lines += ["| module | passed | failed | skipped | missing |", "|---|---|---|---|---|"]
        lines += [f"| {each['module']} | {' | '.join(str(each[o]) for o in OUTCOMES)} |" for each in document["beside"]]
        lines += [""]
    if document["skipped"]:
        lines += ["## Skipped, by reason", "", "| tests | the test |", "|---|---|"]
        lines += [f"| {count} | {escaped(reason)} |" for reason, count in document["skipped"].items()]
        lines += [""]
    return "\n".join(lines)


def table(rows: list[Json]) -> list[str]:
    head = ["| operation | request | implemented | shape | behaviour | source |", "|---|---|---|---|---|---|"]
    return head + [
        f"| {row['name']} | `{row['method']} {row['path']}` | {_implemented(row)} | {cell(row['shape'])} | "
        f"{cell(row['behaviour'])} | {', '.join(f'{name} {n}' for name, n in row['sources'].items()) or '–'} |"
        for row in rows
    ]


def _implemented(row: Json) -> str:
    answer, status = str(row["implemented"]["answer"]), row["implemented"]["status"]
    if answer == "not asked":
        return answer
    return f"{'yes' if answer == 'yes' else '**no**'} ({status or 'no answer'})"


def cell(counts: Json) -> str:
    ran = counts["passed"] + counts["failed"]
    apart = [f"{counts[outcome]} {outcome}" for outcome in ("skipped", "missing") if counts[outcome]]
    shown = f"{counts['passed']}/{ran}" if ran else "–"
    if counts["failed"]:
        shown = f"**{shown}**"
    return f"{shown} ({', '.join(apart)})" if apart else shown


def _failed(document: Json) -> list[str]:
    lines: list[str] = []
    for row in [*document["operations"], *document["beside"]]:
        tests: dict[str, list[Json]] = {}
        for each in row["failures"]:
            tests.setdefault(each["test"].partition("[")[0], []).append(each)
        if tests:
            lines += [f"### {row.get('name') or row['module']}", ""]
            lines += [_failure(test, found) for test, found in list(tests.items())[:MAX_FAILURES]]
            if len(tests) > MAX_FAILURES:
                lines += [f"- and {len(tests) - MAX_FAILURES} more tests, in contract.json"]
            lines += [""]
    return ["## What failed", "", *lines] if lines else []


def _failure(test: str, found: list[Json]) -> str:
    """One line for a test, and the cases of it that are told of first."""
    first = found[0]
    if len(found) == 1:
        return f"- {escaped(first['test'])} ({first['aspect']}, {first['source']}): {escaped(first['reason'])}"
    cases = (each["test"].partition("[")[2].removesuffix("]") for each in found[:MAX_CASES])
    more = f", and {len(found) - MAX_CASES} more" if len(found) > MAX_CASES else ""
    sources = ", ".join(dict.fromkeys(each["source"] for each in found[:MAX_CASES]))
    return (
        f"- {escaped(test)}: {len(found)} cases ({first['aspect']}; {sources}): "
        f"{escaped('; '.join(case[:80] for case in cases))}{more}. The first: {escaped(first['reason'])}"
    )


def escaped(text: str) -> str:
    """For a table or a list: on one line, and what it holds is no markup."""
    return re.sub(r"([|<*`])", r"\\\1", " ".join(text.split()))
