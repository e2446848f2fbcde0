"""``tune``: the whole way in one call, told as it goes, and the same call again goes on with what there is."""

from __future__ import annotations

import asyncio
import inspect
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest

from mocktune_client import (
    AsyncTuner,
    FileFailed,
    JobCancelled,
    JobFailed,
    ModelNotReady,
    ModelUnnamed,
    Tuned,
    Tuner,
)
from mocktune_client.progress import (
    CheckpointsSeen,
    EventSeen,
    FileSeen,
    JobKnown,
    JobSeen,
    ModelReady,
    ModelWaited,
    Progress,
    ResultsSeen,
    Uploading,
    Waiting,
)

from .lab import MARV, MODEL, ONE_EPOCH, Lab, change, fixtures, html, refuse

server, lab = fixtures("job.step=100ms")

VALIDATION = b"".join(MARV.splitlines(keepends=True)[:12])
FEW = b"".join(MARV.splitlines(keepends=True)[:9])
CREATE = "POST /fine_tuning/jobs"


def tune(
    lab: Lab, file: Any = MARV, *, told: list[Progress] | None = None, model: str = MODEL, **options: Any
) -> Tuned:
    tuner = lab.tuner(poll_s=60)
    return tuner.tune(file, model=model, method=ONE_EPOCH, on=told.append if told is not None else None, **options)


def kinds(told: list[Progress]) -> list[str]:
    """The names of what was told, without repetitions in a row; what was waited out is another matter."""
    names = [type(each).__name__ for each in told if not isinstance(each, Waiting)]
    return [name for name, before in zip(names, [None, *names], strict=False) if name != before]


# -- the whole way -----------------------------------------------------------------------------------------------------


def test_a_path_becomes_a_model_that_answers_and_all_of_it_is_told(lab: Lab, tmp_path: Path) -> None:
    path, told = tmp_path / "marv.jsonl", []
    path.write_bytes(MARV)
    (tmp_path / "valid.jsonl").write_bytes(VALIDATION)
    tuned = tune(lab, path, told=told, validation_file=str(tmp_path / "valid.jsonl"), suffix="marv", seed=7)

    assert tuned.job.status == "succeeded"
    assert (tuned.job.seed, tuned.job.fine_tuned_model) == (7, tuned.model)
    assert ":marv:" in tuned.model
    assert tuned.results
    assert [row.step for row in tuned.results.rows] == list(range(1, 41))
    assert [each.step_number for each in tuned.checkpoints] == [40]
    lab.unbroken.chat.completions.create(model=tuned.model, messages=[{"role": "user", "content": "Hi"}])

    names = kinds(told)
    assert names[:6] == ["Uploading", "FileSeen", "Uploading", "FileSeen", "JobKnown", "JobSeen"]
    assert names[-4:] == ["ResultsSeen", "CheckpointsSeen", "ModelWaited", "ModelReady"]
    assert [each.how for each in told if isinstance(each, JobKnown)] == ["created"]
    files = {each.which: each.file for each in told if isinstance(each, FileSeen)}
    assert {which: file.id for which, file in files.items()} == {
        "training": tuned.job.training_file,
        "validation": tuned.job.validation_file,
    }
    assert re.fullmatch(r"marv-[0-9a-f]{12}\.jsonl", files["training"].filename)
    assert [(each.sent_bytes, each.size_bytes) for each in told if isinstance(each, Uploading)] == [
        (0, len(MARV)),
        (len(MARV), len(MARV)),
        (0, len(VALIDATION)),
        (len(VALIDATION), len(VALIDATION)),
    ]
    messages = [each.event.message for each in told if isinstance(each, EventSeen)]
    assert messages == [each.message for each in list(lab.unbroken.fine_tuning.jobs.list_events(tuned.job.id))[::-1]]
    looks = [each.job for each in told if isinstance(each, JobSeen)]
    assert looks[-1].status == "succeeded"
    assert all(one != other for one, other in pairwise(looks))


def test_an_asynchronous_tuner_asks_and_tells_the_same(lab: Lab, server: Any) -> None:
    told: list[Progress] = []
    tune(lab, told=told)
    other, told_async = Lab(server), []

    async def life() -> Tuned:
        async with other.async_client as client:
            tuner = other.async_tuner(client, poll_s=60)
            return await tuner.tune(MARV, model=MODEL, method=ONE_EPOCH, on=told_async.append)

    try:
        tuned = asyncio.run(life())
    finally:
        other.close()
    assert tuned.job.status == "succeeded"
    # Jitter may cost a poll more or less.
    assert set(kinds(told_async)) == set(kinds(told))
    assert len([each for each in told_async if isinstance(each, EventSeen)]) == len(
        [each for each in told if isinstance(each, EventSeen)]
    )


