"""Where a command of the client goes: local without ``--live``, and nothing is sent to a server of another make."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from mocktune import make_settings, running_server
from mocktune.cli import kept_server, targets
from mocktune.cli.targets import Target, open_target
from mocktune.domain.state import FileState, JobState, State

LINE = json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}).encode()
LIVE_KEY = "sk-proj-" + "T3BlbkFJ" + "x" * 80


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable names a server, and where one is usually looked for, none runs."""
    for name in (
        "OPENAI_BASE_URL",
        "AZURE_OPENAI_ENDPOINT",
        "OPENAI_API_TYPE",
        "OPENAI_API_KEY",
        "AZURE_OPENAI_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MOCKTUNE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(targets, "USUAL_URL", "http://127.0.0.1:9/v1")


@contextmanager
def foreign_server(answer: bytes = b"<html>", status: int = 200) -> Iterator[tuple[str, list[Any]]]:
    """A server of another make, and the requests it got as (path, headers)."""
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", got
        server.shutdown()


def opened(**changes: Any) -> Target:
    with open_target(**{"live": False, "max_cost": None, "base_url": None} | changes) as target:
        return target


def refused(capsys: pytest.CaptureFixture[str], exit_code: int = 2, **changes: Any) -> str:
    """What is said on stderr; stdout stays empty."""
    with pytest.raises(SystemExit) as ended:
        opened(**changes)
    assert ended.value.code == exit_code
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


# -- what is asked of whom ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"<html>", 200), (b'{"status": "ok"}', 200), (b'{"status": "ok", "version": "1"}', 404), (b"[" * 4000, 200)],
)
def test_another_server_is_asked_one_question_without_a_key_and_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: bytes, status: int
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", LIVE_KEY)
    with foreign_server(answer, status) as (url, got):
        said = refused(capsys, base_url=url)
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        said_of_variable = refused(capsys)
    assert [path for path, _ in got] == ["/_mocktune/health"] * 2
    assert not [headers for _, headers in got if "authorization" in headers or "api-key" in headers]
    assert "--live --max-cost USD" in said
    assert "go without --base-url" in said
    assert "go without OPENAI_BASE_URL" in said_of_variable
    assert LIVE_KEY not in said + said_of_variable


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "https://mine.openai.azure.com", "https://API.OpenAI.com./v1"]
)
def test_of_the_real_service_nothing_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("http.client.HTTPConnection.connect", lambda *_: pytest.fail("asked"))
    assert "may cost money" in refused(capsys, base_url=url)


def test_a_server_that_does_not_answer_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no server answers at http://127.0.0.1:9 (" in refused(capsys, 1, base_url="http://127.0.0.1:9")
    assert "is no URL of a server" in refused(capsys, base_url="127.0.0.1:4141")


def test_live_needs_a_limit_and_a_key(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", LIVE_KEY)
    assert "--max-cost USD" in refused(capsys, live=True)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "OPENAI_API_KEY" in refused(capsys, live=True, max_cost=0.0)
    assert "--scenario" in refused(capsys, live=True, max_cost=0.0, scenario="quick")


def test_live_goes_where_it_is_sent_and_asks_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", LIVE_KEY)
    with foreign_server() as (url, got):
        target = opened(live=True, max_cost=2.5, base_url=url.replace("//", "//me:secret@"))
        assert target.kind == "live"
        assert target.api_key == LIVE_KEY
        assert capsys.readouterr().out == f"target: LIVE, {url}, at most $2.50\n"
        assert opened(live=True, max_cost=0.0).base_url == "https://api.openai.com/v1"
    assert got == []


def test_no_key_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", LIVE_KEY)
    for json_ in (False, True):
        target = opened(live=True, max_cost=1.0, json=json_)
        assert LIVE_KEY not in f"{target}{target!r}{capsys.readouterr()}"


# -- local servers -----------------------------------------------------------------------------------------------------


def test_a_mocktune_server_that_is_named_is_local(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_server(make_settings("quick")) as server:
        for url in (server.root, server.base_url, f"{server.root}/s/mine/v1"):
            target = opened(base_url=url)
            assert target.kind == "local"
            assert target.base_url.endswith("/v1")
            assert capsys.readouterr().out == f"target: local, the mocktune server at {target.base_url}\n"
        monkeypatch.setattr(targets, "USUAL_URL", server.base_url)
        assert opened().kind == "local"
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.root)
        target = opened()
        assert (target.dialect, target.api_version) == ("azure", "2024-10-21")
        with target.client() as client:
            assert client.files.list().data == []
        target = opened(base_url=f"{server.root}/openai/v1")
        assert (target.dialect, target.api_version) == ("azure", None)
        with target.client() as client:
            assert client.files.list().data == []
        assert target.root == server.root


def test_a_key_that_looks_live_is_not_sent_to_a_local_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server(make_settings("quick")) as server:
        for key, sent in ((LIVE_KEY, "sk-mocktune"), ("sk-mt-mine", "sk-mt-mine"), ("", "sk-mocktune")):
            monkeypatch.setenv("OPENAI_API_KEY", key)
            assert opened(base_url=server.root).api_key == sent


def test_secrets_that_the_sdk_sends_by_itself_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-proxy-token: secret")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "secret")
    with running_server(make_settings("quick")) as server:
        for name in ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"):
            monkeypatch.setenv(name, server.root)
            with opened().client() as client:
                headers = {**client.default_headers, **client.auth_headers}
                assert "secret" not in str(headers)
                assert client.files.list().data == []
            monkeypatch.delenv(name)
    assert os.environ["OPENAI_CUSTOM_HEADERS"] == "x-proxy-token: secret"
    assert os.environ["AZURE_OPENAI_AD_TOKEN"] == "secret"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    live = opened(live=True, max_cost=0.0, base_url="https://example.com/v1")
    with live.client() as client, OpenAI(api_key="sk-x") as plain:  # older ones do not know the variable
        assert client.default_headers.get("x-proxy-token") == plain.default_headers.get("x-proxy-token")


def test_without_a_server_one_is_started_and_goes_on_where_the_last_one_ended(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for round in range(2):
        with open_target(live=False, max_cost=None, base_url=None, json=True) as target:
            told = json.loads(capsys.readouterr().out)
            assert (told["event"], told["kind"], told["base_url"]) == ("target", "started", target.base_url)
            with target.client() as client:
                assert len(client.files.list().data) == round
                client.files.create(file=("a.jsonl", LINE), purpose="fine-tune")
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "state").glob("*.url"))


