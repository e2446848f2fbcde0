"""``/_mocktune/state``: written down, put back, emptied.

What one sandbox answers, another answers byte for byte after an export and an import, now and at every later instant. A
document that cannot be loaded changes nothing, and the error names the place in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest
from asking import Answer, App, state
from stories import STEPS, Story, outcome
from support import dataset

from mocktune.domain.clock import SECOND, WallTime
from mocktune.service.state_kinds import KINDS
from mocktune.storage.scenario_files import scenario_names

STATE = "/_mocktune/state"
LIFE = [
    ("upload", 1), ("endpoint", 0), ("upload", 0), ("good", 1), ("wait", 2), ("good", 2), ("start_upload", 1),
    ("create", 3), ("wait", 4), ("wait", 4), ("again", 1), ("signal", 1), ("chat", 1), ("respond", 2), ("endpoint", 0),
    ("permit", 1), ("deploy", 1), ("delete_outcome", 1), ("good", 3), ("wait", 2), ("good", 4), ("signal", 9),
    ("wait", 1),
]  # fmt: skip
"""Jobs in many statuses, models that load, uploads, and everything else there is."""


@pytest.fixture
def app() -> Iterator[App]:
    opened = App()
    yield opened
    opened.close()


def of(app: App, key: str) -> App:
    """The same server, seen with another key."""
    other = copy(app)
    other.key = key
    return other


def lived(app: App) -> Story:
    story = Story(app)
    for step, n in LIFE:
        story.do(step, n)
    return story


def put(app: App, document: bytes | dict[str, Any]) -> Answer:
    return app.ask("PUT", STATE, document)


def export(app: App) -> bytes:
    answer = app.get(STATE)
    assert answer.status == 200, answer.body
    return answer.body


def go_on_alike(one: Story, other: Story) -> None:
    for name in ("files", "jobs", "uploads", "parts", "endpoints"):
        setattr(other, name, list(getattr(one, name)))
    for n, by in enumerate(("0.5s", "40s", "10m", "2h", "30h")):
        for each in (one, other):
            each.app.advance(by)
            for step in ("signal", "delete_outcome", "end_upload", "good", "respond"):
                each.do(step, n)
        assert outcome(one.app) == outcome(other.app)
    assert export(one.app) == export(other.app)


def test_what_is_exported_and_imported_goes_on_alike(app: App) -> None:
    """Into a sandbox of the same server that held other things before."""
    story, other = lived(app), of(app, "sk-admin-other")
    for step, n in (("good", 7), ("wait", 3), ("chat", 2), ("endpoint", 0)):
        Story(other).do(step, n)
    document = export(app)
    assert put(other, document).status == 200
    assert export(other) == document
    assert set(json.loads(document)["objects"]) == set(KINDS) - {"model_use"}
    assert outcome(other) == outcome(app)
    go_on_alike(story, Story(other))


def test_it_goes_on_alike_on_another_server_of_another_scenario(app: App) -> None:
    """Every job keeps the scenario it was created under; what is created later has the other server's."""
    lived(app)
    other = App(scenario="quick", others={"seed": 9})
    try:
        put(other, export(app))
        for by in ("0.5s", "40s", "10m", "2h", "30h"):
            assert outcome(other) == outcome(app)
            for each in (app, other):
                each.advance(by)
    finally:
        other.close()


@pytest.mark.parametrize("name", scenario_names())
def test_a_job_under_any_scenario_goes_on_alike(name: str) -> None:
    """Its signals, its failure, its late result, its model that is unloaded or gone."""
    app = App(scenario=name)
    try:
        story, other = Story(app), of(app, "sk-admin-other")
        for each in (app, other):  # how answers break is not what is asked here
            each.services.sandboxes.open(each.key, each.wall.now).faults = None
        for step, n in (("good", 1), ("wait", 2), ("good", 2), ("wait", 3)):
            story.do(step, n)
        outcome(app)  # models are asked, which keeps them in memory
        app.advance("8m")
        put(other, export(app))
        for by in ("9m", "2h"):
            assert outcome(other) == outcome(app)
            for each in (app, other):
                each.advance(by)
        assert export(other) == export(app)
    finally:
        app.close()


def test_ready_made_objects_survive(app: App) -> None:
    """Also the windows of their models, and what is special in the scenarios of their jobs."""
    assert app.post("/_mocktune/state/gallery").status == 200
    other = of(app, "sk-admin-other")
    put(other, export(app))
    for by in ("0.5s", "29s", "1m", "2h"):
        assert outcome(other) == outcome(app)
        for each in (app, other):
            each.advance(by)
    assert export(other) == export(app)


