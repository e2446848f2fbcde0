"""A paused job's own time stands still: it ends later by what it stood, and nothing else about it changes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import FINISH, T0, at, inputs

from mocktune.domain.clock import VirtualTime
from mocktune.domain.lifecycle import JobStatus, may_follow
from mocktune.domain.timeline import Signal, Timeline

QUEUED = 4
"""Seconds a resumed job queues under ``realistic``, as long as a new one."""


def paused(*stands: tuple[float, float | None], **others: object) -> Timeline:
    """A job paused and resumed at these seconds; None: not resumed."""
    timeline = Timeline(inputs(**others))
    for begins, resumed in stands:
        timeline = timeline.with_signal(Signal(at(begins), "pause"))
        if resumed is not None:
            timeline = timeline.with_signal(Signal(at(resumed), "resume"))
    return timeline


def test_a_paused_job_is_paused_then_queued_then_running() -> None:
    timeline = paused((100, 160))
    seen = [timeline.status_at(at(s)) for s in (99.9, 100, 159.9, 160, 163.9, 164)]
    assert seen == ["running", "paused", "paused", "queued", "queued", "running"]


def test_everything_after_the_pause_comes_later_by_what_it_stood() -> None:
    timeline, plain = paused((100, 160)), Timeline(inputs())
    stood = 60 + QUEUED
    assert timeline.finished_at(at(10**6)) == at(FINISH + stood)
    assert plain.window is not None
    assert timeline.window is not None
    assert timeline.window.ready_at - plain.window.ready_at == stood * 1_000_000
    end = at(10**6)
    shift = stood * 1_000_000
    for index in range(plain.event_count(end)):
        before, after = plain.event(index, end), timeline.event(index, end)
        assert after.id == before.id
        moved = before.created_at if before.created_at <= at(100) else VirtualTime(before.created_at + shift)
        assert after.created_at == moved
        if before.metrics is not None:
            assert after == replace(before, created_at=moved)


def test_a_job_that_is_not_resumed_stays_paused_and_never_ends() -> None:
    timeline = paused((100, None))
    assert timeline.status_at(at(10**9)) is JobStatus.PAUSED
    assert timeline.ends_at is None
    assert not timeline.succeeds
    assert timeline.finished_at(at(10**9)) is None
    assert timeline.instant_of(JobStatus.SUCCEEDED) is None
    assert timeline.landmarks()[-1] == at(100)
    assert timeline.event_count(at(10**9)) == timeline.event_count(at(100))


def test_a_planned_failure_waits_for_the_resume() -> None:
    failing = ("job.outcome=failed", "job.failure.progress=0.5")
    timeline = Timeline(inputs(*failing))
    assert timeline.ends_at == at(51 + 120)
    timeline = timeline.with_signal(Signal(at(100), "pause")).with_signal(Signal(at(200), "resume"))
    assert timeline.ends_at == at(51 + 120 + 100 + QUEUED)
    assert timeline.error_at(at(51 + 120)) is None
    last = timeline.event(timeline.event_count(at(10**6)) - 1, at(10**6))
    assert (last.level, last.created_at) == ("error", timeline.ends_at)


def test_a_paused_job_can_be_cancelled() -> None:
    timeline = paused((100, None)).with_signal(Signal(at(130), "cancel"))
    assert timeline.status_at(at(129)) is JobStatus.PAUSED
    assert timeline.status_at(at(130)) is JobStatus.CANCELLED
    assert timeline.ends_at == at(130)


@st.composite
def several_pauses(draw: st.DrawFn) -> Timeline:
    timeline = Timeline(inputs(draw(st.sampled_from(["job.queued=0s", "job.queued=4s"]))))
    now = 51.0
    for _ in range(draw(st.integers(0, 4))):
        now += draw(st.floats(0, 60))
        if timeline.status_at(at(now)) is not JobStatus.RUNNING:
            continue
        timeline = timeline.with_signal(Signal(at(now), "pause"))
        now += draw(st.floats(0, 500))
        timeline = timeline.with_signal(Signal(at(now), "resume"))
    return timeline


@given(several_pauses(), st.lists(st.floats(0, 4000), min_size=2, max_size=10).map(sorted))
@settings(max_examples=150)
def test_any_number_of_pauses_keeps_the_laws_of_a_life(timeline: Timeline, seconds: list[float]) -> None:
    for earlier, later in pairwise(at(each) for each in seconds):
        assert may_follow(timeline.status_at(earlier), timeline.status_at(later))
        known = timeline.event_count(earlier)
        assert known <= timeline.event_count(later)
        assert timeline.event(known - 1, earlier) == timeline.event(known - 1, later)
    end = at(10**6)
    times = [timeline.event(index, end).created_at for index in range(timeline.event_count(end))]
    assert times == sorted(times)
    assert timeline.status_at(end) is JobStatus.SUCCEEDED
    for earlier, later in pairwise([T0, *timeline.landmarks(), end]):
        assert timeline.status_at(earlier) is timeline.status_at(VirtualTime(max(earlier, later - 1)))


@pytest.mark.parametrize("seconds", [60.0, 100.0, 290.9])
def test_nothing_before_the_pause_changes(seconds: float) -> None:
    timeline, plain = paused((seconds, None)), Timeline(inputs())
    count = plain.event_count(at(seconds))
    assert timeline.event_count(at(seconds)) == count
    assert [timeline.event(i, at(seconds)) for i in range(count)] == [plain.event(i, at(seconds)) for i in range(count)]