def test_both_tuners_have_the_same_methods_and_parameters() -> None:
    for name in ("__init__", "tune", "follow_to_the_end", "upload_once", "upload", "create"):
        one, other = (list(inspect.signature(getattr(kind, name)).parameters) for kind in (Tuner, AsyncTuner))
        assert one == other


def test_a_file_that_is_at_the_service_is_named_by_its_id(lab: Lab) -> None:
    told: list[Progress] = []
    file = lab.upload()
    assert tune(lab, file, told=told, validation_file=lab.upload(VALIDATION)).job.training_file == file
    assert not [each for each in told if isinstance(each, Uploading)]
    assert all(each.reused for each in told if isinstance(each, FileSeen))
    assert lab.count("POST /files") == 0


def test_a_tuning_that_does_not_want_the_model_does_not_ask_it(lab: Lab) -> None:
    told: list[Progress] = []
    assert tune(lab, told=told, wait_for_model=False).model
    assert not [each for each in told if isinstance(each, ModelWaited | ModelReady)]
    assert lab.count("POST /chat/completions") == 0


# -- again -------------------------------------------------------------------------------------------------------------


def test_the_same_request_goes_on_with_its_job_and_uploads_nothing(lab: Lab) -> None:
    first, told = tune(lab, suffix="a"), []
    creates, uploads = lab.count(CREATE), lab.count("POST /files")
    second = tune(lab, suffix="a", told=told)
    assert second.job.id == first.job.id
    assert (lab.count(CREATE), lab.count("POST /files")) == (creates, uploads)
    assert [each.how for each in told if isinstance(each, JobKnown)] == ["found"]
    assert [(each.which, each.reused) for each in told if isinstance(each, FileSeen)] == [("training", True)]
    assert [each for each in told if isinstance(each, EventSeen)]


