"""The pytest plugin: the fixture ``mocktune``. Importing it imports neither openai nor fastapi, and patches nothing.

Everything that a test suite without the fixture does not need is imported when the first test asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mocktune.testing.runs import Run
    from mocktune.testing.sandboxes import Sandbox

FIXTURE = MARKER = "mocktune"

MARKER_HELP = (
    "mocktune(scenario, *, set, pack, seed, clock, advance_on_poll, env, sleeps, refuse_real_hosts, server, verdict): "
    "the sandbox that the fixture mocktune opens for a test; a marked test has the fixture; the nearest marker counts"
)

_run: pytest.StashKey[Run] = pytest.StashKey()
_shared_name = pytest.StashKey[str]()
_at_end = pytest.StashKey[ExitStack]()
_checked = pytest.StashKey[dict[int, tuple[object, dict[str, Any]]]]()


# -- options -----------------------------------------------------------------------------------------------------------


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError(text)
    return number


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mocktune", "mocktune, a fake of the fine-tuning service")
    group.addoption(
        "--mocktune-server",
        choices=("thread", "process"),
        help="Where the run's server is: in a thread of this process (default), or in a process of its own.",
    )
    group.addoption(
        "--mocktune-url", metavar="URL", help="Use the server that runs there; MOCKTUNE_ADMIN_TOKEN opens it."
    )
    group.addoption(
        "--mocktune-seed", metavar="NUMBER", type=_seed, help="The seed of every sandbox: the one a failed test showed."
    )
    group.addoption(
        "--mocktune-scenario",
        metavar="NAME",
        help="The scenario of tests whose marker names none; realistic unless given.",
    )
    parser.addini(
        "mocktune_verdict",
        "What becomes of findings in a test that passes: report (in failures alone), fail (the test), off.",
        default="report",
    )
    parser.addini(
        "mocktune_env",
        "When the environment is set: test (while a test has the fixture) or collection (for clients built at import).",
        default="test",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before the first import of the project: clients may be built there."""
    chosen = early_config.getini("mocktune_env")
    options = early_config.known_args_namespace
    if chosen == "test" or getattr(options, "help", False) or getattr(options, "version", False):
        return
    if chosen != "collection":
        raise pytest.UsageError(f"mocktune_env = {chosen}: expected 'test' or 'collection'")
    starts_workers = getattr(options, "numprocesses", None) or getattr(options, "tx", None)
    if starts_workers and "PYTEST_XDIST_WORKER" not in os.environ:
        return  # nothing is collected here
    from mocktune.testing.collecting import environment_of_the_run

    early_config.stash[_shared_name] = _until_the_end(early_config).enter_context(
        environment_of_the_run(_server(options))
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER_HELP)
    verdict = config.getini("mocktune_verdict")
    if verdict not in ("report", "fail", "off"):
        raise pytest.UsageError(f"mocktune_verdict = {verdict}: expected 'report', 'fail' or 'off'")
    chosen = config.getoption("mocktune_scenario")
    if chosen:
        from mocktune.testing.marking import MarkError, check_scenario

        try:
            check_scenario(chosen, None)
        except MarkError as error:
            raise pytest.UsageError(f"--mocktune-scenario: {error}") from None
    config.pluginmanager.register(_Totals(), "mocktune-totals")


def pytest_unconfigure(config: pytest.Config) -> None:
    stack = config.stash.get(_at_end, None)
    if stack is not None:
        stack.close()


def _until_the_end(config: pytest.Config) -> ExitStack:
    """What is undone at the end of the session. Servers are shared with runs of pytest in this process around it."""
    if _at_end not in config.stash:
        from mocktune.testing.servers import close_servers, keep_servers

        keep_servers()
        config.stash[_at_end] = ExitStack()
        config.stash[_at_end].callback(close_servers)
    return config.stash[_at_end]


def _is_worker(config: pytest.Config) -> bool:
    """Of pytest-xdist."""
    return hasattr(config, "workerinput")


def _server(options: Any) -> str | None:
    chosen: str | None = options.mocktune_url or options.mocktune_server
    return chosen


