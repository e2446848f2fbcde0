"""``mocktune scenarios``: the list, one scenario with the life of a job, and files that are checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mocktune.cli.scenario_chart import draw
from mocktune.cli.scenario_play import Life, play
from mocktune.cli.scenarios import scenarios
from mocktune.domain.clock import SECOND
from mocktune.storage.scenario_files import packaged_scenario, scenario_names

Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """What the command prints, at the width of a plain terminal."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(scenario: str = "", *, as_json: bool = False) -> str:
        scenarios(scenario, as_json)
        return capsys.readouterr().out

    return call


def refusal(capsys: pytest.CaptureFixture[str], scenario: str, exit_code: int) -> str:
    with pytest.raises(SystemExit) as ended:
        scenarios(scenario)
    assert ended.value.code == exit_code
    return capsys.readouterr().err.removeprefix("mocktune: ").rstrip("\n")


def test_the_list_has_a_line_for_each_scenario_by_pack(told: Told) -> None:
    lines = told().splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "core: what every client meets sooner or later (20)",
        "chaos: a network and servers that misbehave (10)",
        "all: every packaged scenario (48)",
    ]
    rows = [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  and ")]
    assert sorted(rows) == list(scenario_names())
    assert max(map(len, lines)) <= 80
    assert "  and flaky-5xx, rate-limited, lost-create" in lines


def test_the_list_pipes_cleanly(tmp_path: Path) -> None:
    """Bytes that a program can read, whatever the locale; no colours."""
    piped = subprocess.run(
        [sys.executable, "-m", "mocktune", "scenarios"],
        env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": "40"},
        capture_output=True,
        timeout=60,
    )
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert b"\x1b" not in piped.stdout
    assert b"\n  fails-midway            The job fails two thirds into training\n" in piped.stdout


def test_a_scenario_is_told_with_its_purpose_its_fields_and_a_job_s_life(told: Told) -> None:
    shown = told("fails-midway")
    lines = shown.splitlines()
    assert lines[0] == "fails-midway  The job fails two thirds into training"
    assert "It is there to catch a client that waits for `succeeded` alone" in shown
    assert "A good client is to fail promptly and say why, within 2h of virtual time." in shown
    assert "  job.failure.progress  0.62" in lines
    title = lines.index("a job of 32 examples, with a validation file; virtual time since the upload")
    rows = {line.split()[0]: line for line in lines[title + 1 : title + 6]}
    assert list(rows) == ["file", "validating_files", "queued", "running", "failed"]
    assert rows["validating_files"].endswith(" 47s")
    assert rows["running"].count("█") > 20
    assert rows["failed"].endswith("✗     at 3m20s")
    assert lines[-1] == "      3m20s  The job failed due to an internal error."
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("columns", ["40", "80", "200"])
@pytest.mark.parametrize("name", ["paused-outside", "lost-create", "moderation-file"])
def test_no_line_is_wider_than_the_terminal(
    told: Told, monkeypatch: pytest.MonkeyPatch, columns: str, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = told(name).splitlines()
    assert max(map(len, lines)) <= max(58, min(int(columns), 116))  # a chart has a width below which it says nothing


def test_rules_of_faults_and_signals_are_listed(told: Told) -> None:
    assert (
        '  lost-create: operation="fine_tuning.jobs.create", at="after_commit",\n'
        '               fault="CONNECTION_RESET_BY_PEER", times=1\n'
    ) in told("lost-create")
    assert '  at="40%+45m", do="resume"\n' in told("paused-outside")
    assert '  at="40%", do="cancel"\n' in told("cancelled-outside")


def test_a_create_that_is_refused_is_told_in_the_words_of_the_service(told: Told) -> None:
    shown = told("training-wound-down")
    assert "\ncreate is refused\n  training_not_available: OpenAI is winding down the fine-tuning platform" in shown


@pytest.mark.parametrize(
    ("name", "row", "begins", "ends"),
    [
        ("realistic", "validating_files", 0, 47),
        ("realistic", "running", 51, 341),
        ("realistic", "final validation", 291, 341),
        ("realistic", "model absent", 341, 361),
        ("realistic", "model loading", 361, 451),
        ("slow-file", "file", 0, 720),
        ("late-events", "last events", 341, 641),
        ("paused-outside", "paused", 147, 2847),
        ("moderation-model", "safety checks", 341, 581),
    ],
)
def test_a_phase_is_where_the_plan_has_it(name: str, row: str, begins: int, ends: int) -> None:
    spans = [each for each in life_of(name).spans if each.row == row]
    assert [(round(each.begins / SECOND), round(each.ends / SECOND)) for each in spans] == [(begins, ends)]


@pytest.mark.parametrize(
    ("name", "row", "signs"),
    [
        ("realistic", "running", "◆◆"),
        ("realistic", "succeeded", "●"),
        ("late-result", "result file", "●"),
        ("cancelled-outside", "signals", "▼"),
        ("cancelled-outside", "cancelled", "✗"),
        ("file-error", "file", "✗"),
    ],
)
def test_what_happens_at_an_instant_is_marked(name: str, row: str, signs: str) -> None:
    life = life_of(name)
    assert "".join(each.sign for each in life.marks if each.row == row) == signs
    (line,) = [line.plain for line in draw(life, 80) if line.plain.startswith(row.ljust(18))]
    assert signs[0] in line


def test_a_bar_begins_and_ends_to_scale() -> None:
    """129 columns are 100 to draw in; the life has 478 s."""
    life = life_of("realistic")
    bars = {line[:18].strip(): line[18:118] for line in (each.plain for each in draw(life, 129))}
    for row, begins_s, ends_s in (("validating_files", 0, 47), ("running", 51, 341), ("model loading", 361, 451)):
        drawn = [column for column, sign in enumerate(bars[row]) if sign != " "]
        assert (drawn[0], drawn[-1] + 1) == (
            begins_s * SECOND * 100 // life.ends, round(ends_s * SECOND * 100 / life.ends),
        )  # fmt: skip
    assert bars["model ready"].endswith("→")
    assert round(life.ends / SECOND) == 478


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_can_be_drawn_at_every_width(name: str) -> None:
    life = life_of(name)
    for width in (1, 50, 80, 300):
        lines = [line.plain for line in draw(life, width)]
        assert max(map(len, lines)) <= max(width, 49)
        assert len(lines) >= 3


_LIVES: dict[str, Life] = {}


def life_of(name: str) -> Life:
    if name not in _LIVES:
        _LIVES[name] = play(packaged_scenario(name))
    return _LIVES[name]


def test_the_list_as_json_is_what_the_control_plane_answers(told: Told) -> None:
    listed = json.loads(told(as_json=True))
    assert [each["name"] for each in listed["scenarios"]] == list(scenario_names())
    assert [each["name"] for each in listed["packs"]] == ["core", "chaos", "all"]


def test_a_scenario_as_json_has_its_job_s_life_in_seconds(told: Told) -> None:
    shown: dict[str, Any] = json.loads(told("fails-midway", as_json=True))
    assert shown["changes"]["job.failure.progress"] == 0.62
    assert shown["job"]["status"] == "failed"
    assert {"name": "validating_files", "begins": 0.0, "ends": 47.0} in shown["job"]["phases"]
    assert shown["job"]["events"][-1]["level"] == "error"
    assert shown["job"]["metric_events"] == 59


def test_a_file_of_one_s_own_is_checked_and_shown(told: Told, tmp_path: Path) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text('extends = "quick"\nsummary = "Ours"\n[model]\nloading_for = "5s"\n', "utf-8")
    shown = told(str(ours))
    assert shown.startswith("ours  Ours\n")
    assert '\nquick, but\n  model.loading_for  "5s"\n' in shown


def test_what_is_wrong_with_a_file_is_told_with_the_nearest_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ours = tmp_path / "ours.toml"
    ours.write_text("[model]\nloding_for = '5s'\n", "utf-8")
    assert refusal(capsys, str(ours), 1) == "unknown key 'model.loding_for'; did you mean 'model.loading_for'?"


def test_a_name_or_file_that_there_is_not_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "fails-midwy", 1) == "unknown scenario 'fails-midwy'; did you mean 'fails-midway'?"
    assert refusal(capsys, "./none.toml", 2) == "there is no file './none.toml'"


def test_text_of_a_file_is_never_taken_for_markup(told: Told, tmp_path: Path) -> None:
    """Square brackets of a summary are shown, not obeyed."""
    ours = tmp_path / "ours.toml"
    ours.write_text('extends = "quick"\nsummary = "[red]Ours[/] [/bold]"\ncatches = "A client [x]."\n', "utf-8")
    shown = told(str(ours))
    assert shown.startswith("ours  [red]Ours[/] [/bold]\n")
    assert "a client [x]." in shown


def test_serve_plays_a_file_of_one_s_own(tmp_path: Path) -> None:
    """Named as it lies, from where the server is started."""
    (tmp_path / "ours.toml").write_text('extends = "quick"\n[model]\nloading_for = "5s"\n', "utf-8")
    process = serving(tmp_path, "./ours.toml")
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        asked = urllib.request.Request(f"{ready['root']}/_mocktune/scenario", headers={"authorization": "Bearer sk-1"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            present = json.load(answer)
    finally:
        process.kill()
        process.communicate(timeout=30)
    assert (present["name"], present["document"]["model"]["loading_for"]) == ("ours", "5s")


def test_serve_refuses_a_file_that_is_no_scenario(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text("[model]\nloding_for = '5s'\n", "utf-8")
    process = serving(tmp_path, "./ours.toml")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert error == "mocktune: unknown key 'model.loding_for'; did you mean 'model.loading_for'?\n"


def serving(folder: Path, scenario: str) -> subprocess.Popen[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKTUNE_", "OPENAI_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "mocktune", "serve", "--port", "0", "--scenario", scenario],
        cwd=folder,
        env=clean | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
