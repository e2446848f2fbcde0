"""``mocktune demo`` as a process, twenty times as fast as a person would watch it, and the parts it is made of."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mocktune.cli.curves import smoothed
from mocktune.cli.demo_story import for_people, split_marv
from mocktune.cli.loss_chart import LossCurve, draw
from mocktune.cli.real_run import real_run
from mocktune.domain.clock import SECOND
from mocktune.domain.models import BASE_MODELS
from mocktune.storage.scenario_files import load_scenario

pytestmark = pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")

TIMEOUT_S = 90
COMMAND = [sys.executable, "-m", "mocktune", "demo"]


def environment(temp: Path) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKTUNE_", "OPENAI_"))}
    # A proxy, a forced colour and a wide terminal of whoever runs the tests must change nothing.
    return clean | {"TMPDIR": str(temp), "COLUMNS": "80", "HTTP_PROXY": "http://127.0.0.1:1", "PYTHONUTF8": "1"}


def without_times(told: str) -> str:
    """The story without wall times and the port, which no seed decides."""
    return re.sub(r" *\d+\.\d s|Retry-After: \d|127\.0\.0\.1:\d+", "", told)


def test_the_demo_tells_the_same_whole_story_for_the_same_seed(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen(
            [*COMMAND, "--clock", "x20"],
            env=environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        for _ in range(2)
    ]
    told, again = [process.communicate(timeout=TIMEOUT_S) for process in runs]
    assert [process.returncode for process in runs] == [0, 0], told[1] + again[1]
    assert told[1] == again[1] == ""
    assert list(tmp_path.iterdir()) == []
    assert without_times(told[0]) == without_times(again[0])

    story = told[0]
    lines = story.splitlines()
    assert max(map(len, lines)) <= 80
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", story), "a pipe gets no control characters"
    stages = re.findall(r"● (\w+)", story)
    assert stages == ["validating_files", "queued", "running", "succeeded", "ready"]
    assert "marv-train.jsonl  32 examples  processed  file-" in story
    assert "Created fine-tuning job: ftjob-" in story
    assert "Step 10/96: training loss=" in story
    assert "Step 96/96: training loss=" in story
    assert "The job has successfully completed" in story
    assert "HTTP 429  That model is still being loaded. Please try again shortly." in story
    assert "Paris. The Eiffel Tower" in story  # as it was trained
    assert "96 rows, one a step" in story
    assert "It would have cost $0.02: 7,950 trained tokens at $3.00 a million." in story
    assert re.search(r"together +\d+\.\d s +7 min 31 s", story)
    assert "mocktune serve" in story


def test_ctrl_c_in_the_middle_gives_the_terminal_back_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """At half the pace, so that a machine that is late with the signal still sends it in the middle: the demo goes on
    for a quarter of a minute after what is waited for, and longer where nobody reads what it shows."""
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "--clock", "x0.5"],
        env=environment(tmp_path) | {"TERM": "xterm"},
        stdout=its_end,
        stderr=its_end,
        stdin=its_end,
    ) as process:
        os.close(its_end)
        shown = b""
        while b"Created fine-tuning job" not in shown:
            piece = _read(terminal)
            assert piece, shown.decode(errors="replace")
            shown += piece
        assert any(tmp_path.iterdir())
        assert b"successfully completed" not in shown
        process.send_signal(signal.SIGINT)
        while piece := _read(terminal):
            shown += piece
        process.wait(timeout=TIMEOUT_S)
    os.close(terminal)
    assert process.returncode == 130
    assert b"Traceback" not in shown
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1, "the cursor is hidden once, and shown again"
    assert list(tmp_path.iterdir()) == []


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--model", "gpt-4o-mini-2024"],
            "the demo cannot tune 'gpt-4o-mini-2024'; did you mean 'gpt-4o-mini-2024-07-18'?",
        ),
        (["--model", "babbage-002"], "the demo cannot tune 'babbage-002'"),
        (["--clock", "frozen"], "the demo waits for its job, which a frozen clock never ends"),
    ],
)
def test_a_demo_that_cannot_end_well_is_not_begun(tmp_path: Path, arguments: list[str], message: str) -> None:
    ended = subprocess.run(
        [*COMMAND, *arguments], env=environment(tmp_path), capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"mocktune: {message}")


def test_the_real_run_has_the_recorded_durations_and_the_listed_price() -> None:
    training, validation = split_marv()
    model = BASE_MODELS["gpt-4o-mini-2024-07-18"]
    real = real_run(model, training, validation, load_scenario("realistic"), seed=1)
    assert real.steps == 96
    assert real.training == 96 * 2.5 * SECOND
    assert (real.files, real.validating, real.queued) == (2 * SECOND, 45 * SECOND, 4 * SECOND)
    assert real.loading == (20 + 90) * SECOND
    assert real.total == sum((2, 45, 4, 240, 50, 110)) * SECOND
    assert real.trained_tokens % 3 == 0  # three epochs
    assert real.price_usd == pytest.approx(3.0 * real.trained_tokens / 1e6)


def test_the_price_of_a_job_whose_files_would_fail_is_not_told() -> None:
    with pytest.raises(ValueError, match="must have at least 10 examples"):
        real_run(BASE_MODELS["gpt-4o-mini-2024-07-18"], b"", b"", load_scenario("realistic"), seed=1)


def test_marv_is_split_into_32_and_8_examples() -> None:
    training, validation = split_marv()
    assert (training.count(b"\n"), validation.count(b"\n")) == (32, 8)
    assert b"What's the capital of France?" in training


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (45, "45 s"), (59.7, "1 min"), (240, "4 min"), (451, "7 min 31 s")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert for_people(round(seconds * SECOND)) == text


def curve(steps: int, total: int) -> LossCurve:
    told = LossCurve()
    for step in range(1, steps + 1):
        data = {"step": step, "total_steps": total, "train_loss": 3.2 / step, "train_mean_token_accuracy": 0.5}
        told.add(
            data | ({"valid_loss": 1.0} if step % 10 == 0 else {}) | ({"full_valid_loss": 2.0} if step == 30 else {})
        )
    return told


def test_a_curve_takes_in_what_metric_events_tell() -> None:
    told = curve(30, 30)
    assert (told.last_step, told.total_steps) == (30, 30)
    assert told.valid == {10: 1.0, 20: 1.0, 30: 2.0}  # the full validation says more


def test_the_smoothed_line_is_the_mean_of_nine_steps_and_of_fewer_at_the_ends() -> None:
    line = smoothed({step: float(step) for step in range(1, 21)})
    assert line[10] == 10
    assert line[1] == 3  # of steps 1 to 5
    assert line[20] == 18


def test_a_chart_has_the_size_that_was_asked_for_and_the_axes_of_the_whole_job() -> None:
    half, whole = (re.sub(r"\x1b\[[0-9;]*m", "", draw(curve(steps, 60), 70, 12)).split("\n") for steps in (30, 60))
    assert len(half) == len(whole) == 12
    assert {len(line) for line in half + whole} == {70}
    assert half[-1].split() == whole[-1].split() == ["1", "20", "40", "60"]
    assert half[0].startswith("4┤")
    assert "◆" in "".join(half)
    # What has not happened yet is blank: nothing right of the middle.
    assert all(not line[38:].strip() for line in half[:-2])
    assert any(line[38:].strip() for line in whole[:-2])


def test_one_step_makes_no_curve() -> None:
    assert draw(curve(1, 60), 70, 12) == ""