# -- markers -----------------------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker(MARKER)
    if mark is None:
        return
    if _is_worker(metafunc.config):
        try:
            _options_of(metafunc.definition, mark)
        except pytest.UsageError as error:  # of a worker nobody would see it
            raise pytest.Collector.CollectError(str(error)) from None
    if "pack" not in mark.kwargs:
        return
    from mocktune.testing.marking import MarkError, scenarios_of_pack

    try:
        names = scenarios_of_pack(mark.kwargs["pack"])
    except MarkError:
        return  # told with everything else that is wrong with it
    _ask_for_fixture(metafunc.definition)
    metafunc.parametrize(FIXTURE, names, ids=names, indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    mark = item.get_closest_marker(MARKER)
    if mark is not None and hasattr(item, "fixturenames"):
        if not _is_worker(item.config):
            _options_of(item, mark)
        _ask_for_fixture(item)


def _ask_for_fixture(item: Any) -> None:
    """Before the first fixture of a test's own: others may build clients."""
    names: list[str] = item.fixturenames
    if FIXTURE in names:
        return
    known = item._fixtureinfo.name2fixturedefs
    wider = [index for index, name in enumerate(names) if name in known and known[name][-1].scope != "function"]
    names.insert(wider[-1] + 1 if wider else 0, FIXTURE)


def _options_of(item: pytest.Item, mark: pytest.Mark) -> dict[str, Any]:
    """What a marker says. One that cannot be read is an error of usage, told before any test is run."""
    read = item.config.stash.setdefault(_checked, {})
    if id(mark) not in read:
        from mocktune.testing.marking import MarkError, options_of

        try:
            folders = (item.config.invocation_params.dir, item.path.parent, item.config.rootpath)
            read[id(mark)] = mark, options_of(mark, folders)
        except MarkError as error:
            raise pytest.UsageError(f"{item.nodeid}: the marker mocktune cannot be read: {error}") from None
    return dict(read[id(mark)][1])


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """What tests with the fixture need is imported, and the server started, before the first of them is set up: other
    plugins exchange dates, files and sockets while a test runs, and what begins then is made of theirs."""
    config = session.config
    idle = config.option.collectonly or config.option.setupplan
    if idle or not any(FIXTURE in getattr(item, "fixturenames", ()) for item in session.items):
        return
    import mocktune.testing.collecting
    import mocktune.testing.runs  # noqa: F401  # for what they bring
    from mocktune.testing.servers import shared_server

    if _server(config.option) in (None, "thread"):
        _until_the_end(config)
        with suppress(RuntimeError):  # the first test that needs it says why it does not start
            shared_server()


# -- the fixture -------------------------------------------------------------------------------------------------------


@pytest.fixture(name=FIXTURE)
def sandbox_of_test(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox of the fake fine-tuning service for this test, with every client led into it."""
    import unittest

    from mocktune.testing.collecting import opened_for
    from mocktune.testing.naming import seed_of
    from mocktune.testing.runs import Run

    item, config = request.node, request.config
    _until_the_end(config)
    mark = item.get_closest_marker(MARKER)
    options = {} if mark is None else _options_of(item, mark)
    param = getattr(request, "param", None)
    if param is not None:
        options |= param if isinstance(param, dict) else {"scenario": param}
    options.pop("pack", None)
    verdict = options.pop("verdict", None) or config.getini("mocktune_verdict")
    asked = config.getoption("mocktune_seed")
    if asked is not None:
        options["seed"] = asked
    elif options.get("seed") is None:
        options["seed"] = seed_of(item.nodeid)
    options.setdefault("scenario", config.getoption("mocktune_scenario") or "realistic")
    options.setdefault("server", _server(config.option))
    options.setdefault("label", item.nodeid)
    with opened_for(item, config.stash.get(_shared_name, None), options) as box:
        scenario = options["scenario"]
        shown = scenario if isinstance(scenario, str) else "a document of the marker"
        run = item.stash[_run] = Run(item, box, shown, options.get("set"), verdict)
        if isinstance(request.instance, unittest.TestCase):
            request.instance.mocktune = box  # type: ignore[attr-defined]  # its methods take no arguments
        yield box
        run.close()


# -- what is told ------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
    finally:
        run = item.stash.get(_run, None)
        if run is not None:
            run.stop_interrupting()
    if run is not None:
        run.check()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run = item.stash.get(_run, None)
    if run is not None:
        if report.failed:
            report.sections.append(("mocktune", run.report()))
        if report.when == "teardown":
            report.mocktune = run.figures()  # type: ignore[attr-defined]  # travels from workers with the report
            del item.stash[_run]
    return report


class _Totals:
    """What all runs came to, those of other workers too."""

    def __init__(self) -> None:
        self.runs = 0
        self.elapsed_s = self.cost_usd = self.lasted_s = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        figures = getattr(report, "mocktune", None)
        if figures is not None:
            self.runs += 1
            self.elapsed_s += figures["elapsed_s"]
            self.cost_usd += figures["cost_usd"]
            self.lasted_s += figures["lasted_s"]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.runs and terminalreporter.verbosity > -2:
            from mocktune.testing.runs import summary

            terminalreporter.write_line(summary(self.runs, self.elapsed_s, self.cost_usd, self.lasted_s))
