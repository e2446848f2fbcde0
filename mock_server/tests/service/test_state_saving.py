"""A sandbox that was saved and loaded goes on as the saved one would have: every answer is the same, byte for byte, now
and at every later instant, and what is created next gets the same ids.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import App, state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import STEPS, Story, outcome
from support import chat_line, dataset

from mocktune.domain.state import StateError, read_state, write_state
from mocktune.service.state_saving import save_state


async def _saved(app: App) -> bytes:
    sandbox = app.services.sandboxes.open(app.key, app.wall.now)
    return write_state(save_state(await app.services.visit(sandbox)))


def saved(app: App) -> bytes:
    return app.run(_saved(app))


def loaded(document: bytes, like: App) -> App:
    """A server of another seed that begins with a saved state."""
    app = App(state=read_state(document), others={"seed": 99}, scenario=like.scenario, changes=like.changes)
    try:
        app.run(app.services.check_state())
    except BaseException:
        app.close()
        raise
    return app


def assert_goes_on_alike(app: App, story: Story) -> None:
    again = loaded(saved(app), app)
    try:
        # Asking for a chat draws its id: both servers are asked the same, in the same order.
        assert outcome(again) == outcome(app)
        assert saved(again) == saved(app)
        other = Story(again)
        for name in ("files", "jobs", "uploads", "parts", "endpoints"):
            setattr(other, name, list(getattr(story, name)))
        for n, by in enumerate(("0.5s", "40s", "10m", "2h", "30h", "800h")):
            for each in (story, other):
                each.app.advance(by)
                for step in ("signal", "delete_outcome", "delete_file", "end_upload", "endpoint", "respond", "again"):
                    each.do(step, n)
            assert outcome(again) == outcome(app)
        assert story.answers[-1] == other.answers[-1]
        assert saved(again) == saved(app)
    finally:
        again.close()


def told(steps: list[tuple[str, int]], **others: Any) -> None:
    app = App(**others)
    try:
        story = Story(app)
        for step, n in steps:
            story.do(step, n)
        assert_goes_on_alike(app, story)
    finally:
        app.close()


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(sorted([*STEPS, "wait", "good"])), st.integers(0, 60)), max_size=14))
def test_any_sandbox_goes_on_as_it_would_have(steps: list[tuple[str, int]]) -> None:
    told(steps)


RUNNING = [("upload", 5), ("wait", 2), ("good", 1), ("wait", 2), ("wait", 2)]
DONE = [*RUNNING, ("wait", 4), ("wait", 4)]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([], id="nothing"),
        pytest.param([*RUNNING, ("signal", 1)], id="paused"),
        pytest.param([*RUNNING, ("signal", 1), ("wait", 3), ("signal", 2), ("wait", 0)], id="queued again"),
        pytest.param([*RUNNING, ("signal", 0), ("delete_file", 1)], id="cancelled, its bytes given back"),
        pytest.param([("good", 0), ("wait", 1), ("delete_file", 0)], id="deleted before it was validated"),
        pytest.param([("good", 0), ("wait", 2), ("delete_file", 0), ("wait", 1)], id="deleted while it runs"),
        pytest.param([*DONE, ("delete_outcome", 0), ("delete_outcome", 1)], id="result file and model gone"),
        pytest.param([*DONE, *[("delete_outcome", 1)] * 9, ("delete_file", 1)], id="no model left, no bytes left"),
        pytest.param([*DONE, ("again", 1), ("wait", 2), ("delete_outcome", 1)], id="tuned again, the parent gone"),
        pytest.param([*DONE, ("again", 0), ("wait", 1)], id="tuned on a result file"),
        pytest.param([("upload", 3), ("create", 12), ("wait", 3)], id="reinforcement"),
        pytest.param(
            [("upload", 3), ("wait", 2), ("create", 12), ("wait", 2), ("signal", 0), ("delete_file", 0)],
            id="reinforcement, cancelled, its bytes given back",
        ),
        pytest.param([("upload", 2), ("create", 1), ("wait", 4)], id="dpo"),
        pytest.param([("upload", 5), ("azure", 0), ("deploy", 1), ("wait", 4), ("wait", 4)], id="azure"),
        pytest.param([("start_upload", 1), ("start_upload", 9), ("wait", 2)], id="uploads pending"),
        pytest.param([("start_upload", 3), ("end_upload", 0), ("start_upload", 1), ("end_upload", 1)], id="uploads"),
        pytest.param([("chat", 1), ("chat", 2), ("respond", 1), ("respond", 2)], id="stored answers"),
        pytest.param([("endpoint", 0), ("endpoint", 4), ("endpoint", 3), ("endpoint", 5)], id="webhook endpoints"),
        pytest.param([*DONE, ("permit", 1), ("permit", 2)], id="permissions"),
    ],
)
def test_it_goes_on_as_it_would_have(steps: list[tuple[str, int]]) -> None:
    told(steps)


@pytest.mark.parametrize(
    "changes",
    [
        ("limits.quota_usd=0.0005",),
        ("job.outcome=failed", "job.failure.phase=queued", "job.failure.code=odd"),
        ("job.training=3h", "model.absent_for=1h", "result.encoding=plain"),
    ],
)
def test_each_job_keeps_the_scenario_it_was_created_under(changes: tuple[str, ...]) -> None:
    """Whatever the server plays that loads them."""
    app = App(changes=changes)
    for step, n in [("good", 0), ("wait", 2), ("good", 1)]:
        Story(app).do(step, n)
    again = App(state=read_state(saved(app)), scenario="quick", others={"seed": 99})
    try:
        for by in ("10s", "45s", "2m", "10m", "2h", "20h"):
            assert outcome(again) == outcome(app)
            for each in (app, again):
                each.advance(by)
    finally:
        app.close()
        again.close()


def test_an_instant_after_the_exact_ones_survives() -> None:
    """Beyond the year 2106 seconds as floating point numbers are too coarse for microseconds."""
    app = App(state=state(now="2250-01-01T00:00:00.000001Z"))
    try:
        story = Story(app)
        for step, n in [("good", 0), ("wait", 0), ("wait", 2), ("signal", 1)]:
            story.do(step, n)
        assert_goes_on_alike(app, story)
    finally:
        app.close()


def test_a_state_of_models_alone_survives_with_what_was_tuned_on_them_and_deleted() -> None:
    begun = state(
        files=[{"id": "file-a", "content": dataset().decode()}],
        models=[
            {"id": "house-model", "base": "gpt-4o-2024-08-06", "owned_by": "me"},
            {"id": "ft:house", "base": "gpt-4o", "owned_by": "me"},
            {"id": "ft:gpt-4o-mini:me::1", "trained_on": "file-a"},
            {"id": "ft:gpt-4o-mini:me::2", "trained_on": "file-a"},
        ],
    )
    app = App(state=begun)
    try:
        story = Story(app)
        for model in [each["id"] for each in app.get("/v1/models")["data"] if each["owned_by"] != "system"]:
            answer = app.post("/v1/fine_tuning/jobs", {"model": model, "training_file": "file-a"})
            assert answer.status == 200
            story.jobs.append(answer["id"])
        assert app.delete("/v1/models/ft:house").status == 200
        assert app.delete("/v1/models/ft:gpt-4o-mini:me::1").status == 200
        assert_goes_on_alike(app, story)
        assert app.delete("/v1/files/file-a").status in (200, 404)
    finally:
        app.close()


def test_a_deleted_parent_without_bytes_survives() -> None:
    app = App(
        state=state(
            files=[{"id": "file-a", "content": dataset().decode()}, {"id": "file-b", "content": dataset(11).decode()}],
            models=[{"id": "ft:gpt-4o-mini:me::1", "trained_on": "file-a"}],
        )
    )
    try:
        asked = {"model": "ft:gpt-4o-mini:me::1", "training_file": "file-b"}
        assert app.post("/v1/fine_tuning/jobs", asked).status == 200
        assert app.delete("/v1/models/ft:gpt-4o-mini:me::1").status == 200
        assert app.delete("/v1/files/file-a").status == 200
        assert_goes_on_alike(app, Story(app))
    finally:
        app.close()


def test_what_a_state_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.service.state_saving.MAX_SAVED_BYTES", 5000)
    monkeypatch.setattr("mocktune.domain.state.MAX_STATE_BYTES", 9000)
    app = App()
    try:
        app.upload(b"\x00" * 4000, purpose="user_data")
        with pytest.raises(StateError, match=r"a state has at most 9000 bytes, this one would have 2\d+"):
            saved(app)  # each of these bytes is written as six
        app.upload(b"x" * 4000, purpose="user_data")
        with pytest.raises(StateError, match="its files and uploads hold 8000 bytes; a state takes at most 5000"):
            saved(app)
    finally:
        app.close()


def test_a_state_that_is_not_saved_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.service.state_saving.MAX_SAVED_BYTES", 10)
    path = tmp_path / "state.json"
    path.write_bytes(b"as it was")
    app = App(others={"save_state_to": str(path)})
    try:
        app.upload(dataset())
        app.run(app.services.save_state())
        keeper = app.services.state_keeper
        assert keeper is not None
        assert str(keeper.fault).startswith("its files and uploads hold")
        assert path.read_bytes() == b"as it was"
        assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
        monkeypatch.setattr("mocktune.service.state_saving.MAX_SAVED_BYTES", 10**6)
        app.run(app.services.save_state())
        assert len(read_state(path.read_bytes()).files) == 1
    finally:
        app.close()


def test_parts_of_uploads_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.service.state_saving.MAX_SAVED_BYTES", 100)
    app = App()
    try:
        Story(app).do("start_upload", 1)
        with pytest.raises(StateError, match="its files and uploads hold"):
            saved(app)
    finally:
        app.close()


def test_every_line_of_a_saved_chat_file_is_readable() -> None:
    """People are to edit it: text as text, instants in seconds."""
    app = App()
    try:
        app.upload(chat_line("Grüße?").encode())
        document = saved(app).decode()
        assert '"created_at": 1768435200.0' in document
        assert "content_base64" not in document
        assert "Gr\\\\u00fc" in document or "Grüße" in document
    finally:
        app.close()
