"""Many sandboxes on one server, all at once: each gets, byte for byte, what it gets on a server of its own.

Every sandbox has a scenario, a clock and a script of 20 requests to itself, drawn with its number. The scripts run one
after the other on a server each, which tells what every answer has to be; then they run on one server, their requests
mixed up at random. What is compared is the whole answer: status, headers, body, every field.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asking import App
from support import BOUNDARY, dataset, form

REQUESTS = 20
MASKED = {"date", "openai-processing-ms"}
MODEL = "gpt-4o-mini-2024-07-18"
FORM = (b"multipart/form-data; boundary=" + BOUNDARY).decode()
SETTINGS = [
    {},
    {"job.outcome": "failed"},
    {"model.absent_for": "0s", "model.loading_for": "0s"},
    {"files.processing": "90s"},
    {"job.training": "20s"},
    {"files.outcome": "error"},
]

Told = tuple[int, tuple[tuple[str, str], ...], bytes]


@contextmanager
def a_server() -> Iterator[App]:
    app = App(others={"seed": 7})
    try:
        yield app
    finally:
        app.close()


class Script:
    """The requests of one sandbox. What it asks for depends on what it was told, so that ids of others would show."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.key = f"sk-isolated-{number}"
        self._draw = random.Random(number)
        self._known: dict[str, str] = {"file": "file-none", "job": "ftjob-none", "model": "ft:none"}
        self.told: list[Told] = []

    async def run(self, app: App, pauses: random.Random | None) -> None:
        setup = [
            ("PUT", "/_mocktune/clock", {"clock": "frozen", "start": 1768435200 + 3600 * self.number}),
            ("PUT", "/_mocktune/scenario", {"name": "realistic", "set": SETTINGS[self.number % len(SETTINGS)]}),
            ("POST", "/v1/files", None),
            ("POST", "/v1/fine_tuning/jobs", None),
        ]
        for number in range(REQUESTS):
            method, path, body = setup[number] if number < len(setup) else self._drawn()
            if pauses is not None:
                for _ in range(pauses.randrange(4)):
                    await asyncio.sleep(0)  # lets others come first
            await self._ask(app, method, path, body)

    def _drawn(self) -> tuple[str, str, Any]:
        known, job = self._known, f"/v1/fine_tuning/jobs/{self._known['job']}"
        chat = {"model": known["model"], "messages": [{"role": "user", "content": "What is 3 plus 3?"}]}
        return self._draw.choice([
            ("POST", "/v1/files", None),
            ("POST", "/v1/fine_tuning/jobs", None),
            ("POST", "/_mocktune/clock/advance", {"by": f"{self._draw.randrange(1, 900)}s"}),
            ("POST", "/_mocktune/clock/advance", {"by": f"{self._draw.randrange(1, 90)}s"}),
            ("POST", "/_mocktune/clock/advance", {"next": True}),
            ("POST", f"{job}/{self._draw.choice(['cancel', 'pause', 'resume'])}", {}),
            ("GET", job, None),
            ("GET", f"{job}/events?limit=5", None),
            ("GET", f"{job}/checkpoints", None),
            ("GET", "/v1/fine_tuning/jobs", None),
            ("GET", "/v1/files", None),
            ("GET", f"/v1/files/{known['file']}", None),
            ("DELETE", f"/v1/files/{known['file']}", None),
            ("GET", "/v1/models", None),
            ("POST", "/v1/chat/completions", chat),
            ("POST", "/v1/chat/completions", {**chat, "store": True, "model": MODEL}),
            ("GET", "/v1/chat/completions", None),
            ("GET", "/_mocktune/clock", None),
            ("POST", "/_mocktune/requests/count", {}),
        ])  # fmt: skip

    async def _ask(self, app: App, method: str, path: str, body: Any) -> None:
        headers = {}
        if path == "/v1/files" and method == "POST":
            body = form(dataset(10 + self._draw.randrange(5)), filename=f"of-{self.number}.jsonl")
            headers = {"content_type": FORM}
        elif path == "/v1/fine_tuning/jobs" and method == "POST":
            body = {"model": MODEL, "training_file": self._known["file"], "metadata": {"of": str(self.number)}}
        answer = await app.send(method, path, body, key=self.key, **headers)
        self.told.append((
            answer.status,
            tuple(sorted(each for each in answer.headers.items() if each[0] not in MASKED)),
            answer.body,
        ))  # fmt: skip
        if answer.status == 200:
            self._learn(answer.json())

    def _learn(self, said: dict[str, Any]) -> None:
        if said.get("object") == "file" and "purpose" in said:
            self._known["file"] = said["id"]
        if said.get("object") == "fine_tuning.job":
            self._known["job"] = said["id"]
            self._known["model"] = said["fine_tuned_model"] or self._known["model"]


def told_alone(number: int) -> list[Told]:
    script = Script(number)
    with a_server() as app:
        app.run(script.run(app, None))
    return script.told


@pytest.mark.parametrize("sandboxes", [40, pytest.param(200, marks=pytest.mark.soak)])
def test_sandboxes_at_once_are_told_what_each_is_told_alone(sandboxes: int) -> None:
    alone = [told_alone(number) for number in range(sandboxes)]
    together = [Script(number) for number in range(sandboxes)]

    async def run_all(app: App) -> None:
        pauses = random.Random(0)
        await asyncio.gather(*(script.run(app, pauses) for script in together))

    with a_server() as app:
        app.run(run_all(app))
    for script, expected in zip(together, alone, strict=True):
        assert len(expected) == REQUESTS
        for index, (got, wanted) in enumerate(zip(script.told, expected, strict=True)):
            assert got == wanted, f"request {index} of {script.key}"
    # The scripts went through real lives: most requests were taken, and models, failures and refusals were met.
    statuses = [told[0] for each in alone for told in each]
    assert statuses.count(200) > 0.7 * len(statuses)
    bodies = b"".join(told[2] for each in alone for told in each)
    for seen in (b'"status": "succeeded"', b'"status": "failed"', b'"status": "cancelled"', b"model_not_found"):
        assert seen in bodies


@pytest.mark.parametrize("number", [0, 1])
def test_a_script_run_again_is_told_the_same(number: int) -> None:
    assert told_alone(number) == told_alone(number)