def test_a_command_beside_another_one_uses_its_server_which_stays_until_both_are_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entered, leave = threading.Event(), threading.Event()
    seen: list[Target] = []

    def other_command() -> None:
        with open_target(live=False, max_cost=None, base_url=None) as target, target.client() as client:
            seen.append(target)
            entered.set()
            leave.wait(30)
            seen.append(target)
            client.files.create(file=("b.jsonl", LINE), purpose="fine-tune")

    beside = threading.Thread(target=other_command)
    with open_target(live=False, max_cost=None, base_url=None) as target:
        beside.start()
        assert entered.wait(30)
        assert seen[0].joined
        assert seen[0].base_url == target.base_url
        threading.Timer(0.3, leave.set).start()
    assert len(seen) == 2  # the block has not ended before the other one was done
    beside.join(30)
    assert "it stays until that is done" in capsys.readouterr().err
    with open_target(live=False, max_cost=None, base_url=None) as target, target.client() as client:
        assert [file.filename for file in client.files.list().data] == ["b.jsonl"]


def test_a_scenario_asks_for_a_server_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    with running_server(make_settings("quick")) as server:
        assert "--scenario is for a local server" in refused(capsys, base_url=server.root, scenario="realistic")
    with open_target(live=False, max_cost=None, base_url=None, scenario="file-error", clock="x60") as target:
        assert target.kind == "started"
    capsys.readouterr()
    assert "nope" in refused(capsys, scenario="nope")
    assert "frozen" in refused(capsys, clock="frozen")


def test_a_dry_run_asks_nobody(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with foreign_server() as (url, got):
        monkeypatch.setattr(targets, "USUAL_URL", url)
        for base_url in (url, None):
            opened(dry_run=True, base_url=base_url)
    assert got == []
    assert "nothing is sent" in capsys.readouterr().out


# -- the kept state ----------------------------------------------------------------------------------------------------


def test_a_kept_state_that_cannot_be_read_is_told_and_left_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "state" / "local-server.json"
    file.parent.mkdir()
    file.write_text('{"schema": 1, "filez": []}')
    said = refused(capsys, 1)
    assert "filez" in said
    assert f"Delete '{file}'" in said
    assert file.read_text() == '{"schema": 1, "filez": []}'


def test_a_state_that_has_grown_loses_what_is_oldest() -> None:
    files = [FileState(id=f"file-{n}", content="x" * 100) for n in range(6)]
    jobs = [
        JobState(id=f"ftjob-{n}", model=model, training_file=f"file-{n}", fine_tuned_model=f"ft:{n}")
        for n, model in enumerate(["gpt-4o-mini", "gpt-4o-mini", "ft:0", "gpt-4o-mini", "ft:3"])
    ]
    state = State(schema=1, files=files, jobs=jobs, gone=["x"], counts={"file": 6, "job": 5})
    kept = kept_server.shortened(state, 450)
    assert [job.id for job in kept.jobs] == ["ftjob-1", "ftjob-3", "ftjob-4"]  # 2 goes on from 0, which is dropped
    assert [file.id for file in kept.files] == ["file-1", "file-2", "file-3", "file-4"]
    assert kept.counts == {"file": 6, "job": 5}
    assert kept_server.shortened(state, 10_000).jobs == jobs
