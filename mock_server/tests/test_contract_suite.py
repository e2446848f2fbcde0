"""What the contract suite makes of a target: which operations it finds, whom it refuses, what it writes of a run.

The suite itself runs against mocktune as ``contract_tests``; here stand servers that answer otherwise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mocktune_contract.operations import BY_NAME, OPERATIONS, operation_of
from mocktune_contract.report import MISSING, cell, escaped
from mocktune_contract.targets import Found, Target, TargetError, ask_for, find_target

JOBS = BY_NAME["fine_tuning.jobs.retrieve"]
BARE = {"detail": "Not Found"}


def found(answer: Callable[[httpx2.Request], httpx2.Response], name: str = JOBS.name) -> Found:
    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        return ask_for(http, "http://server/v1", BY_NAME[name])


def test_a_request_is_the_operation_of_its_path_on_every_way_there() -> None:
    assert operation_of("GET", "/v1/fine_tuning/jobs/ftjob-1") == JOBS.name
    assert operation_of("GET", "/s/ann/v1/fine_tuning/jobs/ftjob-1") == JOBS.name
    assert operation_of("GET", "/openai/fine_tuning/jobs/ftjob-1") == JOBS.name
    assert operation_of("POST", "/v1/responses/input_tokens") == "responses.input_tokens.count"
    assert operation_of("POST", "/openai/deployments/pip/chat/completions") == "chat.completions.create"
    assert operation_of("GET", "/v1/nothing") is None
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("status", [405, 501])
def test_an_operation_is_missing_where_its_method_is_refused(status: int) -> None:
    assert found(lambda request: httpx2.Response(status)) == Found(False, status)


def test_an_operation_is_missing_where_any_path_is_answered_alike() -> None:
    assert found(lambda request: httpx2.Response(404, json=BARE)) == Found(False, 404)
    naming = found(lambda request: httpx2.Response(404, json={"error": f"Invalid URL ({request.url.path})"}))
    assert naming == Found(False, 404)


def test_an_object_that_is_not_there_is_no_missing_operation() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        known = request.url.path.startswith("/v1/fine_tuning/jobs/")
        return httpx2.Response(404, json={"error": "no such job" if known else "no such URL"})

    assert found(answer) == Found(True, 404)


def test_a_bare_404_is_told_apart_by_the_methods_of_its_path() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "PROPPATCH" and request.url.path.startswith("/v1/fine_tuning/jobs/"):
            return httpx2.Response(405, headers={"allow": "GET"})
        return httpx2.Response(404, json=BARE)

    assert found(answer) == Found(True, 404)
    assert found(answer, "fine_tuning.jobs.cancel") == Found(False, 404), "POST is not allowed there"


def test_a_server_that_does_not_answer_has_nothing() -> None:
    def silent(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("silence", request=request)

    assert found(silent) == Found(False, 0)


def test_what_was_found_comes_over_to_the_workers_as_it_is() -> None:
    target = Target("http://x/v1", "other", key="k", has=frozenset({"tcp"}), found={JOBS.name: Found(False, 404)})
    assert Target.from_json(target.to_json()) == target
    assert target.missing([JOBS.name, "files.list"]) == [JOBS.name]


def test_a_cell_tells_what_passed_of_what_ran() -> None:
    nothing = {"passed": 0, "failed": 0, "skipped": 0, "missing": 0}
    assert cell(nothing) == "–"
    assert cell({**nothing, "passed": 3}) == "3/3"
    assert cell({**nothing, "passed": 3, "failed": 1, "skipped": 2}) == "**3/4** (2 skipped)"
    assert cell({**nothing, "missing": 5}) == "– (5 missing)"
    assert escaped("a | b\n`c` <d>") == r"a \| b \`c\` \<d>"


# -- servers on this machine -------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Callable[[dict[str, tuple[int, Any]]], str]]:
    """``server({"GET /path": (status, body)})`` answers these, anything else with 404."""
    running: list[ThreadingHTTPServer] = []

    def start(answers: dict[str, tuple[int, Any]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body = answers.get(f"{self.command} {self.path}", (404, BARE))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_PROPPATCH = answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        running.append(made)
        return f"http://127.0.0.1:{made.server_port}/v1"

    yield start
    for each in running:
        each.shutdown()
        each.server_close()


def test_a_key_that_is_refused_is_told_at_the_beginning(server: Callable[..., str]) -> None:
    url = server({"GET /v1/models": (401, {"error": {"message": "Incorrect API key provided: k."}})})
    with pytest.raises(TargetError, match="refuses the API key with status 401: Incorrect API key"):
        find_target(url, "k", frozenset(), 5)
    with pytest.raises(TargetError, match="give --api-key"):
        find_target(url, None, frozenset(), 5)


def test_a_loose_server_is_not_held_to_the_contract(server: Callable[..., str]) -> None:
    settings = {"scenario": "quick", "wire": "observed", "loose": True, "stateless": False}
    url = server({"GET /_mocktune/capabilities": (200, {"version": "0", "settings": settings})})
    with pytest.raises(TargetError, match="started with --loose"):
        find_target(url, None, frozenset(), 5)


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_against_a_server_of_one_operation(server: Callable[..., str], tmp_path: Path) -> None:
    """From a project whose settings would find no test, with workers: it ends, and tells of every operation."""
    chat = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    url = server({"POST /v1/chat/completions": (200, chat)})
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\npython_files = check_*.py\n", "utf-8")
    modules = ["mocktune_contract.test_operations", "mocktune_contract.test_any_model"]
    done = run(
        tmp_path, "-n", "2", "--pyargs", *modules, "--target", url, "--api-key", "k", "--contract-report", "report"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads((tmp_path / "report" / "contract.json").read_text("utf-8"))
    of_the_api = len([each for each in OPERATIONS if not each.azure])
    assert document["totals"]["operations"] == {
        "of_the_api": of_the_api, "implemented": 1, "missing": of_the_api - 1, "not_asked": 0,
    }  # fmt: skip
    assert document["run"]["complete"]
    (row,) = [each for each in document["operations"] if each["name"] == "chat.completions.create"]
    assert row["implemented"] == {"answer": "yes", "status": 200}
    assert all(each["reason"] for each in row["failures"])
    assert row["shape"]["failed"] > 0
    page = (tmp_path / "report" / "contract.md").read_text("utf-8")
    assert all(f"| {each.name} |" in page for each in OPERATIONS if not each.azure)
    assert (tmp_path / "report" / "contract.xml").stat().st_size > 0
    assert f"{MISSING}files.list" not in done.stdout


def test_nobody_elses_run_knows_the_options(tmp_path: Path) -> None:
    """``--target`` and ``--api-key`` may be another project's own."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing():\n    pass\n", "utf-8")
    (tmp_path / "conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--target')\n    parser.addoption('--api-key')\n", "utf-8"
    )
    assert run(tmp_path, "--target", "x").returncode == 0


def test_the_module_runs_the_suite_as_pytest_does(tmp_path: Path) -> None:
    """A target that nobody listens at is told in one line: pytest came that far without a warning, an error here."""
    command = [
        sys.executable,
        "-m",
        "mocktune_contract",
        "-W",
        "error",
        "--target",
        "http://127.0.0.1:9",
        "--api-key",
        "k",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "http://127.0.0.1:9/v1 cannot be reached" in done.stdout + done.stderr
