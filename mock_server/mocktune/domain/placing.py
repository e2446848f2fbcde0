"""A job that stands where somebody wants it to stand now: when it was created, so that its own plan has come that far.

How long each phase takes is drawn from the job's seed, whenever the job was created. So the way to a point is known
first, and the creation lies that long before now. Where a job is to be of another age than that, all of its phases are
stretched or shortened alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from mocktune.domain.clock import SECOND, VirtualTime, format_duration
from mocktune.domain.documents import Duration
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.plan import Plan, PlanInputs
from mocktune.domain.scenario import Scenario
from mocktune.domain.timeline import Signal, Timeline

AT_LEAST = 60 * SECOND
"""How long a phase takes that a job is to stand in and that its scenario does not have."""


class PlacingError(ValueError):
    """A job that cannot stand there now; the text says why. ``field`` is what to change."""

    def __init__(self, message: str, field: str = "status") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job is to stand now.

    ``progress`` in 0..1 is the share of the phase ``status`` names; of the training, where that was paused or
    cancelled. ``age`` is how long ago it was created, in microseconds; None: as long as it takes. Its files are there
    since ``room`` microseconds: it cannot be older. ``deleted`` is a file that was deleted when it was created;
    ``fails``: it was asked for to fail, now or later.
    """

    status: JobStatus
    progress: float
    age: int | None
    room: int
    deleted: str | None = None
    fails: bool = False


def placed(inputs: PlanInputs, place: Place, now: VirtualTime) -> Timeline:
    """The timeline of a job that stands at ``place`` at ``now``; ``inputs.created_at`` is ignored. Raises
    ``PlacingError``.

    What is asked for wins over the scenario: one that ends such a job before it has come so far loses its end.
    """
    inputs = _at(inputs, now)
    found: PlacingError | None = None
    for scenario in _willing(inputs.scenario, place):
        try:
            return _placed(replace(inputs, scenario=scenario), place, now)
        except PlacingError as error:
            found = found or error
    assert found is not None
    raise found


def _placed(inputs: PlanInputs, place: Place, now: VirtualTime) -> Timeline:
    inputs = replace(inputs, scenario=_with_a_phase(inputs, place))
    takes = _way(inputs, place, now)
    factor = _factor(takes, place)
    if factor is not None:
        inputs = _to_the_microsecond(replace(inputs, scenario=scaled(inputs, factor)), place, now)
        takes = _way(inputs, place, now)
    # What has ended, or stands still, may have done so for a while.
    age = max(takes, place.age or 0) if place.status.terminal or place.status is JobStatus.PAUSED else takes
    created_at = VirtualTime(now - age)
    timeline = _timeline(_at(inputs, created_at), place)
    reached = VirtualTime(created_at + takes)
    if any(signal.at <= now and signal not in timeline.signals for signal in timeline.effective):
        raise PlacingError("its scenario pauses or cancels it before")
    if place.status is JobStatus.PAUSED:
        timeline = timeline.with_signal(Signal(reached, "pause"))
    elif place.status is JobStatus.CANCELLED:
        timeline = timeline.with_signal(Signal(reached, "cancel"))
    if timeline.status_at(now) is not place.status:
        raise PlacingError(f"it cannot be {place.status} now: it would be {timeline.status_at(now)}")
    return timeline


def _willing(scenario: Scenario, place: Place) -> list[Scenario]:
    """The scenario as it is, and without what may end a job too early or let it go on too long."""
    free = replace(scenario, signals=())
    if not place.fails:
        free = replace(free, job=replace(free.job, outcome="succeeded"))
    return [scenario, free]


def _at(inputs: PlanInputs, created_at: VirtualTime) -> PlanInputs:
    """The inputs of a job created at that instant, whose files are ready by then."""
    training, validation = inputs.training, inputs.validation
    return replace(
        inputs,
        created_at=created_at,
        training=replace(training, ready_at=min(training.ready_at, created_at)),
        validation=validation and replace(validation, ready_at=min(validation.ready_at, created_at)),
    )


def _timeline(inputs: PlanInputs, place: Place) -> Timeline:
    if place.deleted is None:
        return Timeline(inputs)
    return Timeline(inputs, (Signal(inputs.created_at, "delete_file", place.deleted),))


def _with_a_phase(inputs: PlanInputs, place: Place) -> Scenario:
    """The scenario with the phase in it that the job is to stand in."""
    scenario, fixed = inputs.scenario, Duration(AT_LEAST)
    plan, job = _timeline(inputs, place).plan, inputs.scenario.job
    match place.status:
        case JobStatus.VALIDATING_FILES if not job.validating.drawn(inputs.seed, "validating"):
            return replace(scenario, job=replace(job, validating=fixed))
        case JobStatus.QUEUED if not job.queued.drawn(inputs.seed, "queued"):
            return replace(scenario, job=replace(job, queued=fixed))
        case JobStatus.RUNNING | JobStatus.PAUSED if plan.training is not None and not plan.training.lasts:
            return replace(scenario, job=replace(job, training=fixed))
    return scenario


