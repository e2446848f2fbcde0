"""Events beside the recorded ones have their places from the beginning, and late ones come in one piece."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import FINISH, at, inputs, outlook

from mocktune.domain.clock import VirtualTime
from mocktune.domain.objects import EventView
from mocktune.domain.plan import PlanInputs
from mocktune.domain.safety import CATEGORIES
from mocktune.domain.scenario import ExtraEventPart
from mocktune.domain.timeline import Signal, Timeline

END = at(10**6)


def eventful(*moments: str, safety: bool = False, changes: tuple[str, ...] = (), **others: object) -> PlanInputs:
    given_ = inputs(*changes, **others)
    extra = tuple(ExtraEventPart("notice", "warn", f"at {moment}", {"n": 1}, moment) for moment in moments)
    events = replace(given_.scenario.events, extra=extra, safety=safety)
    return replace(given_, scenario=replace(given_.scenario, events=events))


def told(timeline: Timeline, now: VirtualTime = END) -> list[EventView]:
    return [timeline.event(index, now) for index in range(timeline.event_count(now))]


def test_an_extra_event_comes_at_its_moment_with_all_that_is_said_of_it() -> None:
    timeline = Timeline(eventful("40%"))
    events = told(timeline)
    (extra,) = [each for each in events if each.type == "notice"]
    assert extra.created_at == at(51 + 96)
    assert (extra.level, extra.message, extra.data) == ("warn", "at 40%", {"n": 1})
    assert len(events) == 105
    assert not any(each.type == "notice" for each in told(timeline, at(51 + 95.9)))


def test_the_other_events_are_what_they_were_but_for_their_ids() -> None:
    plain, eventful_ = told(Timeline(inputs())), told(Timeline(eventful("0s", "30s", "50%", "100%+1h")))
    others = [each for each in eventful_ if each.type != "notice"]
    assert [replace(each, id="") for each in others] == [replace(each, id="") for each in plain]
    assert len({each.id for each in eventful_}) == len(eventful_)


def test_a_job_that_never_trains_has_no_share_of_a_training() -> None:
    timeline = Timeline(eventful("50%", "10s", training=outlook(report=None)))
    assert [each.message for each in told(timeline) if each.type == "notice"] == ["at 10s"]


def test_an_extra_event_waits_while_the_job_is_paused() -> None:
    timeline = Timeline(eventful("50%")).with_signal(Signal(at(100), "pause")).with_signal(Signal(at(200), "resume"))
    (extra,) = [each for each in told(timeline) if each.type == "notice"]
    assert extra.created_at == at(51 + 120 + 104)


@pytest.mark.parametrize("changes", [(), ("events.completed_after=0s", "events.model_created_after=0s")])
def test_a_model_that_passes_its_checks_is_enabled_between_its_creation_and_the_completion(
    changes: tuple[str, ...],
) -> None:
    timeline = Timeline(eventful(safety=True, changes=changes))
    last = told(timeline)[-5:]
    assert [each.type for each in last] == ["message", *["moderation_checks"] * 3, "message"]
    assert [each.message for each in last] == [
        f"New fine-tuned model created: {timeline.fine_tuned_model}",
        "Evaluating model against our usage policies",
        f"Moderation checks for snapshot {timeline.fine_tuned_model} passed.",
        "Usage policy evaluations completed, model is now enabled for sampling",
        "The job has successfully completed",
    ]
    assert last[2].data["blocked"] is False
    assert [each["category"] for each in last[2].data["results"]] == list(CATEGORIES)


def test_a_model_that_fails_its_checks_fails_the_job_after_the_last_step() -> None:
    failing = ("job.outcome=failed", "job.failure.phase=safety", "job.failure.progress=1", "job.safety=2m")
    timeline = Timeline(eventful(changes=failing))
    assert timeline.status_at(at(FINISH + 119)) == "running"
    assert timeline.status_at(at(FINISH + 120)) == "failed"
    assert timeline.finished_at(END) == at(FINISH + 120)
    step, evaluating, checked, failed = told(timeline)[-4:]
    assert step.message.startswith("Step 96/96")
    assert (evaluating.type, evaluating.created_at) == ("moderation_checks", at(FINISH))
    assert (checked.type, checked.level, checked.data["blocked"]) == ("moderation_checks", "error", True)
    assert sum(each["flagged"] for each in checked.data["results"]) == 1
    assert (failed.type, failed.level) == ("message", "error")
    assert timeline.checkpoints_at(END) == []


def test_a_failure_in_the_final_validation_comes_after_every_step() -> None:
    failing = ("job.outcome=failed", "job.failure.phase=final_validation", "job.failure.progress=0.5")
    validated = Timeline(inputs(*failing, validation=outlook("file-B")))
    assert validated.ends_at == at(FINISH + 25)
    assert validated.status_at(at(FINISH + 24)) == "running"
    assert told(validated)[-2].message.startswith("Step 96/96")
    # Without a validation file there is no such phase: it fails with the last step.
    assert Timeline(inputs(*failing)).ends_at == at(FINISH)


def test_late_events_are_listed_after_the_end_and_dated_before() -> None:
    timeline, plain = Timeline(inputs("events.after_terminal=30s")), Timeline(inputs())
    assert timeline.status_at(at(FINISH)) == "succeeded"
    assert timeline.event_count(at(FINISH)) == 99  # the last step's is among the late ones
    assert timeline.event_count(at(FINISH + 29.9)) == 99
    assert timeline.event_count(at(FINISH + 30)) == 100
    assert timeline.event_count(at(FINISH + 38)) == 104
    assert told(timeline) == told(plain)
    assert timeline.last_listed_at == at(FINISH + 38)


def test_the_error_of_a_failed_job_comes_late_too() -> None:
    timeline = Timeline(inputs("events.after_terminal=30s", "job.outcome=failed"))
    assert timeline.error_at(at(171)) is not None
    assert told(timeline, at(171))[-1].level == "info"
    assert told(timeline, at(200.9))[-1].level == "info"
    assert told(timeline, at(201))[-1].level == "error"
    assert told(timeline, at(201))[-1].created_at == at(171)


def test_a_cancel_hides_nothing_that_was_listed() -> None:
    before = Timeline(inputs("events.after_terminal=30s"))
    now = at(150)
    after = before.with_signal(Signal(now, "cancel"))
    just_before = VirtualTime(now - 1)
    assert told(after, now) == told(before, just_before)
    assert told(after, at(180))[-1].message == "The job has been cancelled"


MOMENTS = ("0s", "1s", "47s", "51s", "147s", "400s", "0%", "40%", "100%", "100%+8s")


@given(
    moments=st.lists(st.sampled_from(MOMENTS), max_size=8),
    safety=st.booleans(),
    changes=st.sampled_from(
        [(), ("job.outcome=failed",), ("job.outcome=failed", "job.failure.phase=safety"), ("events.after_terminal=1m",),
         ("job.training=0s", "job.queued=0s", "job.validating=0s", "events.completed_after=0s")]
    ),
    looks=st.lists(st.floats(0, 500), min_size=2, max_size=10).map(sorted),
    cancel=st.none() | st.floats(0, 280),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_an_event_exists_once_the_count_says_so_and_never_changes(
    moments: list[str], safety: bool, changes: tuple[str, ...], looks: list[float], cancel: float | None
) -> None:
    timeline = Timeline(eventful(*moments, safety=safety, changes=changes))
    if cancel is not None and not timeline.status_at(at(cancel)).terminal:
        timeline = timeline.with_signal(Signal(at(cancel), "cancel"))
    final = told(timeline)
    assert [each.created_at for each in final] == sorted(each.created_at for each in final)
    assert len({each.id for each in final}) == len(final)
    for earlier, later in pairwise(at(each) for each in looks):
        count = timeline.event_count(earlier)
        assert count <= timeline.event_count(later)
        assert told(timeline, earlier) == final[:count]
        assert list(timeline.events_newest_first(later)) == final[: timeline.event_count(later)][::-1]
        assert all(each.created_at <= earlier for each in final[:count])
