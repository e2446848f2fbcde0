"""Seed states through the SDK: objects with ids of one's own choosing, the same in every sandbox, shared by none; and
the two modes in which a server stands in for a spec mock.
"""

from __future__ import annotations

import base64
import json

import pytest
from openai import BadRequestError, NotFoundError

from mocktune_contract.lab import MODEL, Labs, chat_file

pytestmark = pytest.mark.source("mocktune")

TUNED = "ft:gpt-4o-mini-2024-07-18:acme:sums:chosen01"
QUESTIONS = [(f"What is {n} plus {n}?", f"{2 * n}, says the state.") for n in range(12)]


def _document() -> bytes:
    like = {"model": MODEL, "training_file": "file-sums"}
    return json.dumps(
        {
            "schema": 1,
            "now": "2026-03-01T12:00:00Z",
            "files": [
                {"id": "file-sums", "content": chat_file(*QUESTIONS).decode()},
                {"id": "file-odd", "content_base64": base64.b64encode(b"\xff\x00").decode(), "purpose": "user_data"},
                {"id": "file-soon", "content": chat_file(*QUESTIONS).decode(), "ready_at": "2026-03-01T12:00:30Z"},
                {"id": "file-broken", "content": "{", "status_details": "It broke."},
            ],
            "jobs": [
                {
                    **like, "id": "ftjob-done", "status": "succeeded", "fine_tuned_model": TUNED,
                    "result_file": "file-result", "validation_file": "file-sums",
                },
                {**like, "id": "ftjob-again", "model": TUNED, "status": "running", "progress": 0.5},
                {**like, "id": "ftjob-paused", "status": "paused"},
                {**like, "id": "ftjob-failed", "status": "failed", "failure": {"code": "odd", "message": "How odd."}},
                {**like, "id": "ftjob-cancelled", "status": "cancelled"},
            ],
            "models": [
                {"id": "house-model", "base": "gpt-4o-2024-08-06", "owned_by": "house"},
                {"id": "ft:gpt-4o-mini-2024-07-18:acme::nojob123", "trained_on": "file-sums"},
            ],
        }
    ).encode()  # fmt: skip


@pytest.fixture
def with_state(own_server: Labs) -> Labs:
    """``with_state(**settings)``: a lab on a server whose sandboxes begin with the state above."""
    from mocktune.domain.state import read_state

    return lambda **settings: own_server(state=read_state(_document()), **settings)


@pytest.mark.observed_wire("a paused job shows `paused`, which the SDK's type does not have")
def test_every_object_is_there_under_the_id_that_was_chosen(with_state: Labs) -> None:
    lab = with_state()
    client = lab.client()
    statuses = {job.id: job.status for job in client.fine_tuning.jobs.list()}
    assert statuses == {
        "ftjob-done": "succeeded",
        "ftjob-again": "running",
        "ftjob-paused": "paused",
        "ftjob-failed": "failed",
        "ftjob-cancelled": "cancelled",
    }
    files = {file.id: (file.status, file.status_details) for file in client.files.list()}
    assert files == {
        "file-sums": ("processed", None),
        "file-odd": ("processed", None),
        "file-soon": ("uploaded", None),
        "file-broken": ("error", "It broke."),
        "file-result": ("processed", None),
    }
    assert client.files.content("file-odd").read() == b"\xff\x00"
    failed = client.fine_tuning.jobs.retrieve("ftjob-failed")
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == ("odd", "How odd.")
    assert client.models.retrieve("house-model").owned_by == "house"


def test_a_chosen_model_is_named_everywhere_and_answers_from_its_file(with_state: Labs) -> None:
    lab = with_state()
    client = lab.client()
    job = client.fine_tuning.jobs.retrieve("ftjob-done")
    assert (job.fine_tuned_model, job.result_files) == (TUNED, ["file-result"])
    assert client.fine_tuning.jobs.retrieve("ftjob-again").model == TUNED
    assert client.fine_tuning.jobs.checkpoints.list("ftjob-done").data[0].fine_tuned_model_checkpoint == TUNED
    assert f"New fine-tuned model created: {TUNED}" in [event.message for event in lab.events("ftjob-done")]
    assert TUNED in [model.id for model in client.models.list()]
    for model in (TUNED, "ft:gpt-4o-mini-2024-07-18:acme::nojob123"):
        assert lab.says(model, "What is 4 plus 4?") == "8, says the state."


@pytest.mark.needs("time")
@pytest.mark.observed_wire("a paused job shows `paused`, which the SDK's type does not have")
def test_jobs_go_on_from_where_they_were_written(with_state: Labs) -> None:
    lab = with_state()
    lab.clock.advance(by="6h")
    assert lab.job("ftjob-again").status == "succeeded"
    assert lab.raw_job("ftjob-paused")["status"] == "paused"
    lab.client().fine_tuning.jobs.resume("ftjob-paused")
    lab.clock.until("ftjob-paused", "succeeded")


@pytest.mark.needs("sandboxes")
def test_sandboxes_share_nothing_but_their_beginning(with_state: Labs, labs: Labs) -> None:
    lab = with_state()
    other = labs("states other", base_url=lab.base_url)
    lab.client().fine_tuning.jobs.cancel("ftjob-again")
    lab.client().models.delete(TUNED)
    lab.client().files.delete("file-sums")
    assert other.job("ftjob-again").status == "running"
    assert other.client().models.retrieve(TUNED).id == TUNED
    assert other.client().files.retrieve("file-sums").status == "processed"
    with pytest.raises(NotFoundError):
        lab.client().files.retrieve("file-sums")


def test_a_stateless_server_forgets_each_request(with_state: Labs) -> None:
    lab = with_state(stateless=True)
    assert lab.client().fine_tuning.jobs.cancel("ftjob-again").status == "cancelled"
    assert lab.job("ftjob-again").status == "running"
    uploaded = lab.client().files.create(file=("a.jsonl", chat_file(*QUESTIONS)), purpose="fine-tune")
    with pytest.raises(NotFoundError):
        lab.client().files.retrieve(uploaded.id)


def test_a_loose_server_lets_pass_what_a_strict_one_refuses(with_state: Labs) -> None:
    strict, loose = with_state(), with_state(stateless=True, loose=True)
    with pytest.raises(BadRequestError):
        strict.client().fine_tuning.jobs.cancel("ftjob-done")
    assert loose.client().fine_tuning.jobs.cancel("ftjob-done").status == "succeeded"
    with pytest.raises(BadRequestError):
        strict.create_job("file-sums", suffix="x" * 65)
    assert loose.create_job("file-sums", suffix="x" * 65, hyperparameters={"n_epochs": 0}).status == "validating_files"
    with pytest.raises(BadRequestError):
        loose.client().fine_tuning.jobs.create(model=MODEL, training_file=None)  # type: ignore[arg-type]  # on purpose
