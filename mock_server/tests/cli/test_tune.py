"""``mocktune tune`` and ``mocktune attach``: what they send, what they refuse, and what they end with.

In this process, against a sandbox under a frozen clock that polls move; sleeps are not slept. The last test starts the
command as its user does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from typer.testing import CliRunner, Result

import mocktune_client.waiting
from mocktune import RunningServer, make_settings, running_server
from mocktune.cli import targets
from mocktune.cli.app import app
from mocktune.cli.budget import OverBudget
from mocktune.cli.tune_going import HourlyBudget
from mocktune.testing.control import ControlPlane

MINI = "gpt-4o-mini-2024-07-18"
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("quick", clock="frozen", seed=3, advance_on_poll="next")) as server:
        yield server


@dataclass
class Place:
    """A sandbox, and a folder with ``train.jsonl`` in it, in which commands are run."""

    server: RunningServer
    key: str
    monkeypatch: pytest.MonkeyPatch

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words], prog_name="mocktune")

    def told(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit code, and what stdout says to a program."""
        done = self.run(*words, "--json")
        assert "Traceback" not in done.stderr
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    def sent(self) -> list[str]:
        """Requests of the API as ``POST /v1/files``."""
        control = ControlPlane(self.server.root, self.key)
        try:
            return [f"{each['method']} {each['path']}" for each in control.get("requests", limit=1000)["data"]]
        finally:
            control.close()

    def jobs(self) -> list[Any]:
        with OpenAI(base_url=self.server.base_url, api_key=self.key) as client:
            return list(client.fine_tuning.jobs.list())

    def scenario(self, name: str) -> None:
        control = ControlPlane(self.server.root, self.key)
        try:
            control.put("scenario", {"name": name})
        finally:
            control.close()


