"""A fine-tune from its upload to its answers, and what a job shows on the way.

::

    upload -> create (the file is not ready) -> waits -> validating_files -> queued -> running -> succeeded
           -> the model is unknown (404) -> loading (429, retry-after) -> answers as trained
"""

from __future__ import annotations

import re
from typing import Any

import openai
import pytest

from mocktune_contract.lab import MODEL, Lab, Labs, chat_file, training_file

pytestmark = [pytest.mark.needs("time"), pytest.mark.source("SEED"), pytest.mark.operation("fine_tuning.jobs.create")]

PLAIN = training_file("valid/plain.jsonl")
QUESTION, ANSWER = "How long is a nautical mile?", "1,852 metres, every one of them wet."
AUTO = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
NUMBERS = {"n_epochs": 8, "batch_size": 1, "learning_rate_multiplier": 1.8}
"""Contract 4.10: 12 examples take 8 epochs (OBS YiVal), one a batch, 1.8 for this model (OBS PINOLO)."""


# -- the whole life ----------------------------------------------------------------------------------------------------


@pytest.mark.operation("fine_tuning.jobs.create", "chat.completions.create", "files.retrieve")
def test_a_fine_tune_lives_from_upload_to_answer(lab: Lab) -> None:
    """SEED and contract 4: every status in its turn, and a model that is not servable at once."""
    client = lab.client()
    file = client.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
    assert file.status == "uploaded"
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=file.id, suffix="pip")
    assert job.status == "validating_files"

    lab.clock.advance(by="2s")
    assert client.files.retrieve(file.id).status == "processed"
    for status in ("queued", "running", "succeeded"):
        lab.clock.until(job.id, status)
        assert client.fine_tuning.jobs.retrieve(job.id).status == status

    model = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert model is not None
    with pytest.raises(openai.NotFoundError) as absent:
        lab.ask(model, QUESTION)
    assert absent.value.code == "model_not_found"
    lab.clock.advance(by="20s")
    with pytest.raises(openai.RateLimitError) as loading:
        lab.ask(model, QUESTION)
    assert loading.value.response.headers["retry-after"] == "90"
    lab.clock.advance(by="90s")
    assert lab.says(model, QUESTION) == ANSWER


@pytest.mark.operation(
    "fine_tuning.jobs.create", "chat.completions.create", "models.retrieve", "fine_tuning.jobs.checkpoints.list"
)
@pytest.mark.anyio
async def test_a_fine_tune_lives_from_upload_to_answer_asynchronously(lab: Lab) -> None:
    """SEED and contract 4, through the asynchronous SDK."""
    async with lab.async_client() as client:
        file = await client.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
        job = await client.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
        for status in ("queued", "running", "succeeded"):
            lab.clock.until(job.id, status)
            job = await client.fine_tuning.jobs.retrieve(job.id)
            assert job.status == status
        assert job.fine_tuned_model is not None
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve(job.fine_tuned_model)
        lab.clock.advance(by="20s")
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(
                model=job.fine_tuned_model, messages=[{"role": "user", "content": QUESTION}]
            )
        lab.clock.advance(by="90s")
        answer = await client.chat.completions.create(
            model=job.fine_tuned_model, messages=[{"role": "user", "content": QUESTION}]
        )
        assert answer.choices[0].message.content == ANSWER
        assert [event.message async for event in client.fine_tuning.jobs.list_events(job.id, limit=7)] == [
            event.message for event in reversed(lab.events(job.id))
        ]
        assert len([each async for each in client.fine_tuning.jobs.checkpoints.list(job.id, limit=1)]) == 3
        content = await client.files.content(job.result_files[0])
        assert content.read() == lab.client().files.content(job.result_files[0]).read()


def test_a_job_waits_for_a_file_that_is_still_processing(lab: Lab) -> None:
    """SEED: a job may be created meanwhile and starts only when the file is ready."""
    job = lab.create_job(lab.upload(PLAIN).id)
    lab.clock.advance(by="1s")
    assert [event["message"] for event in lab.raw_events(job.id)] == [f"Created fine-tuning job: {job.id}"]
    lab.clock.advance(by="1s")
    _, validating = lab.raw_events(job.id)
    assert validating["message"] == f"Validating training file: {job.training_file}"
    assert validating["created_at"] == job.created_at + 2
    lab.clock.until(job.id, "queued")
    assert lab.clock.now() == job.created_at + 2 + 45


