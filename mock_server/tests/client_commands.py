"""Commands of the client, called in this process against a server with a frozen clock, which their sleeps move."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from typer.testing import CliRunner

from mocktune import RunningServer, make_settings, running_server
from mocktune.cli.app import app

MARV = (files("mocktune") / "data" / "marv.jsonl").read_bytes()
MODEL = "gpt-4o-mini-2024-07-18"


@dataclass(frozen=True)
class Ended:
    """``lines`` of stdout after the target's; ``objects`` are the same as JSON."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        target, *others = self.stdout.splitlines()
        assert target.startswith(("target: ", '{"event": "target", '))
        return others

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


@dataclass
class Desk:
    """A sandbox with its commands; ``client`` is the SDK's."""

    server: RunningServer
    client: OpenAI
    control: httpx2.Client

    def __call__(self, *words: object, input: str | bytes | None = None) -> Ended:
        ended = CliRunner().invoke(app, [str(word) for word in words], input=input)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr)

    def advance(self, **how: Any) -> None:
        self.control.post("/_mocktune/clock/advance", json=how).raise_for_status()

    def scenario(self, name: str) -> None:
        self.control.put("/_mocktune/scenario", json={"name": name}).raise_for_status()

    def fault(self, **rule: Any) -> None:
        self.control.post("/_mocktune/faults", json=rule).raise_for_status()

    def asked(self) -> list[str]:
        """The requests that the sandbox was sent, oldest first, as ``METHOD /path``."""
        found = self.control.get("/_mocktune/requests", params={"limit": 1000}).raise_for_status().json()
        return [f"{each['method']} {each['path']}" for each in reversed(found["data"])]

    def job(self, *, until: str | None = None, **options: Any) -> str:
        """The id of a new job of one epoch, moved on to a status."""
        file = self.client.files.create(file=("marv.jsonl", MARV), purpose="fine-tune")
        self.advance(by="10s")  # it is processed, so that the job's first two events come in one second
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1}}}
        job = self.client.fine_tuning.jobs.create(model=MODEL, training_file=file.id, method=method, **options)
        if until:
            self.advance(until={"job": job.id, "status": until})
        return job.id

    def model(self) -> str:
        """A tuned model that answers."""
        job = self.job(until="succeeded")
        self.advance(by="1h")
        name = self.client.fine_tuning.jobs.retrieve(job).fine_tuned_model
        assert name
        return name


def fixtures() -> tuple[Any, Any]:
    """The fixtures of a module: its server, and a desk for each test."""

    @pytest.fixture(scope="module")
    def server() -> Iterator[RunningServer]:
        with serving() as server:
            yield server

    @pytest.fixture
    def desk(
        server: RunningServer, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Iterator[Desk]:
        with desk_at(server, request.node.name, monkeypatch, tmp_path) as desk:
            yield desk

    return server, desk


@contextmanager
def serving(scenario: str = "realistic", *changes: str) -> Iterator[RunningServer]:
    with running_server(make_settings(scenario, changes=changes, clock="frozen", seed=42)) as server:
        yield server


@contextmanager
def desk_at(server: RunningServer, key: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Desk]:
    """A desk for one test: the environment names its server and its sandbox."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("MOCKTUNE_STATE_DIR", str(folder / "state"))
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_TYPE", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)
    authorization = {"authorization": f"Bearer {key}"}
    with (
        httpx2.Client(base_url=server.root, headers=authorization) as control,
        OpenAI(base_url=server.base_url, api_key=key) as client,
    ):
        desk = Desk(server, client, control)
        monkeypatch.setattr(time, "sleep", lambda seconds: desk.advance(by=f"{seconds:.6f}s"))
        yield desk
