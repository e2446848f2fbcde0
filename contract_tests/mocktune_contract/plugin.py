"""The suite's options, markers and hooks: which target is asked, what runs on it, and what is said at the end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mocktune_contract.needs import DECLARABLE, REASONS, needs_of, reason_for
from mocktune_contract.operations import BY_NAME
from mocktune_contract.report import MISSING, ContractReport
from mocktune_contract.targets import Target, TargetError, find_target

PACKAGE = Path(__file__).parent
TARGET = pytest.StashKey[Target]()
PROBLEM = pytest.StashKey[str]()

UNKNOWN = {
    "assumed": "asserts what is assumed of the real service, and was never confirmed",
    "mocktune": REASONS["mocktune"],
}
"""Confidences that no other server is held to, and why."""

MARKERS = (
    f"needs(*what): what the target must have, or the test is skipped: {', '.join(REASONS)}",
    "source(name): where the behaviour is known from, in the words of docs/explanation/sources.md; every test has one",
    "operation(*names): what the test is about, by the SDK's names",
    "shape: the test is about the form of an answer; without it, about behaviour",
    "probe: the test asks whether an operation is there",
    "observed_wire(why): skipped where the wire is the SDK's: what was recorded, in the form it was",
    "soak: takes minutes; run by hand with -m soak",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mocktune contract")
    group.addoption("--target", metavar="URL", help="base URL to test (default: a mocktune server is started)")
    group.addoption("--api-key", metavar="KEY", help="API key for a target that is no mocktune server")
    group.addoption(
        "--in-process", action="store_true", help="test a mocktune server of this process, without a socket"
    )
    group.addoption("--strict-sdk", action="store_true", help="hold every answer to the SDK's strict types")
    group.addoption(
        "--provides", metavar="NEED", action="append", default=[], choices=DECLARABLE,
        help="what a target that is no mocktune server has: sandboxes (any key opens an empty account of its own), "
        "webhooks (they reach this machine)",
    )  # fmt: skip
    group.addoption(
        "--operations", metavar="NAME", action="append", default=[],
        help="only tests about operations whose names begin so, such as chat or fine_tuning.jobs; may be repeated",
    )  # fmt: skip
    group.addoption("--contract-report", metavar="DIR", help="write contract.md, contract.json and contract.xml there")
    group.addoption(
        "--request-timeout", metavar="SECONDS", type=float, default=30.0,
        help="for each request to a --target (default: 30); a test may take four times that",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if option(config, "--target") and (option(config, "--strict-sdk") or option(config, "--in-process")):
        raise pytest.UsageError("--strict-sdk and --in-process start a server; there is none to start with --target")
    folder = option(config, "--contract-report")
    if folder and not hasattr(config, "workerinput"):
        path = Path(folder).absolute()
        path.mkdir(parents=True, exist_ok=True)
        if not config.option.xmlpath:
            config.option.xmlpath = str(path / "contract.xml")
        config.pluginmanager.register(ContractReport(path, config), "mocktune contract report")


def option(config: pytest.Config, name: str) -> Any:
    """None where the plugin came too late for its options to be known."""
    return config.getoption(name, None)


# -- the target --------------------------------------------------------------------------------------------------------


def pytest_sessionstart(session: pytest.Session) -> None:
    """A server that was named is asked once, before any worker begins."""
    config = session.config
    if told := getattr(config, "workerinput", {}).get("mocktune_contract"):
        config.stash[TARGET] = Target.from_json(told)
    elif url := option(config, "--target"):
        try:
            config.stash[TARGET] = find_target(
                url, option(config, "--api-key"), frozenset(option(config, "--provides")),
                option(config, "--request-timeout"),
            )  # fmt: skip
        except TargetError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker of pytest-xdist is told what was found."""
    found = node.config.stash.get(TARGET, None)
    node.workerinput["mocktune_contract"] = found.to_json() if found else None


def pytest_report_header(config: pytest.Config) -> str | None:
    found = config.stash.get(TARGET, None)
    return f"contract target: {found.base_url} ({found.identity})" if found else None


# -- what is collected -------------------------------------------------------------------------------------------------


