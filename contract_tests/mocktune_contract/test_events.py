"""A job's events: what is said, in which order, and how pages of them are read.

::

    {"object": "fine_tuning.job.event", "id": "ftevent-…", "created_at", "level": "info", "message",
     "data": {}, "type": "message"}
    {… "message": "Step 1/96: training loss=2.35", "type": "metrics",
     "data": {"step": 1, "train_loss": 2.34…, "total_steps": 96, "train_mean_token_accuracy": 0.5}}
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from mocktune_contract.lab import Lab, training_file

pytestmark = [
    pytest.mark.needs("time"),
    pytest.mark.source("PINOLO"),
    pytest.mark.operation("fine_tuning.jobs.list_events"),
]

PLAIN = training_file("valid/plain.jsonl")
EXAMPLES = 12


def complete_events(lab: Lab, **parameters: Any) -> list[dict[str, Any]]:
    """Every event of a job that ended, oldest first."""
    job = lab.finished_job(PLAIN, **parameters)
    lab.clock.advance(by="8s")
    return lab.raw_events(job.id)


def validated(lab: Lab) -> dict[str, str]:
    return {"validation_file": lab.upload_ready(PLAIN).id}


def page(lab: Lab, job_id: str, **query: Any) -> dict[str, Any]:
    answer = lab.http.get(f"/fine_tuning/jobs/{job_id}/events", params=query)
    events: dict[str, Any] = answer.raise_for_status().json()
    return events


# -- what is said ------------------------------------------------------------------------------------------------------


def test_the_events_of_a_life_in_their_order(lab: Lab) -> None:
    """OBS PINOLO."""
    file, job = lab.upload_ready(PLAIN), None
    job = lab.finished_job(PLAIN, validation_file=file.id, suffix="pip")
    lab.clock.advance(by="8s")
    model, second, first = lab.client().fine_tuning.jobs.checkpoints.list(job.id).data
    events = lab.raw_events(job.id)
    messages = [event["message"] for event in events if event["type"] == "message"]
    assert messages == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {job.training_file} and validation file: {file.id}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        f"Checkpoint created at step 72 with Snapshot ID: {first.fine_tuned_model_checkpoint}",
        f"Checkpoint created at step 84 with Snapshot ID: {second.fine_tuned_model_checkpoint}",
        f"New fine-tuned model created: {model.fine_tuned_model_checkpoint}",
        "The job has successfully completed",
    ]
    assert [event["type"] for event in events] == ["message"] * 4 + ["metrics"] * 96 + ["message"] * 4


@pytest.mark.source("CN1229, PINOLO")
@pytest.mark.shape
def test_an_event_has_the_recorded_keys(lab: Lab) -> None:
    """OBS CN1229, PINOLO."""
    events = complete_events(lab)
    for event in events:
        assert set(event) == {"object", "id", "created_at", "level", "message", "data", "type"}
        assert event["object"] == "fine_tuning.job.event"
        assert re.fullmatch("ftevent-[A-Za-z0-9]{24}", event["id"])
        assert event["level"] == "info"
    assert len({event["id"] for event in events}) == len(events)


@pytest.mark.source("PINOLO, PY0225, CN1229")
@pytest.mark.shape
def test_data_is_null_on_the_start_and_empty_on_other_messages(lab: Lab) -> None:
    """OBS PINOLO, PY0225, CN1229."""
    data = {event["message"]: event["data"] for event in complete_events(lab) if event["type"] == "message"}
    assert data.pop("Fine-tuning job started") is None
    assert list(data.values()) == [{}] * 7


@pytest.mark.shape
def test_the_first_two_events_carry_the_second_of_the_job(lab: Lab) -> None:
    """Contract 4.2, for a file that is ready."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    assert [event["created_at"] for event in lab.raw_events(job.id)] == [job.created_at] * 2


