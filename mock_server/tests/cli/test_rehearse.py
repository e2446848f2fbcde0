"""``mocktune rehearse`` as a process, with a client of the standard library alone: its card, its files, its exit code.

::

    a good client                        0, ready
    one with flaws                       1, each flaw a fault with its scenarios and its evidence
    Ctrl-C                               130, the card of what was run, nothing left running
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli.test_exec import CLIENT, TIMEOUT_S, alive, environment

from mocktune.cli.app import app
from mocktune.cli.pyproject import rehearse_defaults, serve_defaults

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")

TINY = [sys.executable, CLIENT]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mocktune", "rehearse", *words]


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    wide = environment() | {"COLUMNS": "116"}
    return subprocess.run(command(*words), cwd=cwd, env=wide, capture_output=True, text=True, timeout=TIMEOUT_S)


def scenarios(*names: str) -> list[str]:
    return [word for name in names for word in ("--scenario", name)]


def test_a_good_client_is_ready(tmp_path: Path) -> None:
    """With everything from ``pyproject.toml``, two runs at once, and the JSON on stdout."""
    table = {"command": TINY, "scenarios": ["realistic", "file-error", "quota-at-create"], "jobs": 2, "json": "-"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    (tmp_path / "pyproject.toml").write_text("\n".join(["[tool.mocktune.rehearse]", *lines]))
    done = run(cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["ready"], told["faults"], told["skipped"], told["command"]) == (True, [], [], TINY)
    assert [(each["name"], each["outcome"], each["exit_code"]) for each in told["scenarios"]] == [
        ("realistic", "recovered", 0), ("file-error", "gave_up", 1), ("quota-at-create", "gave_up", 1),
    ]  # fmt: skip
    assert "ready: 3 of 3 scenarios passed" in done.stderr
    assert 0 < told["cost_usd"] < 0.01
    assert 200 < told["virtual_s"] < 1000


def test_each_flaw_is_a_fault_with_its_evidence(tmp_path: Path) -> None:
    files = {form: tmp_path / f"card.{form}" for form in ("json", "html", "junit")}
    flaws = [*TINY, "unread", "unmoved", "script"]
    options = [word for form, path in files.items() for word in (f"--{form}", str(path))]
    done = run(*options, *scenarios("file-error", "bad-line", "fails-midway"), "--", *flaws)
    assert done.returncode == 1
    told = json.loads(files["json"].read_text())
    assert [(each["code"], each["scenarios"]) for each in told["faults"]] == [
        ("false_success", ["bad-line", "fails-midway"]), ("MT14", ["file-error"]),
    ]  # fmt: skip
    _, unread = told["faults"]
    assert unread["led_to"] == ["takes a failure for success"]
    assert unread["evidence"]["requests"][0]["what"] == "POST /v1/fine_tuning/jobs"
    assert told["scenarios"][0]["reasons"][0] == "ended with 0 in spite of a job that failed"

    assert "not ready: 0 of 3 scenarios passed, 2 faults" in done.stdout
    assert f"again: {unread['repeat']}" in done.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout), "a command's output moves no terminal"

    suite = ElementTree.parse(files["junit"]).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "3")
    assert [case.get("name") for case in suite.iter("testcase")] == ["file-error", "bad-line", "fails-midway"]

    tags: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))  # type: ignore[method-assign]
    page = files["html"].read_text()
    parser.feed(page)
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in page
    assert "script" not in {tag for tag, _ in tags}
    assert not {"src", "href", "onload"} & {name for _, attributes in tags for name in attributes}

    again = shlex.split(unread["repeat"])
    assert again[:2] == ["mocktune", "exec"]
    shown = subprocess.run([sys.executable, "-m", *again], env=environment(), capture_output=True, text=True)
    assert "MT14  never looked at a file that ended in error" in shown.stderr


def test_who_comes_to_no_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run(
        "--timeout", "1500ms", "--json", str(report), *scenarios("file-error", "realistic"), "--fail-fast", "--",
        *TINY, "forever",
    )  # fmt: skip
    assert done.returncode == 1
    told = json.loads(report.read_text())
    assert [each["code"] for each in told["faults"]] == ["hung"]
    assert told["skipped"] == ["realistic"]
    processes = [int(pid) for pid in told["scenarios"][0]["stderr"][0].split()]
    assert len(processes) == 2
    assert alive(processes) == []


def test_ctrl_c_ends_what_runs_and_shows_what_was_run() -> None:
    with subprocess.Popen(
        command(*scenarios("file-error", "realistic"), "--", *TINY, "forever"),
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        started: list[int] = []
        while not started:
            started = _descendants(process.pid) if children.exists() else []
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130, err
    assert "not run: file-error, realistic" in out or "interrupted" in out
    assert alive(started) == []


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def test_a_command_that_there_is_not_is_one_fault() -> None:
    done = run(*scenarios("realistic", "file-error"), "--", "no-such-command-here")
    assert done.returncode == 1
    assert "cannot be started, in realistic, file-error" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give a command to rehearse"),
        (["--pack", "coer", "x"], "unknown pack 'coer'; did you mean 'core'?"),
        (["--scenario", "reelistic", "x"], "unknown scenario 'reelistic'; did you mean 'realistic'?"),
        (["--scenario", "./no.toml", "x"], "'./no.toml' cannot be read"),
        (["--timeout", "soon", "x"], "--timeout: 'soon' is no duration"),
        (["--timeout", "0s", "x"], "--timeout: a run takes some time"),
        (["--allow", "MT99", "x"], "--allow: there is no finding 'MT99'"),
        (["--html", "/no/such/folder/card.html", "x"], "there is no folder for"),
    ],
)
def test_what_cannot_be_run_is_told_with_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["rehearse", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


# -- [tool.mocktune.rehearse] ------------------------------------------------------------------------------------------


def table(folder: Path, text: str) -> dict[str, Any]:
    (folder / "pyproject.toml").write_text(text)
    return rehearse_defaults(folder)


def test_the_table_is_read_as_parameters(tmp_path: Path) -> None:
    text = '[tool.mocktune]\nclock = "x60"\n[tool.mocktune.rehearse]\npack = "core"\nfail-fast = true\n'
    text += 'command = "python train.py \'a b\'"\njson = "card.json"\n'
    assert table(tmp_path, text) == {
        "pack": ["core"], "fail_fast": True, "command": ["python", "train.py", "a b"], "json_": "card.json",
    }  # fmt: skip
    assert serve_defaults(tmp_path) == {"clock": "x60"}, "which serve has no key for"
    assert table(tmp_path, "[tool.other]\n") == {}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('packs = "core"', "has no key 'packs'; did you mean 'pack'?"),
        ("scenarios = [1]", "scenarios must be a list of texts"),
        ("fail-fast = 1", "fail-fast must be true or false"),
        ("jobs = 1.5", "jobs must be a text or a whole number"),
        ('command = "python \'a"', "command: No closing quotation"),
    ],
)
def test_what_the_table_may_not_say_is_told(
    line: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        table(tmp_path, f"[tool.mocktune.rehearse]\n{line}\n")
    assert told in capsys.readouterr().err
