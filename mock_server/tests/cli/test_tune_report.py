"""The saved report of a tuning."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mocktune.cli.tune_record import TuneRecord
from mocktune.cli.tune_report import write_report
from mocktune_client import JobFailed
from mocktune_client.progress import JobSeen, ResultsSeen

from .tuning_story import BASE, JOB, MODEL, Stopwatch, checkpoint, event, job, results, step, story, tuned

VOID = {"meta", "tr", "td", "th", "line", "circle", "polyline"}
"""Elements without an end tag, in HTML or in what we write."""


class Page(HTMLParser):
    """Checks that what was opened is closed, in order, and gathers text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert name not in ("src", "href"), f"{name}={value}"
            assert not name.startswith("on"), f"{name}={value}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def finished() -> TuneRecord:
    stopwatch = Stopwatch()
    record = stopwatch.record()
    for told in story():
        stopwatch.seconds += 1
        record.take(told)
    record.done(tuned(results=results(60), checkpoints=(checkpoint(20), checkpoint(40))))
    return record


def test_a_folder_gets_a_page_a_table_and_the_events(tmp_path: Path) -> None:
    written = write_report(tmp_path / "report", finished())
    assert [each.name for each in written] == ["report.html", "metrics.csv", "events.jsonl"]
    assert sorted(each.name for each in (tmp_path / "report").iterdir()) == sorted(each.name for each in written)

    page = Page(written[0].read_text(encoding="utf-8"))
    assert page.tags.isdisjoint({"script", "img", "link", "iframe"})
    for text in (f"Tuned: {MODEL}", BASE, JOB, "n_epochs 3", "loss", "accuracy", f"{MODEL}:ckpt-step-40"):
        assert text in page.text, text
    assert "Something new" in page.text
    assert "Step 1/60" not in page.text

    rows = list(csv.DictReader(written[1].read_text(encoding="utf-8").splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(1, 61))
    assert list(rows[0]) == ["step", "train_loss", "train_mean_token_accuracy", "valid_loss"]
    assert (rows[1]["train_loss"], rows[1]["valid_loss"], rows[9]["valid_loss"]) == ("2.0", "", "2.0")

    events = [json.loads(line) for line in written[2].read_text(encoding="utf-8").splitlines()]
    assert [each["message"] for each in events] == ["Files validated, moving job to queued state", "Something new"]


@pytest.mark.parametrize(("name", "begins"), [("r.html", "<!doctype html>"), ("r.CSV", "step,"), ("r.jsonl", "{")])
def test_a_file_gets_what_its_name_ends_in_and_replaces_an_earlier_one(tmp_path: Path, name: str, begins: str) -> None:
    path = tmp_path / name
    for _ in range(2):
        assert write_report(path, finished()) == [path]
    assert path.read_text(encoding="utf-8").startswith(begins)
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError, match="report"):
        write_report(tmp_path, finished())
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_what_a_service_wrote_stays_text(tmp_path: Path) -> None:
    record = Stopwatch().record()
    hostile = "<script>alert(1)</script>\"'&\x1b[2J\ud800"
    record.take(JobSeen(job("running", model=hostile, metadata={hostile: hostile})))
    record.take(event(hostile, level="error"))
    record.take(step(1, 2))
    record.take(step(2, 2))
    record.checkpoints = (checkpoint(1).model_copy(update={"fine_tuned_model_checkpoint": hostile}),)
    record.failed(RuntimeError(hostile))
    (path,) = write_report(tmp_path / "r.html", record)
    page = path.read_text(encoding="utf-8")
    assert Page(page).tags.isdisjoint({"script"})
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;") >= 5


def test_a_failed_job_has_a_report_with_its_reason_and_its_curves(tmp_path: Path) -> None:
    record = Stopwatch().record()
    record.take(JobSeen(job("running")))
    for number in (1, 2, 3):
        record.take(step(number, 10))
    record.failed(JobFailed(job("failed", error={"code": "server_error", "message": "It broke.", "param": None})))
    page = Page(write_report(tmp_path / "r.html", record)[0].read_text(encoding="utf-8"))
    assert f"Job {JOB}: failed" in page.text
    assert "It broke." in page.text
    assert "svg" in page.tags


def test_steps_that_no_event_was_seen_of_come_from_the_result_file(tmp_path: Path) -> None:
    record = Stopwatch().record()
    record.take(step(3, 3, train_loss=9.0))
    record.take(ResultsSeen(results(3), None))
    lines = write_report(tmp_path / "r.csv", record)[0].read_text(encoding="utf-8").splitlines()
    assert lines == ["step,train_loss,train_mean_token_accuracy", "1,4.0,0.5", "2,2.0,0.5", "3,9.0,0.5"]


def test_a_tuning_that_never_began_has_a_report_too(tmp_path: Path) -> None:
    record = Stopwatch().record()
    record.failed(RuntimeError("no server"))
    written = write_report(tmp_path / "r", record)
    assert "No job was created" in Page(written[0].read_text(encoding="utf-8")).text
    assert written[1].read_text(encoding="utf-8") == "step\n"
    assert re.search(r"no server", written[0].read_text(encoding="utf-8"))
