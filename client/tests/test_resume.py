"""Killed at any request, before the service heard it or after it answered, and started again: one job, one file of
each input, one model.
"""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mocktune_client import Tuned
from mocktune_client.progress import EventSeen

from .lab import MARV, MODEL, ONE_EPOCH, Killed, Lab, change, die, fixtures, html, lose_answer

server, lab = fixtures("job.step=100ms")

VALIDATION = b"".join(MARV.splitlines(keepends=True)[:12])
ANYTHING = "[A-Z]+ .*"
PARTS, WHOLE = 4_000, 10**6
"""Bytes of a part: the training file goes in five and the validation file in two, or both in one piece."""


def tune(lab: Lab, journal: Path | None, *, part_bytes: int = WHOLE, **options: Any) -> Tuned:
    tuner = lab.tuner(journal=journal, poll_s=120, part_bytes=part_bytes)
    return tuner.tune(MARV, model=MODEL, validation_file=VALIDATION, method=ONE_EPOCH, **options)


def assert_one_of_each(lab: Lab, tuned: Tuned) -> None:
    assert [job.id for job in lab.unbroken.fine_tuning.jobs.list()] == [tuned.job.id]
    files = {file.filename: file.status for file in lab.unbroken.files.list(purpose="fine-tune")}
    assert len(files) == len(list(lab.unbroken.files.list(purpose="fine-tune"))) == 2
    assert set(files.values()) == {"processed"}
    assert tuned.model == lab.unbroken.fine_tuning.jobs.retrieve(tuned.job.id).fine_tuned_model
    lab.unbroken.chat.completions.create(model=tuned.model, messages=[{"role": "user", "content": "Hi"}])


def soak(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.soak)


@pytest.mark.parametrize(
    ("journal", "part_bytes", "heard"),
    [
        (True, PARTS, True),
        (True, WHOLE, False),
        (False, WHOLE, True),
        soak(True, PARTS, False),
        soak(True, WHOLE, True),
        soak(False, WHOLE, False),
        soak(False, PARTS, True),
        soak(False, PARTS, False),
    ],
)
def test_a_tuning_killed_at_any_request_goes_on_to_one_job_and_one_file_of_each_input(
    server: Any, tmp_path: Path, journal: bool, part_bytes: int, heard: bool
) -> None:
    kills = 0
    while True:
        folder = tmp_path / str(kills) if journal else None
        with closing(Lab(server)) as lab:
            # One request more than last time gets through.
            lab.breaks(ANYTHING, pass_on, times=kills)
            lab.breaks(ANYTHING, die, times=1, reaches_service=heard)
            try:
                tune(lab, folder, part_bytes=part_bytes)
            except Killed:
                assert_one_of_each(lab, tune(lab, folder, part_bytes=part_bytes))
            else:
                break
        kills += 1
    assert kills > 15


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(30))
def test_a_tuning_killed_again_and_again_while_answers_are_lost_makes_one_job(
    server: Any, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)

    def trouble(response: Any) -> Any:
        match draw.random():
            case luck if luck < 0.04:
                raise Killed
            case luck if luck < 0.08:
                return lose_answer(response)
            case luck if luck < 0.12:
                return html(502)(response)
        return response

    with closing(Lab(server)) as lab:
        lab.breaks(ANYTHING, trouble, times=300)
        for _ in range(100):
            try:
                tuned = tune(lab, tmp_path, part_bytes=draw.choice([WHOLE, PARTS]))
                break
            except Killed:
                pass
        assert_one_of_each(lab, tuned)


def test_a_create_without_an_answer_is_looked_for_a_while_by_the_next_process(lab: Lab, tmp_path: Path) -> None:
    """It is on its way when the process is killed, and shows up in no list for ten seconds."""
    lab.breaks("POST /fine_tuning/jobs", die, times=1)
    with pytest.raises(Killed):
        tune(lab, tmp_path)
    began = lab.now
    lab.breaks("GET /fine_tuning/jobs", lambda response: too_early(lab, began, response))
    assert_one_of_each(lab, tune(lab, tmp_path))


def too_early(lab: Lab, began: float, response: Any) -> Any:
    return change(lambda page: page["data"].clear())(response) if lab.now < began + 10 else response


def test_a_tuning_made_again_on_purpose_and_killed_is_gone_on_with(lab: Lab, tmp_path: Path) -> None:
    first = tune(lab, tmp_path)
    lab.breaks("GET /fine_tuning/jobs/[^/]*/events", die, times=1)
    with pytest.raises(Killed):
        tune(lab, tmp_path, again=True)
    second = tune(lab, tmp_path, again=True)
    assert {job.id for job in lab.unbroken.fine_tuning.jobs.list()} == {first.job.id, second.job.id}
    third = tune(lab, tmp_path, again=True)
    assert len({first.job.id, second.job.id, third.job.id}) == 3
    for journal in (tmp_path, None):
        assert tune(lab, journal).job.id == third.job.id


def test_whoever_is_told_may_raise_and_leaves_the_job_running(lab: Lab, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(progress: object) -> None:
        if isinstance(progress, EventSeen):
            raise Stop

    with pytest.raises(Stop):
        tune(lab, tmp_path, on=stop)
    (job,) = lab.unbroken.fine_tuning.jobs.list()
    assert job.status not in ("cancelled", "failed")
    assert tune(lab, tmp_path).job.id == job.id


def pass_on(response: Any) -> Any:
    return response