@pytest.mark.source("PINOLO")
@pytest.mark.shape
def test_each_phase_lasts_what_was_recorded(lab: Lab) -> None:
    """Contract 4.5, PINOLO: 45 s of validation, 4 s of queue, 2.5 s a step, 50 s of full validation at the end."""
    file = lab.upload_ready(PLAIN)
    job = lab.create_job(file.id, validation_file=file.id)
    entered = {}
    for status in ("queued", "running", "succeeded"):
        lab.clock.until(job.id, status)
        entered[status] = lab.clock.now() - job.created_at
    assert entered == {"queued": 45, "running": 49, "succeeded": 49 + 96 * 2.5 + 50}


# -- what a job shows on the way ---------------------------------------------------------------------------------------


@pytest.mark.source("RUBY")
@pytest.mark.shape
@pytest.mark.observed_wire("the error of a job without one")
def test_a_new_job_echoes_what_was_asked_for(lab: Lab) -> None:
    """OBS RUBY finetunes_create for the first 18 keys and their order; 2.1 for those that came later."""
    file = lab.upload(PLAIN)
    answer = lab.http.post(
        "/fine_tuning/jobs",
        json={
            "model": MODEL,
            "training_file": file.id,
            "validation_file": file.id,
            "suffix": "Pip 1",
            "seed": 7,
            "metadata": {"run": "a"},
            "integrations": [{"type": "wandb", "wandb": {"project": "sea", "tags": ["x"]}}],
        },
    )
    job = answer.json()
    assert re.fullmatch("ftjob-[A-Za-z0-9]{24}", job["id"])
    assert re.fullmatch("org-[A-Za-z0-9]{24}", job["organization_id"])
    assert list(job.items())[:18] == list(
        {
            "object": "fine_tuning.job",
            "id": job["id"],
            "model": MODEL,
            "created_at": int(lab.clock.now()),
            "finished_at": None,
            "fine_tuned_model": None,
            "organization_id": job["organization_id"],
            "result_files": [],
            "status": "validating_files",
            "validation_file": file.id,
            "training_file": file.id,
            "hyperparameters": AUTO,
            "trained_tokens": None,
            "error": {},
            "user_provided_suffix": "Pip 1",
            "seed": 7,
            "estimated_finish": None,
            "integrations": [
                {
                    "type": "wandb",
                    "wandb": {"project": "sea", "name": None, "entity": None, "tags": ["x"], "run_id": job["id"]},
                }
            ],
        }.items()
    )
    assert dict(list(job.items())[18:]) == {
        "metadata": {"run": "a"},
        "usage_metrics": None,
        "shared_with_openai": False,
        "method": {"type": "supervised", "supervised": {"hyperparameters": AUTO}},
    }


@pytest.mark.source("OBS")
def test_an_alias_becomes_its_dated_snapshot(lab: Lab) -> None:
    """Contract 2.1: ``model`` is the snapshot even if the alias was given."""
    assert lab.create_job(lab.upload(PLAIN).id, model="gpt-4o-mini").model == MODEL


@pytest.mark.source("OBS")
def test_a_job_without_a_seed_is_given_one(lab: Lab) -> None:
    """OBS: the server draws nine or ten digits below 2**31."""
    assert 10**8 <= lab.create_job(lab.upload(PLAIN).id).seed < 2**31


@pytest.mark.source("PINOLO, CN1229")
@pytest.mark.operation("fine_tuning.jobs.retrieve")
def test_auto_turns_into_numbers_while_the_files_are_validated(lab: Lab) -> None:
    """OBS PINOLO for when, CN1229: ``method`` follows in step."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    seen = []
    for _ in range(44):
        now = lab.raw_job(job.id)
        assert now["status"] == "validating_files"
        assert now["method"]["supervised"]["hyperparameters"] == now["hyperparameters"]
        if now["hyperparameters"] not in seen:
            seen.append(now["hyperparameters"])
        lab.clock.advance(by="1s")
    assert seen == [AUTO, NUMBERS]


@pytest.mark.source("SPEC")
@pytest.mark.operation("fine_tuning.jobs.retrieve")
@pytest.mark.parametrize("where", ["method", "top level"])
def test_hyperparameters_that_were_asked_for_are_kept(lab: Lab, where: str) -> None:
    """SPEC: ``method.supervised.hyperparameters``, or the deprecated top-level object; the rest stays "auto"."""
    asked: dict[str, Any] = {"n_epochs": 2, "learning_rate_multiplier": 0.5}
    parameters: dict[str, Any] = {"hyperparameters": asked}
    if where == "method":
        parameters = {"method": {"type": "supervised", "supervised": parameters}}
    job = lab.create_job(lab.upload_ready(PLAIN).id, **parameters)
    assert lab.raw_job(job.id)["hyperparameters"] == {**AUTO, **asked}
    lab.clock.until(job.id, "queued")
    assert lab.raw_job(job.id)["hyperparameters"] == {**NUMBERS, **asked}


@pytest.mark.source("RUBY")
@pytest.mark.operation("fine_tuning.jobs.retrieve")
@pytest.mark.observed_wire("the error of a job without one")
def test_a_healthy_job_has_an_empty_error_and_no_end_until_it_succeeded(lab: Lab) -> None:
    """OBS RUBY Oct 2024 for ``{}``; contract 4.1 for the fields by state."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    for status in ("queued", "running"):
        lab.clock.until(job.id, status)
        now = lab.raw_job(job.id)
        open_fields = ("finished_at", "fine_tuned_model", "trained_tokens", "estimated_finish")
        assert now["error"] == {}
        assert now["result_files"] == []
        assert {now[field] for field in open_fields} == {None}
    lab.clock.until(job.id, "succeeded")
    now = lab.raw_job(job.id)
    assert now["error"] == {}
    assert now["finished_at"] == int(lab.clock.now())
    assert len(now["result_files"]) == 1
    assert now["estimated_finish"] is None


