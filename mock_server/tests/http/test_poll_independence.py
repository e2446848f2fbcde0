"""Two clients that do the same and look differently often come to the same end: state, events, deliveries, every byte.

Both live on servers of equal seeds. One looks after each step at what it feels like, and waits in one go; the other
looks at something else, and cuts each wait into pieces with looks in between, as a client does that polls more often.
"""

from __future__ import annotations

from typing import Any

import pytest
from asking import App
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import STEPS, Story, outcome

NOBODY = "http://127.0.0.1:9/hook"
"""Where deliveries fail, each attempt for the same reason."""

WAITS = ("3s", "7s", "61s", "15m", "90m")
LOOKS = (
    "/v1/fine_tuning/jobs?limit=100", "/v1/fine_tuning/jobs/<job>", "/v1/fine_tuning/jobs/<job>/events?limit=3",
    "/v1/fine_tuning/jobs/<job>/checkpoints", "/v1/files", "/v1/files/<file>", "/v1/files/<file>/content", "/v1/models",
    "/_mocktune/webhooks/deliveries", "/_mocktune/clock", "/_mocktune/state", "/_mocktune/verdict",
)  # fmt: skip

COMMANDS = st.lists(
    st.tuples(st.sampled_from(["wait", "wait", "good", "good", *sorted(set(STEPS) - {"wait"})]), st.integers(0, 99)),
    min_size=2,
    max_size=8,
)
PATTERN = st.lists(st.lists(st.integers(0, len(LOOKS) - 1), max_size=5), min_size=1, max_size=6)


class Client(Story):
    """Looks as its ``pattern`` says, and waits in ``pieces``."""

    def __init__(self, app: App, pattern: list[list[int]], pieces: int) -> None:
        super().__init__(app)
        self._pattern = pattern
        self._pieces = pieces
        self._turn = 0

    def look(self) -> None:
        self._turn += 1
        for which in self._pattern[self._turn % len(self._pattern)]:
            path = LOOKS[which].replace("<job>", self.job(which)).replace("<file>", self.file(which))
            assert self.app.get(path).status < 500

    def live(self, commands: list[tuple[str, int]]) -> None:
        for step, n in commands:
            if step == "wait":
                self.wait_in_pieces(WAITS[n % len(WAITS)])
            else:
                self.do(step, n)
            self.look()

    def wait_in_pieces(self, by: str) -> None:
        until = self.app.get("/_mocktune/clock")["now"] + SECONDS[by]
        for _ in range(self._pieces - 1):
            self.app.advance(f"{SECONDS[by] / (2 * self._pieces):.6f}s")
            self.look()
        answer = self.app.post("/_mocktune/clock/advance", {"to": until})
        assert answer.status == 200, answer.body


SECONDS = {"3s": 3, "7s": 7, "61s": 61, "15m": 900, "90m": 5400}


def ended(commands: list[tuple[str, int]], pattern: list[list[int]], pieces: int, changes: tuple[str, ...]) -> Any:
    """Everything there is to see when the client is done, and again two days later."""
    app = App(changes=changes)
    try:
        app.post("/_mocktune/webhooks/endpoints", {"url": NOBODY})
        Client(app, pattern, pieces).live(commands)
        seen = []
        for _ in range(2):
            deliveries = app.get("/_mocktune/webhooks/deliveries?order=asc&limit=1000").body
            seen.append((app.get("/_mocktune/state").body, outcome(app), deliveries))
            app.advance("48h")
        return seen
    finally:
        app.close()


@pytest.mark.parametrize("changes", [(), ("job.outcome=failed", "model.idle_for=20m", "events.after_terminal=30s")])
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(commands=COMMANDS, first=PATTERN, second=PATTERN, pieces=st.integers(2, 4))
def test_how_often_a_client_looks_changes_nothing(
    changes: tuple[str, ...],
    commands: list[tuple[str, int]],
    first: list[list[int]],
    second: list[list[int]],
    pieces: int,
) -> None:
    assert ended(commands, first, 1, changes) == ended(commands, second, pieces, changes)


def test_the_law_is_about_real_ends() -> None:
    """What is compared has jobs that succeeded and deliveries that failed in it."""
    seen = ended([("good", 1), ("wait", 4), ("good", 2), ("signal", 0)], [[1]], 2, ())
    state, objects, deliveries = seen[-1]
    assert b"whd_" in deliveries
    assert deliveries.count(b'"event_type": "fine_tuning.job.') >= 2
    assert any(b'"succeeded"' in each for each in objects.values())
    assert b"ftjob-" in state