def _way(inputs: PlanInputs, place: Place, now: VirtualTime) -> int:
    """Microseconds from the creation to the place, of a job whose files are ready."""
    plan = _timeline(inputs, place).plan
    at = _instant(plan, place)
    if at is None:
        end = plan.failure.error.message if plan.failure else "it succeeds"
        raise PlacingError(f"it never becomes {place.status}: {end}")
    return at - inputs.created_at


def _instant(plan: Plan, place: Place) -> VirtualTime | None:
    """When the plan comes there; None where it never does."""
    training, failure = plan.training, plan.failure
    begins: VirtualTime | None
    match place.status:
        case JobStatus.VALIDATING_FILES:
            begins, ends = plan.validation_starts, plan.validated_at or (failure.at if failure else None)
        case JobStatus.QUEUED:
            begins, ends = plan.validated_at, training.starts if training else None
        case JobStatus.FAILED:
            return failure.at if failure else None
        case JobStatus.SUCCEEDED:
            if plan.completed_at is None or plan.window is None:
                return None
            return max(plan.completed_at, plan.window.ready_at, plan.result_at or plan.completed_at)
        case _:
            begins, ends = (training.starts, training.ends) if training else (None, None)
    if begins is None or ends is None:
        return None
    at = VirtualTime(begins + round(max(0, ends - begins - 1) * place.progress))
    return None if failure is not None and failure.at <= at else at


def _factor(takes: int, place: Place) -> float | None:
    """By how much all phases are stretched; None where they may stay as they are."""
    status, age, room = place.status, place.age, place.room
    if age is not None and age > room:
        raise PlacingError(
            f"it cannot be {format_duration(age)} old: its files, and the time before now, go back "
            f"{format_duration(room)}",
            "age",
        )
    ended = status in (JobStatus.SUCCEEDED, JobStatus.FAILED)
    if age is None:
        if takes <= room:
            return None
        if not ended:
            raise PlacingError(
                f"it takes {format_duration(takes)} to be {status} at {place.progress:.0%}, and its files, and the "
                f"time before now, go back {format_duration(room)}; advance the clock first, or let the training file "
                "be made with it"
            )
        return room / takes
    if takes == age or (status.terminal and takes < age) or (status is JobStatus.PAUSED and takes < age):
        return None
    if not takes or (not age and not ended):
        raise PlacingError(f"a job that is {status} at {place.progress:.0%} is not {format_duration(age)} old", "age")
    return age / takes


def _to_the_microsecond(inputs: PlanInputs, place: Place, now: VirtualTime) -> PlanInputs:
    """What was lost in rounding is taken from the first phase, or added to it."""
    wanted = place.room if place.age is None else place.age
    share = place.progress if place.status is JobStatus.VALIDATING_FILES else 1.0
    for _ in range(3):
        missing = wanted - _way(inputs, place, now)
        if not missing or not share:
            break
        job = inputs.scenario.job
        validating = max(0, job.validating.drawn(inputs.seed, "validating") + ceil(missing / share))
        inputs = replace(inputs, scenario=replace(inputs.scenario, job=replace(job, validating=Duration(validating))))
    return inputs


def scaled(inputs: PlanInputs, factor: float) -> Scenario:
    """The scenario of ``inputs`` with every duration as it is drawn for this job, times ``factor``."""
    scenario, seed = inputs.scenario, inputs.seed

    def times(duration: Duration, name: str) -> Duration:
        return Duration(int(duration.drawn(seed, name) * factor))

    training = Timeline(inputs).plan.training
    job, events, model = scenario.job, scenario.events, scenario.model
    return replace(
        scenario,
        job=replace(
            job,
            validating=times(job.validating, "validating"),
            queued=times(job.queued, "queued"),
            training=Duration(int(training.lasts * factor)) if training else job.training,
            final_validation=times(job.final_validation, "final_validation"),
            safety=times(job.safety, "safety"),
        ),
        events=replace(
            events,
            model_created_after=times(events.model_created_after, "model_created_after"),
            completed_after=times(events.completed_after, "completed_after"),
        ),
        model=replace(
            model,
            absent_for=times(model.absent_for, "absent_for"),
            loading_for=times(model.loading_for, "loading_for"),
        ),
        result=replace(scenario.result, delay=times(scenario.result.delay, "result delay")),
    )