def test_the_tail_comes_after_the_job_has_succeeded(lab: Lab) -> None:
    """OBS PINOLO: the model's event 2 s after finished_at, the last one 8 s after; a client reads on until then."""
    job = lab.finished_job(PLAIN)
    assert job.finished_at is not None
    assert lab.raw_events(job.id)[-1]["type"] == "metrics"
    lab.clock.advance(by="2s")
    *_, one, two, model = lab.raw_events(job.id)
    assert model["message"].startswith("New fine-tuned model created: ")
    assert {one["created_at"], two["created_at"], model["created_at"]} == {job.finished_at + 2}
    lab.clock.advance(by="6s")
    assert lab.raw_events(job.id)[-1]["created_at"] == job.finished_at + 8


@pytest.mark.parametrize(("n_epochs", "steps"), [(1, []), (2, [12]), (3, [12, 24]), (5, [36, 48])])
def test_only_earlier_epochs_that_are_kept_are_announced(lab: Lab, n_epochs: int, steps: list[int]) -> None:
    """OBS PINOLO: the last epoch is the model itself."""
    messages = [event["message"] for event in complete_events(lab, hyperparameters={"n_epochs": n_epochs})]
    announced = [message for message in messages if message.startswith("Checkpoint created at step ")]
    assert [int(message.split()[4]) for message in announced] == steps


# -- metric events -----------------------------------------------------------------------------------------------------


@pytest.mark.source("OBS")
@pytest.mark.parametrize(("batch_size", "steps"), [(1, 24), (5, 6), (12, 2), (256, 2)])
def test_there_is_one_metric_event_a_step(lab: Lab, batch_size: int, steps: int) -> None:
    """OBS: steps are epochs times batches, the last batch of an epoch may be smaller."""
    events = complete_events(lab, hyperparameters={"n_epochs": 2, "batch_size": batch_size})
    metrics = [event["data"] for event in events if event["type"] == "metrics"]
    assert [data["step"] for data in metrics] == list(range(1, steps + 1))
    assert {data["total_steps"] for data in metrics} == {steps}


@pytest.mark.source("NERBOOK, SEED")
@pytest.mark.shape
def test_a_metric_event_says_its_losses_with_two_decimals(lab: Lab) -> None:
    """OBS NERBOOK, SEED."""
    forms = set()
    for event in complete_events(lab, **validated(lab)):
        if event["type"] == "metrics":
            data = event["data"]
            text = f"Step {data['step']}/{data['total_steps']}: training loss={data['train_loss']:.2f}"
            if "valid_loss" in data:
                text += f", validation loss={data['valid_loss']:.2f}"
            if "full_valid_loss" in data:
                text += f", full validation loss={data['full_valid_loss']:.2f}"
            assert event["message"] == text
            forms.add(("valid_loss" in data, "full_valid_loss" in data))
    assert forms == {(False, False), (True, False), (False, True), (True, True)}


@pytest.mark.source("SEED, PINOLO")
@pytest.mark.shape
def test_the_data_of_a_metric_event_has_its_keys_in_the_recorded_order(lab: Lab) -> None:
    """OBS SEED, PINOLO; absent where nothing was validated."""
    order = [
        "step", "train_loss", "valid_loss", "total_steps", "full_valid_loss", "train_mean_token_accuracy",
        "valid_mean_token_accuracy", "full_valid_mean_token_accuracy",
    ]  # fmt: skip
    for event in complete_events(lab, **validated(lab)):
        if event["type"] == "metrics":
            data = event["data"]
            assert list(data) == [key for key in order if key in data]
            assert ("valid_loss" in data) == ("valid_mean_token_accuracy" in data)
            assert ("full_valid_loss" in data) == ("full_valid_mean_token_accuracy" in data)


@pytest.mark.source("NERBOOK, PINOLO")
def test_a_full_validation_ends_each_epoch_and_a_small_one_comes_every_ten_steps(lab: Lab) -> None:
    """OBS NERBOOK, PINOLO."""
    metrics = [event["data"] for event in complete_events(lab, **validated(lab)) if event["type"] == "metrics"]
    assert [data["step"] for data in metrics if "valid_loss" in data] == list(range(10, 97, 10))
    assert [data["step"] for data in metrics if "full_valid_loss" in data] == list(range(EXAMPLES, 97, EXAMPLES))


def test_without_a_validation_file_only_training_is_measured(lab: Lab) -> None:
    """Contract 4.3."""
    for event in complete_events(lab):
        if event["type"] == "metrics":
            assert list(event["data"]) == ["step", "train_loss", "total_steps", "train_mean_token_accuracy"]


