"""``mocktune verdict`` against a running server, and ``mocktune explain``, which asks none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx2
import pytest
from support import settings

from mocktune.cli.explain import explain
from mocktune.cli.verdict import verdict
from mocktune.domain.findings.kind import FindingKind
from mocktune.domain.verdict import FINDINGS
from mocktune.server import RunningServer, running_server

Verdict = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(settings()) as running:
        yield running


@pytest.fixture
def http(server: RunningServer, request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    headers = {"authorization": f"Bearer {request.node.name}"}
    with httpx2.Client(base_url=server.base_url, headers=headers) as client:
        yield client


@pytest.fixture
def told(server: RunningServer, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Verdict:
    """The exit code and what is printed about the sandbox of this test's own."""

    def call(*allow: str, as_json: bool = False) -> tuple[int, str]:
        try:
            verdict(list(allow), as_json, server.base_url, request.node.name)
        except SystemExit as ended:
            return int(ended.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    return call


def test_a_client_without_findings_ends_well(told: Verdict, http: httpx2.Client) -> None:
    assert told() == (0, "clean: 0 requests, no findings\n")
    http.get("/models")
    assert told() == (0, "clean: 1 request, no findings\n")


def test_findings_are_printed_with_their_evidence(told: Verdict, http: httpx2.Client) -> None:
    http.get("/files/None")
    code, printed = told()
    assert code == 1
    assert printed.splitlines() == [
        "1 finding in 1 request",
        "",
        "MT09  used a null id",
        "  files.retrieve was sent 'None' in the place of an id in its path",
        "       #1  2026-01-15T00:00:00Z  404  GET /v1/files/None",
        "  mocktune explain MT09",
    ]


def test_what_is_allowed_does_not_count(told: Verdict, http: httpx2.Client) -> None:
    http.get("/files/None")
    assert told("MT03", "MT09") == (0, "clean: 1 request, no findings\nallowed: MT09\n")


def test_the_verdict_is_printed_as_the_server_answers_it(told: Verdict, http: httpx2.Client) -> None:
    http.get("/files/None")
    code, printed = told(as_json=True)
    assert code == 1
    answered = http.get(http.base_url.join("/_mocktune/verdict")).json()
    assert json.loads(printed) == answered


def test_a_journal_with_gaps_is_told(told: Verdict, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.service.journal.MAX_ENTRIES", 1)
    http.get("/models")
    http.get("/models")
    assert "incomplete: the journal is bounded and has dropped the oldest 1 requests" in told()[1]


def test_a_finding_that_there_is_not_is_told_in_the_servers_words(
    told: Verdict, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        verdict(["MT3"], False, "http://127.0.0.1:1", "")
    assert ended.value.code == 2
    assert "--api-key" in capsys.readouterr().err
    code, _ = told("MT3")
    assert code == 2


# -- explain -----------------------------------------------------------------------------------------------------------


def test_all_findings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    explain(None)
    assert capsys.readouterr().out.splitlines() == [f"{kind.code}  {kind.title}" for kind in FINDINGS]


@pytest.mark.parametrize("kind", FINDINGS, ids=lambda kind: kind.code)
def test_a_finding_is_explained(kind: FindingKind, capsys: pytest.CaptureFixture[str]) -> None:
    code = kind.code
    explain(code.lower())
    printed = capsys.readouterr().out
    assert printed.startswith(f"{code}  ")
    for heading in ("Raised: ", "Not raised: ", "Why it matters: ", "Instead: "):
        assert f"\n{heading}" in printed
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.parametrize(("code", "nearest"), [("MT3", "MT03"), ("mt014", "MT01"), ("XX", "known are MT01, MT02")])
def test_an_unknown_finding_names_the_nearest(code: str, nearest: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        explain(code)
    assert ended.value.code == 2
    assert nearest in capsys.readouterr().err
