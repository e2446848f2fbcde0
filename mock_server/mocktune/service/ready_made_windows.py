"""The first minutes of a ready-made model: when its name becomes known, and when it answers, counted from now."""

from __future__ import annotations

from dataclasses import replace

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.documents import Duration
from mocktune.domain.ready_made import NewModel
from mocktune.domain.ready_made_rules import within_time
from mocktune.domain.scenario import ModelPart, Scenario
from mocktune.domain.timeline import Timeline
from mocktune.service.records import JobRecord

USUALLY = 60 * SECOND
"""How long something takes of which the scenario says that it takes no time."""


def ready_at_once(scenario: Scenario) -> Scenario:
    """The scenario without the first minutes of a model: they come when it is known how long ago its job succeeded."""
    part = replace(scenario.model, absent_for=Duration(0), loading_for=Duration(0))
    return replace(scenario, model=part)


def keep(job: JobRecord, now: VirtualTime) -> None:
    """See to it that the model is there: one that its scenario takes away again is gone as long after now."""
    timeline, gone = job.timeline, job.scenario.model.gone_at
    assert timeline is not None  # it was placed
    window = timeline.window
    if gone is None or window is None or window.gone_at is None or window.gone_at > now:
        return
    after = Duration(now - window.ready_at + max(1, gone.drawn(job.seed, "gone_at")))
    _change(job, replace(job.scenario.model, gone_at=after))


def _change(job: JobRecord, part: ModelPart) -> None:
    timeline = job.timeline
    assert timeline is not None  # it was placed
    job.scenario = replace(job.scenario, model=part)
    job.timeline = Timeline(replace(timeline.inputs, scenario=job.scenario), timeline.signals)


def open_window(job: JobRecord, new: NewModel, part: ModelPart, now: VirtualTime) -> None:
    """Let the model of a job that has just succeeded be loading, or absent, for as long as is asked for, else as long
    as ``part`` of its sandbox's scenario says. Raises ``ParameterError``.
    """
    timeline = job.timeline
    assert timeline is not None  # it was placed
    assert timeline.succeeds_at is not None  # as succeeded
    loading = part.loading_for.drawn(job.seed, "loading_for")
    absent = part.absent_for.drawn(job.seed, "absent_for")
    since = now - timeline.succeeds_at
    if new.state == "loading":
        ready_in = new.ready_in or loading or USUALLY
        absent_for, loading_for = 0, since + ready_in
    else:
        ready_in = new.ready_in or (absent or USUALLY) + loading
        loading_for = min(loading, ready_in // 2)
        absent_for = since + ready_in - loading_for
    within_time(now + ready_in, "ready_in")
    _change(job, replace(part, absent_for=Duration(absent_for), loading_for=Duration(loading_for)))