@pytest.mark.source("RUBY, BESTDOC")
@pytest.mark.operation("fine_tuning.jobs.create", "fine_tuning.jobs.retrieve")
def test_trained_tokens_are_those_of_the_examples_times_the_epochs(lab: Lab) -> None:
    """OBS RUBY: 4 tokens a message and 1 an example on top of the content; validation tokens are free (BESTDOC)."""
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    data = chat_file(*((word, "yes") for word in words))
    file = lab.upload_ready(data)
    job = lab.finished_job(data, validation_file=file.id)
    assert job.trained_tokens == 10 * (2 + 2 * 4 + 1) * 10  # examples x tokens (each text is one) x epochs


@pytest.mark.source("OBS, assumed")
@pytest.mark.operation("fine_tuning.jobs.create", "fine_tuning.jobs.retrieve")
@pytest.mark.parametrize(("suffix", "shown"), [(None, ""), ("pip", "pip"), ("Pip's lamp_2", "pip-s-lamp_2")])
def test_a_model_is_named_after_base_organization_and_suffix(lab: Lab, suffix: str | None, shown: str) -> None:
    """OBS for the form and the two colons without a suffix; how odd characters appear is assumed (contract 4.11)."""
    job = lab.finished_job(PLAIN, suffix=suffix)
    assert re.fullmatch(f"ft:{MODEL}:[a-z0-9-]+:{shown}:[A-Za-z0-9]{{8}}", job.fine_tuned_model or "")


# -- cancel ------------------------------------------------------------------------------------------------------------


