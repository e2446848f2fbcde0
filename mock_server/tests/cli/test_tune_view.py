"""How a tuning looks: plain lines, JSON lines, and the live view, fed with what a tuner tells."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import get_args

import pytest
from rich.cells import cell_len
from rich.console import Console

from mocktune.cli.tune_json import JsonView, progress_document
from mocktune.cli.tune_lines import LinesView
from mocktune.cli.tune_live import LiveView
from mocktune.cli.tune_view import make_view, view_kind
from mocktune_client import JobFailed
from mocktune_client.dataset.report import ModelPrice
from mocktune_client.progress import FileSeen, JobKnown, JobSeen, ModelUndeployed, Progress, Uploading, Waiting

from .tuning_story import JOB, MODEL, Stopwatch, event, file, job, step, story, tuned

ROOT = Path(__file__).parents[3]
PRICE = ModelPrice(
    model="gpt-4o-mini-2024-07-18", method="supervised", n_epochs=3, billed_tokens=2_000, trained_tokens=6_000,
    truncated_examples=0, usd=0.6, usd_per_hour=None, assumed_price=False, ends=None,
)  # fmt: skip
TIMEOUT_S = 90


def lines_view(stopwatch: Stopwatch | None = None) -> tuple[LinesView, StringIO, StringIO]:
    out, err = StringIO(), StringIO()
    return LinesView(out, err=err, record=(stopwatch or Stopwatch()).record()), out, err


# -- plain lines -------------------------------------------------------------------------------------------------------


def test_plain_lines_tell_the_whole_story_with_the_time_and_end_with_the_model() -> None:
    stopwatch = Stopwatch()
    view, out, err = lines_view(stopwatch)
    view.record.price = PRICE
    with view:
        for told in story():
            stopwatch.seconds += 1.5
            view.progress(told)
        view.done(tuned())
    said = out.getvalue()
    assert err.getvalue() == ""
    assert "\x1b" not in said
    for stage in ("validating_files", "queued", "running", "succeeded"):
        assert re.search(rf"^ +\d:\d\d  {stage}$", said, re.M), stage
    assert "Something new" in said, "events of unknown types are told"
    assert "step 31/60  loss 0.1290  accuracy 0.500  valid loss 2.0000  3,100 of 6,000 tokens  $0.31 of $0.60" in said
    assert "ETA 44 s" in said
    assert re.search(rf"^model: +{MODEL}$", said, re.M)
    assert "10,000 tokens, $1.00" in said, "at the estimate's price, what the job says it was trained on"
    assert said.rstrip().endswith(f"mocktune ask {MODEL} 'a question'")


@pytest.mark.parametrize("steps", [1, 7, 10_000])
def test_about_twenty_lines_tell_the_steps_however_many_there_are(steps: int) -> None:
    view, out, _ = lines_view()
    view.progress(JobSeen(job("running")))
    for number in range(1, steps + 1):
        view.progress(step(number, steps))
    told = [int(number) for number in re.findall(r"step +(\d+)/", out.getvalue())]
    assert told[0] == 1
    assert told[-1] == steps
    assert len(told) == min(steps, 21)


def test_of_a_job_that_has_ended_only_the_last_step_is_told() -> None:
    view, out, _ = lines_view()
    view.progress(JobKnown(job("succeeded"), "found"))
    for number in range(1, 101):
        view.progress(step(number, 100))
    assert re.findall(r"step +(\d+)/", out.getvalue()) == ["100"]
    assert "was there already" in out.getvalue()


def test_a_long_wait_is_told_when_its_tries_double_and_when_it_is_over() -> None:
    stopwatch = Stopwatch()
    view, out, _ = lines_view(stopwatch)
    for _ in range(100):
        stopwatch.seconds += 60
        view.progress(Waiting("job j", RuntimeError("The server is overloaded. Please come back! Or call us"), 60.0))
    view.progress(JobSeen(job("running")))
    told = out.getvalue().splitlines()
    assert len(told) == 7 + 2
    assert told[0].endswith("job j: The server is overloaded; next try in 1 min 00 s")
    assert told[6].endswith("(64 tries)")
    assert told[7].endswith("job j: 100 errors in 1 h 39 min, and it goes on")


def test_what_a_service_says_does_not_steer_the_terminal() -> None:
    view, out, err = lines_view()
    view.progress(event("one\x1b[2Jtwo\r\nthree\x07"))
    view.progress(FileSeen("training", file(name="\x1b]0;title\x07.jsonl"), reused=True))
    view.progress(Waiting("job", RuntimeError("\x1b[31m"), 1.0))
    view.failed(RuntimeError("bad\x1b[2J"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out.getvalue() + err.getvalue())
    assert out.getvalue().count("\n") == 3


def test_a_loss_that_is_no_number_is_told_once_with_what_to_do() -> None:
    view, out, _ = lines_view()
    view.progress(JobSeen(job("running")))
    for number in range(1, 41):
        view.progress(step(number, 100, **({"train_loss": None} if number > 20 else {})))
    said = out.getvalue()
    assert said.count("since step 21 the training loss is no number") == 1
    assert f"mocktune jobs cancel {JOB}" in said
    assert re.search(r"step +36/100  loss nan  accuracy 0.500", said)


def test_a_model_of_azure_is_not_said_to_answer_before_it_is_deployed() -> None:
    view, out, _ = lines_view()
    view.progress(ModelUndeployed(MODEL, "Deploy it first."))
    view.done(tuned())
    assert "Deploy it first." in out.getvalue()
    assert "ask it" not in out.getvalue()


def test_a_failure_is_told_once_on_stderr() -> None:
    view, out, err = lines_view()
    failed = job("failed", error={"code": "server_error", "message": "It broke.", "param": None})
    view.failed(JobFailed(failed))
    assert out.getvalue() == ""
    assert err.getvalue().startswith(f"mocktune: Job {JOB} failed (server_error): It broke. ")
    assert err.getvalue().count("\n") == 1
    assert view.record.status == "failed"


def test_who_leaves_is_told_how_to_come_back_and_whether_the_job_goes_on() -> None:
    for stands_still, says in ((False, "goes on without this command"), (True, "stands still with the local server")):
        view, out, _ = lines_view()
        view.progress(JobSeen(job()))
        view.left("interrupted", attach="mocktune attach j", cancel="mocktune jobs cancel j", stands_still=stands_still)
        assert says in out.getvalue()
        assert "follow it: mocktune attach j\n" in out.getvalue()
        assert "cancel it: mocktune jobs cancel j\n" in out.getvalue()
    view, out, _ = lines_view()
    view.left("interrupted")
    assert "The same command again goes on" in out.getvalue()


# -- JSON lines --------------------------------------------------------------------------------------------------------


def test_json_lines_are_one_object_each_and_every_kind_is_documented() -> None:
    out, err = StringIO(), StringIO()
    view = JsonView(out, err=err, record=Stopwatch().record())
    told = [*story(), ModelUndeployed(MODEL, "Deploy it first.")]
    with view:
        for each in told:
            view.progress(each)
        view.note("a note")
        view.done(tuned())
        view.left("detached", attach="a", cancel="b")
        view.failed(RuntimeError("no"))
    documents = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(documents) == len(told) + 4
    assert all(document["elapsed_s"] == 0.0 for document in documents)
    assert {type(each) for each in told} == set(get_args(Progress)), "there is one of each kind"
    kinds = {document["event"] for document in documents} | {"target", "estimate"}
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    section = reference.partition("### JSON lines of tune and attach")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.M)) - {"event"} == kinds
    for document in documents:
        row = next(line for line in section.splitlines() if line.startswith(f"| `{document['event']}` |"))
        missing = [key for key in document if key not in ("event", "elapsed_s") and f"`{key}`" not in row]
        assert not missing, row
    assert err.getvalue() == "mocktune: no\n"


def test_objects_of_the_service_pass_as_they_are_and_numbers_that_json_lacks_as_null() -> None:
    out = StringIO()
    view = JsonView(out, record=Stopwatch().record())
    view.progress(step(1, 2, train_loss=float("nan"), later={"field": 1}))
    view.progress(Waiting("job j", RuntimeError("busy"), float("inf")))
    document, waiting = map(json.loads, out.getvalue().splitlines())
    assert waiting["delay_s"] is None
    assert document["job_event"]["data"] == {
        "step": 1, "total_steps": 2, "train_loss": None, "train_mean_token_accuracy": 0.5, "later": {"field": 1},
    }  # fmt: skip
    assert progress_document(JobKnown(job(), "found"))[1]["how"] == "found"


# -- the live view -----------------------------------------------------------------------------------------------------


def live_view(width: int, height: int) -> tuple[LiveView, StringIO, Console]:
    out = StringIO()
    console = Console(file=out, force_terminal=True, width=width, height=height, highlight=False, legacy_windows=False)
    view = LiveView(console, record=Stopwatch().record())
    view.record.price = PRICE
    return view, out, console


def plain(told: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told)


@pytest.mark.parametrize(("width", "height"), [(30, 4), (30, 6), (40, 10), (80, 24), (140, 50)])
def test_the_moving_part_fits_a_terminal_of_any_size_at_every_moment(width: int, height: int) -> None:
    view, _, console = live_view(width, height)
    for told in story():
        view.progress(told)
        drawn = console.render_lines(view._moving_part(), pad=False)
        assert len(drawn) <= height
        assert all(sum(segment.cell_length for segment in line) <= width for line in drawn)


def test_the_live_view_shows_progress_figures_and_both_curves_and_gives_the_terminal_back() -> None:
    view, out, console = live_view(80, 24)
    with view:
        for told in story():
            if isinstance(told, JobSeen) and told.job.status == "succeeded":
                lines = console.render_lines(view._moving_part(), pad=False)
                shown = "\n".join("".join(segment.text for segment in line) for line in lines)
            view.progress(told)
        view.done(tuned())
    assert "✓ queued" in shown
    assert "running" in shown
    assert "step 60/60  100%" in shown
    assert "valid loss 2.0000" in shown
    assert "6,000 of 6,000 tokens   $0.60 of $0.60" in shown, "nothing of it is cut off in 80 columns"
    assert len(re.findall("┤|├", shown)) >= 6
    assert shown.splitlines()[-1].split() == ["1", "30", "60"] * 2, "two charts side by side"
    told_to_stay = plain(out.getvalue())
    assert "● succeeded" in told_to_stay
    assert f"ask it      mocktune ask {MODEL} 'a question'" in told_to_stay
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1
    assert not view._ticker.is_alive()


def test_a_file_that_goes_in_parts_has_a_bar() -> None:
    view, _, console = live_view(80, 24)
    view.progress(Uploading("training", "big.jsonl", 64_000_000, 256_000_000))
    lines = console.render_lines(view._moving_part(), pad=False)
    shown = "\n".join("".join(segment.text for segment in line) for line in lines)
    assert re.search(r"━+ +64.0 MB of 256.0 MB   25%", shown)
    view.progress(Uploading("training", "big.jsonl", 256_000_000, 256_000_000))
    lines = console.render_lines(view._moving_part(), pad=False)
    assert "MB" not in "".join(segment.text for line in lines for segment in line)


def test_a_paused_job_is_shown_as_paused_and_an_error_while_it_is_waited_out() -> None:
    view, _, console = live_view(80, 24)

    def shown() -> str:
        lines = console.render_lines(view._moving_part(), pad=False)
        return "\n".join("".join(segment.text for segment in line) for line in lines)

    for status in ("running", "paused"):
        view.progress(JobSeen(job(status)))
    assert "paused" in shown()
    assert "running" not in shown()
    view.progress(Waiting("job j", RuntimeError("busy"), 5.0))
    assert "waiting out job j: busy" in shown()
    view.progress(JobSeen(job("running")))
    assert "waiting out" not in shown()


def test_an_error_inside_leaves_no_hidden_cursor_and_no_thread() -> None:
    view, out, _ = live_view(80, 24)
    with pytest.raises(RuntimeError), view:
        raise RuntimeError
    assert out.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in out.getvalue()
    assert not view._ticker.is_alive()


def test_a_pipe_gets_lines_also_where_colour_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", StringIO())
    assert view_kind(json=False) == "lines"
    assert view_kind(json=True) == "json"
    assert isinstance(make_view("lines"), LinesView)
    assert isinstance(make_view("json"), JsonView)
    assert isinstance(make_view("live"), LiveView)


@pytest.mark.parametrize(("encoding", "kind"), [("utf-8", "live"), ("ascii", "lines"), ("latin-1", "lines")])
def test_a_terminal_that_cannot_show_curves_gets_lines(
    monkeypatch: pytest.MonkeyPatch, encoding: str, kind: str
) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(Terminal, "encoding", encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    assert view_kind(json=False) == kind
    monkeypatch.setenv("TERM", "dumb")
    assert view_kind(json=False) == "lines"


@pytest.mark.skipif(os.name == "nt", reason="a terminal of POSIX")
def test_in_a_terminal_ctrl_c_says_how_to_go_on_and_gives_the_terminal_back(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes((ROOT / "mock_server/mocktune/data/marv.jsonl").read_bytes())
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKTUNE_", "OPENAI_", "AZURE_"))}
    clean |= {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "PYTHONUTF8": "1", "MOCKTUNE_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "mocktune", "tune", "train.jsonl", "--model", "gpt-4o-mini", "--report", "r.html"]
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [*command, "--scenario", "slow-training"],
        env=clean, cwd=tmp_path, stdout=its_end, stderr=its_end, stdin=its_end,
    ) as process:  # fmt: skip
        os.close(its_end)
        shown = b""
        while b"Validating training file" not in shown:
            piece = _read(terminal)
            assert piece, shown.decode(errors="replace")
            shown += piece
        process.send_signal(signal.SIGINT)
        while piece := _read(terminal):
            shown += piece
        process.wait(timeout=TIMEOUT_S)
    os.close(terminal)
    assert process.returncode == 130
    said = plain(shown.decode())
    assert "Traceback" not in said
    assert "stands still with the local server" in " ".join(said.split())
    assert re.search(r"follow it: mocktune attach ftjob-\w+", said)
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1, "the cursor is hidden once, and shown again"
    assert max(cell_len(line) for line in said.splitlines()) <= 80
    assert "was validating_files when this was written" in (tmp_path / "r.html").read_text(encoding="utf-8")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""
