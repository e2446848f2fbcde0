"""``mocktune jobs`` against a running server."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from client_commands import MODEL, Desk, fixtures

server, desk = fixtures()


def test_a_list_is_a_table_newest_first_and_json_is_the_services_own_objects(desk: Desk) -> None:
    assert desk("jobs", "list").lines == ["no jobs"]
    done, running = desk.job(until="succeeded", suffix="marv"), desk.job(until="running")
    head, first, second = desk("jobs", "list").lines
    assert re.split("  +", head) == ["id", "status", "model", "tuned model", "created"]
    assert re.split("  +", first)[:4] == [running, "running", MODEL, "-"]
    assert re.split("  +", second)[:2] == [done, "succeeded"]
    assert ":marv:" in second
    objects = desk("jobs", "list", "--json").objects
    assert [each["id"] for each in objects] == [running, done]
    assert objects[1]["user_provided_suffix"] == "marv"


def test_a_list_goes_over_pages_and_is_filtered_whatever_the_service_filters(desk: Desk) -> None:
    file = desk.client.files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune").id
    made = [
        desk.client.fine_tuning.jobs.create(
            model=MODEL, training_file=file, metadata={"run": "odd" if n % 2 else "even"}
        ).id
        for n in range(103)
    ]
    newest_first = made[::-1]

    def ids(*words: object) -> list[str]:
        return [each["id"] for each in desk("jobs", "list", "--json", *words).objects]

    assert ids() == newest_first[:20]
    assert ids("--all") == newest_first
    assert ids("--limit", 101) == newest_first[:101]
    assert ids("--limit", 2, "--after", newest_first[50]) == newest_first[51:53]
    assert ids("--metadata", "run=odd", "--limit", 3) == [each for each in newest_first if made.index(each) % 2][:3]
    desk.client.fine_tuning.jobs.cancel(made[7])
    # It is on the second page, and the service knows no filter of statuses.
    assert ids("--status", "cancelled") == [made[7]]


def test_a_running_job_shows_its_step_and_an_ended_one_what_it_cost(desk: Desk) -> None:
    job = desk.job(until="running", suffix="marv", metadata={"who": "me"})
    desk.advance(by="30s")

    def shown() -> dict[str, str]:
        return dict(re.split("  +", line, maxsplit=1) for line in desk("jobs", "show", job).lines)  # type: ignore[misc]

    running = shown()
    assert running["id"] == job
    assert re.fullmatch(r"1\d of 40", running["step"])
    assert running["metadata"] == "who=me"
    assert running["hyperparameters"] == "batch_size=1  learning_rate_multiplier=1.8  n_epochs=1"
    assert "error" not in running  # it is {} on a healthy job
    desk.advance(until={"job": job, "status": "succeeded"})
    done = shown()
    # 3,392 tokens at $3 a million.
    assert (done["trained tokens"], done["price"].split()[0]) == ("3,392", "$0.010176")
    assert done["tuned model"].startswith(f"ft:{MODEL}:")
    assert "step" not in done


def test_a_failed_job_shows_its_cause_and_remedy(desk: Desk) -> None:
    desk.scenario("fails-midway")
    job = desk.job(until="failed")
    (line,) = [line for line in desk("jobs", "show", job).lines if line.startswith("error")]
    assert "(server_error)" in line
    assert "create the job again" in line


def test_events_are_told_oldest_first_each_once_over_pages(desk: Desk) -> None:
    job = desk.job(until="succeeded")
    desk.advance(by="1m")
    there = [event.id for event in desk.client.fine_tuning.jobs.list_events(job, limit=100)]
    assert len(there) > 40
    objects = desk("jobs", "events", job, "--json").objects
    assert [each["id"] for each in objects] == there[::-1]
    lines = desk("jobs", "events", job, "--no-metrics").lines
    assert lines[0].endswith(f"  Created fine-tuning job: {job}")
    assert lines[-1].endswith("  The job has successfully completed")
    assert not any("Step " in line for line in lines)
    assert desk("jobs", "events", job, "--no-metrics", "-n", 2).lines == lines[-2:]
    assert [each["id"] for each in desk("jobs", "events", job, "-n", 3, "--json").objects] == there[2::-1]


def test_following_goes_on_to_the_last_event_and_its_exit_code_tells_the_end(desk: Desk) -> None:
    job = desk.job()
    ended = desk("jobs", "events", "-f", job)
    assert ended.exit_code == 0
    assert ended.lines[-1].endswith("The job has successfully completed")
    assert len(set(ended.lines)) == len(ended.lines) > 40
    desk.scenario("fails-midway")
    failed = desk("jobs", "events", "--follow", desk.job(), "--json")
    assert failed.exit_code == 1
    assert failed.objects[-1]["level"] == "error"
    assert "server_error" in failed.stderr


def test_waiting_for_several_tells_how_each_ended(desk: Desk) -> None:
    good = desk.job()
    desk.scenario("fails-midway")
    bad = desk.job()
    ended = desk("jobs", "wait", good, bad)
    assert ended.exit_code == 1
    assert [line.split()[:2] for line in ended.lines] == [[good, "succeeded"], [bad, "failed"]]
    assert "(server_error)" in ended.stderr
    late = desk("jobs", "wait", desk.job(), "--timeout", "0s")
    assert (late.exit_code, late.lines) == (1, [])
    assert "is still 'validating_files' after 0 s" in late.stderr
    assert desk("jobs", "wait", good, "--timeout", "soon").exit_code == 2


def test_jobs_are_paused_resumed_and_cancelled_and_what_cannot_be_is_said(desk: Desk) -> None:
    first, second = desk.job(), desk.job(until="running")
    assert desk("jobs", "pause", second).lines == [f"{second}  paused"]
    assert desk("jobs", "resume", second, "--json").objects[0]["status"] in ("queued", "running")
    assert desk("jobs", "cancel", first, second).lines == [f"{first}  cancelled", f"{second}  cancelled"]
    assert desk("jobs", "cancel", first).exit_code == 0  # what is so already is no error
    refused = desk("jobs", "resume", first)
    assert refused.exit_code == 1
    assert first in refused.stderr
    assert "cancelled" in refused.stderr


def test_a_dry_run_says_what_would_be_done_and_sends_nothing(desk: Desk) -> None:
    job = desk.job()
    before = desk.asked()
    for verb in ("cancel", "pause", "resume"):
        assert desk("jobs", verb, job, "--dry-run").lines == [f"would {verb} {job}"]
        assert desk("jobs", verb, job, "--dry-run", "--json").objects == [
            {"event": "step", "does": f"{verb} the job", "id": job}
        ]
    assert desk.asked() == before


def test_resuming_is_refused_where_training_the_job_whole_would_cost_more_than_allowed(desk: Desk) -> None:
    job = desk.job(until="running")
    desk("jobs", "pause", job)
    dear = desk("jobs", "resume", job, "--max-cost", "0.01")
    assert dear.exit_code == 3
    assert "can cost $0.010176, and --max-cost is $0.01" in dear.stderr
    assert desk.client.fine_tuning.jobs.retrieve(job).status == "paused"
    desk.fault(operation="files.content", times=2, answer={"status": 400})
    unknown = desk("jobs", "resume", job, "--max-cost", "1")
    assert unknown.exit_code == 3
    assert "is not known" in unknown.stderr
    assert desk("jobs", "resume", job, "--max-cost", "0", "--yes").exit_code == 0
    desk("jobs", "pause", job)
    assert desk("jobs", "resume", job, "--max-cost", "0.01", "--yes").exit_code == 3  # its price is known again
    assert desk("jobs", "resume", job, "--max-cost", "0.0102").exit_code == 0


def test_checkpoints_are_a_table_with_the_best_one_marked(desk: Desk) -> None:
    assert desk("jobs", "checkpoints", desk.job()).lines == ["no checkpoints: they are listed when a job has succeeded"]
    file = desk.client.fine_tuning.jobs.retrieve(desk.job()).training_file
    desk.scenario("overfits")
    job = desk.client.fine_tuning.jobs.create(model=MODEL, training_file=file, validation_file=file).id
    desk.advance(until={"job": job, "status": "succeeded"})
    head, *rows = desk("jobs", "checkpoints", job).lines
    assert re.split("  +", head)[:5] == ["step", "train loss", "accuracy", "valid loss", "valid accuracy"]
    assert head.endswith("  model")
    assert [row.split()[0] for row in rows] == ["120", "80", "40"]
    assert [row.split()[0] for row in rows if "  best  " in row] == ["40"]
    assert rows[0].split()[-1] == desk.client.fine_tuning.jobs.retrieve(job).fine_tuned_model
    assert [each["step_number"] for each in desk("jobs", "checkpoints", job, "--json").objects] == [120, 80, 40]


def test_results_come_decoded_and_are_written_whole_or_not_at_all(desk: Desk, tmp_path: Path) -> None:
    job = desk.job(until="succeeded")
    desk.advance(by="1m")
    lines = desk("jobs", "results", job).lines
    assert lines[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert len(lines) == 41
    assert desk("jobs", "results", job, "--json").objects[39]["step"] == 40
    out = tmp_path / "metrics.csv"
    assert desk("jobs", "results", job, "-o", out).lines == [f"{out}  40 rows"]
    assert out.read_text().splitlines() == lines
    again = desk("jobs", "results", job, "-o", out)
    assert (again.exit_code, "say --force" in again.stderr) == (2, True)
    assert desk("jobs", "results", job, "-o", out, "--force").exit_code == 0
    early = desk("jobs", "results", desk.job())
    assert early.exit_code == 1
    assert "Only a job that succeeded has results" in early.stderr
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_what_the_service_refuses_ends_with_its_words_and_what_to_do(desk: Desk) -> None:
    ended = desk("jobs", "show", "ftjob-nope", "--json")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("mocktune: Could not find fine tune: ftjob-nope (")
    assert "Check the id" in ended.stderr
    assert ended.objects[0]["event"] == "error"
    assert desk("jobs", "list", "--metadata", "run").exit_code == 2
    assert desk("jobs", "events", "x", "-f", "-n", 3).exit_code == 2
    live = desk("jobs", "list", "--live")
    assert (live.exit_code, live.stdout) == (2, "")


def test_a_list_outlasts_a_service_that_answers_some_requests_with_500(desk: Desk) -> None:
    job = desk.job()
    desk.fault(operation="fine_tuning.jobs.list", times=2, answer={"status": 500})
    assert desk("jobs", "list").lines[1].startswith(job)


def test_texts_of_a_service_cannot_command_the_terminal(desk: Desk) -> None:
    desk.job(metadata={"who": "\x1b[2Jme\nor not"})
    job = desk.client.fine_tuning.jobs.list().data[0].id
    shown = desk("jobs", "show", job).stdout
    assert "\x1b" not in shown
    assert "who=�[2Jme or not" in shown


def test_on_a_narrow_terminal_rows_are_broken_between_columns_and_ids_stay_whole(desk: Desk) -> None:
    done = desk.job(until="succeeded", suffix="marv")
    model = desk.client.fine_tuning.jobs.retrieve(done).fine_tuned_model
    ours, theirs = pty.openpty()
    ended = subprocess.Popen(
        [sys.executable, "-m", "mocktune", "jobs", "list"],
        env=os.environ | {"COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
    assert ended.wait(timeout=60) == 0
    _, head, row, below, last = said.decode().splitlines()
    assert re.split("  +", head) == ["id", "status", "model"]
    assert re.split("  +", row) == [done, "succeeded", MODEL]
    assert below.strip() == f"tuned model {model}"
    assert last.strip().startswith("created ")
    assert max(map(len, (head, row, below, last))) <= 80


@pytest.mark.parametrize("words", [("events", "-f"), ("wait",)])
def test_ctrl_c_ends_the_looking_and_says_how_to_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    job = desk.job(until="running")

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    ended = desk("jobs", *words, job)
    assert ended.exit_code == 130
    assert f"{job} goes on. Follow it with: mocktune jobs events -f {job}" in ended.stderr
    assert desk.client.fine_tuning.jobs.retrieve(job).status == "running"
