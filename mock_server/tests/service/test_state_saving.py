"""A sandbox that was saved and loaded goes on as the saved one would have: every answer is the same, byte for byte, now
and at every later instant, and what is created next gets the same ids.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import App, state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import chat_line, dataset

from mocktune.domain.state import StateError, read_state, write_state
from mocktune.service.state_saving import save_state

MODEL = "gpt-4o-mini-2024-07-18"
GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
PREFERENCES = b"".join(
    b'{"input": {"messages": [{"role": "user", "content": "Say %d."}]}, '
    b'"preferred_output": [{"role": "assistant", "content": "%d, gladly."}], '
    b'"non_preferred_output": [{"role": "assistant", "content": "No."}]}\n' % (n, n)
    for n in range(12)
)
ROWS = b"".join(
    b'{"messages": [{"role": "user", "content": "What is %d plus 1?"}], "answer": "%d"}\n' % (n, n + 1)
    for n in range(12)
)


class Story:
    """What somebody does to a sandbox, step by step; whatever is named is chosen among what there is."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.files: list[str] = []
        self.jobs: list[str] = []
        self.uploads: list[str] = []
        self.parts: list[str] = []
        self.endpoints: list[str] = []
        self.answers: list[int] = []

    def do(self, step: str, n: int) -> None:
        answer = STEPS[step](self, n)
        if answer is not None:
            assert answer.status < 500, (step, answer.body)
            self.answers.append(answer.status)

    def file(self, n: int) -> str:
        return self.files[n % len(self.files)] if self.files else "file-none"

    def job(self, n: int) -> str:
        return self.jobs[n % len(self.jobs)] if self.jobs else "ftjob-none"

    def upload(self, n: int) -> Any:
        kind = n % 7
        if kind == 0:
            answer = self.app.upload(b'{"messages": 1}\n{"bad', name="bad.jsonl")
        elif kind == 1:
            answer = self.app.upload(bytes(range(256)), purpose="user_data", name="ünï.bin")
        elif kind == 2:
            answer = self.app.upload(PREFERENCES)
        elif kind == 3:
            answer = self.app.upload(ROWS)
        elif kind == 4:
            answer = self.app.upload(dataset(3))
        else:
            answer = self.app.upload(dataset(10 + n % 4))
        self.files.append(answer["id"])
        return answer

    def create(self, n: int) -> Any:
        methods: list[dict[str, Any]] = [
            {},
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}}},
            {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}}, "model": "o4-mini-2025-04-16"},
            {"hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5}, "suffix": "Sö fine"},
            {"seed": 7, "metadata": {"a": "b"}, "integrations": [{"type": "wandb", "wandb": {"project": "p"}}]},
        ]
        asked = {"model": MODEL, "training_file": self.file(n), **methods[n % len(methods)]}
        if n % 3 == 0:
            asked["validation_file"] = self.file(n // 3)
        answer = self.app.post("/v1/fine_tuning/jobs", asked)
        self._created(answer)
        return answer

    def good(self, n: int) -> Any:
        """A job that will succeed, on a file of its own."""
        self.files.append(self.app.upload(dataset(12 + n % 3))["id"])
        answer = self.app.post("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": self.files[-1], "seed": n})
        self._created(answer)
        return answer

    def again(self, n: int) -> Any:
        """A job on a model that a job brought forth, or on its result file."""
        job = self.app.get(f"/v1/fine_tuning/jobs/{self.job(n)}").json()
        asked = {"model": job.get("fine_tuned_model") or MODEL, "training_file": self.file(n)}
        if n % 4 == 0 and job.get("result_files"):
            asked["training_file"] = job["result_files"][0]
        answer = self.app.post("/v1/fine_tuning/jobs", asked)
        self._created(answer)
        return answer

    def azure(self, n: int) -> Any:
        asked = {"model": MODEL, "training_file": self.file(n), "suffix": "az"}
        answer = self.app.post("/openai/fine_tuning/jobs?api-version=2024-10-21", asked)
        self._created(answer)
        return answer

    def _created(self, answer: Any) -> None:
        if answer.status < 300:
            self.jobs.append(answer["id"])

    def signal(self, n: int) -> Any:
        return self.app.post(f"/v1/fine_tuning/jobs/{self.job(n // 3)}/{('cancel', 'pause', 'resume')[n % 3]}")

    def delete_file(self, n: int) -> Any:
        return self.app.delete(f"/v1/files/{self.file(n)}")

    def delete_outcome(self, n: int) -> Any:
        job = self.app.get(f"/v1/fine_tuning/jobs/{self.job(n // 3)}").json()
        if n % 3 == 0 and job.get("result_files"):
            return self.app.delete(f"/v1/files/{job['result_files'][0]}")
        tuned = [each["id"] for each in self.app.get("/v1/models")["data"] if each["id"].startswith("ft:")]
        return self.app.delete(f"/v1/models/{tuned[n % len(tuned)]}") if tuned else None

    def start_upload(self, n: int) -> Any:
        data = dataset(12)
        asked = {"filename": "u.jsonl", "purpose": "fine-tune", "bytes": len(data), "mime_type": "text/jsonl"}
        answer = self.app.post("/v1/uploads", asked)
        self.uploads.append(answer["id"])
        cut = n * 37 % len(data)
        self.parts = [self.app.add_part(self.uploads[-1], piece)["id"] for piece in (data[:cut], data[cut:]) if piece]
        return answer

    def end_upload(self, n: int) -> Any:
        if not self.uploads:
            return None
        if n % 2:
            return self.app.post(f"/v1/uploads/{self.uploads[n % len(self.uploads)]}/cancel")
        answer = self.app.post(f"/v1/uploads/{self.uploads[-1]}/complete", {"part_ids": self.parts})
        if answer.status == 200:
            self.files.append(answer["file"]["id"])
        return answer

    def chat(self, n: int) -> Any:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": f"Hi {n}?"}], "store": True}
        if n % 2:
            asked |= {"logprobs": True, "top_logprobs": 2, "metadata": {"n": str(n)}, "temperature": 0.5, "n": 2}
        return self.app.post("/v1/chat/completions", asked)

    def respond(self, n: int) -> Any:
        asked: dict[str, Any] = {"model": MODEL, "input": f"Hello {n}", "metadata": {"n": str(n)}}
        if n % 2:
            tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
            asked |= {"tools": [tool], "tool_choice": "required"}
        return self.app.post("/v1/responses", asked)

    def endpoint(self, n: int) -> Any:
        if n % 3 == 0 or not self.endpoints:
            asked = {"name": f"e{n}", "url": "https://example.com/", "event_types": ["fine_tuning.job.succeeded"]}
            answer = self.app.post("/v1/webhook_endpoints", asked)
            self.endpoints.append(answer["id"])
            return answer
        path = f"/v1/webhook_endpoints/{self.endpoints[n % len(self.endpoints)]}"
        if n % 3 == 1:
            return self.app.post(f"{path}/rotate_secret", {"keep_old_secret_active_for_24_hours": n % 2 == 0})
        return self.app.post(path, {"name": "renamed"})

    def permit(self, n: int) -> Any:
        job = self.app.get(f"/v1/fine_tuning/jobs/{self.job(n)}").json()
        path = f"/v1/fine_tuning/checkpoints/{job.get('fine_tuned_model')}/permissions"
        return self.app.post(path, {"project_ids": [f"proj_{n}"]})

    def deploy(self, n: int) -> Any:
        answer = self.app.post("/openai/deployments?api-version=2024-10-21", {"id": f"d{n % 3}", "model": MODEL})
        assert answer.status == 201
        return answer

    def wait(self, n: int) -> None:
        self.app.advance(("0.000001s", "7s", "61s", "15m", "90m", "40m")[n % 6])


