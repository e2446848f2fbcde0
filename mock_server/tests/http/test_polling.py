"""``advance_on_poll``: a read of what is unfinished moves the sandbox's clock before it is answered.

By ``next`` a client that polls without a pause sees every change, one a poll; by a duration it sees what a patient one
would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asking import App
from support import dataset

from mocktune.domain.clock import VirtualTime
from mocktune.service.sandboxes import Sandbox, Visit

CLOCK = "/_mocktune/clock"
JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def app() -> Iterator[App]:
    app = App(others={"advance_on_poll": "next"})
    yield app
    app.close()


def elapsed(app: App) -> float:
    return float(app.get(CLOCK)["elapsed"])


def begun(app: App) -> str:
    """A job on a file that is processed."""
    file = app.upload(dataset())["id"]
    return str(app.post(JOBS, {"model": "gpt-4o-mini-2024-07-18", "training_file": file})["id"])


def moved(app: App, method: str, path: str, body: Any = None) -> float:
    """By how many seconds a request moved the clock."""
    before = elapsed(app)
    app.ask(method, path, body)
    return elapsed(app) - before


def polled(app: App, path: str, most: int = 40) -> list[float]:
    """By how much each poll of ``path`` moves the clock, until one does not."""
    found = []
    while len(found) < most and (step := moved(app, "GET", path)):
        found.append(step)
    return found


def test_a_poll_of_a_file_moves_to_the_end_of_its_processing_and_no_further(app: App) -> None:
    file = app.upload(dataset())["id"]
    assert app.get(f"/v1/files/{file}")["status"] == "processed"
    assert elapsed(app) == 2
    assert polled(app, f"/v1/files/{file}") == []


def test_a_poller_sees_every_status_of_a_job_and_its_training_in_ten_parts(app: App) -> None:
    job = begun(app)
    seen = []
    while (status := app.get(f"{JOBS}/{job}")["status"]) not in ("succeeded", "failed"):
        seen.append(status)
    assert list(dict.fromkeys(seen)) == ["validating_files", "queued", "running"]
    assert seen.count("running") == 10  # the end of the tenth part is that of the job
    assert polled(app, f"{JOBS}/{job}") == [], "a finished job moves nothing"


def test_polls_of_events_go_on_to_the_last_one(app: App) -> None:
    job = begun(app)
    polled(app, f"{JOBS}/{job}")
    assert polled(app, f"{JOBS}/{job}/events") == [2, 6], "to the new model, and to the completion"
    newest = app.get(f"{JOBS}/{job}/events?limit=1")["data"][0]
    assert newest["message"] == "The job has successfully completed"


def test_what_events_do_not_show_is_no_stop_of_their_polls() -> None:
    """Such as the instant at which the model's name is known."""
    app = App(changes=("model.absent_for=5s",), others={"advance_on_poll": "next"})
    job = begun(app)
    polled(app, f"{JOBS}/{job}")
    assert polled(app, f"{JOBS}/{job}/events") == [2, 6]
    app.close()


def test_polls_of_checkpoints_end_with_the_job(app: App) -> None:
    job = begun(app)
    steps = polled(app, f"{JOBS}/{job}/checkpoints")
    assert app.get(f"{JOBS}/{job}")["status"] == "succeeded"
    assert len(app.get(f"{JOBS}/{job}/checkpoints")["data"]) == 3
    assert len(steps) > 10


def test_a_result_file_that_comes_late_is_polled_for() -> None:
    app = App(changes=("result.delay=45s",), others={"advance_on_poll": "next"})
    job = begun(app)
    while app.get(f"{JOBS}/{job}")["status"] != "succeeded":
        pass
    assert polled(app, f"{JOBS}/{job}") == [45]
    assert app.get(f"{JOBS}/{job}")["result_files"]
    app.close()


def test_asking_a_cold_model_moves_to_its_next_state_until_it_answers(app: App) -> None:
    job = begun(app)
    polled(app, f"{JOBS}/{job}")
    model = app.get(f"{JOBS}/{job}")["fine_tuned_model"]
    asked = {"model": model, "messages": [{"role": "user", "content": "Hi?"}]}
    statuses = [app.post("/v1/chat/completions", asked).status for _ in range(2)]
    assert statuses == [429, 200]
    assert moved(app, "POST", "/v1/chat/completions", asked) == 0
    assert moved(app, "POST", "/v1/responses", {"model": model, "input": "Hi?"}) == 0


def test_a_read_of_a_models_name_moves_until_it_is_known(app: App) -> None:
    job = begun(app)
    polled(app, f"{JOBS}/{job}")
    model = app.get(f"{JOBS}/{job}")["fine_tuned_model"]
    assert app.get(f"/v1/models/{model}").status == 200
    assert polled(app, f"/v1/models/{model}") == []


