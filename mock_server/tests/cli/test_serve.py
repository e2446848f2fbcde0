"""``mocktune serve`` as a process: what it prints, what it refuses, and how it ends.

The ready line is one JSON object on stdout::

    {"event": "ready", "root": "http://127.0.0.1:PORT", "base_url": ROOT + "/v1", "admin_token": …, "pid": …}
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support import dataset

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")

TIMEOUT_S = 60


def environment(temp: Path | None = None, **variables: str) -> dict[str, str]:
    """This process's, without settings of whoever runs the tests."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKTUNE_", "OPENAI_"))}
    return clean | variables | ({} if temp is None else {"TMPDIR": str(temp)})


def run(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mocktune", *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@contextmanager
def serving(*arguments: str, temp: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A server at a free port, and its ready line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mocktune", "serve", "--port", "0", *arguments],
        cwd=temp,
        env=environment(temp),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=TIMEOUT_S)[1]
        yield process, json.loads(line)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=TIMEOUT_S)


def upload_folders(temp: Path) -> list[str]:
    return [each.name for each in temp.iterdir() if each.name.startswith("mocktune-")]


def get(url: str) -> Any:
    request = urllib.request.Request(url, headers={"authorization": "Bearer sk-test"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def test_the_ready_line_names_a_server_that_answers_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with serving("--seed", "7", "--clock", "frozen", temp=tmp_path) as (process, ready):
        assert ready == {
            "event": "ready",
            "root": ready["root"],
            "base_url": f"{ready['root']}/v1",
            "admin_token": ready["admin_token"],
            "pid": process.pid,
        }
        assert ready["root"].startswith("http://127.0.0.1:")
        assert ready["admin_token"].startswith("mt-admin-")
        assert get(f"{ready['base_url']}/models")["object"] == "list"
        assert get(f"{ready['root']}/_mocktune/clock")["clock"] == "frozen"
        assert upload_folders(tmp_path) == []
        files = {"file": ("a.jsonl", dataset())}
        key = {"authorization": "Bearer sk-x"}
        httpx2.post(f"{ready['base_url']}/files", headers=key, files=files, data={"purpose": "fine-tune"})
        assert len(upload_folders(tmp_path)) == 1
        process.send_signal(signal.SIGTERM)
        rest, told = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert rest == ""
    assert f"export OPENAI_BASE_URL={ready['base_url']}" in told
    assert "Traceback" not in told
    assert upload_folders(tmp_path) == []


def test_ctrl_c_ends_a_server_with_130_and_removes_the_uploads(tmp_path: Path) -> None:
    with serving(temp=tmp_path) as (process, ready):
        get(f"{ready['base_url']}/models")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert upload_folders(tmp_path) == []


def test_a_server_that_listens_everywhere_is_named_by_an_address_that_answers(tmp_path: Path) -> None:
    with serving("--host", "0.0.0.0", "--admin-token", "mine", temp=tmp_path) as (_, ready):
        assert ready["admin_token"] == "mine"
        assert get(f"{ready['base_url']}/models")["object"] == "list"


def test_a_host_that_others_can_reach_needs_an_admin_token() -> None:
    ended = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert ended.returncode == 2
    assert "0.0.0.0 can be reached from other machines" in ended.stderr
    assert "--admin-token" in ended.stderr
    assert ended.stdout == ""


def test_a_server_for_known_keys_lets_in_whom_its_admin_has_opened_a_sandbox(tmp_path: Path) -> None:
    with serving("--known-keys-only", "--advance-on-poll", "next", "--no-inband", temp=tmp_path) as (_, ready):
        admin = {"authorization": f"Bearer {ready['admin_token']}"}
        key = {"authorization": "Bearer sk-mt-ci"}
        assert httpx2.get(f"{ready['base_url']}/models", headers=key).status_code == 401
        opened = httpx2.post(f"{ready['root']}/_mocktune/sandboxes", headers=admin, json={"name": "ci"}).json()
        assert opened["api_key"] == "sk-mt-ci"
        assert httpx2.get(f"{ready['base_url']}/models", headers=key).status_code == 200
        assert httpx2.get(f"{ready['root']}/_mocktune/clock", headers=key).json()["advance_on_poll"] == "next"


@pytest.mark.parametrize("mode", [("--stateless",), ("--save-on-exit", "--state-file", "state.json")])
def test_known_keys_need_sandboxes_that_are_kept_apart(tmp_path: Path, mode: tuple[str, ...]) -> None:
    ended = run("serve", "--known-keys-only", *mode, cwd=tmp_path)
    assert ended.returncode == 2
    assert "--known-keys-only needs sandboxes that are kept apart" in ended.stderr


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--port", str(port))
    assert ended.returncode == 2
    assert ended.stderr == (
        f"mocktune: port {port} at 127.0.0.1 is in use; choose another one with --port, or --port 0 for a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", "quik"], "unknown scenario 'quik'; did you mean 'quick'?"),
        (["--set", "model.absent=2s"], "unknown key 'model.absent'; did you mean 'model.absent_for'?"),
        (["--clock", "fast"], "'fast' is no clock: use 'real', 'frozen' or a factor such as 'x60'"),
        (["--max-file-size", "12X"], "'12X' is no size"),
        (["--advance-on-poll", "soon"], "'soon' is no duration: write it like"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_could(arguments: list[str], message: str) -> None:
    ended = run("serve", *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"mocktune: {message}")
    assert ended.stderr.count("\n") == 1


def test_the_profile_and_who_may_train_under_it_reach_the_server(tmp_path: Path) -> None:
    profile = ("--profile", "today", "--known-organization", "org-a", "--known-organization", "org-b")
    with serving("--clock", "frozen", *profile, temp=tmp_path) as (_, ready):
        assert {each["shutdown_date"] for each in get(f"{ready['base_url']}/models")["data"]} == {"2027-01-14"}
        with httpx2.Client(base_url=ready["base_url"], headers={"authorization": "Bearer sk-x"}) as http:
            file = http.post("/files", files={"file": ("a.jsonl", dataset())}, data={"purpose": "fine-tune"}).json()[
                "id"
            ]

            def create(organization: str) -> Any:
                asked = {"model": "gpt-4o", "training_file": file}
                return http.post("/fine_tuning/jobs", json=asked, headers={"openai-organization": organization})

            assert create("org-c").json()["error"]["code"] == "training_not_available"
            assert [create(each).status_code for each in ("org-a", "org-b", "org-a", "org-b")] == [200, 200, 200, 429]


def test_a_flag_wins_over_the_environment_and_that_over_pyproject(tmp_path: Path) -> None:
    """Each names a scenario that does not exist; the refusal tells which one was taken."""
    (tmp_path / "pyproject.toml").write_text('[tool.mocktune]\nscenario = "of-file"\n', "utf-8")

    def taken(*arguments: str, **variables: str) -> str:
        return run("serve", *arguments, cwd=tmp_path, **variables).stderr.partition(";")[0]

    assert taken("--scenario", "of-flag", MOCKTUNE_SCENARIO="of-env") == "mocktune: unknown scenario 'of-flag'"
    assert taken(MOCKTUNE_SCENARIO="of-env") == "mocktune: unknown scenario 'of-env'"
    assert taken() == "mocktune: unknown scenario 'of-file'"


def test_the_version_is_printed_and_the_module_runs() -> None:
    ended = run("--version")
    assert (ended.returncode, ended.stdout) == (0, "mocktune 0.1.0\n")


def test_serving_loads_nothing_that_only_other_commands_need(tmp_path: Path) -> None:
    """Python tells each import; an address that cannot be listened at ends the command when all is loaded."""
    listen_nowhere = ("--host", "256.0.0.1", "--admin-token", "t")
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mocktune", "serve", *listen_nowhere],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert ended.returncode == 2
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}
    assert {"fastapi", "uvicorn", "mocktune.http.app"} <= loaded
    assert not loaded & {"openai", "rich", "plotext", "httpx2", "mocktune.cli.demo_view", "urllib.request"}


def test_each_transition_of_a_job_is_told_in_one_line_on_stderr(tmp_path: Path) -> None:
    with serving("--clock", "frozen", "--scenario", "realistic", temp=tmp_path) as (process, ready):
        with httpx2.Client(base_url=ready["root"], headers={"authorization": "Bearer sk-told"}) as http:
            form = {"files": {"file": ("a.jsonl", dataset())}, "data": {"purpose": "fine-tune"}}
            file = http.post("/v1/files", **form).json()["id"]
            job = http.post("/v1/fine_tuning/jobs", json={"model": "gpt-4o-mini", "training_file": file}).json()["id"]
            for _ in range(3):
                http.get(f"/v1/fine_tuning/jobs/{job}")
            http.post("/_mocktune/clock/advance", json={"until": {"job": job, "status": "terminal"}})
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=TIMEOUT_S)
    lines = [line.split() for line in told.splitlines() if job in line]
    assert [line[1:] for line in lines] == [
        [job, status] for status in ("validating_files", "queued", "running", "succeeded")
    ]
    assert lines[0][0] == "2026-01-15T00:00:00Z"