@pytest.mark.source("SEED")
def test_the_loss_falls_and_the_accuracy_rises(lab: Lab) -> None:
    """SEED: a curve to look at; the first and last ten steps on average."""
    metrics = [event["data"] for event in complete_events(lab) if event["type"] == "metrics"]

    def mean(key: str, part: slice) -> float:
        values = [float(data[key]) for data in metrics[part]]
        return sum(values) / len(values)

    early, late = slice(0, 10), slice(-10, None)
    assert mean("train_loss", late) < mean("train_loss", early) / 2
    assert mean("train_mean_token_accuracy", late) > mean("train_mean_token_accuracy", early)
    assert all(0 <= data["train_mean_token_accuracy"] <= 1 for data in metrics)


# -- pages -------------------------------------------------------------------------------------------------------------


@pytest.mark.source("OBS, SPEC")
def test_events_are_listed_newest_first_twenty_a_page(lab: Lab) -> None:
    """OBS for the order, also within one second; SPEC for the default limit."""
    job = lab.finished_job(PLAIN)
    lab.clock.advance(by="8s")
    first = page(lab, job.id)
    assert list(first) == ["object", "data", "has_more"]
    assert (first["object"], len(first["data"]), first["has_more"]) == ("list", 20, True)
    assert first["data"][0]["message"] == "The job has successfully completed"
    every = page(lab, job.id, limit=1000)
    assert every["has_more"] is False
    seconds = [event["created_at"] for event in every["data"]]
    assert seconds == sorted(seconds, reverse=True)
    steps = [event["data"]["step"] for event in every["data"] if event["type"] == "metrics"]
    assert steps == list(range(96, 0, -1))
    assert len(set(seconds)) < len(seconds)


@pytest.mark.source("SDK")
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20, 22, 44, 1000])
def test_any_page_size_enumerates_each_event_once(lab: Lab, limit: int) -> None:
    """SDK pagination.SyncCursorPage: ``after`` is the last id of a page, and is not in the next one."""
    job = lab.finished_job(PLAIN, hyperparameters={"n_epochs": 3})
    lab.clock.advance(by="8s")
    every = [event["id"] for event in page(lab, job.id, limit=1000)["data"]]
    part = page(lab, job.id, limit=limit)
    read, pages = [event["id"] for event in part["data"]], 1
    while part["has_more"]:
        part = page(lab, job.id, limit=limit, after=read[-1])
        read += [event["id"] for event in part["data"]]
        pages += 1
    assert read == every
    assert len(every) == 44
    assert pages == -(-len(every) // limit)
    assert [event.id for event in lab.client().fine_tuning.jobs.list_events(job.id, limit=limit)] == every


def test_nothing_comes_after_the_oldest_event(lab: Lab) -> None:
    job = lab.finished_job(PLAIN)
    oldest = lab.raw_events(job.id)[0]
    assert page(lab, job.id, after=oldest["id"]) == {"object": "list", "data": [], "has_more": False}


@pytest.mark.source("SDK")
def test_events_that_come_meanwhile_do_not_shift_the_next_page(lab: Lab) -> None:
    """A cursor names an event, not a place."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    lab.clock.until(job.id, "running")
    lab.clock.advance(by="60s")
    before = [event["id"] for event in page(lab, job.id, limit=1000)["data"]]
    first = page(lab, job.id, limit=5)["data"]
    lab.clock.advance(by="60s")
    second = page(lab, job.id, limit=5, after=first[-1]["id"])["data"]
    assert [event["id"] for event in (*first, *second)] == before[:10]


@pytest.mark.source("mocktune")
def test_events_only_ever_append(lab: Lab) -> None:
    """What was once listed stays as it was (docs/explanation/time.md)."""
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    known: list[dict[str, Any]] = []
    for _ in range(12):
        listed, now = lab.raw_events(job.id), lab.clock.now()
        assert listed[: len(known)] == known
        assert all(event["created_at"] <= now for event in listed)
        known = listed
        lab.clock.advance(by="30s")
    assert len(known) == 104