def is_of_the_suite(item: pytest.Item) -> bool:
    return PACKAGE in item.path.parents


def operations_of(item: pytest.Item) -> list[str]:
    """Those of the nearest marker, which a test's own sets in the place of its module's."""
    marker = item.get_closest_marker("operation")
    return list(marker.args) if marker else []


def source_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("source")
    return str(marker.args[0]) if marker and marker.args else ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if is_of_the_suite(item)]
    dropped = {item for item in ours if is_left_out(item, config)}
    if dropped:
        config.hook.pytest_deselected(items=list(dropped))
        items[:] = [item for item in items if item not in dropped]
    for item in ours:
        if problem := problem_of(item):
            item.stash[PROBLEM] = problem
        elif reason := why_skipped(item, config):
            item.add_marker(pytest.mark.skip(reason=reason))
        if option(config, "--contract-report"):
            item.user_properties += [
                ("operations", ", ".join(operations_of(item))),
                ("aspect", aspect_of(item)),
                ("source", source_of(item)),
            ]


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The suite's modules are found whatever ``python_files`` of the user's project says."""
    usual = any(file_path.match(pattern) for pattern in parent.config.getini("python_files"))
    if usual or file_path.parent != PACKAGE or not file_path.match("test_*.py"):
        return None
    return pytest.Module.from_parent(parent, path=file_path)


def is_left_out(item: pytest.Item, config: pytest.Config) -> bool:
    """What takes minutes unless ``-m`` speaks of it, and what is about other operations than ``--operations`` names."""
    if item.get_closest_marker("soak") and "soak" not in config.option.markexpr:
        return True
    begins = option(config, "--operations")
    return bool(begins) and not any(_begins(name, begins) for name in operations_of(item))


def _begins(name: str, begins: list[str]) -> bool:
    return any(name == each or name.startswith(each.rstrip(".") + ".") for each in begins)


def problem_of(item: pytest.Item) -> str | None:
    """What a test says wrongly of itself, for which it fails."""
    if not source_of(item):
        return "the test names no source: add @pytest.mark.source(...)"
    if unknown := [name for name in operations_of(item) if name not in BY_NAME]:
        return f"there is no operation {unknown[0]!r}"
    try:
        confidence(source_of(item))
        needs_of(item)
    except ValueError as error:
        return str(error)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if problem := item.stash.get(PROBLEM, None):
        pytest.fail(problem, pytrace=False)


def confidence(source: str) -> str:
    """How sure a source makes a test: one of ``domain/sources.py``'s words."""
    from mocktune.domain.sources import confidence_of

    return confidence_of(source)


def aspect_of(item: pytest.Item) -> str:
    if item.get_closest_marker("probe"):
        return "implemented"
    return "shape" if item.get_closest_marker("shape") else "behaviour"


def why_skipped(item: pytest.Item, config: pytest.Config) -> str | None:
    found = config.stash.get(TARGET, None)
    in_process = option(config, "--in-process")
    lacking = needs_of(item) - (found.has if found else set(REASONS) - ({"tcp"} if in_process else set()))
    if found and not item.get_closest_marker("probe") and (missing := found.missing(operations_of(item))):
        return f"{MISSING}{missing[0]}"
    if lacking:
        return reason_for(lacking)
    if found and found.foreign and confidence(source_of(item)) in UNKNOWN:
        return UNKNOWN[confidence(source_of(item))]
    recorded = item.get_closest_marker("observed_wire")
    if recorded and (option(config, "--strict-sdk") or (found and found.wire == "sdk")):
        return "was recorded outside the SDK's types, which this wire keeps to"
    return None


# -- what is said at the end -------------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Skips by reason, where a target was chosen."""
    if not (option(config, "--target") or option(config, "--in-process") or option(config, "--strict-sdk")):
        return
    reasons = Counter(reason_of_skip(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("contract: skipped on this target")
        for reason, count in reasons.most_common():
            terminalreporter.write_line(f"{count:6}  {reason}")


def reason_of_skip(report: Any) -> str:
    reason = str(report.longrepr[2]).removeprefix("Skipped: ")
    return "is about an operation that the target does not have" if reason.startswith(MISSING) else reason
