"""``mocktune serve`` with a state file: what is refused before the port answers, and what is there when it ended."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support import dataset

from mocktune.domain.state import State, StateError, read_state
from mocktune.storage.state_files import StateFile, load_state_file, open_state_file, write_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")

TIMEOUT_S = 60
FILE = {"id": "file-a", "content": dataset().decode()}
JOB = {"id": "ftjob-a", "model": "gpt-4o-mini", "training_file": "file-a", "status": "running"}
KEY = {"authorization": "Bearer sk-x"}


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("MOCKTUNE_", "OPENAI_"))}


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mocktune", "serve", "--port", "0", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_S)


def served(
    *arguments: str, cwd: Path, ask: Callable[[httpx2.Client], None], number: int = signal.SIGTERM
) -> tuple[int, str]:
    """A server for as long as ``ask`` asks it; its exit code, and what it told on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mocktune", "serve", "--port", "0", "--clock", "frozen", *arguments],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=TIMEOUT_S)[1]
        with httpx2.Client(base_url=json.loads(line)["root"], headers=KEY) as http:
            ask(http)
        process.send_signal(number)
        _, told = process.communicate(timeout=TIMEOUT_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate(timeout=TIMEOUT_S)
    return process.returncode, told


def written(path: Path, **parts: Any) -> Path:
    path.write_text(json.dumps({"schema": 1, **parts}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "state.json: the state is no JSON: Input data was truncated"),
        (
            json.dumps({"schema": 1, "files": [{**FILE, "content": "x"}], "jobs": [JOB]}),
            "state.json: job 'ftjob-a': it never becomes running: The job failed due to an invalid training file. ",
        ),
    ],
)
def test_a_bad_state_ends_the_command_before_the_port_answers(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "state.json").write_text(content, "utf-8")
    ended = run("--state-file", "state.json", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"mocktune: {message}")
    assert ended.stderr.count("\n") == 1
    assert (tmp_path / "state.json").read_text("utf-8") == content


def test_flags_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for arguments in (("--save-on-exit",), ("--save-on-exit", "--stateless", "--state-file", "state.json")):
        ended = run(*arguments, cwd=tmp_path)
        assert ended.returncode == 2
        assert ended.stderr.startswith("mocktune: --save-on-exit needs a --state-file to write to")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_refused_unless_it_is_to_be_written(tmp_path: Path) -> None:
    ended = run("--state-file", "state.json", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (2, "mocktune: state.json: No such file or directory\n")
    ended = run("--state-file", "nowhere/state.json", "--save-on-exit", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == "mocktune: nowhere/state.json: cannot be written: No such file or directory\n"


def test_a_server_that_ends_saves_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """Whatever signal ends it. From an empty state to one with a job on its way, which the second server finishes."""

    def begin(http: httpx2.Client) -> None:
        asked = {"files": {"file": ("a.jsonl", dataset())}, "data": {"purpose": "fine-tune"}}
        file = http.post("/v1/files", **asked).json()["id"]
        job = http.post("/v1/fine_tuning/jobs", json={"model": "gpt-4o-mini", "training_file": file}).json()["id"]
        http.post("/_mocktune/clock/advance", json={"until": {"job": job, "status": "running"}})
        seen.append(job)

    def go_on(http: httpx2.Client) -> None:
        path = f"/v1/fine_tuning/jobs/{seen[0]}"
        assert http.get(path, headers={"authorization": "Bearer sk-another"}).json()["status"] == "running"
        http.post("/_mocktune/clock/advance", json={"by": "1h"})
        assert http.get(path).json()["status"] == "succeeded"

    seen: list[str] = []
    flags = ("--state-file", "state.json", "--save-on-exit")
    for ask, number in ((begin, signal.SIGTERM), (go_on, signal.SIGINT)):
        code, told = served(*flags, cwd=tmp_path, ask=ask, number=number)
        assert code == (0 if number == signal.SIGTERM else 130)
        assert "Traceback" not in told
        assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
    saved = load_state_file(tmp_path / "state.json")
    assert [job.id for job in saved.jobs] == seen


def test_nothing_is_written_without_being_asked_for(tmp_path: Path) -> None:
    before = written(tmp_path / "state.json", files=[FILE]).read_bytes()
    code, _ = served(
        "--state-file", "state.json", cwd=tmp_path, ask=lambda http: http.delete("/v1/files/file-a").raise_for_status()
    )
    assert code == 0
    assert (tmp_path / "state.json").read_bytes() == before


def test_a_server_that_nobody_asked_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    before = written(tmp_path / "state.json", files=[FILE]).read_bytes()
    code, _ = served("--state-file", "state.json", "--save-on-exit", cwd=tmp_path, ask=lambda http: None)
    assert code == 0
    assert (tmp_path / "state.json").read_bytes() == before
    code, _ = served("--state-file", "new.json", "--save-on-exit", cwd=tmp_path, ask=lambda http: None)
    assert (code, load_state_file(tmp_path / "new.json")) == (0, State(schema=1))


def test_a_state_that_cannot_be_saved_is_told_and_no_clean_end(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    before = written(folder / "state.json", files=[FILE]).read_bytes()

    def take_the_folder_away(http: httpx2.Client) -> None:
        assert http.get("/v1/files").status_code == 200
        folder.rename(tmp_path / "elsewhere")

    code, told = served("--state-file", "folder/state.json", "--save-on-exit", cwd=tmp_path, ask=take_the_folder_away)
    assert code == 1
    assert "the state was not saved, folder/state.json is as it was: " in told
    assert "Traceback" not in told
    assert (tmp_path / "elsewhere" / "state.json").read_bytes() == before


def test_writing_replaces_the_whole_file_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write_file(link, b"new")
    assert (path.read_bytes(), link.is_symlink()) == (b"new", True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640

    def broken(self: Path, target: Path) -> None:
        assert target.read_bytes() == b"new"
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="no"):
        StateFile(path).write(b"newer")
    assert path.read_bytes() == b"new"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.json", "state.json"]


def test_a_state_that_is_to_be_written_is_made_at_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert open_state_file(path) == State(schema=1)
    assert read_state(path.read_bytes()) == State(schema=1)
    written(path, seed=5)
    assert open_state_file(path).seed == 5
    with pytest.raises(StateError, match="Is a directory"):
        load_state_file(tmp_path)


def test_both_modes_of_a_spec_mock_reach_the_server(tmp_path: Path) -> None:
    written(tmp_path / "state.json", files=[FILE], jobs=[JOB])

    def ask(http: httpx2.Client) -> None:
        for _ in range(2):
            assert http.post("/v1/fine_tuning/jobs/ftjob-a/resume", json={}).json()["status"] == "running"
            assert http.post("/v1/fine_tuning/jobs/ftjob-a/cancel", json={}).json()["error"] is None

    code, told = served("--state-file", "state.json", "--stateless", "--loose", cwd=tmp_path, ask=ask)
    assert code == 0
    assert "nothing that a request does is kept" in told