def test_a_list_moves_to_the_next_change_of_anything_in_it(app: App) -> None:
    job = begun(app)
    assert moved(app, "GET", "/v1/files") == 2
    assert moved(app, "GET", "/v1/files") == 0
    assert moved(app, "GET", "/v1/models") == 0
    steps = polled(app, JOBS)
    assert app.get(f"{JOBS}/{job}")["status"] == "succeeded"
    assert len(steps) > 10
    assert moved(app, "GET", "/v1/models") > 0, "to where the name of the model is known"


def test_by_a_duration_the_clock_moves_on_while_something_is_unfinished() -> None:
    app = App(others={"advance_on_poll": 30_000_000})
    job = begun(app)
    steps = polled(app, f"{JOBS}/{job}", 100)
    assert set(steps) == {30}
    assert app.get(f"{JOBS}/{job}")["status"] == "succeeded"
    app.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/files/file-none", None),
        ("GET", f"{JOBS}/ftjob-none", None),
        ("GET", f"{JOBS}/ftjob-none/events", None),
        ("GET", "/v1/models/ft:none", None),
        ("GET", "/v1/models/gpt-4o-mini", None),
        ("POST", "/v1/chat/completions", {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi?"}]}),
        ("POST", "/v1/chat/completions", {"model": 3}),
        ("POST", "/v1/chat/completions", b"{"),
        ("POST", "/v1/moderations", {"input": "Hi?"}),
        ("GET", "/v1/nothing", None),
        ("GET", CLOCK, None),
        ("GET", "/_mocktune/sandboxes/current", None),
    ],
)
def test_what_polls_nothing_unfinished_moves_nothing(app: App, method: str, path: str, body: Any) -> None:
    begun(app)
    assert moved(app, method, path, body) == 0


def test_a_job_that_stays_paused_is_not_waited_for(app: App) -> None:
    job = begun(app)
    while app.get(f"{JOBS}/{job}")["status"] != "running":
        pass
    assert app.post(f"{JOBS}/{job}/pause").status == 200
    assert polled(app, f"{JOBS}/{job}") == []


def test_it_is_set_and_shown_and_unset_through_the_clock(app: App) -> None:
    assert app.get(CLOCK)["advance_on_poll"] == "next"
    assert app.ask("PUT", CLOCK, {"advance_on_poll": "30s"})["advance_on_poll"] == "30s"
    frozen = app.ask("PUT", CLOCK, {"clock": "frozen"})
    assert (frozen["clock"], frozen["advance_on_poll"]) == ("frozen", "30s")
    assert app.ask("PUT", CLOCK, {"advance_on_poll": None})["advance_on_poll"] is None
    file = app.upload(dataset())["id"]
    assert polled(app, f"/v1/files/{file}") == []
    other = app.ask("GET", CLOCK, key="sk-other")
    assert other["advance_on_poll"] == "next", "of each sandbox its own"
    refused = app.ask("PUT", CLOCK, {"advance_on_poll": "soon"})
    assert (refused.status, refused["error"]["param"]) == (400, "advance_on_poll")
    assert "or 'next'" in refused["error"]["message"]
    assert app.ask("PUT", CLOCK, {}).status == 400


def test_polls_at_once_are_all_answered_and_move_the_clock_once(app: App) -> None:
    app.upload(dataset(20_000))
    job = begun(app)

    async def story() -> list[int]:
        answers = await asyncio.gather(*(app.send("GET", f"{JOBS}/{job}") for _ in range(8)))
        return [each.status for each in answers]

    assert app.run(story()) == [200] * 8
    assert elapsed(app) == 2


def test_a_poll_while_the_clock_is_advanced_is_answered_at_once(app: App) -> None:
    """And one by the receiver of a delivery too, who would otherwise wait for itself."""
    job = begun(app)
    asked: list[Any] = []

    class Deliverer:
        def next_due(self, sandbox: Sandbox) -> VirtualTime | None:
            return None if asked else VirtualTime(sandbox.clock.started + 1)

        async def perform_due(self, visit: Visit) -> list[Any]:
            asked.append(await asyncio.wait_for(app.send("GET", f"{JOBS}/{job}"), 5))
            asked.append(await asyncio.wait_for(app.send("POST", f"{CLOCK}/advance", {"by": "1s"}), 5))
            return []

    app.services.clocks._deliverer = Deliverer
    for poll in (False, True):
        asked.clear()
        app.get(f"{JOBS}/{job}") if poll else app.advance("1s")
        assert [each.status for each in asked] == [200, 409]