@pytest.mark.parametrize(
    "other",
    [
        {"suffix": "b"},
        {"seed": 8},
        {"metadata": {"run": "2"}},
        {"validation_file": VALIDATION},
        {"file": MARV + MARV},
        {"model": "gpt-4.1-nano-2025-04-14"},
        {"again": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_request_makes_another_job(lab: Lab, other: dict[str, Any]) -> None:
    told: list[Progress] = []
    first = tune(lab, suffix="a", wait_for_model=False)
    second = tune(lab, **{"suffix": "a", "wait_for_model": False, "told": told} | other)
    assert first.job.id != second.job.id
    assert [each.how for each in told if isinstance(each, JobKnown)] == ["created"]


def test_the_same_bytes_under_another_name_are_not_sent_again(lab: Lab, tmp_path: Path) -> None:
    told: list[Progress] = []
    tune(lab, wait_for_model=False)
    (tmp_path / "other name.jsonl").write_bytes(MARV)
    tune(lab, tmp_path / "other name.jsonl", suffix="b", wait_for_model=False, told=told)
    assert lab.count("POST /files") == 1
    assert {each.reused for each in told if isinstance(each, FileSeen)} == {True}


@pytest.mark.parametrize("noted", [True, False], ids=["journal", "no journal"])
def test_a_job_that_failed_or_was_cancelled_is_not_gone_on_with(lab: Lab, tmp_path: Path, noted: bool) -> None:
    tuner = lab.tuner(poll_s=60, journal=tmp_path if noted else None)
    with pytest.raises(JobFailed, match="at least 10 examples"):
        tuner.tune(FEW, model=MODEL)
    with pytest.raises(JobFailed):
        tuner.tune(FEW, model=MODEL)
    assert lab.count(CREATE) == 2

    def cancel(progress: Progress) -> None:
        if isinstance(progress, JobKnown):
            lab.unbroken.fine_tuning.jobs.cancel(progress.job.id)

    with pytest.raises(JobCancelled):
        tuner.tune(MARV, model=MODEL, on=cancel)
    assert tuner.tune(MARV, model=MODEL).job.status == "succeeded"


def test_the_second_half_goes_on_from_a_job_there_is(lab: Lab) -> None:
    job, told = lab.job(), []
    tuned = lab.tuner(poll_s=60).follow_to_the_end(job, on=told.append)
    assert (tuned.job.id, tuned.job.status) == (job, "succeeded")
    assert {"JobSeen", "EventSeen", "ResultsSeen", "CheckpointsSeen", "ModelWaited", "ModelReady"} == set(kinds(told))

    async def attach() -> Tuned:
        async with lab.async_client as client:
            return await lab.async_tuner(client).follow_to_the_end(job, wait_for_model=False)

    assert asyncio.run(attach()).model == tuned.model


# -- from a tuned model ------------------------------------------------------------------------------------------------


def test_a_tuned_model_a_checkpoint_and_a_job_can_be_trained_on(lab: Lab) -> None:
    two_epochs: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    first = lab.tuner(poll_s=60).tune(MARV, model=MODEL, method=two_epochs)
    checkpoint = first.checkpoints[0].fine_tuned_model_checkpoint
    assert checkpoint != first.model
    for model, trained in ((first.model, first.model), (checkpoint, checkpoint), (first.job.id, first.model)):
        tuned = tune(lab, model=model, suffix=f"on-{len(model)}", wait_for_model=False)
        assert tuned.job.model == trained


def test_a_model_that_was_just_made_is_waited_for_when_it_is_trained_on(lab: Lab) -> None:
    """Create knows it no sooner than chat does."""
    first, told = tune(lab), []
    lab.breaks(CREATE, refuse(400, "model_not_available"), times=3, reaches_service=False)
    assert tune(lab, model=first.model, told=told, wait_for_model=False).job.model == first.model
    assert lab.count(CREATE) == 5
    with pytest.raises(openai.BadRequestError):
        tune(lab, model="ft:gpt-4o-mini-2024-07-18:mocktune::nobodys")
    assert lab.count(CREATE) == 6


# -- what goes wrong on the way ----------------------------------------------------------------------------------------


def test_errors_that_are_waited_out_are_told(lab: Lab) -> None:
    told: list[Progress] = []
    for operation in ("POST /files", "GET /files/.*", "GET /fine_tuning/jobs/[^/]*", ".*/events", ".*/checkpoints"):
        lab.breaks(operation, html(502), times=1, reaches_service=False)
    tune(lab, told=told, wait_for_model=False)
    waited = [each for each in told if isinstance(each, Waiting)]
    assert [each.subject.partition(" ")[0] for each in waited] == ["file", "file", "job", "job", "job"]
    assert all(isinstance(each.error, openai.InternalServerError) and each.delay_s > 0 for each in waited)


def test_a_file_in_error_ends_the_tuning_before_a_job_is_made(lab: Lab) -> None:
    with pytest.raises(FileFailed):
        tune(lab, MARV + b"{\n")
    assert lab.count(CREATE) == 0


def test_a_missing_result_is_told_and_does_not_matter(lab: Lab) -> None:
    told: list[Progress] = []
    lab.breaks("GET /files/.*/content", refuse(400, None, "Not allowed to download files of purpose: fine-tune"))
    lab.breaks(".*/checkpoints", refuse(404, None))
    tuned = tune(lab, told=told)
    assert (tuned.results, tuned.checkpoints) == (None, ())
    (seen,) = (each for each in told if isinstance(each, ResultsSeen))
    assert seen.results is None
    assert "Not allowed" in str(seen.reason)
    assert CheckpointsSeen(()) in told


def test_a_name_that_comes_after_the_status_is_waited_for(lab: Lab) -> None:
    succeeded = 0

    def nameless(job: Any) -> None:
        nonlocal succeeded
        if job["status"] == "succeeded" and succeeded < 4:
            succeeded += 1
            job["fine_tuned_model"] = None

    lab.breaks("GET /fine_tuning/jobs/[^/]*", change(nameless))
    assert tune(lab).model
    assert succeeded == 4
    lab.breaks("GET /fine_tuning/jobs/[^/]*", change(lambda job: job.update(fine_tuned_model=None)))
    lab.broken.reverse()
    with pytest.raises(ModelUnnamed, match="does not name its model"):
        tune(lab, again=True)


def test_a_found_job_whose_model_is_gone_says_how_to_make_another(lab: Lab) -> None:
    first = tune(lab)
    lab.unbroken.models.delete(first.model)
    with pytest.raises(ModelNotReady) as caught:
        tune(lab)
    assert "tune again on purpose" in caught.value.__notes__[0]
    assert tune(lab, again=True).model != first.model


def test_metadata_must_leave_room_before_anything_is_sent(lab: Lab) -> None:
    with pytest.raises(ValueError, match="at most 15 pairs"):
        tune(lab, metadata={str(number): "" for number in range(16)})
    with pytest.raises(ValueError, match="at most 14 pairs"):
        tune(lab, metadata={str(number): "" for number in range(15)}, again=True)
    with pytest.raises(FileNotFoundError):
        tune(lab, Path("no-such-file.jsonl"))
    assert lab.sent == []
