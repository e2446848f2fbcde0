"""``advance_on_first_poll: false``: a first look shows how things stand, and only one that repeats it moves the clock.

::

    a file that is looked at once, after the upload       `uploaded`; looked at again: `processed`
    a new model that is used at once                      404, and then 429; who goes on at once comes to the next state
    a model that is used again after a pause              as it stands then: the pause was the client's own
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from asking import Answer, App
from support import dataset

from mocktune.domain.clock import VirtualTime
from mocktune.service.polls import Polled
from mocktune.service.repeated_polls import RepeatedPolls

KEY = "sk-mt-rehearsed"
JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def app() -> Iterator[App]:
    app = App(others={"admin_token": "t"})
    body = {"name": "rehearsed", "clock": "frozen", "advance_on_poll": "next", "advance_on_first_poll": False}
    assert app.ask("POST", "/_mocktune/sandboxes", body, key="t").status == 200
    yield app
    app.close()


def created(app: App, file: str) -> str:
    return str(app.post(JOBS, {"model": "gpt-4o-mini-2024-07-18", "training_file": file}, key=KEY)["id"])


def now(app: App) -> float:
    return float(app.get("/_mocktune/clock", key=KEY)["elapsed"])


def test_the_first_look_at_a_file_finds_it_as_it_is(app: App) -> None:
    file = app.upload(dataset(), key=KEY)["id"]
    assert [app.get(f"/v1/files/{file}", key=KEY)["status"] for _ in range(2)] == ["uploaded", "processed"]


def test_each_job_has_a_first_look_and_then_goes_from_change_to_change(app: App) -> None:
    file = app.upload(dataset(), key=KEY)["id"]
    for _ in range(2):
        job = created(app, file)
        seen = [app.get(f"{JOBS}/{job}", key=KEY)["status"] for _ in range(20)]
        assert list(dict.fromkeys(seen)) == ["validating_files", "queued", "running", "succeeded"]
        assert seen.index("succeeded") < 20


def test_a_new_model_is_asked_as_it_stands_and_waited_for_by_the_client_itself(app: App) -> None:
    job = created(app, app.upload(dataset(), key=KEY)["id"])
    for _ in range(20):
        shown = app.get(f"{JOBS}/{job}", key=KEY)
    model = shown["fine_tuned_model"]
    body = {"model": model, "messages": [{"role": "user", "content": "Hi?"}]}
    ask = partial(app.post, "/v1/chat/completions", body, key=KEY)

    def statuses(count: int) -> list[int]:
        found: list[Answer] = [ask() for _ in range(count)]
        return [each.status for each in found]

    assert statuses(1) == [404], "realistic: unknown for 20 s, then it loads for 90 s"
    app.post("/_mocktune/clock/advance", {"by": "10s"}, key=KEY)
    before = now(app)
    assert statuses(1) == [404], "who paused is shown what there is after the pause"
    assert now(app) == before
    assert statuses(3) == [429, 200, 200], "who did not would wait for ever, so it goes on to the next change"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.service.repeated_polls._MAX_REMEMBERED", 2)
    polls = RepeatedPolls()
    looks = [polls.repeats(Polled("file", id), VirtualTime(0)) for id in ("a", "a", "b", "c", "a")]
    assert looks == [False, True, False, False, False]
