"""``kill -9`` at 50 random moments of ``mocktune tune``: run again, it goes on. Run by hand: -m soak -s.

Each moment has a sandbox, files and a state folder of its own. The server takes its time over uploads and creates, so
that many moments fall between a request and its answer, before or after it was done. Half of the moments are drawn as
time, half as a request and time after it; now and then the second run is killed as well. The seed is printed, and
``MOCKTUNE_KILL_SEED`` repeats one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from openai import OpenAI

from mocktune import RunningServer, make_settings, running_server
from mocktune.testing.control import ControlPlane

pytestmark = [pytest.mark.soak, pytest.mark.skipif(os.name == "nt", reason="ends processes by signals")]

MOMENTS = 50
AT_ONCE = 3
TIMEOUT_S = 120
BIG_EVERY = 10
"""Each such run uploads a file of several parts."""
SLOW = [
    {"operation": operation, "at": at, "delay": "250ms"}
    for operation in ("files.create", "fine_tuning.jobs.create", "uploads.*")
    for at in ("before_handler", "after_commit")
]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("quick", clock="x4", seed=7)) as server:
        yield server


@dataclass(frozen=True)
class Case:
    """``kills``: for each run to be killed how many requests are awaited, and how many seconds after that."""

    number: int
    kills: tuple[tuple[int, float], ...]
    big: bool


def drawn(seed: int) -> list[Case]:
    draw = random.Random(seed)
    cases = []
    for number in range(MOMENTS):
        kills = [(0, draw.uniform(0.5, 8.0)) if number % 2 else (draw.randint(1, 12), draw.uniform(0, 0.6))]
        if draw.random() < 0.3:
            kills.append((draw.randint(1, 8), draw.uniform(0, 0.6)))
        cases.append(Case(number, tuple(kills), big=number % BIG_EVERY == BIG_EVERY - 1))
    return cases


def test_a_tuning_that_is_killed_anywhere_goes_on(server: RunningServer, tmp_path: Path) -> None:
    seed = int(os.environ.get("MOCKTUNE_KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"MOCKTUNE_KILL_SEED={seed}", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = list(pool.map(lambda case: play(server, case, tmp_path / str(case.number)), drawn(seed)))
    print("\n".join(told))
    assert not [line for line in told if not line.startswith("ok")], f"seed {seed}"


def play(server: RunningServer, case: Case, folder: Path) -> str:
    """What came of one case: a line, which begins with ok where all is as it should be."""
    folder.mkdir()
    inputs = {
        name: write(folder / f"{name}.jsonl", name, big=case.big and name == "train") for name in ("train", "valid")
    }
    key = f"sk-mt-kill-{case.number}"
    control = ControlPlane(server.root, key)
    try:
        for rule in SLOW:
            control.post("faults", rule)
        tune = Tune(server, key, folder)
        cut = [tune.killed(control, *kill) for kill in case.kills]
        code, model, stderr = tune.finished()
    finally:
        control.close()
    with OpenAI(base_url=server.base_url, api_key=key) as client:
        jobs = list(client.fine_tuning.jobs.list())
        files = [file for file in client.files.list() if file.purpose == "fine-tune"]
    per_input = {
        name: sum(file.filename.startswith(name) and file.bytes == path.stat().st_size for file in files)
        for name, path in inputs.items()
    }
    wrong = []
    if code != 0:
        wrong.append(f"exit code {code}: {stderr[-500:]}")
    if len(jobs) != 1 or jobs[0].status != "succeeded":
        wrong.append(f"jobs {[(job.id, job.status) for job in jobs]}")
    if jobs and model != jobs[0].fine_tuned_model:
        wrong.append(f"model {model} of {jobs[0].fine_tuned_model}")
    if per_input != {"train": 1, "valid": 1} or len(files) != 2:
        wrong.append(f"files {[(file.filename, file.status) for file in files]}")
    line = f"case {case.number}{' (big)' if case.big else ''}, killed {', '.join(cut)}"
    return f"WRONG {line}: {'; '.join(wrong)}" if wrong else f"ok {line}"


@dataclass(frozen=True)
class Tune:
    """The command, with a state folder of its own."""

    server: RunningServer
    key: str
    folder: Path

    def start(self) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MOCKTUNE_", "OPENAI_"))}
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "mocktune", "tune", "train.jsonl", "--valid", "valid.jsonl", "--json"),
                *("--model", "gpt-4o-mini-2024-07-18", "--suffix", "killed", "--epochs", "1"),
            ],
            cwd=self.folder,
            env=clean
            | {
                "OPENAI_BASE_URL": self.server.base_url,
                "OPENAI_API_KEY": self.key,
                "MOCKTUNE_STATE_DIR": str(self.folder / "state"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def killed(self, control: ControlPlane, requests: int, then_s: float) -> str:
        """Killed ``then_s`` after ``requests`` more were answered, or at its end, whichever comes first."""
        before = len(control.get("requests", limit=1000)["data"]) if requests else 0
        process = self.start()
        until = time.monotonic() + TIMEOUT_S
        while requests and process.poll() is None and time.monotonic() < until:
            if len(control.get("requests", limit=1000)["data"]) >= before + requests:
                break
            time.sleep(0.01)
        try:
            process.wait(then_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        code = process.returncode
        place = f"{then_s:.2f} s after request {requests}" if requests else f"after {then_s:.2f} s"
        return place if code == -signal.SIGKILL else f"{place} (it had ended with {code})"

    def finished(self) -> tuple[int, str | None, str]:
        """Exit code, the model that was told, and stderr."""
        process = self.start()
        stdout, stderr = process.communicate(timeout=TIMEOUT_S)
        told = [json.loads(line) for line in stdout.splitlines()]
        models = [each["model"] for each in told if each.get("event") == "done"]
        return process.returncode, models[-1] if models else None, stderr


def write(path: Path, name: str, *, big: bool) -> Path:
    """Twelve examples; ``big``: as many as make up two parts of an upload."""
    text = "word " * 400
    count = 20_000 if big else 12
    with path.open("w", encoding="utf-8") as target:
        for n in range(count):
            turns = [
                {"role": "user", "content": f"{name} {n}: {text if big else ''}"},
                {"role": "assistant", "content": "Yes."},
            ]
            target.write(json.dumps({"messages": turns}) + "\n")
    return path
