"""The table of a job's life, and that what terminal means follows from it."""

from __future__ import annotations

from mocktune.domain.lifecycle import TRANSITIONS, JobStatus, diagram, may_follow


def test_every_status_has_a_row() -> None:
    assert set(TRANSITIONS) == set(JobStatus)


def test_exactly_three_statuses_are_terminal() -> None:
    assert {status for status in JobStatus if status.terminal} == {"succeeded", "failed", "cancelled"}


def test_every_live_status_can_be_cancelled() -> None:
    assert all(JobStatus.CANCELLED in after for before, after in TRANSITIONS.items() if not before.terminal)


def test_a_reader_who_missed_statuses_still_sees_a_path_of_the_table() -> None:
    assert may_follow(JobStatus.VALIDATING_FILES, JobStatus.SUCCEEDED)
    assert may_follow(JobStatus.PAUSED, JobStatus.SUCCEEDED)
    assert may_follow(JobStatus.RUNNING, JobStatus.RUNNING)
    assert not may_follow(JobStatus.RUNNING, JobStatus.VALIDATING_FILES)
    assert not may_follow(JobStatus.SUCCEEDED, JobStatus.RUNNING)


def test_the_diagram_has_an_arrow_for_each_pair() -> None:
    lines = diagram().splitlines()
    pairs = [f"    {before} --> {after}" for before, followers in TRANSITIONS.items() for after in followers]
    assert set(pairs) <= set(lines)
    assert len(lines) == 1 + 1 + len(pairs) + 3
