"""One request makes one job: whatever becomes of answers, of metadata, and of others who ask for the same."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob
from openai.types.fine_tuning.fine_tuning_job import Hyperparameters

from mocktune_client import CreateOutcomeUnknown, Journal, RequestInUse, Tuned
from mocktune_client.jobs import MARKER_KEY
from mocktune_client.once import Sought
from mocktune_client.progress import JobKnown, Progress, Waiting

from .lab import (
    MARV,
    MODEL,
    ONE_EPOCH,
    Break,
    Killed,
    Lab,
    change,
    die,
    fixtures,
    html,
    lose_answer,
    refuse,
    sdk_http,
)

server, lab = fixtures("job.step=100ms")

CREATE = "POST /fine_tuning/jobs"
LIST = "GET /fine_tuning/jobs"
CANCEL = "POST /fine_tuning/jobs/[^/]*/cancel"


def tune(lab: Lab, journal: Any = None, **options: Any) -> tuple[Tuned, str]:
    """The tuned model, and how its job was come by."""
    told: list[Progress] = []
    tuner = lab.tuner(poll_s=120, journal=journal)
    request: Any = {"model": MODEL, "method": ONE_EPOCH, "wait_for_model": False, "on": told.append}
    tuned = tuner.tune(MARV, **request | options)
    (how,) = (each.how for each in told if isinstance(each, JobKnown))
    return tuned, how


def jobs(lab: Lab) -> dict[str, str]:
    return {job.id: job.status for job in lab.unbroken.fine_tuning.jobs.list()}


# -- lost answers ------------------------------------------------------------------------------------------------------


def test_a_job_whose_create_was_answered_to_nobody_is_found_again(lab: Lab) -> None:
    lab.breaks(CREATE, lose_answer, times=1)
    tuned, how = tune(lab)
    assert how == "found_again"
    assert jobs(lab) == {tuned.job.id: "succeeded"}
    assert lab.count(CREATE) == 1


def test_a_create_that_made_no_job_is_sent_again_after_a_good_while(lab: Lab) -> None:
    lab.breaks(CREATE, refuse(500, None), times=2, reaches_service=False)
    tuned, how = tune(lab)
    assert how == "created"
    assert jobs(lab) == {tuned.job.id: "succeeded"}
    assert lab.count(CREATE) == 3
    assert lab.now > 60


def test_creates_that_never_make_a_job_end(lab: Lab) -> None:
    lab.breaks(CREATE, html(502), reaches_service=False)
    with pytest.raises(CreateOutcomeUnknown, match="no job of that request was found"):
        tune(lab)
    assert lab.count(CREATE) == 10


def test_a_create_is_not_repeated_blindly_where_jobs_cannot_be_listed(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(LIST, refuse(403, "missing_scope"))
    lab.breaks(CREATE, html(502), times=1)
    with pytest.raises(CreateOutcomeUnknown, match="could not be listed"):
        tune(lab, tmp_path)
    with pytest.raises(CreateOutcomeUnknown, match="could not be listed"):
        tune(lab, tmp_path)
    assert len(jobs(lab)) == 1
    lab.broken.clear()
    tuned, how = tune(lab, tmp_path)
    assert (jobs(lab), how) == ({tuned.job.id: "succeeded"}, "found")


def test_a_key_that_may_not_list_can_still_tune(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(LIST, refuse(403, "missing_scope"))
    lab.breaks("GET /files", refuse(403, "missing_scope"))
    first, how = tune(lab, tmp_path)
    assert how == "created"
    again, how = tune(lab, tmp_path)  # its own notes know the job
    assert (again.job.id, how) == (first.job.id, "found")


def test_a_refused_create_leaves_nothing_to_look_for(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(CREATE, refuse(403, "training_not_available"), times=1, reaches_service=False)
    with pytest.raises(openai.PermissionDeniedError):
        tune(lab, tmp_path)
    before = len(lab.slept)
    tune(lab, tmp_path)
    assert lab.slept[before] > 30  # a poll of the job: nobody waited for a job that cannot be there
    assert len(jobs(lab)) == 1


# -- services without metadata -----------------------------------------------------------------------------------------


def without_metadata(lab: Lab, way: str) -> None:
    """A service that refuses metadata, or takes it and forgets it."""

    def forget(page: Any) -> None:
        for job in page.get("data", [page]):
            job.pop("metadata", None)

    lab.breaks("(GET|POST) /fine_tuning/jobs(/[^/]*)?", change(forget))
    if way == "refused":
        heard = lab.heard
        refusal = refuse(400, None, "Unrecognized request argument supplied: metadata")
        refusing = Break(re.compile(CREATE), refusal, 1, reaches_service=False)

        def heard_without_metadata(request: sdk_http.Request) -> Break | None:
            if request.method == "POST" and b'"metadata"' in request.read():
                return refusing
            return heard(request)

        lab.heard = heard_without_metadata  # type: ignore[method-assign]


@pytest.mark.parametrize("way", ["refused", "forgotten"])
@pytest.mark.parametrize("journal", [True, False], ids=["journal", "no journal"])
def test_without_metadata_a_job_is_known_by_its_file_and_suffix(
    lab: Lab, tmp_path: Path, way: str, journal: bool
) -> None:
    without_metadata(lab, way)
    notes = tmp_path if journal else None
    first, how = tune(lab, notes, suffix="a")
    assert how == "created"
    again, how = tune(lab, notes, suffix="a")
    assert (again.job.id, how) == (first.job.id, "found")
    other, how = tune(lab, notes, suffix="b")
    assert (other.job.id != first.job.id, how) == (True, "created")
    purposely, how = tune(lab, notes, suffix="a", again=True)
    assert (purposely.job.id not in (first.job.id, other.job.id), how) == (True, "created")
    assert list(jobs(lab).values()).count("succeeded") == 3
    # Where nothing tells that metadata is forgotten, a job is made, seen to be a second one, and cancelled.
    assert ("cancelled" in jobs(lab).values()) is (way == "forgotten" and not journal)


@pytest.mark.parametrize("way", ["refused", "forgotten"])
@pytest.mark.parametrize("again", [True, False], ids=["again", "once"])
def test_without_metadata_a_lost_create_is_found_and_is_none_of_those_before(lab: Lab, way: str, again: bool) -> None:
    without_metadata(lab, way)
    first = tune(lab)[0].job.id if again else None
    lab.breaks(CREATE, lose_answer, times=1)
    lab.broken.insert(0, lab.broken.pop())
    tuned, how = tune(lab, again=again)
    assert how == "found_again"
    assert set(jobs(lab)) == {tuned.job.id} | ({first} if first else set())
    assert tuned.job.id != first


@pytest.mark.parametrize("way", ["refused", "forgotten"])
def test_without_metadata_a_create_that_was_killed_is_found_by_the_next_process(
    lab: Lab, tmp_path: Path, way: str
) -> None:
    without_metadata(lab, way)
    lab.breaks(CREATE, die, times=1)
    lab.broken.insert(0, lab.broken.pop())
    with pytest.raises(Killed):
        tune(lab, tmp_path)
    tuned, how = tune(lab, tmp_path)
    assert how == "found"
    assert jobs(lab) == {tuned.job.id: "succeeded"}


def test_metadata_of_the_user_is_not_dropped_silently(lab: Lab) -> None:
    without_metadata(lab, "refused")
    with pytest.raises(openai.BadRequestError, match="Unrecognized request argument") as caught:
        tune(lab, metadata={"run": "7"})
    assert "leave it out" in caught.value.__notes__[0]
    assert jobs(lab) == {}


def test_a_job_that_somebody_else_made_of_the_same_file_is_not_taken_for_ours(lab: Lab) -> None:
    file = lab.upload()
    theirs = lab.unbroken.fine_tuning.jobs.create(model=MODEL, training_file=file, method=ONE_EPOCH)
    marked = lab.unbroken.fine_tuning.jobs.create(
        model=MODEL, training_file=file, method=ONE_EPOCH, metadata={MARKER_KEY: "another request"}
    )
    tuned = lab.tuner(poll_s=120).tune(file, model=MODEL, method=ONE_EPOCH, wait_for_model=False)
    assert tuned.job.id not in (theirs.id, marked.id)
    lab.breaks(CREATE, lose_answer, times=1)
    other = lab.tuner(poll_s=120).tune(file, model=MODEL, method=ONE_EPOCH, wait_for_model=False, suffix="lost")
    assert len({theirs.id, marked.id, tuned.job.id, other.job.id}) == 4


LIKE = {"model": "gpt-4o-2024-08-06", "training_file": "file-a", "validation_file": None, "seed": 7}


@pytest.mark.parametrize(
    ("job", "like"),
    [
        ({}, True),
        ({"model": "gpt-4o"}, True),
        ({"model": "gpt-4o-mini-2024-07-18"}, False),
        ({"training_file": "file-b"}, False),
        ({"validation_file": "file-b"}, False),
        ({"validation_file": ""}, True),
        ({"seed": 8}, False),
        ({"user_provided_suffix": "marv"}, True),
        ({"user_provided_suffix": "other"}, False),
        ({"user_provided_suffix": None}, False),
        ({"metadata": {"run": "2"}}, True),
        ({"metadata": {MARKER_KEY: "another request"}}, False),
        ({"method": {"type": "supervised"}}, True),
        ({"method": {"type": "dpo"}}, False),
        ({"hyperparameters": {"n_epochs": 3}}, True),
        ({"hyperparameters": {"n_epochs": "auto"}}, True),
        ({"hyperparameters": {"n_epochs": 4}}, False),
        ({"hyperparameters": None}, True),
    ],
    ids=str,
)
def test_a_job_without_marks_is_like_a_request_in_all_that_it_shows(job: dict[str, Any], like: bool) -> None:
    sought = Sought("key", None, "gpt-4o", "marv", 7, "supervised", 3)
    shown = FineTuningJob.construct(**{"metadata": None, "method": None, "hyperparameters": None} | LIKE | job)
    if isinstance(job.get("hyperparameters"), dict):
        shown.hyperparameters = Hyperparameters.construct(**job["hyperparameters"])
    assert sought.is_like(shown, ("file-a", None)) is like


# -- others who ask for the same ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["marked", "forgotten"])
def test_two_machines_that_create_at_the_same_moment_go_on_with_the_older_job(lab: Lab, way: str) -> None:
    """Each has looked before the other had created. The younger job is cancelled before it costs anything."""
    if way == "forgotten":
        without_metadata(lab, way)
    other: list[str] = []

    def first(response: Any) -> Any:
        """The other machine is a moment faster: its job appears between our look and our create."""
        if not other:
            other.append("")
            metadata = None if way == "forgotten" else ours(lab)
            file = lab.unbroken.files.list(purpose="fine-tune").data[0].id
            other[0] = lab.unbroken.fine_tuning.jobs.create(
                model=MODEL, training_file=file, method=ONE_EPOCH, metadata=metadata
            ).id
            lab.advance(by="1s")
        return response

    lab.breaks("GET /files/file-[^/]*", first)  # after the last look, before the create
    lab.broken.insert(0, lab.broken.pop())
    lab.breaks(LIST, blind(lambda: not lab.count(CREATE)))
    lab.broken.insert(0, lab.broken.pop())
    tuned, how = tune(lab)
    assert (tuned.job.id, how) == (other[0], "found")
    assert sorted(jobs(lab).values()) == ["cancelled", "succeeded"]


def ours(lab: Lab) -> dict[str, str]:
    """The marks of the request that ``tune`` makes, learned from a job it makes elsewhere."""
    elsewhere = Lab(lab.server)
    try:
        tuner = elsewhere.tuner(poll_s=120)
        job = tuner.tune(MARV, model=MODEL, method=ONE_EPOCH, wait_for_model=False).job
        return dict(job.metadata or {})
    finally:
        elsewhere.close()


def blind(when: Callable[[], bool]) -> Any:
    """A list that shows nothing as long as ``when``."""

    def see(response: Any) -> Any:
        if not when():
            return response
        body = json.loads(response.content)
        return sdk_http.Response(200, json={**body, "data": [], "has_more": False})

    return see


def test_two_at_once_on_one_machine_make_one_job(lab: Lab, tmp_path: Path) -> None:
    """The second waits until the first knows its job; tuners without a folder share their notes if they are one."""

    async def both(journal: Journal) -> list[Tuned]:
        async with lab.async_client as client:
            # Who waits for the lock sleeps in virtual time, which on a busy machine is soon over.
            tuner = lab.async_tuner(client, poll_s=120, patience_s=10**7, journal=journal)
            request: Any = {"model": MODEL, "method": ONE_EPOCH, "wait_for_model": False}
            return list(await asyncio.gather(*(tuner.tune(MARV, **request) for _ in range(3))))

    for journal in (Journal(tmp_path), Journal(None)):
        assert len({tuned.job.id for tuned in asyncio.run(both(journal))}) == 1
    assert len(jobs(lab)) == 1
    assert len(list(lab.unbroken.files.list(purpose="fine-tune"))) == 1


def test_a_process_that_stays_at_the_same_request_is_not_waited_for_without_end(lab: Lab, tmp_path: Path) -> None:
    told: list[Progress] = []
    tuner = lab.tuner(poll_s=120, patience_s=100, journal=tmp_path)
    stuck, held = Journal(tmp_path), []

    def hold(progress: Progress) -> None:
        """Somebody else takes the lock of this very request while its job goes on, and keeps it."""
        if isinstance(progress, JobKnown):
            (notes,) = tmp_path.glob("request-*.json")
            held.append(stuck.try_lock(notes.stem))

    tuner.tune(MARV, model=MODEL, method=ONE_EPOCH, wait_for_model=False, on=hold)
    with pytest.raises(RequestInUse, match="Another process of this machine"):
        tuner.tune(MARV, model=MODEL, method=ONE_EPOCH, wait_for_model=False, on=told.append)
    assert sum(each.delay_s for each in told if isinstance(each, Waiting)) == pytest.approx(100)
    held[0]()
    assert tuner.tune(MARV, model=MODEL, method=ONE_EPOCH, wait_for_model=False).job.status == "succeeded"
