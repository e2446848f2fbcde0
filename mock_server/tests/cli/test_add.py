"""``mocktune add`` against a running server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from support import dataset

from mocktune import RunningServer, make_settings, running_server
from mocktune.cli.add import FIELDS, add
from mocktune.domain.failures import ALIASES, RECIPES
from mocktune.http.wire import state as wire

Add = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("realistic", clock="frozen")) as running:
        yield running


@pytest.fixture
def client(server: RunningServer, request: pytest.FixtureRequest) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key=request.node.name, max_retries=0) as opened:
        yield opened


@pytest.fixture
def told(server: RunningServer, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Add:
    """What the command prints for a sandbox of this test's own, on stdout and on stderr."""

    def call(kind: Any, **options: Any) -> tuple[str, str]:
        add(kind, **{"url": server.base_url, "api_key": request.node.name, **options})
        printed = capsys.readouterr()
        return printed.out, printed.err

    return call


def refusal(capsys: pytest.CaptureFixture[str], call: Callable[[], object]) -> str:
    with pytest.raises(SystemExit) as ended:
        call()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("mocktune: ")


def test_a_job_is_named_on_stdout_and_told_on_stderr(told: Add, client: openai.OpenAI) -> None:
    out, err = told(
        "job", status="running", progress="40%", age="2h", metadata=["run=7", "by=me=you"], suffix="greeter"
    )
    (job,) = client.fine_tuning.jobs.list()
    assert out == f"{job.id}\n"
    assert err == "mocktune: a job, running, on gpt-4o-mini-2024-07-18, created 2026-01-14T22:00:00Z\n"
    assert (job.status, job.metadata, job.user_provided_suffix) == ("running", {"run": "7", "by": "me=you"}, "greeter")


def test_a_failed_job_says_how_it_failed(told: Add) -> None:
    _, err = told("job", failure="too_few_examples")
    assert err.endswith(", invalid_n_examples: Training file has 3 example(s), but must have at least 10 examples\n")
    assert ", failed, " in err


def test_a_model_is_trained_on_a_file_of_this_machine(told: Add, client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(dataset())
    out, err = told("model", trained_on=str(path), state="ready")
    assert err.startswith("mocktune: a model, ready, created 2026-01-1")
    answer = client.chat.completions.create(
        model=out.strip(), messages=[{"role": "user", "content": "What is 4 plus 4?"}]
    )
    assert answer.choices[0].message.content == "It is 8, of course."
    (file,) = client.files.list(purpose="fine-tune")
    again, _ = told("model", trained_on=file.id, state="loading", ready_in="30s")
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model=again.strip(), messages=[{"role": "user", "content": "Hi"}])


def test_a_file_is_told_with_its_status(told: Add, client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Notes.", "utf-8")
    out, err = told("file", content=str(path), filename="notes.txt", purpose="user_data", age="1h")
    assert err == "mocktune: a file, processed, notes.txt of 6 bytes\n"
    assert client.files.content(out.strip()).read() == b"Notes."
    _, err = told("file", examples="3", status="uploaded", processing_for="5s")
    assert "a file, uploaded, training.jsonl of" in err


def test_the_object_itself_is_printed_as_json(told: Add, client: openai.OpenAI) -> None:
    out, err = told("job", status="queued", as_json=True)
    assert err == ""
    assert client.fine_tuning.jobs.retrieve(json.loads(out)["id"]).status == "queued"


def test_the_gallery_is_listed_line_by_line(told: Add, client: openai.OpenAI) -> None:
    out, err = told("gallery")
    assert len(out.splitlines()) == len(err.splitlines()) == 3 + 6 + len(RECIPES) + 3
    assert len(list(client.fine_tuning.jobs.list(limit=100))) == 6 + len(RECIPES) + 3
    assert [line.split(", ")[1] for line in err.splitlines()[-3:]] == ["absent", "loading", "ready"]


def test_failures_are_listed_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    add("job", failure="list", url="http://127.0.0.1:9", api_key="")
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == list(RECIPES)
    assert all(alias in printed for alias in ALIASES)


def test_what_the_server_refuses_is_told_in_its_words(told: Add, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(capsys, lambda: told("job", failure="too_few_exampels"))
    assert said == "There is no failure 'too_few_exampels'; did you mean 'too_few_examples'? (HTTP 400)"


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("model", {"progress": "40%"}, "--progress belongs to: mocktune add job"),
        ("gallery", {"age": "5s"}, "--age belongs to: mocktune add job or model or file"),
        ("file", {"ready_in": "5s"}, "--ready-in belongs to: mocktune add model"),
        ("job", {"metadata": ["run"]}, "--metadata: 'run' is no pair: write KEY=VALUE"),
        ("job", {"examples": "nowhere.jsonl"}, "nowhere.jsonl cannot be read: No such file or directory"),
        ("job", {"api_key": ""}, "give --api-key or set OPENAI_API_KEY: the key names the sandbox it is added to"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    told: Add, capsys: pytest.CaptureFixture[str], kind: str, options: dict[str, Any], said: str
) -> None:
    assert refusal(capsys, lambda: told(kind, **options)) == said


def test_a_file_of_examples_must_be_one(told: Add, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, data in (("binary", b"\xff\xfe"), ("broken", b"{\n")):
        tmp_path.joinpath(name).write_bytes(data)
        assert str(tmp_path / name) in refusal(capsys, lambda name=name: told("job", examples=str(tmp_path / name)))


def test_every_option_is_a_field_of_the_request() -> None:
    models = {"job": wire.NewJob, "model": wire.NewModel, "file": wire.NewFile, "gallery": wire.NewGallery}
    for kind, model in models.items():
        assert set(FIELDS[kind]) == set(model.model_fields)


def test_the_command_is_run_from_a_shell(server: RunningServer) -> None:
    command = [sys.executable, "-m", "mocktune", "add", "job", "--status", "paused", "--progress", "40%"]
    command += ["--url", server.root, "--api-key", "sk-shell"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.startswith("ftjob-")
    assert ", paused, " in ended.stderr