def test_a_used_clock_stands_at_the_instant_of_the_state_and_keeps_its_pace() -> None:
    app = App(others={"clock": "x60"})
    try:
        app.advance("30h")
        held = put(app, {"schema": 1, "now": "2001-01-01T00:00:00Z"})
        assert held.json() == {"now": 978307200.0, "files": 0, "jobs": 0, "models": 0}
        app.wall.now = WallTime(app.wall.now + SECOND)
        clock = app.get("/_mocktune/clock").json()
        assert (clock["clock"], clock["now"]) == ("x60", 978307260.0)
        put(app, {"schema": 1})
        assert app.get("/_mocktune/clock").json()["now"] == 978307260.0
    finally:
        app.close()


def test_an_import_keeps_how_the_sandbox_is_played_and_a_reset_does_not(app: App) -> None:
    assert app.ask("PUT", "/_mocktune/scenario", {"name": "quick"}).status == 200
    app.get("/v1/models")
    sandbox = app.services.sandboxes.open(app.key, app.wall.now)
    sandbox.advance_on_poll = 5
    entries = len(sandbox.journal.entries())
    assert entries
    put(app, {"schema": 1})
    imported = app.services.sandboxes.open(app.key, app.wall.now)
    assert (imported.scenario.name, imported.advance_on_poll) == ("quick", 5)
    assert len(imported.journal.entries()) == entries
    app.delete(STATE)
    emptied = app.services.sandboxes.open(app.key, app.wall.now)
    assert (emptied.scenario.name, emptied.advance_on_poll, emptied.faults) == ("realistic", None, None)
    assert not emptied.journal.entries()


