"""Whatever is asked for of a ready-made object, under whatever scenario: it stands there now and agrees with itself, or
it is refused and nothing was added. Nothing moves the clock, and a saved one goes on alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from asking import Answer, App
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mocktune.domain.clock import SECOND, format_duration
from mocktune.domain.failures import ALIASES, RECIPES
from mocktune.domain.formats.defects import KINDS
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.timeline import Timeline
from mocktune.service.sandboxes import Sandbox
from mocktune.storage.scenario_files import scenario_names

STATE = "/_mocktune/state"
DAY = 86_400 * SECOND

FIXED = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@cache
def server() -> App:
    return App()


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    server().close()
    server.cache_clear()


def emptied(scenario: str = "realistic", start: float = 1_768_435_200) -> App:
    app = server()
    app.delete(STATE)
    assert app.ask("PUT", "/_mocktune/clock", {"clock": "frozen", "start": start}).status == 200
    if scenario != "realistic":
        assert app.ask("PUT", "/_mocktune/scenario", {"name": scenario}).status == 200
        sandbox(app).faults = None  # how answers break is not what is asked here
    return app


def sandbox(app: App) -> Sandbox:
    return app.services.sandboxes.open(app.key, app.wall.now)


def timeline(app: App, id: str) -> Timeline:
    job = sandbox(app).jobs.get(id)
    assert job is not None
    assert job.timeline is not None
    return job.timeline


def now(app: App) -> float:
    found: float = app.get("/_mocktune/clock")["now"]
    return found


def assert_nothing_added(app: App, answer: Answer, held: bytes, used_bytes: int) -> None:
    assert answer.status == 400, answer.body
    assert answer["error"]["code"] == "invalid_value", answer.body
    assert app.get(STATE).body == held
    assert app.services.blobs.used_bytes == used_bytes


def pages(app: App, job: str) -> tuple[bytes, bytes, bytes]:
    path = f"/v1/fine_tuning/jobs/{job}"
    kinds = (path, f"{path}/events?limit=1000", f"{path}/checkpoints?limit=1000")
    first, events, checkpoints = (app.get(each).body for each in kinds)
    return first, events, checkpoints


def assert_agrees_with_itself(app: App, job: dict[str, Any]) -> None:
    life = timeline(app, job["id"])
    at = sandbox(app).clock.now(app.wall.now)
    status = life.status_at(at)
    events = app.get(f"/v1/fine_tuning/jobs/{job['id']}/events?limit=1000")["data"]
    assert events
    assert all(job["created_at"] <= each["created_at"] <= at / SECOND for each in events)
    assert (job["finished_at"] is not None) == (
        status.terminal and not (life.plan.failure and not life.plan.failure.finished)
    )
    if job["finished_at"] is not None:
        assert job["created_at"] <= job["finished_at"] <= at / SECOND
    assert (job["fine_tuned_model"] is not None) == (status is JobStatus.SUCCEEDED)
    assert bool((job["error"] or {}).get("code")) == (status is JobStatus.FAILED)
    checkpoints = app.get(f"/v1/fine_tuning/jobs/{job['id']}/checkpoints")["data"]
    assert bool(checkpoints) == (status is JobStatus.SUCCEEDED)


AGES = st.none() | st.integers(0, 40 * DAY // 1000).map(lambda ms: ms * 1000)


START = 1_768_435_200


@settings(FIXED, max_examples=70)
@example(JobStatus.PAUSED, None, None, "paused-outside", None, START)
@example(JobStatus.RUNNING, 0.9, None, "paused-outside", None, START)
@example(JobStatus.VALIDATING_FILES, 1.0, 3375 * SECOND, "realistic", None, START)
@example(JobStatus.SUCCEEDED, None, None, "late-result", None, START)
@given(
    status=st.sampled_from(list(JobStatus)),
    progress=st.none() | st.floats(0, 1),
    age=AGES,
    scenario=st.sampled_from(scenario_names()),
    failure=st.none() | st.just("server_error") | st.sampled_from(sorted(RECIPES)),
    start=st.sampled_from([1_768_435_200, 1_768_435_200.123456, 300, 1]),
)
def test_a_job_stands_where_it_was_asked_to_or_is_refused(
    status: JobStatus, progress: float | None, age: int | None, scenario: str, failure: str | None, start: float
) -> None:
    app = emptied(scenario, start)
    held, used_bytes, began = app.get(STATE).body, app.services.blobs.used_bytes, now(app)
    asked = {"status": status, "progress": progress, "failure": failure}
    asked["age"] = None if age is None else format_duration(age)
    answer = app.post(f"{STATE}/jobs", {name: value for name, value in asked.items() if value is not None})
    assert now(app) == began
    if answer.status != 200:
        assert_nothing_added(app, answer, held, used_bytes)
        return
    job = answer.json()
    at = sandbox(app).clock.now(app.wall.now)
    life = timeline(app, job["id"])
    assert life.status_at(at) is status
    if age is not None:
        assert job["created_at"] == (at - age) // SECOND
    assert 0 <= job["created_at"] <= at / SECOND
    assert_agrees_with_itself(app, job)
    seen = pages(app, job["id"])
    assert pages(app, job["id"]) == seen

    document = app.get(STATE).body
    assert app.ask("PUT", STATE, document, key="sk-again").status == 200
    assert app.get(STATE, key="sk-again").body == document
    for key in (app.key, "sk-again"):
        app.post("/_mocktune/clock/advance", {"by": "200d"}, key=key)
    assert app.get(STATE, key="sk-again").body == app.get(STATE).body
    assert_agrees_with_itself(app, app.get(f"/v1/fine_tuning/jobs/{job['id']}").json())
    if not status.terminal and life.ends_at is not None:
        assert timeline(app, job["id"]).status_at(life.ends_at).terminal


@settings(FIXED, max_examples=40)
@given(
    state=st.sampled_from(["absent", "loading", "ready"]),
    ready_in=st.none() | st.integers(1, 90 * 86_400_000),
    scenario=st.sampled_from(scenario_names()),
    start=st.sampled_from([1_768_435_200, 5, 0]),
)
def test_a_model_is_in_the_state_it_was_asked_to_be_in_until_it_is_ready(
    state: str, ready_in: int | None, scenario: str, start: float
) -> None:
    app = emptied(scenario, start)
    held, used_bytes = app.get(STATE).body, app.services.blobs.used_bytes
    asked = {"state": state} if ready_in is None else {"state": state, "ready_in": format_duration(ready_in * 1000)}
    answer = app.post(f"{STATE}/models", asked)
    if answer.status != 200:
        assert_nothing_added(app, answer, held, used_bytes)
        assert (state, ready_in is None) == ("ready", False)
        return
    name, at = answer["id"], sandbox(app).clock.now(app.wall.now)
    record = sandbox(app).models.get(name)
    assert record is not None
    assert record.window.state_at(at) == state
    assert app.get(f"/v1/models/{name}").status == (404 if state == "absent" else 200)
    if ready_in is not None:
        assert record.window.ready_at == at + ready_in * 1000
    (job,) = app.get("/v1/fine_tuning/jobs")["data"]
    assert_agrees_with_itself(app, job)


@settings(FIXED, max_examples=40)
@given(
    status=st.sampled_from(["uploaded", "processed", "error"]),
    age=AGES,
    processing_for=st.none() | st.integers(0, 90 * 86_400_000),
    content=st.none() | st.sampled_from(["{", "{}\n", '{"messages": []}\n[]\n', "\ud800"]),
    purpose=st.sampled_from(["fine-tune", "assistants"]),
    scenario=st.sampled_from(["realistic", "slow-file", "file-error", "quick"]),
)
def test_a_file_is_in_the_status_it_was_asked_to_be_in(
    status: str, age: int | None, processing_for: int | None, content: str | None, purpose: str, scenario: str
) -> None:
    app = emptied(scenario)
    held, used_bytes = app.get(STATE).body, app.services.blobs.used_bytes
    asked: dict[str, Any] = {"status": status, "purpose": purpose, "content": content}
    asked["age"] = None if age is None else format_duration(age)
    asked["processing_for"] = None if processing_for is None else format_duration(processing_for * 1000)
    answer = app.post(f"{STATE}/files", {name: value for name, value in asked.items() if value is not None})
    if answer.status != 200:
        assert_nothing_added(app, answer, held, used_bytes) if b"could not parse" not in answer.body else None
        return
    file = answer.json()
    assert (file["status"], file["purpose"]) == (status, purpose)
    assert (file["status_details"] is not None) == (status == "error")
    if age is not None:
        assert file["created_at"] == (sandbox(app).clock.now(app.wall.now) - age) // SECOND
    assert app.get(f"/v1/files/{file['id']}").json() == file
    app.post("/_mocktune/clock/advance", {"by": "100d"})
    assert app.get(f"/v1/files/{file['id']}")["status"] in ("processed", "error")


def test_there_is_a_recipe_for_every_defect_and_no_name_means_two_things() -> None:
    assert set(RECIPES) == {*KINDS, "exceeded_quota", "server_error"}
    assert set(ALIASES.values()) <= set(RECIPES)
    assert not set(ALIASES) & set(RECIPES)


@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_every_failure_is_made_for_every_method_or_refused(method: str) -> None:
    made = {}
    for name, recipe in RECIPES.items():
        app = emptied()
        held, used_bytes = app.get(STATE).body, app.services.blobs.used_bytes
        answer = app.post(f"{STATE}/jobs", {"failure": name, "method": method})
        if answer.status != 200:
            assert_nothing_added(app, answer, held, used_bytes)
        else:
            assert answer["error"]["code"] == recipe.code, name
            made[name] = answer["error"]["message"]
    impossible = {
        "supervised": {"wrong_method", "too_many_examples"},
        "dpo": {"too_many_examples", "unexpected_format", "wrong_model", "no_vision"},
        "reinforcement": {"extra_key", "unexpected_format", "wrong_model"},
    }[method]
    assert set(RECIPES) - set(made) == impossible
    assert len(set(made.values())) == len(made)


def test_a_file_that_was_deleted_is_in_no_list_and_takes_no_room() -> None:
    app = emptied()
    used_bytes = app.services.blobs.used_bytes  # of other tests
    job = app.post(f"{STATE}/jobs", {"failure": "file_deleted"}).json()
    assert app.get(f"/v1/files/{job['training_file']}").status == 404
    assert app.get("/v1/files")["data"] == []
    assert app.services.blobs.used_bytes == used_bytes


def test_a_gallery_at_any_time_is_whole_or_not_there_at_all() -> None:
    for start in (1_768_435_200, 0, 1, 100, 1000):
        app = emptied(start=start)
        held, used_bytes = app.get(STATE).body, app.services.blobs.used_bytes
        answer = app.post(f"{STATE}/gallery")
        if answer.status != 200:
            assert_nothing_added(app, answer, held, used_bytes)
            assert start < 1000
        else:
            assert {each["status"] for each in answer["jobs"]} == set(JobStatus)
            assert [each["status"] for each in answer["files"]] == ["uploaded", "processed", "error"]


def test_what_is_created_meanwhile_gets_no_id_twice() -> None:
    import asyncio

    app = emptied()

    async def both() -> list[Answer]:
        asked = [app.send("POST", f"{STATE}/jobs", {"failure": name}) for name in list(RECIPES)[:6]]
        asked += [app.send("POST", f"{STATE}/models", {}), app.send("POST", f"{STATE}/gallery")]
        asked += [app.send("POST", f"{STATE}/files", {"examples": 5}) for _ in range(3)]
        return list(await asyncio.gather(*asked))

    answers = app.run(both())
    assert [each.status for each in answers] == [200] * len(answers)
    counts = sandbox(app).counts
    jobs = app.get("/v1/fine_tuning/jobs?limit=1000")["data"]
    assert counts["job"] == len(jobs) == len({each["id"] for each in jobs})
