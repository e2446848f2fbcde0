"""Replaying the log of the commands that change an outcome equals the live outcome, byte for byte.

A session of commands and reads is lived. Its log is what the journal remembers: of each command the virtual instant,
the operation and the body; uploads, whose bytes no journal keeps, and paths of Azure bring theirs. A new server with
the same seed gets the commands alone, each at its instant, none that was refused, and no read at all. Then both hold
the same: every field of every object, every delivery with its attempts, and all that will come of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from asking import Answer, App
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import STEPS, Story, outcome

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.journal import Entry
from mocktune.http.front import CONTROL_PREFIX
from mocktune.service.sandboxes import Sandbox

CLOCK, STATE = "/_mocktune/clock", "/_mocktune/state"

ASKING = frozenset({"chat.completions.create", "completions.create", "responses.create"})
"""Asking a model keeps it in memory, or makes it load, also where the answer is a refusal."""


@dataclass(frozen=True)
class Sent:
    """A request as it was sent, and the instant its sandbox stood at."""

    at: VirtualTime
    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass
class Recorder(App):
    """A server whose requests are remembered by the test too."""

    sent: list[Sent] = field(default_factory=list)

    async def send(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        self.sent.append(Sent(now(self), method, path, body, headers))
        return await super().send(method, path, body, key=key, **headers)


def sandbox(app: App) -> Sandbox:
    return app.services.sandboxes.open(app.key, app.wall.now)


def now(app: App) -> VirtualTime:
    return sandbox(app).clock.now(app.wall.now)


def log_of(app: Recorder) -> Iterator[Sent]:
    """The commands that changed something, in their order: those of the API from the journal, the others as sent."""
    entries = iter(sandbox(app).journal.entries())
    for sent in app.sent:
        if not sent.path.startswith(CONTROL_PREFIX):
            entry = next(entries)
            assert (entry.method, entry.at) == (sent.method, sent.at)
            if entry.method != "GET" and (entry.status < 400 or entry.operation in ASKING):
                yield _from(entry, sent)
        elif sent.method != "GET" and not sent.path.startswith(CLOCK):
            yield sent
    assert next(entries, None) is None


def _from(entry: Entry, sent: Sent) -> Sent:
    if sent.path.startswith("/openai/"):
        return sent
    query = "?" + entry.query.decode() if entry.query else ""
    body = entry.request_body or (sent.body if isinstance(sent.body, bytes) else None)
    return Sent(entry.at, entry.method, entry.path + query, body, sent.headers)


def replayed(log: list[Sent], end: VirtualTime, like: App) -> App:
    """A new server on which nothing was done but the commands of ``log``, each at its instant."""
    app = App(scenario=like.scenario, changes=like.changes, others=like.others, key=like.key)
    for command in log:
        move_to(app, command.at)
        app.ask(command.method, command.path, command.body, **command.headers)
    move_to(app, end)
    return app


def move_to(app: App, at: VirtualTime) -> None:
    if at > now(app):
        answer = app.post(f"{CLOCK}/advance", {"to": at / SECOND})
        assert answer.status == 200, answer.body
    assert now(app) == at


def assert_replays(live: Recorder) -> None:
    again = replayed(list(log_of(live)), now(live), live)
    try:
        document = live.get(STATE).body
        assert again.get(STATE).body == document
        assert outcome(again) == outcome(live)
        for app in (live, again):
            app.advance("40h")
        assert again.get(STATE).body == live.get(STATE).body
        assert outcome(again) == outcome(live)
    finally:
        again.close()


def lived(steps: list[tuple[str, int]], **server: Any) -> None:
    app = Recorder(**server)
    try:
        story = Story(app)
        for step, n in steps:
            if step == "look":
                for path in LOOKS[: n % 6]:
                    app.get(path.replace("<job>", story.job(n)).replace("<file>", story.file(n)))
            elif step == "control":
                app.ask(*CONTROL[n % len(CONTROL)])
            else:
                story.do(step, n)
        assert_replays(app)
    finally:
        app.close()


LOOKS = (
    "/v1/fine_tuning/jobs?limit=100", "/v1/fine_tuning/jobs/<job>", "/v1/fine_tuning/jobs/<job>/events?limit=100",
    "/v1/files/<file>", "/v1/models", "/_mocktune/webhooks/deliveries",
)  # fmt: skip
CONTROL = (
    ("POST", f"{STATE}/jobs", {"status": "running", "progress": 0.4}),
    ("POST", f"{STATE}/models", {"state": "loading"}),
    ("PUT", "/_mocktune/scenario", {"name": "model-evicted"}),
    ("POST", f"{STATE}/jobs", {"status": "running", "failure": "nonsense"}),
    ("PUT", "/_mocktune/scenario", {"name": "paused-outside"}),
)

ANY_STEP = st.tuples(st.sampled_from(sorted([*STEPS, "wait", "good", "look", "look", "control"])), st.integers(0, 60))


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(ANY_STEP, min_size=4, max_size=22))
def test_any_session_is_replayed_from_its_log(steps: list[tuple[str, int]]) -> None:
    lived(steps)


LIFE = [
    ("endpoint", 0), ("good", 1), ("look", 3), ("wait", 1), ("good", 2), ("look", 5), ("wait", 4), ("look", 4),
    ("delete_file", 0), ("again", 1), ("signal", 3), ("signal", 1), ("wait", 2), ("look", 5), ("chat", 1),
    ("delete_outcome", 1), ("signal", 5), ("control", 0), ("start_upload", 3), ("end_upload", 0), ("wait", 4),
    ("respond", 1), ("good", 5), ("wait", 0), ("delete_file", 6), ("wait", 2), ("look", 5), ("azure", 1), ("deploy", 1),
    ("control", 1), ("permit", 1), ("wait", 3), ("endpoint", 4), ("good", 3), ("wait", 4),
]  # fmt: skip


@pytest.mark.parametrize("scenario", ["realistic", "quick", "model-evicted", "paused-outside", "late-result"])
def test_a_whole_life_is_replayed_from_its_log(scenario: str) -> None:
    lived(LIFE, scenario=scenario)


def test_a_command_that_is_left_out_is_missed() -> None:
    """The comparison sees every one of them."""
    app = Recorder()
    try:
        story = Story(app)
        for step, n in [("good", 1), ("wait", 2), ("good", 2), ("wait", 2), ("signal", 0), ("respond", 1), ("wait", 1)]:
            story.do(step, n)
        log, document = list(log_of(app)), app.get(STATE).body
        assert len(log) == 6
        for index in range(len(log)):
            again = replayed(log[:index] + log[index + 1 :], now(app), app)
            assert again.get(STATE).body != document
            again.close()
    finally:
        app.close()
