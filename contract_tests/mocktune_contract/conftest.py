"""Where the contract tests find their server.

Without options one mocktune server a session runs in a thread: frozen clock, scenario ``realistic``, seed 42. With
``--in-process`` it runs without a socket. With ``--target URL`` the tests ask that server. A mocktune target is driven
through ``/_mocktune``; on any other, tests that need what it has not are skipped, with the reason (``needs.py``), and
``--api-key`` is the key.

With ``--strict-sdk`` the servers that are started play ``--wire sdk``, and every answer that any test gets, through the
SDK or raw, is held to the SDK's strict types. Tests of what was recorded outside them are skipped.

Options and hooks are in ``plugin.py``, which an entry point loads early where the suite is an installed package.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from mocktune_contract import plugin, recording
from mocktune_contract.deadline import deadline
from mocktune_contract.early import PLUGIN
from mocktune_contract.in_process import InProcessServer
from mocktune_contract.lab import Lab, Labs, close_shared_clients, serve_in_process, shared_client
from mocktune_contract.needs import needs_of, undeclared
from mocktune_contract.plugin import TARGET, operations_of
from mocktune_contract.receiver import Receiver
from mocktune_contract.targets import Target
from mocktune_contract.whole_surface import is_known

FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Where the suite is named by its folder, this is read before the command line is."""
    if not pluginmanager.has_plugin(PLUGIN):
        pluginmanager.register(plugin, PLUGIN)


Servers = Callable[..., str]


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """Starts mocktune servers, one for each combination of settings, and answers their base URLs.

    Keywords are those of ``make_settings``; ``scenario`` lists overrides such as ``"model.loading_as=unavailable"``.
    """
    from mocktune import make_settings, running_server

    started: dict[str, str] = {}
    usual: dict[str, Any] = {"wire": "sdk"} if pytestconfig.getoption("--strict-sdk", False) else {}
    in_process = pytestconfig.getoption("--in-process", False)
    with contextlib.ExitStack() as stack:

        def start(*, scenario: tuple[str, ...] = (), **settings: Any) -> str:
            settings = {**usual, **settings}
            name = repr((scenario, sorted(settings.items())))
            if name not in started:
                chosen = make_settings("realistic", changes=scenario, clock="frozen", seed=42, **settings)
                if in_process:
                    server = InProcessServer(chosen)
                    stack.callback(server.close)
                    serve_in_process(server)
                    started[name] = server.base_url
                else:
                    started[name] = stack.enter_context(running_server(chosen)).base_url
            return started[name]

        yield start


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[Target]:
    found = pytestconfig.stash.get(TARGET, None)
    if found is None:
        kind = "in process" if pytestconfig.getoption("--in-process", False) else "served"
        found = Target(request.getfixturevalue("servers")(), kind)
    yield found
    close_shared_clients()


def prepare(lab: Lab, target: Target) -> None:
    """Has a sandbox of a mocktune server that runs elsewhere play what the tests expect."""
    lab.clock.freeze()
    if target.scenario is not None:
        lab.http.put(f"{lab.root}/_mocktune/scenario", json={"name": target.scenario}).raise_for_status()


@pytest.fixture(scope="session")
def labs(target: Target, pytestconfig: pytest.Config) -> Iterator[Labs]:
    """``labs(name)`` opens a lab with a key of its own, ``labs(key=…)`` with that key; ``base_url`` names a server."""
    run = "" if target.own else uuid.uuid4().hex
    with contextlib.ExitStack() as stack:

        def open_lab(name: str = "", *, key: str | None = None, base_url: str | None = None) -> Lab:
            fresh = "sk-contract-" + hashlib.sha256(f"{run} {name}".encode()).hexdigest()[:24]
            strict = pytestconfig.getoption("--strict-sdk", False)
            lab = Lab(
                base_url or target.base_url, key or target.key or fresh, strict=strict, timeout_s=target.timeout_s,
                exact=not target.foreign,
            )  # fmt: skip
            stack.callback(lab.close)
            if target.kind == "mocktune" and lab.base_url == target.base_url:
                with recording.unheard():
                    prepare(lab, target)
            return lab

        yield open_lab


@pytest.fixture
def lab(labs: Labs, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A sandbox that no other test has seen; on a target without sandboxes, what was made is taken away afterwards."""
    opened = labs(request.node.nodeid)
    yield opened
    if recording.current.remembers:
        tidy_up(opened, recording.current.made)
    opened.close()


def tidy_up(lab: Lab, made: list[tuple[str, str]]) -> None:
    """The newest first. What is gone already, or may not go, is left alone."""
    for method, path in reversed(made):
        with contextlib.suppress(httpx2.HTTPError, RuntimeError):
            lab.http.request(method, path)
    made.clear()


@pytest.fixture
def own_server(request: pytest.FixtureRequest, labs: Labs) -> Labs:
    """``own_server(**settings)``: a lab on a mocktune server with other settings. Implies the need ``settings``."""
    servers: Servers = request.getfixturevalue("servers")

    def open_lab(**settings: Any) -> Lab:
        return labs(request.node.nodeid, base_url=servers(**settings))

    return open_lab


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where webhooks can be sent to. Implies the need ``webhooks``."""
    opened = Receiver()
    yield opened
    opened.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = not report.passed
    return report


@pytest.fixture(autouse=True)
def _recorded(request: pytest.FixtureRequest, target: Target) -> Iterator[None]:
    """Holds a test to what its markers say of it, and within bounds on a server that is not ours."""
    heard = recording.begin(foreign=target.foreign)
    with deadline(4 * target.timeout_s if target.foreign else None):
        yield
    if request.node.stash.get(FAILED, True) or target.foreign:
        return
    if lacking := undeclared(needs_of(request.node), heard.control):
        pytest.fail(f"used what it does not declare: add {lacking} to @pytest.mark.needs", pytrace=False)
    never = set(operations_of(request.node)) - heard.operations if heard.operations else set()
    if unasked := sorted(name for name in never if is_known(shared_client(target.base_url), name)):
        pytest.fail(f"is marked as being about {unasked}, and never called that", pytrace=False)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The SDK's asynchronous client runs under asyncio."""
    return "asyncio"