@pytest.fixture
def place(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Place]:
    key = f"sk-mt-tune-{abs(hash(request.node.name)):x}"
    for name in ("AZURE_OPENAI_ENDPOINT", "OPENAI_API_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("MOCKTUNE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(mocktune_client.waiting, "wall_sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)
    write("train.jsonl")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None:
        handlers[hangup] = signal.getsignal(hangup)
    yield Place(server, key, monkeypatch)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def write(name: str, count: int = 12, change: Callable[[int, dict[str, Any]], None] | None = None) -> None:
    lines = []
    for n in range(count):
        example = {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": f"{n}!"}]}
        if change is not None:
            change(n, example)
        lines.append(json.dumps(example) + "\n")
    Path(name).write_text("".join(lines), "utf-8")


# -- the way to a model ------------------------------------------------------------------------------------------------


def test_the_same_command_again_goes_on_with_the_same_job(place: Place) -> None:
    words = ("tune", "train.jsonl", "--model", MINI, "--suffix", "again", "--epochs", "2", "--metadata", "run=7")
    first, told = place.told(*words)
    second, told_again = place.told(*words)
    assert (first, second) == (0, 0)
    assert told[0]["event"] == "target"
    assert [each["how"] for each in (*told, *told_again) if each["event"] == "job" and each["how"]] == [
        "created",
        "found",
    ]
    (job,) = place.jobs()
    assert told[-1]["event"] == "done"
    assert told[-1]["model"] == told_again[-1]["model"] == job.fine_tuned_model
    assert job.metadata["run"] == "7"
    assert job.hyperparameters.n_epochs == 2
    assert place.sent().count("POST /v1/files") == 1

    third, told_new = place.told(*words, "--again")
    assert third == 0
    assert told_new[-1]["model"] != job.fine_tuned_model
    assert len(place.jobs()) == 2


def test_it_shows_what_happens_and_saves_a_report(place: Place) -> None:
    done = place.run("tune", "train.jsonl", "--model", MINI, "--report", ".")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"target: local, the mocktune server at {place.server.base_url}\n")
    assert "ft:gpt-4o-mini-2024-07-18" in done.stdout
    assert "report saved: " in done.stderr
    (page,) = Path().glob("*.html")
    assert "<svg" in page.read_text("utf-8")


def test_detached_it_ends_when_the_job_is_there_and_attach_goes_on(place: Place) -> None:
    code, told = place.told("tune", "train.jsonl", "--model", MINI, "--detach")
    assert code == 0
    (job,) = place.jobs()
    assert told[-1] | {"elapsed_s": 0} == {
        "event": "left",
        "elapsed_s": 0,
        "because": "detached",
        "job_id": job.id,
        "attach": f"mocktune attach {job.id}",
        "cancel": f"mocktune jobs cancel {job.id}",
        "stands_still": False,
    }
    code, told = place.told("attach", job.id)
    assert code == 0
    assert told[-1]["model"] == place.jobs()[0].fine_tuned_model
    assert place.run("attach", "no such job").exit_code == 2
    assert place.told("attach", "ftjob-nope")[0] == 1


def test_live_it_stays_within_its_budget_and_its_messages_lead_to_the_same_place(place: Place) -> None:
    words = ("tune", "train.jsonl", "--model", MINI, "--live", "--detach", "--base-url", place.server.base_url)
    assert place.told(*words, "--max-cost", "0")[0] == 3
    assert place.sent() == []
    code, told = place.told(*words, "--max-cost", "2.5")
    assert code == 0
    assert (told[0]["kind"], told[0]["max_cost_usd"]) == ("live", 2.5)
    flags = f"--base-url {place.server.base_url} --live --max-cost 2.5"
    (job,) = place.jobs()
    assert told[-1]["attach"] == f"mocktune attach {job.id} {flags}"
    code, told = place.told(*told[-1]["attach"].split()[1:])
    assert (code, told[-1]["event"]) == (0, "done")


def test_an_interrupted_tuning_leaves_the_job_and_says_how_to_go_on(place: Place) -> None:
    place.scenario("realistic")
    sleeps = iter(range(1_000))

    def sleep(seconds: float) -> None:
        if place.jobs() and next(sleeps) > 3:
            raise KeyboardInterrupt

    place.monkeypatch.setattr(mocktune_client.waiting, "wall_sleep", sleep)
    code, told = place.told("tune", "train.jsonl", "--model", MINI, "--base-url", place.server.root)
    assert code == 130
    (job,) = place.jobs()
    assert job.status not in ("failed", "cancelled")
    assert told[-1]["because"] == "interrupted"
    assert told[-1]["attach"] == f"mocktune attach {job.id} --base-url {place.server.root}"


def test_a_job_that_fails_ends_it_with_1_and_the_reason(place: Place) -> None:
    place.scenario("fails-midway")
    done = place.run("tune", "train.jsonl", "--model", MINI)
    assert done.exit_code == 1
    assert "internal error" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_method_follows_from_the_file(place: Place) -> None:
    def preference(n: int, example: dict[str, Any]) -> None:
        question, answer = example.pop("messages")
        example["input"] = {"messages": [question]}
        example["preferred_output"] = [answer]
        example["non_preferred_output"] = [answer | {"content": "No."}]

    write("pairs.jsonl", change=preference)
    for words in ((), ("--beta", "0.2")):
        assert place.run("tune", "pairs.jsonl", "--model", MINI, *words).exit_code == 0
    dpo, plain = place.jobs()
    assert (plain.method.type, dpo.method.type) == ("dpo", "dpo")
    assert dpo.method.dpo.hyperparameters.beta == 0.2


# -- what is not sent --------------------------------------------------------------------------------------------------


def test_a_dry_run_sends_nothing_and_tells_steps_tokens_and_price(place: Place) -> None:
    words = ("tune", "train.jsonl", "--model", MINI, "--valid", "train.jsonl", "--epochs", "3", "--dry-run")
    code, told = place.told(*words)
    assert code == 0
    plan = told[-1]
    assert plan["event"] == "plan"
    assert plan["tokens"] > 0
    assert plan["usd"] == pytest.approx(plan["tokens"] * 3 / 1e6)
    assert plan["request"]["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    text = place.run(*words).stdout
    for step in ("upload train.jsonl", "create one job", "follow its events", "new model answers", "nothing was sent"):
        assert step in text
    assert place.run(*words, "--max-cost", "0").exit_code == 3
    assert place.sent() == []


def test_more_than_may_be_spent_is_refused_with_3(place: Place) -> None:
    for words, said in (
        (("--max-cost", "0.00001"), "--max-cost"),
        (("--max-cost", "1", "--price", "1000000"), "would cost about"),
        (("--max-cost", "1", "--no-check"), "is not checked"),
    ):
        done = place.run("tune", "train.jsonl", "--model", MINI, *words)
        assert done.exit_code == 3, done.stderr
        assert said in done.stderr
    done = place.run("tune", "train.jsonl", "--model", "somebody-elses-model", "--max-cost", "1")
    assert done.exit_code == 3
    assert "--price" in done.stderr
    assert place.sent() == []
    assert place.run("tune", "train.jsonl", "--model", MINI, "--max-cost", "1").exit_code == 0


def test_a_file_with_errors_is_refused_with_1_and_sent_only_on_request(place: Place) -> None:
    write("bad.jsonl", change=lambda n, example: example.update(weight=1) if n == 4 else None)
    done = place.run("tune", "bad.jsonl", "--model", MINI)
    assert done.exit_code == 1
    assert "bad.jsonl, line 5" in done.stderr
    assert "mocktune check bad.jsonl" in done.stderr
    assert place.sent() == []
    done = place.run("tune", "bad.jsonl", "--model", MINI, "--no-check")
    assert done.exit_code == 1
    assert len(place.jobs()) == 1


def test_a_file_that_changes_after_its_check_is_not_sent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from mocktune.cli import budget

    def check_budget(*_: object, **__: object) -> None:
        write("train.jsonl", 13)

    monkeypatch.setattr(budget, "check_budget", check_budget)
    done = place.run("tune", "train.jsonl", "--model", MINI, "--max-cost", "1")
    assert done.exit_code == 1
    assert "has changed since it was checked" in done.stderr
    assert "POST /v1/files" not in place.sent()
    assert place.jobs() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.jsonl",), "'nowhere.jsonl' cannot be read"),
        (("train.jsonl", "--valid", "nowhere.jsonl"), "--valid"),
        (("train.jsonl", "--epochs", "0"), "--epochs"),
        (("train.jsonl", "--method", "dpoo"), "dpo"),
        (("train.jsonl", "--method", "reinforcement"), "--grader"),
        (("train.jsonl", "--beta", "0.1", "--method", "supervised"), "--beta"),
        (("train.jsonl", "--grader", "train.jsonl"), "is no JSON"),
        (("train.jsonl", "--suffix", "x" * 65), "--suffix"),
        (("train.jsonl", "--metadata", "pair"), "KEY=VALUE"),
        (("train.jsonl", "--report", "no/such/folder"), "--report"),
        (("train.jsonl", "--live"), "--max-cost"),
        (("train.jsonl", "--max-cost", "nan"), "--max-cost"),
        (("train.jsonl", "--max-cost", "1", "--price", "nan"), "--price"),
        (("train.jsonl", "--base-url", "https://api.openai.com/v1"), "--live"),
    ],
)
def test_what_cannot_run_is_a_usage_error(place: Place, words: tuple[str, ...], said: str) -> None:
    done = place.run("tune", *words, "--model", MINI)
    assert done.exit_code == 2
    assert said in done.stderr
    assert place.sent() == []


# -- money by the hour -------------------------------------------------------------------------------------------------


def test_where_time_is_billed_the_job_is_paused_before_the_money_is_spent(place: Place) -> None:
    def reinforcement(n: int, example: dict[str, Any]) -> None:
        example["messages"].pop()
        example["reference"] = str(n)

    write("rewards.jsonl", count=20, change=reinforcement)
    write("valid.jsonl", count=12, change=reinforcement)
    grader = {"type": "string_check", "name": "same", "operation": "eq", "input": "{{sample.output_text}}"}
    Path("grader.json").write_text(json.dumps(grader | {"reference": "{{item.reference}}"}), "utf-8")
    place.scenario("realistic")
    words = (
        "tune",
        "rewards.jsonl",
        "--valid",
        "valid.jsonl",
        "--model",
        "o4-mini-2025-04-16",
        "--grader",
        "grader.json",
    )
    assert place.run(*words, "--max-cost", "0").exit_code == 3
    assert place.run(*words, "--max-cost", "1", "--detach").exit_code == 3
    assert place.sent() == []
    done = place.run(*words, "--max-cost", "0.05")
    assert done.exit_code == 3, done.stderr
    (job,) = place.jobs()
    assert job.status == "paused"
    assert f"mocktune jobs resume {job.id}" in done.stderr


def test_hours_are_counted_from_the_start_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    from openai.types.fine_tuning import FineTuningJobEvent

    from mocktune_client.progress import EventSeen

    def told(message: str, at: int) -> EventSeen:
        event = {"id": f"e{at}", "created_at": at, "level": "info", "message": message, "object": "x"}
        return EventSeen(FineTuningJobEvent.construct(None, **event))

    monkeypatch.setattr("mocktune.cli.tune_going.stopwatch_ns", lambda: 0)
    budget = HourlyBudget(usd=50, usd_per_hour=100)
    budget.take(told("Files validated, moving job to queued state", 0))
    budget.take(told("Fine-tuning job started", 3600))
    budget.take(told("Step 1/10", 3600 + 1799))
    budget.check()
    assert budget.spent_usd() == pytest.approx(49.97, abs=0.01)
    monkeypatch.setattr("mocktune.cli.tune_going.stopwatch_ns", lambda: 2_000_000_000)  # time goes on without events
    with pytest.raises(OverBudget, match=r"\$50\.03"):
        budget.check()


# -- as its user starts it ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")
def test_without_a_server_one_is_started_and_an_interrupted_job_goes_on_with_the_next_command(
    place: Place, tmp_path: Path
) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    if targets._runs_at(targets.USUAL_URL):
        pytest.skip("a server runs at the usual place")

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mocktune", *words, "--json"]
        return subprocess.Popen(command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    tuning = start("tune", "train.jsonl", "--model", MINI, "--clock", "x5")
    assert tuning.stdout is not None
    for line in tuning.stdout:
        if json.loads(line)["event"] == "job_event":
            break
    tuning.send_signal(signal.SIGINT)
    rest, said = tuning.communicate(timeout=TIMEOUT_S)
    assert tuning.returncode == 130, said
    left = json.loads(rest.splitlines()[-1])
    assert left["event"] == "left"
    assert left["stands_still"]
    assert left["attach"] == f"mocktune attach {left['job_id']} --clock x5"
    attached = start(*left["attach"].split()[1:])
    told, said = attached.communicate(timeout=TIMEOUT_S)
    assert attached.returncode == 0, said
    done = json.loads(told.splitlines()[-1])
    assert (done["event"], done["job_id"]) == ("done", left["job_id"])
    detached = start("tune", "train.jsonl", "--model", MINI, "--detach")
    _, said = detached.communicate(timeout=TIMEOUT_S)
    assert detached.returncode == 2
    assert "mocktune serve" in said
    found = start("tune", "train.jsonl", "--model", MINI, "--scenario", "fails-midway")
    told, said = found.communicate(timeout=TIMEOUT_S)
    assert found.returncode == 0, said
    assert "--scenario fails-midway has no say in a job that was there before. For a new one: --again" in told
