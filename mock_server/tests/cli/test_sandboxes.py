"""``mocktune sandboxes`` against a running server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx2
import pytest
from support import dataset

from mocktune import RunningServer, make_settings, running_server
from mocktune.cli.sandboxes import sandboxes

TOKEN = "mt-admin-of-the-tests"

Told = Callable[..., str]


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("realistic", clock="frozen", admin_token=TOKEN)) as running:
        yield running


@pytest.fixture
def told(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> Told:
    def call(action: str = "list", which: str | None = None, **options: object) -> str:
        given: dict[str, object] = dict.fromkeys(("label", "scenario", "set_", "seed", "clock", "start"))
        given |= {"url": server.base_url, "admin_token": TOKEN}
        sandboxes(action, which, **(given | options))  # type: ignore[arg-type]  # options by name
        return capsys.readouterr().out

    return call


def refusal(capsys: pytest.CaptureFixture[str], call: Callable[[], object], exit_code: int) -> str:
    with pytest.raises(SystemExit) as ended:
        call()
    assert ended.value.code == exit_code
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("mocktune: ")


def test_one_is_opened_used_listed_and_closed(server: RunningServer, told: Told) -> None:
    opened = told("open", "ci", label="Nightly", clock="x60", set_=["model.absent_for=5s"], seed=7)
    lines = dict(re.findall(r"^(\w+(?: \w+)?) {2,}(\S+)$", opened, re.MULTILINE))
    assert (lines["api key"], lines["base url"]) == ("sk-mt-ci", server.base_url)
    assert f"{server.root}/s/ci/v1  (with any key)" in opened
    httpx2.post(
        f"{server.base_url}/files",
        files={"file": ("a.jsonl", dataset())},
        data={"purpose": "fine-tune"},
        headers={"authorization": f"Bearer {lines['api key']}"},
    ).raise_for_status()
    head, row = told().splitlines()
    assert head.split()[:5] == ["id", "label", "scenario", "clock", "now"]
    cells = re.split(r"  +", row)
    assert cells[:4] == [lines["id"], "Nightly", "realistic", "x60"]
    assert cells[5:10] == ["1", "0", "0", "1", "1.4 KB"]
    assert "sk-mt-ci" not in row
    assert told("close", lines["id"]) == f"closed {lines['id']}\n"
    assert told().count("\n") == 1


def test_all_pages_are_listed(server: RunningServer, told: Told) -> None:
    with httpx2.Client(base_url=server.base_url) as client:
        for number in range(205):
            client.get("/models", headers={"authorization": f"Bearer sk-{number}"}).raise_for_status()
    rows = told().splitlines()[1:]
    assert len({row.split()[0] for row in rows}) == 205


def test_what_the_server_refuses_is_told_in_its_words(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not its admin token" in refusal(capsys, lambda: told(admin_token="wrong"), 1)
    assert refusal(capsys, lambda: told("close", "sandbox_1"), 1).startswith("There is no open sandbox")
    told("open", "ci")
    assert refusal(capsys, lambda: told("open", "ci"), 1).startswith("There is a sandbox 'ci' already")
    assert refusal(capsys, lambda: told("open", "c i"), 2).startswith("'c i' is no name of a sandbox")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((), {"admin_token": ""}, "give --admin-token or set MOCKTUNE_ADMIN_TOKEN"),
        (("close",), {}, "say which to close"),
        (("list", "ci"), {}, "list takes no name"),
        (("list",), {"label": "x"}, "--label belongs to: mocktune sandboxes open"),
        (("close", "x"), {"seed": 3}, "--seed belongs to: mocktune sandboxes open"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(
    told: Told,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    options: dict[str, object],
    message: str,
) -> None:
    assert refusal(capsys, lambda: told(*arguments, **options), 2).startswith(message)


def test_the_token_comes_from_its_variable(server: RunningServer) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "mocktune", "sandboxes"],
        env=os.environ | {"OPENAI_BASE_URL": server.base_url, "MOCKTUNE_ADMIN_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("id  label")