STEPS: dict[str, Callable[[Story, int], Any]] = {
    name: getattr(Story, name)
    for name in (
        "upload", "create", "good", "again", "azure", "signal", "delete_file", "delete_outcome", "start_upload",
        "end_upload", "chat", "respond", "endpoint", "permit", "deploy", "wait",
    )
}  # fmt: skip


def outcome(app: App) -> dict[str, bytes]:
    """Every answer of the API about what there is."""
    seen: dict[str, bytes] = {}

    def read(path: str) -> Any:
        answer = app.get(path)
        assert answer.status < 500, (path, answer.body)
        seen[path] = answer.body
        return answer.json()

    for file in read("/v1/files")["data"]:
        read(f"/v1/files/{file['id']}")
        seen[file["id"]] = app.get(f"/v1/files/{file['id']}/content").body
    for job in read("/v1/fine_tuning/jobs?limit=1000")["data"]:
        path = f"/v1/fine_tuning/jobs/{job['id']}"
        read(path)
        read(f"{path}/events?limit=1000")
        for checkpoint in read(f"{path}/checkpoints?limit=1000")["data"]:
            read(f"/v1/fine_tuning/checkpoints/{checkpoint['fine_tuned_model_checkpoint']}/permissions")
    for model in read("/v1/models")["data"]:
        read(f"/v1/models/{model['id']}")
        if model["id"].startswith("ft:") or model["owned_by"] == "me":
            asked = {"model": model["id"], "messages": [{"role": "user", "content": "What is 4 plus 4?"}], "seed": 1}
            chat = app.post("/v1/chat/completions", asked)
            seen[f"chat {model['id']}"] = chat.body
    for stored in read("/v1/chat/completions")["data"]:
        read(f"/v1/chat/completions/{stored['id']}")
        read(f"/v1/chat/completions/{stored['id']}/messages")
    for endpoint in read("/v1/webhook_endpoints")["data"]:
        read(f"/v1/webhook_endpoints/{endpoint['id']}")
    seen["deployments"] = app.get("/openai/deployments?api-version=2024-10-21").body
    return seen


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
