"""What a sandbox that begins with a state has: the objects as they were written, with the ids that were chosen, and a
clear word about what cannot be.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asking import App, state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import chat_line, dataset

from mocktune.domain.state import State, StateError, read_state

MODEL = "gpt-4o-mini-2024-07-18"
NOW = 1_768_435_200
FILE = {"id": "file-train", "content": dataset().decode()}
JOB = {"id": "ftjob-mine", "model": MODEL, "training_file": "file-train"}
TUNED = "ft:gpt-4o-mini-2024-07-18:me::chosen"
GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
ROWS = "".join(
    json.dumps({"messages": [{"role": "user", "content": f"{n} + 1?"}], "answer": str(n + 1)}) + "\n" for n in range(12)
)
PAIRS = "".join(
    json.dumps(
        {
            "input": {"messages": [{"role": "user", "content": f"Say {n}."}]},
            "preferred_output": [{"role": "assistant", "content": f"{n}, gladly."}],
            "non_preferred_output": [{"role": "assistant", "content": "No."}],
        }
    )
    + "\n"
    for n in range(12)
)

PERMISSION = {"id": "cp_1", "checkpoint": TUNED, "project_id": "p", "created_at": NOW}
Apps = Callable[..., App]


@pytest.fixture
def begun() -> Iterator[Apps]:
    """``begun(**parts of a state)``: a server whose sandboxes begin with it."""
    opened: list[App] = []

    def begin(*, scenario: str = "realistic", others: dict[str, Any] | None = None, **parts: Any) -> App:
        opened.append(App(state=state(**parts), scenario=scenario, others=others or {}))
        return opened[-1]

    yield begin
    for app in opened:
        app.close()


def job(app: App, id: str = "ftjob-mine") -> dict[str, Any]:
    found: dict[str, Any] = app.get(f"/v1/fine_tuning/jobs/{id}").json()
    return found


# -- files -------------------------------------------------------------------------------------------------------------


def test_files_have_the_content_that_was_written(begun: Apps) -> None:
    app = begun(
        files=[
            {"id": "file-text", "content": "Grüße\n", "purpose": "user_data", "filename": "ü.txt"},
            {
                "id": "file-bytes",
                "content_base64": base64.b64encode(b"\xff\x00").decode(),
                "purpose": "user_data",
            },
            {"id": "file-none", "purpose": "user_data"},
        ]
    )
    contents = {id: app.get(f"/v1/files/{id}/content").body for id in ("file-text", "file-bytes", "file-none")}
    assert contents == {"file-text": "Grüße\n".encode(), "file-bytes": b"\xff\x00", "file-none": b""}
    listed = app.get("/v1/files?order=asc")["data"]
    assert [(each["id"], each["filename"], each["bytes"], each["status"]) for each in listed] == [
        ("file-text", "ü.txt", 8, "processed"),
        ("file-bytes", "training.jsonl", 2, "processed"),
        ("file-none", "training.jsonl", 0, "processed"),
    ]


def test_files_are_processed_end_in_error_and_expire_when_it_was_written(begun: Apps) -> None:
    app = begun(
        files=[
            {**FILE, "id": "file-soon", "created_at": NOW - 5, "ready_at": NOW + 10},
            {**FILE, "id": "file-bad", "ready_at": "2026-01-15T00:00:10Z", "status_details": "It broke."},
            {**FILE, "id": "file-brief", "expires_at": NOW + 10},
            {**FILE, "id": "file-late", "expires_at": NOW - 10},
            {**FILE, "id": "file-gone", "deleted": True},
        ]
    )

    def seen() -> dict[str, tuple[str, str | None]]:
        return {each["id"]: (each["status"], each["status_details"]) for each in app.get("/v1/files")["data"]}

    assert seen() == {
        "file-soon": ("uploaded", None),
        "file-bad": ("uploaded", None),
        "file-brief": ("processed", None),
    }
    app.advance("10s")
    assert seen() == {"file-soon": ("processed", None), "file-bad": ("error", "It broke.")}


def test_a_file_of_which_no_instant_is_told_is_older_than_its_jobs(begun: Apps) -> None:
    slow = {**JOB, "status": "succeeded", "scenario": {"job": {"training": "90d"}}}
    app = begun(files=[FILE, {**FILE, "id": "file-b"}], jobs=[slow])
    assert job(app)["created_at"] < NOW - 90 * 86400
    assert app.get("/v1/files/file-train")["created_at"] == job(app)["created_at"]
    assert app.get("/v1/files/file-b")["created_at"] == NOW - 7 * 86400


# -- jobs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["quick", "realistic"])
@pytest.mark.parametrize(
    ("status", "finished"),
    [
        ("validating_files", False),
        ("queued", False),
        ("running", False),
        ("paused", False),
        ("succeeded", True),
        ("failed", True),
        ("cancelled", True),
    ],
)
@pytest.mark.parametrize(
    ("method", "content", "model"),
    [
        ({"type": "supervised"}, FILE["content"], MODEL),
        ({"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.3}}}, PAIRS, MODEL),
        ({"type": "reinforcement", "reinforcement": {"grader": GRADER}}, ROWS, "o4-mini-2025-04-16"),
    ],
    ids=["supervised", "dpo", "reinforcement"],
)
def test_a_job_stands_where_it_was_written(
    begun: Apps, scenario: str, status: str, finished: bool, method: dict[str, Any], content: str, model: str
) -> None:
    written = {**JOB, "model": model, "method": method, "status": status}
    app = begun(scenario=scenario, files=[{**FILE, "content": content}], jobs=[written])
    found = job(app)
    assert (found["status"], found["method"]["type"]) == (status, method["type"])
    assert (found["finished_at"] is not None) is finished
    assert (found["fine_tuned_model"] is not None) is (status == "succeeded")
    events = app.get("/v1/fine_tuning/jobs/ftjob-mine/events?limit=1000")["data"]
    assert all(event["created_at"] <= NOW for event in events)
    if status in ("validating_files", "queued", "running"):
        app.advance("8h")
        assert job(app)["status"] == "succeeded"
    if status == "paused":
        app.advance("8h")
        assert job(app)["status"] == "paused"
        assert app.post("/v1/fine_tuning/jobs/ftjob-mine/resume").status == 200
        app.advance("8h")
        assert job(app)["status"] == "succeeded"


@pytest.mark.parametrize("progress", [0, 0.25, 0.999, 1])
def test_progress_is_the_part_of_the_phase(begun: Apps, progress: float) -> None:
    app = begun(
        files=[FILE], jobs=[{**JOB, "status": "running", "progress": progress, "hyperparameters": {"n_epochs": 10}}]
    )
    assert job(app)["status"] == "running"
    events = app.get("/v1/fine_tuning/jobs/ftjob-mine/events?limit=1000")["data"]
    steps = sum(event["type"] == "metrics" for event in events)
    assert abs(steps - 120 * progress) <= 1


@pytest.mark.parametrize("phase", ["validating_files", "queued", "running"])
def test_a_failure_is_as_it_was_chosen(begun: Apps, phase: str) -> None:
    failure = {"phase": phase, "progress": 0.9, "code": "odd", "message": "It was odd.", "param": "training_file"}
    app = begun(files=[FILE], jobs=[{**JOB, "status": "failed", "failure": failure}])
    assert job(app)["error"] == {"code": "odd", "message": "It was odd.", "param": "training_file"}
    assert app.get("/v1/fine_tuning/jobs/ftjob-mine/events")["data"][0]["message"] == "It was odd."


def test_a_failure_may_be_still_to_come(begun: Apps) -> None:
    app = begun(files=[FILE], jobs=[{**JOB, "status": "running", "progress": 0.2, "failure": {"code": "later"}}])
    assert job(app)["status"] == "running"
    app.advance("8h")
    assert job(app)["error"]["code"] == "later"


def test_a_job_on_a_bad_file_failed_as_such_a_file_makes_it_fail(begun: Apps) -> None:
    app = begun(files=[{**FILE, "content": dataset(3).decode()}], jobs=[{**JOB, "status": "failed"}])
    assert job(app)["error"]["message"] == "Training file has 3 example(s), but must have at least 10 examples"


def test_a_job_shows_what_was_asked_for(begun: Apps) -> None:
    app = begun(
        files=[FILE, {**FILE, "id": "file-valid"}],
        jobs=[
            {
                **JOB,
                "status": "succeeded",
                "validation_file": "file-valid",
                "suffix": "mine",
                "seed": 5,
                "metadata": {"a": "b"},
                "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}}],
                "hyperparameters": {"n_epochs": 2, "batch_size": "auto"},
            }
        ],
    )
    found = job(app)
    assert found["validation_file"] == "file-valid"
    assert (found["user_provided_suffix"], found["seed"], found["metadata"]) == ("mine", 5, {"a": "b"})
    assert found["integrations"][0]["wandb"]["tags"] == ["t"]
    assert found["hyperparameters"]["n_epochs"] == 2
    assert ":mine:" in found["fine_tuned_model"]
    newest = app.get("/v1/fine_tuning/jobs/ftjob-mine/checkpoints")["data"][0]
    assert "full_valid_loss" in newest["metrics"]


def test_chosen_names_appear_everywhere(begun: Apps) -> None:
    app = begun(
        files=[FILE],
        jobs=[{**JOB, "status": "succeeded", "fine_tuned_model": TUNED, "result_file": "file-result"}],
    )
    found = job(app)
    assert (found["fine_tuned_model"], found["result_files"]) == (TUNED, ["file-result"])
    assert TUNED in [each["id"] for each in app.get("/v1/models")["data"]]
    path = "/v1/fine_tuning/jobs/ftjob-mine"
    assert app.get(f"{path}/checkpoints")["data"][0]["fine_tuned_model_checkpoint"] == TUNED
    assert f"New fine-tuned model created: {TUNED}" in [
        each["message"] for each in app.get(f"{path}/events?limit=100")["data"]
    ]
    assert "file-result" in [each["id"] for each in app.get("/v1/files?purpose=fine-tune-results")["data"]]
    assert base64.b64decode(app.get("/v1/files/file-result/content").body).startswith(b"step,train_loss")


def test_a_model_answers_from_what_its_job_was_trained_on_and_can_be_tuned_again(begun: Apps) -> None:
    app = begun(
        files=[FILE, {**FILE, "id": "file-next", "content": (chat_line("Sing!", "La la.") + "\n") * 12}],
        jobs=[
            {**JOB, "id": "ftjob-child", "model": TUNED, "training_file": "file-next", "status": "succeeded"},
            {**JOB, "status": "succeeded", "fine_tuned_model": TUNED},
        ],
    )
    child = job(app, "ftjob-child")
    assert child["model"] == TUNED

    def says(model: str, text: str) -> str:
        asked = {"model": model, "messages": [{"role": "user", "content": text}]}
        content: str = app.post("/v1/chat/completions", asked)["choices"][0]["message"]["content"]
        return content

    assert says(TUNED, "What is 4 plus 4?") == "It is 8, of course."
    assert says(child["fine_tuned_model"], "Sing!") == "La la."


def test_models_without_a_job(begun: Apps) -> None:
    app = begun(
        files=[FILE],
        models=[
            {"id": "house-model", "base": "gpt-4o", "owned_by": "house", "created_at": NOW - 50},
            {"id": TUNED, "trained_on": "file-train", "created_at": "2026-01-14T00:00:00Z"},
        ],
    )
    models = {each["id"]: each for each in app.get("/v1/models")["data"]}
    assert (models["house-model"]["owned_by"], models["house-model"]["created"]) == ("house", NOW - 50)
    assert models[TUNED]["created"] == NOW - 86400
    asked = {"model": TUNED, "messages": [{"role": "user", "content": "What is 4 plus 4?"}]}
    assert app.post("/v1/chat/completions", asked)["choices"][0]["message"]["content"] == "It is 8, of course."
    assert app.get("/v1/fine_tuning/jobs")["data"] == []
    for model in ("house-model", TUNED):
        asked = {"model": model, "training_file": "file-train"}
        assert app.post("/v1/fine_tuning/jobs", asked).status == 200


def test_a_job_by_its_instants_has_the_future_it_had(begun: Apps) -> None:
    scenario = {"job": {"validating": "10s", "queued": "10s", "training": "100s"}}
    created = {**JOB, "created_at": NOW - 60, "scenario": scenario}
    signals = [{"at": NOW - 30, "do": "pause"}, {"at": NOW - 20, "do": "resume"}]
    app = begun(
        files=[FILE],
        jobs=[
            created,
            {**created, "id": "ftjob-cancelled", "signals": [{"at": NOW - 55, "do": "cancel"}]},
            {**created, "id": "ftjob-resumed", "signals": signals},
        ],
    )
    assert [job(app, id)["status"] for id in ("ftjob-mine", "ftjob-cancelled", "ftjob-resumed")] == [
        "running",
        "cancelled",
        "running",
    ]
    app.advance("61s")
    assert job(app)["finished_at"] == NOW + 60
    assert job(app, "ftjob-resumed")["finished_at"] is None
    app.advance("20s")
    assert job(app, "ftjob-resumed")["finished_at"] == NOW + 80


# -- sandboxes ---------------------------------------------------------------------------------------------------------


def test_each_sandbox_has_a_copy_of_its_own(begun: Apps) -> None:
    app = begun(
        files=[FILE],
        jobs=[{**JOB, "status": "running"}],
        models=[{"id": TUNED, "trained_on": "file-train"}],
        objects={
            "webhook_endpoint": [
                {
                    "endpoint": {
                        "id": "whe_1",
                        "created_at": NOW,
                        "updated_at": NOW,
                        "name": "n",
                        "url": "https://example.com",
                        "event_types": [],
                        "secret": "whsec_c2VjcmV0",
                    }
                }
            ]
        },
    )
    assert app.post("/v1/fine_tuning/jobs/ftjob-mine/cancel", key="sk-a").status == 200
    assert app.delete(f"/v1/models/{TUNED}", key="sk-a").status == 200
    assert app.delete("/v1/files/file-train", key="sk-a").status == 200
    assert app.post("/v1/webhook_endpoints/whe_1", {"name": "renamed"}, key="sk-a").status == 200
    for key in ("sk-b", "sk-c"):
        assert app.get("/v1/fine_tuning/jobs/ftjob-mine", key=key)["status"] == "running"
        assert app.get(f"/v1/models/{TUNED}", key=key).status == 200
        assert app.get("/v1/files/file-train/content", key=key).body == FILE["content"].encode()
        assert app.get("/v1/webhook_endpoints/whe_1", key=key)["name"] == "n"
    assert app.get("/v1/files", key="sk-a")["data"] == []


def test_ids_that_were_chosen_are_never_drawn_again(begun: Apps) -> None:
    plain = begun()
    file = plain.upload(dataset())["id"]
    ids = [plain.post("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": file})["id"] for _ in range(5)]
    app = begun(
        files=[{**FILE, "id": file}],
        jobs=[{**JOB, "id": ids[1], "training_file": file}, {**JOB, "id": ids[3], "training_file": file}],
    )
    upload = app.upload(dataset())
    assert upload.status == 200
    assert upload["id"] != file
    drawn = [app.post("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": upload["id"]})["id"] for _ in "ab"]
    assert drawn == [ids[2], ids[4]]


def test_what_is_due_at_one_instant_as_a_state_s_objects_is_told_apart(begun: Apps) -> None:
    app = begun(
        files=[{**FILE, "expires_at": NOW + 3600}],
        jobs=[{**JOB, "created_at": NOW}],
        objects={"upload": [UPLOAD]},
        scenario="quick",
    )
    request = {"filename": "f.jsonl", "purpose": "fine-tune", "bytes": 5, "mime_type": "text/plain"}
    assert app.post("/v1/uploads", request).status == 200
    file = app.upload(dataset())["id"]
    for _ in range(2):
        assert app.post("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": file}).status == 200
    app.advance("2h")
    assert {each["status"] for each in app.get("/v1/fine_tuning/jobs")["data"]} == {"succeeded"}


@pytest.mark.parametrize("parts", [{"files": [FILE]}, {"objects": {"permission": [PERMISSION]}}])
def test_the_clock_starts_at_the_saved_instant_and_not_before(begun: Apps, parts: dict[str, Any]) -> None:
    app = begun(now="2027-03-01T00:00:00Z", **parts)
    assert app.get("/_mocktune/clock")["now"] == 1_803_859_200
    answer = app.ask("PUT", "/_mocktune/clock", {"clock": "frozen", "start": "2026-01-01T00:00:00Z"})
    assert answer.status == 409


def test_an_organization_and_a_seed_may_be_chosen(begun: Apps) -> None:
    parts: dict[str, Any] = {"files": [FILE], "jobs": [{**JOB, "status": "succeeded"}], "seed": 5}
    app = begun(**parts, organization_id="org-mine")
    other = begun(**parts, others={"seed": 1})
    assert job(app)["organization_id"] == "org-mine"
    assert job(app)["fine_tuned_model"] == job(other)["fine_tuned_model"]


# -- what cannot be ----------------------------------------------------------------------------------------------------

UPLOAD = {
    "id": "upload_1",
    "created_at": NOW,
    "request": {"filename": "f", "purpose": "fine-tune", "size_bytes": 1, "mime_type": "text/plain"},
}
COMPLETION = {
    "completion": {
        "id": "chatcmpl-1",
        "created_at": NOW,
        "model": MODEL,
        "choices": [],
        "call_seed": 0,
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "fingerprint": "fp",
    },
    "metadata": {},
    "asked": {"messages": []},
}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"jobs": [JOB]}, "job 'ftjob-mine': training_file: the state has no file 'file-train'"),
        (
            {"files": [FILE], "jobs": [{**JOB, "training_file": "file-trian"}]},
            "job 'ftjob-mine': training_file: the state has no file 'file-trian'; did you mean 'file-train'?",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "validation_file": "file-v"}]},
            "job 'ftjob-mine': validation_file: the state has no file 'file-v'",
        ),
        (
            {"files": [{**FILE, "content": "x"}], "jobs": [{**JOB, "status": "running"}]},
            "job 'ftjob-mine': it never becomes running: The job failed due to an invalid training file. ",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "status": "succeeded", "failure": {}}]},
            "job 'ftjob-mine': it never becomes succeeded: The job failed due to an internal error.",
        ),
        (
            {"files": [{**FILE, "ready_at": NOW - 1}], "jobs": [{**JOB, "status": "succeeded"}]},
            "job 'ftjob-mine': it cannot be succeeded by now: its files are not ready early enough (it was created at",
        ),
        (
            {"files": [{**FILE, "expires_at": NOW - 3600}], "jobs": [{**JOB, "status": "running"}]},
            "job 'ftjob-mine': it cannot be running by now: The job failed due to an invalid training file. ",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "status": "succeeded", "scenario": {"job": {"training": "90000d"}}}]},
            "job 'ftjob-mine': it takes 77760",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "status": "running", "created_at": NOW}]},
            "job 'ftjob-mine': give either status or created_at and signals, not both",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "model": "gpt-9"}]},
            "job 'ftjob-mine': model: 'gpt-9' is no base model, no",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "method": {"type": "supervize"}}]},
            "job 'ftjob-mine': method: 'supervize' is no method; did you mean 'supervised'?",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "method": {"typ": "dpo"}}]},
            "job 'ftjob-mine': unknown key 'typ' in method; did you mean 'type'?",
        ),
        ({"files": [FILE], "jobs": [{**JOB, "method": {"type": "dpo", "dpo": 5}}]}, "method.dpo: expected an object"),
        (
            {"files": [FILE], "jobs": [{**JOB, "method": {"type": "reinforcement"}}]},
            "job 'ftjob-mine': method.reinforcement.grader: a job of this method needs a grader",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "method": {"type": "reinforcement", "reinforcement": {"grader": {}}}}]},
            "job 'ftjob-mine': Missing required parameter: 'method.reinforcement.grader.type'.",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "hyperparameters": {"n_epoch": 2}}]},
            "job 'ftjob-mine': unknown key 'n_epoch' in hyperparameters; did you mean 'n_epochs'?",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "hyperparameters": {"n_epochs": "two"}}]},
            "hyperparameters: Expected `int",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "integrations": [{"type": "mlflow"}]}]},
            "job 'ftjob-mine': integrations: 'mlflow' is no integration; known is wandb",
        ),
        ({"files": [FILE], "jobs": [{**JOB, "integrations": [{"type": "wandb"}]}]}, "integrations.wandb: Expected"),
        (
            {"files": [FILE], "jobs": [{**JOB, "scenario": {"job": {"queud": "5s"}}}]},
            "job 'ftjob-mine': scenario: unknown key 'job.queud'; did you mean 'job.queued'?",
        ),
        ({"files": [FILE], "jobs": [{**JOB, "scenario": {"name": 5}}]}, "job 'ftjob-mine': scenario.name: expected a"),
        (
            {"files": [FILE], "jobs": [{**JOB, "created_at": NOW - 9, "signals": [{"at": NOW - 5, "do": "resume"}]}]},
            "job 'ftjob-mine': signals: at 2026-01-14T23:59:55Z it is validating_files, nothing that resume is done to",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "created_at": NOW, "signals": [{"at": NOW + 5, "do": "cancel"}]}]},
            "job 'ftjob-mine': signals: cancel at 2026-01-15T00:00:05Z is out of order, or still to come",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "created_at": NOW, "signals": [{"at": NOW, "do": "delete_file"}]}]},
            "nothing that delete_file is done to",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "created_at": NOW, "outlooks": [{"id": "file-x"}]}]},
            "job 'ftjob-mine': outlooks: Object missing required field `purpose`",
        ),
        (
            {
                "files": [FILE],
                "jobs": [
                    {
                        **JOB,
                        "created_at": NOW,
                        "outlooks": [{"id": "file-x", "purpose": "p", "ready_at": NOW, "report": None}],
                    }
                ],
            },
            "job 'ftjob-mine': outlooks: expected one of each of its files, file-train, in this order",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "result_file": "file-train"}]},
            "job 'ftjob-mine': its result_file 'file-train' is that of file 'file-train'",
        ),
        (
            {
                "files": [FILE],
                "jobs": [{**JOB, "fine_tuned_model": TUNED}, {**JOB, "id": "ftjob-b", "fine_tuned_model": TUNED}],
            },
            f"job 'ftjob-b': its fine_tuned_model '{TUNED}' is that of job 'ftjob-mine'",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "fine_tuned_model": "gpt-4o"}]},
            "job 'ftjob-mine': its fine_tuned_model 'gpt-4o' is that of a base model",
        ),
        (
            {"files": [FILE], "jobs": [{**JOB, "draw_seed": 5}, {**JOB, "id": "ftjob-b", "draw_seed": 5}]},
            "job 'ftjob-b': its draw_seed is that of job 'ftjob-mine' too",
        ),
        ({"models": [{"id": "m", "base": "gpt-9"}]}, "model 'm': base: 'gpt-9' is no base model mocktune knows"),
        ({"models": [{"id": "m", "trained_on": "file-x"}]}, "model 'm': trained_on: the state has no file 'file-x'"),
        (
            {"files": [{"id": "f"}], "models": [{"id": "m", "trained_on": "f"}]},
            "model 'm': it never becomes succeeded: ",
        ),
        (
            {"files": [FILE], "models": [{"id": "gpt-4o", "trained_on": "file-train"}]},
            "model 'gpt-4o': this is the name",
        ),
        (
            {"files": [{"id": "f", "content": "", "content_base64": ""}]},
            "file 'f': give either content or content_base",
        ),
        ({"files": [{"id": "f", "content_base64": "%%"}]}, "file 'f': content_base64 is no base64: "),
        (
            {"files": [{"id": "f", "created_at": "1969-01-01T00:00:00Z"}]},
            "file 'f': 1969-01-01T00:00:00+00:00 is no in",
        ),
        ({"gone": ["file-x"]}, "gone: 'file-x' is nothing that a job of this state has brought forth by now"),
        ({"objects": {"uploads": []}}, "objects: 'uploads' is no kind of object; did you mean 'upload'?"),
        (
            {"objects": {"permission": [{**PERMISSION, "project": 1}]}},
            "objects.permission[0]: unknown key 'project'; did",
        ),
        (
            {"objects": {"permission": [{**PERMISSION, "id": 1}]}},
            "objects.permission[0]: Expected `str`, got `int` - at",
        ),
        ({"objects": {"permission": [{"id": "cp_1"}]}}, "objects.permission[0]: Object missing required field"),
        ({"objects": {"permission": [PERMISSION, PERMISSION]}}, "objects.permission[1]: its id 'cp_1' is there twice"),
        ({"objects": {"permission": [{**PERMISSION, "id": ""}]}}, "objects.permission[0]: its id is empty"),
        (
            {"objects": {"permission": [{**PERMISSION, "created_at": -5}]}},
            "objects.permission[0]: created_at: Expected",
        ),
        (
            {"objects": {"upload": [{**UPLOAD, "parts": [{"id": "p"}]}]}},
            "objects.upload[0]: Object missing required field",
        ),
        (
            {"objects": {"upload": [{**UPLOAD, "parts": [{"id": "p", "created_at": 1, "content_base64": "%"}]}]}},
            "objects.upload[0]: content_base64 is no base64",
        ),
        (
            {"objects": {"upload": [{**UPLOAD, "ended": "lost"}]}},
            "objects.upload[0]: Invalid enum value 'lost' - at `$.en",
        ),
        ({"objects": {"upload": [{**UPLOAD, "when": 1}]}}, "objects.upload[0]: Object contains unknown field `when`"),
        (
            {"objects": {"stored_completion": [{**COMPLETION, "asked": {"messages": ["Hi"]}}]}},
            "objects.stored_completion[0]: asked: expected an object with messages, each of them with a role",
        ),
        (
            {"objects": {"stored_completion": [{**COMPLETION, "completion": {"modle": ""}}]}},
            "objects.stored_completion[0]: completion: unknown key 'modle'; did you mean 'model'?",
        ),
    ],
)
def test_what_cannot_be_is_told(begun: Apps, parts: dict[str, Any], message: str) -> None:
    app = begun(**parts)
    with pytest.raises(StateError) as refused:
        app.run(app.services.check_state())
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    answer = app.get("/v1/models")
    assert answer.status == 503
    assert "This sandbox cannot begin with the server's state: " in answer["error"]["message"]
    assert app.get("/v1/models").status == 503


def test_contents_beyond_the_disk_bound_are_refused(begun: Apps) -> None:
    app = begun(files=[FILE], others={"max_disk_bytes": 100})
    with pytest.raises(StateError, match="file 'file-train': This mocktune server keeps at most 100 bytes"):
        app.run(app.services.check_state())


def test_a_response_that_cannot_be_shown_is_refused(begun: Apps) -> None:
    document = {
        "id": "resp_1",
        "created_at": NOW,
        "model": MODEL,
        "request": {"model": MODEL, "items": []},
        "earlier": [],
        "input": [],
        "incomplete": None,
        "input_tokens": 1,
        "output_tokens": 1,
        "size_bytes": 1,
    }
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "status": "completed"}
    bad: list[Any] = [[{}], [{"id": 1, "type": "message"}], [{**message, "content": [{"type": "output_text"}]}]]
    for output in bad:
        app = begun(objects={"response": [{**document, "output": output}]})
        with pytest.raises(StateError, match=r"objects\.response\[0\]: "):
            app.run(app.services.check_state())
    app = begun(objects={"response": [{**document, "output": [message]}]})
    assert app.get("/v1/responses/resp_1")["output"] == [message]


# -- anything at all ---------------------------------------------------------------------------------------------------

names = st.sampled_from(["file-train", "file-b", "ftjob-mine", MODEL, "o4-mini", "house-model", TUNED, "x", "gpt-4o"])
instants = st.sampled_from([0, 1, NOW - 10**6, NOW - 60, NOW - 1, NOW, NOW + 1, NOW + 10**6, 32503680000])
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**19) | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    required = {name: fields.pop(name) for name in ("id", "model", "training_file") if name in fields}
    return st.fixed_dictionaries(required, optional=fields)


files = objects(
    id=names,
    content=st.sampled_from([FILE["content"], ROWS, PAIRS, "", "{", chat_line()]),
    created_at=instants,
    ready_at=instants,
    expires_at=instants,
    deleted=st.booleans(),
    status_details=st.just("Bad."),
    purpose=st.sampled_from(["fine-tune", "batch"]),
)
jobs = objects(
    id=names,
    model=names,
    training_file=names,
    validation_file=names,
    status=st.sampled_from(["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]),
    progress=st.floats(0, 1),
    failure=st.just({}),
    method=st.sampled_from(
        [
            {"type": "dpo"},
            {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
            {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 0, "batch_size": -1, "beta": -2.0}}},
        ]
    )
    | anything,
    hyperparameters=st.dictionaries(st.sampled_from(["n_epochs", "batch_size", "learning_rate_multiplier"]), anything),
    fine_tuned_model=names,
    result_file=names,
    created_at=instants,
    draw_seed=st.integers(0, 2),
    scenario=st.sampled_from([{"job": {"training": "0s"}}, {"model": {"absent_for": "999999999999d"}}]) | anything,
    signals=st.lists(
        st.fixed_dictionaries(
            {"at": instants, "do": st.sampled_from(["cancel", "pause", "resume", "delete_file"])},
            optional={"file": names},
        ),
        max_size=3,
    ),
    outlooks=st.lists(anything, max_size=2),
    graded=anything,
    seed=st.integers(-(10**20), 10**20),
)
states = st.fixed_dictionaries(
    {},
    optional={
        "now": instants,
        "seed": st.integers(0, 3),
        "counts": st.dictionaries(st.sampled_from(["job", "file", "chat"]), st.integers(0, 10**6)),
        "gone": st.lists(names, max_size=1),
        "files": st.lists(files, max_size=3, unique_by=lambda each: each["id"]),
        "jobs": st.lists(jobs, max_size=3, unique_by=lambda each: each["id"]),
        "models": st.lists(
            objects(id=names, base=names, trained_on=names, created_at=instants),
            max_size=2,
            unique_by=lambda each: each["id"],
        ),
        "objects": st.dictionaries(
            st.sampled_from(
                ["deployments", "permission", "response", "stored_completion", "upload", "webhook_endpoint"]
            ),
            st.lists(
                st.sampled_from([PERMISSION, UPLOAD, COMPLETION])
                | st.dictionaries(st.sampled_from(["id", "created_at", "request", "parts", "endpoint"]), anything),
                max_size=2,
            ),
            max_size=2,
        ),
    },
)


likely_jobs = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["ftjob-mine", "ftjob-b", "ftjob-c"]),
        "model": st.sampled_from([MODEL, MODEL, "o4-mini", TUNED, "house-model"]),
        "training_file": st.sampled_from(["file-train", "file-train", "file-b", "file-c"]),
    },
    optional={
        "status": st.sampled_from(
            ["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
        ),
        "progress": st.floats(0, 1),
        "failure": st.sampled_from([{}, {"phase": "queued"}, {"phase": "validating_files", "progress": 1}]),
        "validation_file": st.sampled_from(["file-train", "file-b"]),
        "method": st.sampled_from([{"type": "reinforcement", "reinforcement": {"grader": GRADER}}, {"type": "dpo"}]),
        "hyperparameters": st.dictionaries(
            st.sampled_from(["n_epochs", "batch_size", "eval_interval", "eval_samples"]),
            st.sampled_from([0, -1, 1, 10**9, 10**18]),
        ),
        "fine_tuned_model": st.just(TUNED),
        "scenario": st.sampled_from(
            [{"job": {"training": "0s"}}, {"job": {"step": "0s", "queued": "0s", "validating": "0s"}}, {"limits": {}}]
        ),
        "seed": st.integers(-(10**20), 10**20),
        "suffix": st.text(max_size=100),
        "dialect": st.sampled_from(["azure", "openai"]),
    },
)
likely_states = st.fixed_dictionaries(
    {
        "files": st.just([FILE, {"id": "file-b", "content": ROWS}, {"id": "file-c", "content": PAIRS}]),
        "jobs": st.lists(likely_jobs, min_size=1, max_size=3, unique_by=lambda each: each["id"]),
    },
    optional={"models": st.just([{"id": "house-model"}]), "now": instants},
)


def reads_everything(app: App) -> None:
    for path in ("/v1/files", "/v1/fine_tuning/jobs?limit=100", "/v1/models", "/v1/chat/completions"):
        answer = app.get(path)
        assert answer.status == 200, answer.body
    for path in ("/v1/webhook_endpoints", "/openai/deployments?api-version=2024-10-21"):
        assert app.get(path).status == 200
    for each in app.get("/v1/files")["data"]:
        assert app.get(f"/v1/files/{each['id']}/content").status == 200
    for each in app.get("/v1/fine_tuning/jobs")["data"]:
        for below in ("", "/events", "/checkpoints"):
            assert app.get(f"/v1/fine_tuning/jobs/{each['id']}{below}").status == 200
        assert app.post(f"/v1/fine_tuning/jobs/{each['id']}/pause").status < 500
    for each in app.get("/v1/models")["data"]:
        asked = {"model": each["id"], "messages": [{"role": "user", "content": "Hi?"}]}
        assert app.post("/v1/chat/completions", asked).status < 500


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(states | likely_states)
def test_any_state_is_either_refused_at_once_or_good_for_ever(parts: dict[str, Any]) -> None:
    try:
        read: State = read_state(json.dumps({"schema": 1, **parts}).encode())
    except StateError:
        return
    app = App(state=read)
    try:
        try:
            app.run(app.services.check_state())
        except StateError as error:
            fault = str(error)
        else:
            fault = None
        if fault is not None:
            assert "\n" not in fault
            return
        reads_everything(app)
        if read.now != 32503680000:  # where all clocks stand still
            app.advance("30d")
        reads_everything(app)
    finally:
        app.close()