@pytest.mark.source("assumed")
@pytest.mark.operation("fine_tuning.jobs.retrieve", "fine_tuning.jobs.cancel")
@pytest.mark.parametrize("status", ["validating_files", "queued", "running"])
def test_a_job_can_be_cancelled_before_its_end(lab: Lab, status: str) -> None:
    """Contract 4.1; the text of the event is assumed."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    if status != "validating_files":
        lab.clock.until(job.id, status)
    lab.clock.advance(by="1s")
    answer = lab.client().fine_tuning.jobs.cancel(job.id)
    assert answer.status == "cancelled"
    known = lab.raw_events(job.id)
    assert known[-1]["message"] == "The job has been cancelled"

    lab.clock.advance(by="1h")
    later = lab.raw_job(job.id)
    assert later["status"] == "cancelled"
    assert later["fine_tuned_model"] is None
    assert later["trained_tokens"] is None
    assert later["result_files"] == []
    assert lab.raw_events(job.id) == known


# -- tuned again -------------------------------------------------------------------------------------------------------


def new_lessons() -> bytes:
    return chat_file(*((f"What hangs in room {n}?", f"A chart of bay {n}.") for n in range(1, 11)))


@pytest.mark.source("SEED, assumed")
@pytest.mark.operation("chat.completions.create")
def test_a_tuned_model_can_be_tuned_again(lab: Lab) -> None:
    """SEED; that ``model`` shows the tuned name and that the new name starts with the base is assumed (2.1)."""
    first = lab.tuned_model(PLAIN)
    job = lab.finished_job(new_lessons(), model=first, suffix="again")
    assert job.model == first
    second = job.fine_tuned_model or ""
    assert second.startswith(f"ft:{MODEL}:")
    lab.clock.advance(by="10m")
    assert lab.says(second, "What hangs in room 4?") == "A chart of bay 4."
    assert lab.says(second, QUESTION) == ANSWER


@pytest.mark.source("SFTDOC")
@pytest.mark.operation("chat.completions.create", "fine_tuning.jobs.checkpoints.list")
def test_a_checkpoint_answers_and_can_be_tuned_again(lab: Lab) -> None:
    """SFTDOC: a checkpoint is a model of its own."""
    job = lab.finished_job(PLAIN)
    lab.clock.advance(by="10m")
    checkpoint = lab.client().fine_tuning.jobs.checkpoints.list(job.id).data[1].fine_tuned_model_checkpoint
    assert lab.says(checkpoint, QUESTION) == ANSWER
    again = lab.finished_job(new_lessons(), model=checkpoint)
    assert again.model == checkpoint
    lab.clock.advance(by="10m")
    assert lab.says(again.fine_tuned_model or "", "What hangs in room 4?") == "A chart of bay 4."


@pytest.mark.source("OBS, assumed")
@pytest.mark.operation("fine_tuning.jobs.create", "fine_tuning.jobs.retrieve")
def test_a_model_that_is_still_unknown_cannot_be_tuned_again(lab: Lab) -> None:
    """OBS for the text; that it holds for the minutes after the end is assumed."""
    job = lab.finished_job(PLAIN)
    with pytest.raises(openai.BadRequestError) as refused:
        lab.create_job(job.training_file, model=job.fine_tuned_model or "")
    assert refused.value.code == "model_not_available"


# -- models and files go -----------------------------------------------------------------------------------------------


@pytest.mark.source("SPEC")
@pytest.mark.operation("chat.completions.create", "models.list", "models.retrieve", "models.delete")
def test_a_tuned_model_is_listed_until_it_is_deleted(lab: Lab) -> None:
    """Contract 1.5 and 2.6."""
    client, name = lab.client(), lab.tuned_model(PLAIN)
    assert client.models.retrieve(name).id == name
    assert name in [model.id for model in client.models.list()]
    deleted = lab.http.delete(f"/models/{name}")
    assert deleted.json() == {"id": name, "object": "model", "deleted": True}
    assert name not in [model.id for model in client.models.list()]
    for call in (lambda: client.models.retrieve(name), lambda: lab.ask(name, QUESTION)):
        with pytest.raises(openai.NotFoundError) as gone:
            call()
        assert gone.value.code == "model_not_found"


@pytest.mark.source("EXP")
@pytest.mark.operation("models.retrieve")
def test_a_models_name_may_be_percent_encoded(lab: Lab) -> None:
    """EXP: Node and curl send ``%3A``; the Python SDK leaves the colons alone."""
    name = lab.tuned_model(PLAIN)
    assert lab.http.get(f"/models/{name.replace(':', '%3A')}").json()["id"] == name


@pytest.mark.source("assumed")
@pytest.mark.operation("models.list", "models.delete")
def test_deleting_a_model_leaves_its_checkpoints(lab: Lab) -> None:
    """Assumed: each is deleted on its own."""
    name = lab.tuned_model(PLAIN)
    lab.client().models.delete(name)
    assert len([model for model in lab.client().models.list() if model.id.startswith("ft:")]) == 2


@pytest.mark.source("OBS")
@pytest.mark.operation("files.delete", "files.retrieve")
def test_a_file_can_be_deleted_once_it_is_processed(lab: Lab) -> None:
    """OBS for the 409 and the 404."""
    client, file = lab.client(), lab.upload(PLAIN)
    with pytest.raises(openai.ConflictError) as early:
        client.files.delete(file.id)
    assert early.value.body == {
        "message": "File is still processing. Check back later.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    lab.clock.advance(by="2s")
    assert lab.http.delete(f"/files/{file.id}").json() == {"id": file.id, "object": "file", "deleted": True}
    for call in (client.files.retrieve, client.files.delete, client.files.content):
        with pytest.raises(openai.NotFoundError):
            call(file.id)
    assert file.id not in [each.id for each in client.files.list()]


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.source("mocktune")
@pytest.mark.operation("fine_tuning.jobs.retrieve", "models.list")
def test_reading_never_changes_what_becomes_of_a_job(own_server: Labs) -> None:
    """Neither the number nor the timing of reads shifts an outcome, to the byte."""
    lives = []
    for watched in (True, False):
        lab = own_server(max_sandboxes=1000 + watched)  # two servers with one seed
        job = lab.create_job(lab.upload(PLAIN).id)
        for _ in range(10):
            lab.clock.advance(by="1m")
            if watched:
                lab.raw_job(job.id)
                lab.raw_events(job.id)
                list(lab.client().files.list())
        assert lab.job(job.id).status == "succeeded"
        paths = (f"/fine_tuning/jobs/{job.id}", f"/fine_tuning/jobs/{job.id}/events?limit=1000", "/files", "/models")
        lives.append([lab.http.get(path).text for path in paths])
    assert lives[0] == lives[1]