def test_request_ids_go_on_after_an_import(app: App) -> None:
    ids = [app.get("/v1/models").headers["x-request-id"] for _ in range(3)]
    ids.append(put(app, {"schema": 1}).headers["x-request-id"])
    ids += [app.get("/v1/models").headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 7


# -- all or nothing ----------------------------------------------------------------------------------------------------

LINES = dataset().decode()
GOOD_FILE = {"id": "file-a", "content": LINES}
GOOD_JOB = {"id": "ftjob-a", "model": "gpt-4o-mini", "training_file": "file-a"}
BAD = [
    (b"{", "the state is no JSON"),
    (b"[1]", "Expected `object`"),
    ({}, "schema"),
    ({"schema": 2}, "schema"),
    ({"schema": 1, "filse": []}, "unknown key 'filse' at $; did you mean 'files'?"),
    ({"schema": 1, "files": [{**GOOD_FILE, "contents": "x"}]}, "unknown key 'contents' at $.files[0]"),
    ({"schema": 1, "files": [GOOD_FILE, GOOD_FILE]}, "files: the id 'file-a' is there twice"),
    ({"schema": 1, "files": [{**GOOD_FILE, "content_base64": "eA=="}]}, "file 'file-a': give either content or"),
    ({"schema": 1, "files": [GOOD_FILE, {"id": "file-b", "content_base64": "x"}]}, "file 'file-b': content_base64 is"),
    ({"schema": 1, "files": [GOOD_FILE], "jobs": [{**GOOD_JOB, "training_file": "file-b"}]}, "job 'ftjob-a': training"),
    ({"schema": 1, "files": [GOOD_FILE], "jobs": [{**GOOD_JOB, "model": "gpt-9"}]}, "job 'ftjob-a': model: 'gpt-9'"),
    ({"schema": 1, "now": 5, "files": [GOOD_FILE], "jobs": [{**GOOD_JOB, "status": "failed"}]}, "'ftjob-a': it takes"),
    ({"schema": 1, "files": [GOOD_FILE], "models": [{"id": "m", "base": "gpt-9"}]}, "model 'm': base: 'gpt-9'"),
    ({"schema": 1, "files": [GOOD_FILE], "gone": ["file-x"]}, "gone: 'file-x' is nothing"),
    ({"schema": 1, "files": [GOOD_FILE], "objects": {"response": [{"id": 1}]}}, "objects.response[0]:"),
    ({"schema": 1, "objects": {"responses": []}}, "'responses' is no kind of object; did you mean 'response'?"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "problem"), BAD, ids=[problem[:30] for _, problem in BAD])
def test_a_bad_document_changes_nothing_and_the_error_names_the_place(
    app: App, document: bytes | dict[str, Any], problem: str
) -> None:
    Story(app).do("good", 1)
    before, kept = export(app), app.services.blobs.used_bytes
    answer = put(app, document)
    assert answer.status == 400
    error = answer["error"]
    assert (error["code"], error["type"]) == ("invalid_state", "invalid_request_error")
    assert problem in error["message"]
    assert export(app) == before
    assert app.services.blobs.used_bytes == kept


def test_bytes_of_what_is_replaced_are_given_back(app: App) -> None:
    lived(app)
    put(app, export(app))
    held = app.services.blobs.used_bytes
    put(app, export(app))
    assert app.services.blobs.used_bytes == held
    app.delete(STATE)
    assert app.services.blobs.used_bytes == 0


def test_a_document_of_any_size_is_refused_or_taken_whole(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.http.routes.state.MAX_STATE_BYTES", 100)
    answer = put(app, b" " * 200)
    assert (answer.status, answer["error"]["message"]) == (
        413,
        "Maximum content size limit (100) exceeded (200 bytes read)",
    )
    assert put(app, b'{"schema": 1}' + b" " * 80).status == 200


def test_more_than_a_document_should_hold_is_not_exported(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.service.state_saving.MAX_SAVED_BYTES", 50)
    Story(app).do("good", 1)
    assert app.get(STATE).status == 409
    monkeypatch.undo()
    monkeypatch.setattr("mocktune.domain.state.MAX_STATE_BYTES", 50)
    assert app.get(STATE)["error"]["code"] == "state_too_large"


# -- emptied -----------------------------------------------------------------------------------------------------------


def test_a_sandbox_that_was_reset_is_as_new(app: App) -> None:
    """Ids, clock and x-request-id too."""

    def begun() -> list[tuple[bytes, str]]:
        answers = [app.upload(dataset())]
        answers.append(app.post("/v1/fine_tuning/jobs", {"model": "gpt-4o-mini", "training_file": answers[0]["id"]}))
        answers.append(app.get("/_mocktune/clock"))
        return [(each.body, each.headers["x-request-id"]) for each in answers]

    first = begun()
    lived(app)
    assert app.delete(STATE).json() == {"now": 1768435200.0, "files": 0, "jobs": 0, "models": 0}
    assert begun() == first
    put(app, {"schema": 1, "seed": 99, "now": 5, "organization_id": "org-x"})
    app.delete(STATE)
    assert begun() == first


def test_a_reset_begins_with_the_servers_own_state_again() -> None:
    app = App(state=state(files=[GOOD_FILE], jobs=[{**GOOD_JOB, "status": "running"}]))
    try:
        before = outcome(app)
        app.advance("3h")
        app.delete("/v1/files/file-a")
        app.post("/_mocktune/state/jobs", {})
        assert app.delete(STATE).json()["jobs"] == 1
        assert outcome(app) == before
    finally:
        app.close()


def test_other_sandboxes_are_left_alone(app: App) -> None:
    lived(app)
    before, other = export(app), of(app, "sk-other")
    put(other, {"schema": 1})
    other.delete(STATE)
    assert export(app) == before


def test_a_state_that_is_saved_in_the_end_is_the_one_that_was_imported(app: App) -> None:
    """Where all keys share one sandbox."""
    shared = App(others={"save_state_to": "unused.json"}, state=state())
    try:
        lived(app)
        put(shared, export(app))
        kept = shared.services.sandboxes.only()
        assert kept is not None
        assert len(kept.jobs) == len(app.get("/v1/fine_tuning/jobs?limit=100")["data"])
    finally:
        shared.close()


# -- at the same moment ------------------------------------------------------------------------------------------------


def test_requests_that_are_under_way_are_answered_whatever_becomes_of_their_sandbox(app: App) -> None:
    """None of them is an error of the server, and none leaves something in the sandbox that came after."""
    lived(app)
    document = export(app)
    jobs = [each["id"] for each in app.get("/v1/fine_tuning/jobs?limit=100")["data"]]

    async def storm() -> list[Answer]:
        asked = []
        for round in range(6):
            asked += [app.send("GET", f"/v1/fine_tuning/jobs/{job}/events") for job in jobs]
            asked += [app.send("GET", "/v1/files"), app.send("GET", STATE)]
            asked.append(app.send("POST", "/_mocktune/state/jobs", {"status": "running"}))
            asked.append(app.send("POST", "/_mocktune/clock/advance", {"by": "9m"}))
            asked.append(app.send("PUT", STATE, document) if round % 3 else app.send("DELETE", STATE))
        return list(await asyncio.gather(*asked))

    answers = app.run(storm())
    assert {each.status for each in answers} <= {200, 400, 404, 409}
    put(app, document)
    assert export(app) == document
    assert json.loads(document)["jobs"]


def test_of_several_imports_the_last_one_wins(app: App) -> None:
    documents = [{"schema": 1, "now": 1000.0 * n, "seed": n} for n in range(1, 6)]

    async def all_at_once() -> list[Answer]:
        return list(await asyncio.gather(*(app.send("PUT", STATE, each) for each in documents)))

    assert [(each.status, each["now"]) for each in app.run(all_at_once())] == [(200, each["now"]) for each in documents]
    assert (json.loads(export(app))["now"], json.loads(export(app))["seed"]) == (5000.0, 5)


def test_every_step_of_a_story_is_one_that_was_told() -> None:
    assert {step for step, _ in LIFE} <= set(STEPS)
