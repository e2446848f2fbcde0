"""Where the contract tests find their server.

Without options one mocktune server a session runs in a thread: frozen clock, scenario ``realistic``, seed 42. With
``--target URL`` the tests ask that server. A mocktune target is driven through ``/_mocktune`` and must play the
scenario ``realistic`` under ``--wire observed``; on any other target, tests that cannot run there are skipped, with the
reason, and ``--api-key`` is the key.

With ``--strict-sdk`` the servers that are started play ``--wire sdk``, and every answer that any test gets, through the
SDK or raw, is held to the SDK's strict types. Tests of what was recorded outside them are skipped.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from mocktune_contract.lab import Lab, Labs, close_shared_clients
from mocktune_contract.receiver import Receiver

NEEDS = {
    "needs_clock": "advances time, and the target has no /_mocktune to do it with",
    "needs_sandboxes": "needs any key to open a sandbox of its own, and the target has no /_mocktune",
    "needs_mocktune": "asserts a choice of mocktune's own, and the target has no /_mocktune",
}
"""Markers, and why a test that carries one is skipped on a target without a control plane."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mocktune contract")
    group.addoption(
        "--target", metavar="URL", help="base URL to test, with /v1 (default: a mocktune server is started)"
    )
    group.addoption("--api-key", metavar="KEY", help="API key for a target that is no mocktune server")
    group.addoption("--strict-sdk", action="store_true", help="hold every answer to the SDK's strict types")


def pytest_configure(config: pytest.Config) -> None:
    for marker, reason in NEEDS.items():
        config.addinivalue_line("markers", f"{marker}: skipped on some targets: {reason}")
    config.addinivalue_line("markers", "soak: takes minutes; run by hand with -m soak")
    config.addinivalue_line(
        "markers", "observed_wire(why): skipped with --strict-sdk: what was recorded, in the form it was"
    )
    if config.getoption("--strict-sdk") and config.getoption("--target"):
        raise pytest.UsageError("--strict-sdk starts a server under --wire sdk; it cannot ask a --target for that")


@dataclass(frozen=True, slots=True)
class Target:
    """The server under test. ``own`` is False where ``--target`` named it; ``key`` is None where any key will do."""

    base_url: str
    own: bool
    key: str | None


Servers = Callable[..., str]


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """Starts mocktune servers, one for each combination of settings, and answers their base URLs.

    Keywords are those of ``make_settings``; ``scenario`` lists overrides such as ``"model.loading_as=unavailable"``.
    """
    from mocktune import make_settings, running_server

    started: dict[str, str] = {}
    usual: dict[str, Any] = {"wire": "sdk"} if pytestconfig.getoption("--strict-sdk", False) else {}
    with contextlib.ExitStack() as stack:

        def start(*, scenario: tuple[str, ...] = (), **settings: Any) -> str:
            settings = {**usual, **settings}
            name = repr((scenario, sorted(settings.items())))
            if name not in started:
                chosen = make_settings("realistic", changes=scenario, clock="frozen", seed=42, **settings)
                started[name] = stack.enter_context(running_server(chosen)).base_url
            return started[name]

        yield start


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[Target]:
    named = pytestconfig.getoption("--target", None)
    if named is None:
        found = Target(request.getfixturevalue("servers")(), own=True, key=None)
    else:
        named = named.rstrip("/").removesuffix("/v1") + "/v1"
        health = httpx2.get(named.removesuffix("/v1") + "/_mocktune/health")
        key = None if health.status_code == 200 else pytestconfig.getoption("--api-key", None)
        if health.status_code != 200 and not key:
            pytest.exit(f"{named} is no mocktune server: give --api-key", returncode=pytest.ExitCode.USAGE_ERROR)
        found = Target(named, own=False, key=key)
    yield found
    close_shared_clients()


@pytest.fixture(scope="session")
def labs(target: Target, pytestconfig: pytest.Config) -> Iterator[Labs]:
    """``labs(name)`` opens a lab with a key of its own, ``labs(key=…)`` with that key; ``base_url`` names a server."""
    run = "" if target.own else uuid.uuid4().hex
    with contextlib.ExitStack() as stack:

        def open_lab(name: str = "", *, key: str | None = None, base_url: str | None = None) -> Lab:
            fresh = "sk-contract-" + hashlib.sha256(f"{run} {name}".encode()).hexdigest()[:24]
            strict = pytestconfig.getoption("--strict-sdk", False)
            lab = Lab(base_url or target.base_url, key or target.key or fresh, strict=strict)
            stack.callback(lab.close)
            if target.key is None and not target.own:
                lab.clock.freeze()
            return lab

        yield open_lab


@pytest.fixture
def lab(labs: Labs, target: Target, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A sandbox that no other test has seen; on a target without sandboxes, uploads are deleted afterwards."""
    opened = labs(request.node.nodeid)
    yield opened
    if target.key is not None:
        for file_id in opened.uploaded:
            opened.http.delete(f"/files/{file_id}")
    opened.close()


@pytest.fixture
def own_server(request: pytest.FixtureRequest, target: Target, labs: Labs) -> Labs:
    """``own_server(**settings)``: a lab on a mocktune server with other settings. Skips the test under ``--target``."""
    if not target.own:
        pytest.skip("starts a mocktune server with other settings")
    servers: Servers = request.getfixturevalue("servers")

    def open_lab(**settings: Any) -> Lab:
        return labs(request.node.nodeid, base_url=servers(**settings))

    return open_lab


@pytest.fixture
def receiver(target: Target) -> Iterator[Receiver]:
    """Where webhooks can be sent to. Skips the test where the target runs on another machine."""
    if urlsplit(target.base_url).hostname not in ("127.0.0.1", "localhost", "::1"):
        pytest.skip("the target cannot reach a receiver on this machine")
    opened = Receiver()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _skipped_where_the_target_lacks_it(request: pytest.FixtureRequest, target: Target) -> None:
    recorded = request.node.get_closest_marker("observed_wire")
    if recorded and request.config.getoption("--strict-sdk", False):
        pytest.skip(f"outside the SDK's types: {recorded.args[0]}")
    for marker, reason in NEEDS.items():
        if target.key is not None and request.node.get_closest_marker(marker):
            pytest.skip(reason)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The SDK's asynchronous client runs under asyncio."""
    return "asyncio"
