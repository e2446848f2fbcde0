"""What a scenario does to a job is in its timeline from the beginning, and to be seen when it is due.

``realistic``: twelve examples train from second 51 to second 291; 40 % of that is second 147.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import FINISH, T0, at, inputs, outlook

from mocktune.domain.clock import VirtualTime
from mocktune.domain.lifecycle import JobStatus, may_follow
from mocktune.domain.plan import PlanInputs
from mocktune.domain.scenario import SignalPart
from mocktune.domain.signals import is_possible
from mocktune.domain.timeline import Signal, Timeline

Do = Literal["cancel", "pause", "resume", "delete_file"]


def scripted(*parts: tuple[str, Do], changes: tuple[str, ...] = (), **others: object) -> PlanInputs:
    given_ = inputs(*changes, **others)
    signals = tuple(SignalPart(when, do) for when, do in parts)
    return replace(given_, scenario=replace(given_.scenario, signals=signals))


def test_a_cancel_from_outside_ends_the_job_at_its_share_of_the_training() -> None:
    timeline = Timeline(scripted(("40%", "cancel")))
    assert timeline.status_at(at(146.9)) is JobStatus.RUNNING
    assert timeline.status_at(at(147)) is JobStatus.CANCELLED
    assert timeline.finished_at(at(10**6)) == at(147)
    last = timeline.event_count(at(10**6)) - 1
    assert timeline.event(last, at(10**6)).message == "The job has been cancelled"
    assert not timeline.succeeds


def test_a_time_since_the_creation_reaches_a_job_in_any_status() -> None:
    assert Timeline(scripted(("46s", "cancel"))).status_at(at(46)) is JobStatus.CANCELLED
    assert Timeline(scripted(("0s", "cancel"))).status_at(T0) is JobStatus.CANCELLED


def test_nothing_before_the_signal_tells_of_it() -> None:
    timeline, plain = Timeline(scripted(("40%", "cancel"))), Timeline(inputs())
    now = VirtualTime(at(147) - 1)
    assert timeline.status_at(now) is plain.status_at(now)
    assert timeline.finished_at(now) is None
    count = plain.event_count(now)
    assert timeline.event_count(now) == count
    assert [timeline.event(i, now) for i in range(count)] == [plain.event(i, now) for i in range(count)]


def test_a_pause_from_outside_can_be_followed_by_a_resume() -> None:
    timeline = Timeline(scripted(("40%", "pause"), ("40%+10m", "resume")))
    seen = [timeline.status_at(at(s)) for s in (146.9, 147, 746.9, 747, 750.9, 751)]
    assert seen == ["running", "paused", "paused", "queued", "queued", "running"]
    assert timeline.succeeds_at == at(FINISH + 604)
    assert timeline.succeeds


def test_a_pause_nobody_ends_can_be_ended_by_a_request() -> None:
    timeline = Timeline(scripted(("40%", "pause")))
    assert timeline.ends_at is None
    resumed = timeline.with_signal(Signal(at(500), "resume"))
    assert resumed.status_at(at(499)) is JobStatus.PAUSED
    assert resumed.succeeds_at == at(FINISH + 500 - 147 + 4)


def test_a_share_comes_later_by_what_a_request_paused() -> None:
    timeline = Timeline(scripted(("40%", "cancel")))
    timeline = timeline.with_signal(Signal(at(100), "pause")).with_signal(Signal(at(200), "resume"))
    assert timeline.cancelled_at == at(147 + 104)


def test_what_is_not_possible_then_is_not_done() -> None:
    assert Timeline(scripted(("10m", "cancel"))).status_at(at(10**6)) is JobStatus.SUCCEEDED
    assert Timeline(scripted(("20s", "pause"))).status_at(at(10**6)) is JobStatus.SUCCEEDED
    failing = ("job.outcome=failed", "job.failure.progress=0.1")
    assert Timeline(scripted(("40%", "cancel"), changes=failing)).status_at(at(10**6)) is JobStatus.FAILED
    bad = Timeline(scripted(("40%", "cancel"), training=outlook(report=None)))
    assert bad.status_at(at(10**6)) is JobStatus.FAILED


def test_a_request_may_come_before_the_scenario_does_the_same() -> None:
    paused = Timeline(scripted(("3m", "pause"), ("5m", "resume"))).with_signal(Signal(at(170), "pause"))
    assert [each.do for each in paused.effective] == ["pause", "resume"]
    assert paused.effective[0].at == at(170)
    assert paused.status_at(at(299)) is JobStatus.PAUSED
    assert paused.status_at(at(300)) is JobStatus.QUEUED


@pytest.mark.parametrize(("seconds", "status"), [(47, "failed"), (48, "succeeded")])
def test_the_training_file_is_gone_at_its_time(seconds: int, status: str) -> None:
    timeline = Timeline(scripted((f"{seconds}s", "delete_file")))
    assert timeline.status_at(at(10**6)) == status
    if status == "failed":
        error = timeline.error_at(at(10**6))
        assert error is not None
        assert "was deleted" in error.message


def test_of_two_signals_of_one_instant_the_scenarios_comes_first() -> None:
    """Who asks then is shown the job as it left it."""
    timeline = Timeline(scripted(("3m", "pause")))
    assert timeline.status_at(at(180)) is JobStatus.PAUSED
    resumed = timeline.with_signal(Signal(at(180), "resume"))
    assert [each.do for each in resumed.effective] == ["pause", "resume"]
    assert resumed.status_at(at(180)) is JobStatus.QUEUED


moments = st.one_of(
    st.integers(0, 400).map("{}s".format),
    st.integers(0, 100).map("{}%".format),
    st.tuples(st.integers(0, 100), st.integers(0, 200)).map(lambda both: f"{both[0]}%+{both[1]}s"),
)
kinds: st.SearchStrategy[Do] = st.sampled_from(["cancel", "pause", "resume", "pause", "resume"])
outcomes = st.sampled_from(
    [(), ("job.queued=0s",), ("job.outcome=failed",), ("job.outcome=failed", "job.failure.phase=safety"),
     ("events.after_terminal=40s", "events.safety=true")]
)  # fmt: skip


@given(
    parts=st.lists(st.tuples(moments, kinds), max_size=6),
    asked=st.lists(st.tuples(st.floats(0, 700), kinds), max_size=4).map(sorted),
    looks=st.lists(st.floats(0, 2000), min_size=2, max_size=10).map(sorted),
    changes=outcomes,
)
@settings(max_examples=300, deadline=None)
def test_any_signals_keep_the_laws_of_a_life(
    parts: list[tuple[str, Do]], asked: list[tuple[float, Do]], looks: list[float], changes: tuple[str, ...]
) -> None:
    """Statuses move along the table, events only append, and what was to be seen before a signal stays as it was."""
    values = tuple(each for each in changes if not each.endswith("=true"))
    given_ = scripted(*parts, changes=values)
    if "events.safety=true" in changes:
        given_ = replace(given_, scenario=replace(given_.scenario, events=replace(given_.scenario.events, safety=True)))
    timeline = Timeline(given_)
    for seconds, do in asked:
        now = at(seconds)
        if is_possible(do, timeline.status_at(now)):
            before = timeline
            timeline = timeline.with_signal(Signal(now, do))
            just_before = VirtualTime(now - 1)
            assert timeline.status_at(just_before) is before.status_at(just_before)
            count = before.event_count(just_before)
            assert timeline.event_count(just_before) == count
            assert before.event_count(now) <= timeline.event_count(now)
            assert timeline.event(count - 1, just_before) == before.event(count - 1, just_before)
    for earlier, later in pairwise(at(each) for each in looks):
        assert may_follow(timeline.status_at(earlier), timeline.status_at(later))
        known = timeline.event_count(earlier)
        assert known <= timeline.event_count(later)
        assert timeline.event(known - 1, earlier) == timeline.event(known - 1, later)
    end = at(10**6)
    times = [timeline.event(index, end).created_at for index in range(timeline.event_count(end))]
    assert times == sorted(times)
    for earlier, later in pairwise([T0, *timeline.landmarks(), end]):
        assert timeline.status_at(earlier) is timeline.status_at(VirtualTime(max(earlier, later - 1)))
    if timeline.ends_at is not None:
        assert timeline.status_at(timeline.ends_at).terminal
        assert not timeline.status_at(VirtualTime(timeline.ends_at - 1)).terminal or timeline.ends_at == T0


@given(st.lists(st.tuples(moments, kinds), max_size=6), st.floats(0, 700), st.floats(0, 700))
@settings(max_examples=100, deadline=None)
def test_a_later_request_takes_nothing_back(parts: list[tuple[str, Do]], first: float, second: float) -> None:
    """The signals that took effect by an instant are the same whatever is asked for after it."""
    timeline = Timeline(scripted(*parts))
    for seconds in sorted((first, second)):
        now = at(seconds)
        if timeline.status_at(now) is JobStatus.RUNNING:
            by_then = [each for each in timeline.effective if each.at <= now]
            timeline = timeline.with_signal(Signal(now, "pause"))
            assert list(timeline.effective[: len(by_then)]) == by_then
