"""``mocktune exec`` as a process: what the command gets, what comes back of it, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mocktune.cli.app import app

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")

TIMEOUT_S = 60
CLIENT = str(Path(__file__).with_name("tiny_client.py"))

TELL = """
import json, os, sys
names = [name for name in os.environ if "OPENAI" in name]
print(json.dumps([sys.argv[1:], sys.stdin.read(), {name: os.environ[name] for name in names}]))
sys.exit(7)
"""


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mocktune", "exec", *words]


def environment() -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKTUNE_", "OPENAI_"))}
    return clean | {"OPENAI_ORG_ID": "org-of-whoever-runs-the-tests"}


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), input=stdin, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_S
    )


def test_the_command_gets_its_words_its_streams_and_a_sandbox_and_gives_its_exit_code() -> None:
    words = ["--scenario", "x", "--", "-h", "a b", "$HOME"]
    done = run("--seed", "5", "--", sys.executable, "-c", TELL, *words, stdin="typed")
    assert done.returncode == 7
    argv, stdin, found = json.loads(done.stdout)
    assert (argv, stdin) == (words, "typed")
    assert found["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
    assert found["OPENAI_BASE_URL"].endswith("/v1")
    assert found["OPENAI_API_KEY"].startswith("sk-mt-")
    assert "OPENAI_ORG_ID" not in found
    assert done.stderr == "mocktune: realistic, 0s of virtual time, clean: 0 requests, no findings\n"


def test_findings_are_told_and_end_with_1_where_that_is_asked_for() -> None:
    bad = [sys.executable, CLIENT, "unread"]
    told = run("--scenario", "file-error", "--verdict", "fail", "--", "sh", "-c", 'shift; "$@"; exit 0', "-", "-", *bad)
    assert told.returncode == 1
    assert "MT14  never looked at a file that ended in error" in told.stderr
    allowed = run("--scenario", "file-error", "--verdict", "fail", "--allow", "MT14", *bad)
    assert allowed.returncode == 1, "that of the command itself"
    assert "allowed: MT14" in allowed.stderr
    quiet = run("--scenario", "file-error", "--verdict", "off", "--", *bad, "silent")
    assert (quiet.returncode, quiet.stderr) == (1, "no model\n")


def test_sleeps_move_the_clock_also_those_of_a_shell() -> None:
    done = run("--", "sh", "-c", f'sleep 5h; sleep 0.5m 30; exec "{sys.executable}" -c "import time; time.sleep(3540)"')
    assert (done.returncode, done.stderr.split(",")[1]) == (0, " 6h of virtual time")


def test_a_command_that_there_is_not_ends_as_in_a_shell(tmp_path: Path) -> None:
    missing = run("no-such-command-here")
    assert (missing.returncode, missing.stderr) == (127, "mocktune: command not found: no-such-command-here\n")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert run(str(plain)).returncode == 126


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_reach_the_command_and_nothing_of_it_is_left(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        command("--", sys.executable, CLIENT, "forever"), env=environment(), stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        processes = [int(pid) for pid in process.stderr.readline().split()]
        process.send_signal(number)
        assert process.wait(TIMEOUT_S) == code
    assert alive(processes) == []


def alive(processes: Sequence[int]) -> list[int]:
    found = []
    for pid in processes:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            found.append(pid)
    return found


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give a command to run"),
        (["--scenario", "reelistic", "x"], "unknown scenario 'reelistic'; did you mean 'realistic'?"),
        (["--set", "job.stepp=1s", "x"], "did you mean 'job.step'?"),
        (["--clock", "x0", "x"], "'x0' is no clock"),
        (["--allow", "MT99", "x"], "there is no finding 'MT99'"),
    ],
)
def test_what_cannot_be_run_is_told_with_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["exec", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
