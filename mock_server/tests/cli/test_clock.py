"""``mocktune clock`` against a running server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files

import openai
import pytest

from mocktune.cli.clock import clock
from mocktune.domain.clock import ClockMode
from mocktune.server import RunningServer, running_server
from mocktune.settings import Settings
from mocktune.storage.scenario_files import load_scenario

Clock = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(Settings(scenario=load_scenario("realistic"), clock=ClockMode(0))) as running:
        yield running


@pytest.fixture
def told(server: RunningServer, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Clock:
    """What the command prints for a sandbox of this test's own."""

    def call(action: str = "show", by: str | None = None, status: str | None = None, **options: object) -> str:
        given = {"to": None, "until": None, "next_": False, "max_virtual": None, "advance_on_poll": None}
        given |= {"url": server.base_url, "api_key": request.node.name}
        clock(action, by, status, **(given | options))  # type: ignore[arg-type]  # options by name
        return capsys.readouterr().out

    return call


def refusal(capsys: pytest.CaptureFixture[str], call: Callable[[], object], exit_code: int) -> str:
    with pytest.raises(SystemExit) as ended:
        call()
    assert ended.value.code == exit_code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0].removeprefix("mocktune: ")


def test_a_clock_is_shown_with_its_pace_its_now_and_what_has_elapsed(told: Clock) -> None:
    assert told() == "clock    frozen\nnow      2026-01-15T00:00:00Z\nelapsed  0s\n"


def test_a_clock_is_advanced_by_a_duration(told: Clock) -> None:
    assert told("advance", "2h30m") == "now      2026-01-15T02:30:00Z\nelapsed  2h30m\n"


@pytest.mark.parametrize("instant", ["2026-01-16T00:00:00Z", "1768521600"])
def test_a_clock_is_advanced_to_an_instant(told: Clock, instant: str) -> None:
    assert told("advance", to=instant) == "now      2026-01-16T00:00:00Z\nelapsed  1d\n"


@pytest.mark.parametrize(("action", "shown"), [("x60", "x60"), ("real", "real"), ("freeze", "frozen")])
def test_a_pace_sets_the_clock(told: Clock, action: str, shown: str) -> None:
    assert told(action).startswith(f"clock    {shown}\n")
    assert told().startswith(f"clock    {shown}\n")


def test_advancing_until_a_status_lists_what_happened_on_the_way(
    server: RunningServer, request: pytest.FixtureRequest, told: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with openai.OpenAI(base_url=server.base_url, api_key=request.node.name) as client:
        marv = (files("mocktune") / "data" / "marv.jsonl").read_bytes()
        file = client.files.create(file=("marv.jsonl", marv), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id)
    assert told("advance", until=(job.id, "running")).splitlines() == [
        f"2026-01-15T00:00:02Z  {file.id}  processed",
        f"2026-01-15T00:00:47Z  {job.id}  queued",
        f"2026-01-15T00:00:51Z  {job.id}  running",
        "now      2026-01-15T00:00:51Z",
        "elapsed  51s",
    ]
    assert f"{job.id}  succeeded" not in told("advance", next_=True)
    assert told("next") != told("next")
    half = told("until", job.id, "running@50%").splitlines()[-2:]
    assert told("until", job.id, "running@40%").splitlines()[-2:] == half, "what lies behind counts"

    said = refusal(capsys, lambda: told("until", job.id, "failed"), exit_code=1)
    assert said == "it never gets that status; the clock stands at its end"
    assert told("until", job.id).count("\n") == 2
    with openai.OpenAI(base_url=server.base_url, api_key=request.node.name) as client:
        model = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert f"{model}  ready" in told("until", model, "ready")
    assert told("until", file.id).startswith("now ")


def test_polls_are_told_to_move_the_clock(told: Clock) -> None:
    assert told(advance_on_poll="next").endswith("polls    advance by next\n")
    assert told("x60", advance_on_poll="90s").endswith("polls    advance by 1m30s\n")
    assert "polls" not in told(advance_on_poll="off")


def test_a_bound_stops_an_advance(told: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, lambda: told("advance", "3h", max_virtual="2h"), 1)
    assert "was stopped by max_virtual (2h). The clock stands at 2026-01-15T02:00:00Z" in said


def test_what_the_server_refuses_is_told_in_its_words(told: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, lambda: told(api_key="sk-invalid-1"), 1).startswith("Incorrect API key provided: sk-in***")
    backwards = refusal(capsys, lambda: told("advance", to="2026-01-01"), 1)
    assert backwards.startswith("This sandbox's clock cannot be moved back")
    assert backwards.endswith("(HTTP 409)")
    assert refusal(capsys, lambda: told("advance", next_=True), 1).startswith("Nothing is due in this sandbox")
    assert refusal(capsys, lambda: told("advance", "2x"), 2).startswith("'2x' is no duration")


def test_where_no_server_answers_the_command_says_how_to_start_one(
    told: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as bound:  # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        said = refusal(capsys, lambda: told(url=url), 1)
    assert said == f"no server answers at {url} (Connection refused); start one with: mocktune serve"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("fast",), {}, "'fast' is no clock"),
        (("advance",), {}, "say how far to advance, in one way"),
        (("advance", "2h"), {"next_": True}, "say how far to advance, in one way"),
        (("frozen", "2h"), {}, "a duration, --to, --until, --next and --max-virtual belong to: mocktune clock advance"),
        (("until",), {}, "say what to wait for: mocktune clock until ftjob-… running"),
        (("until", "ftjob-1", "soon"), {}, "a job never is 'soon'"),
        (("advance", "2h", "running"), {}, "'running' belongs to: mocktune clock until"),
        (("advance", "2h"), {"advance_on_poll": "next"}, "--advance-on-poll sets what polls do"),
        (("show",), {"advance_on_poll": "soon"}, "'soon' is no duration"),
        (("show",), {"api_key": ""}, "give --api-key or set OPENAI_API_KEY"),
        (("show",), {"url": "nowhere"}, "'nowhere' is no URL"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(
    told: Clock,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    options: dict[str, object],
    message: str,
) -> None:
    assert refusal(capsys, lambda: told(*arguments, **options), 2).startswith(message)


def test_url_and_key_come_from_the_variables_of_the_sdk(server: RunningServer) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "mocktune", "clock", "advance", "--until", "ftjob-none", "succeeded"],
        env=os.environ | {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-variables"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr == "mocktune: Could not find fine tune: ftjob-none (HTTP 404)\n"
