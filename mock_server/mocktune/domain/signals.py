"""What is done to a job after its creation: by requests, and by its scenario, which is known from the beginning.

A scenario's signals are inputs of the plan. Each takes effect at its instant if the job's status allows it then, else
it is as if it had never been: what a request did before may have changed that. So of all signals those that count are
found by going through the job's life once, in order; at one instant the scenario's come before those of requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mocktune.domain.clock import VirtualTime
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.moments import Moment
from mocktune.domain.pauses import Pauses, Standstill

if TYPE_CHECKING:
    from mocktune.domain.plan import Plan, PlanInputs
    from mocktune.domain.scenario import SignalPart


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that was done to a job after its creation, with the virtual time it was done at."""

    at: VirtualTime
    do: Literal["cancel", "pause", "resume", "delete_file"]
    file_id: str | None = None


def status_of(plan: Plan, pauses: Pauses, cancelled_at: VirtualTime | None, now: VirtualTime) -> JobStatus:
    """The status at ``now``; it only ever moves along ``lifecycle.TRANSITIONS``."""
    if cancelled_at is not None and now >= cancelled_at:
        return JobStatus.CANCELLED
    if pauses.standstills:
        if (standing := pauses.status_at(now)) is not None:
            return standing
        now = pauses.own(now)
    if plan.failure is not None and now >= plan.failure.at:
        return JobStatus.FAILED
    if plan.finished_at is not None and now >= plan.finished_at:
        return JobStatus.SUCCEEDED
    if plan.training is not None and now >= plan.training.starts:
        return JobStatus.RUNNING
    if plan.validated_at is not None and now >= plan.validated_at:
        return JobStatus.QUEUED
    return JobStatus.VALIDATING_FILES


def is_possible(do: str, status: JobStatus) -> bool:
    """Whether a cancel, a pause or a resume is possible in ``status``."""
    if do == "pause":
        return status is JobStatus.RUNNING
    return status is JobStatus.PAUSED if do == "resume" else not status.terminal


def effective(inputs: PlanInputs, plan: Plan, sent: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """The signals that count, in order: those that were ``sent``, and what the scenario does."""
    waiting = [each for each in inputs.scenario.signals if each.do != "delete_file"]
    if not waiting:
        return sent
    done: list[Signal] = []
    requests = list(reversed(sent))
    while True:
        pauses = pauses_of(inputs, done)
        instants = ((_instant(each, inputs, plan, pauses), each) for each in waiting)
        at, first = min(
            ((at, each) for at, each in instants if at is not None), key=lambda due: due[0], default=(None, None)
        )
        if requests and (at is None or requests[-1].at < at):
            done.append(requests.pop())
            continue
        if at is None or first is None:
            return tuple(done)
        waiting.remove(first)
        if is_possible(first.do, status_of(plan, pauses, cancelled_at(done), at)):
            done.append(Signal(at, first.do))


def _instant(part: SignalPart, inputs: PlanInputs, plan: Plan, pauses: Pauses) -> VirtualTime | None:
    """When it is due, as far as the pauses so far tell; None: never."""
    moment = Moment.parse(part.at)
    if moment.percent is None:
        return VirtualTime(inputs.created_at + moment.after)
    if plan.training is None:
        return None
    reached = pauses.at(plan.training.reaches(moment.percent))
    return None if reached is None else VirtualTime(reached + moment.after)


def cancelled_at(signals: Sequence[Signal]) -> VirtualTime | None:
    return next((signal.at for signal in signals if signal.do == "cancel"), None)


def with_deletions(inputs: PlanInputs, signals: tuple[Signal, ...]) -> PlanInputs:
    """The inputs, knowing of every file that is deleted, and when."""
    scripted = [Moment.parse(each.at).after for each in inputs.scenario.signals if each.do == "delete_file"]
    if scripted:
        at = VirtualTime(inputs.created_at + min(scripted))
        inputs = replace(inputs, training=replace(inputs.training, deleted_at=at))
    for signal in signals:
        if signal.do == "delete_file":
            training, validation = inputs.training, inputs.validation
            if training.id == signal.file_id:
                training = replace(training, deleted_at=signal.at)
            if validation is not None and validation.id == signal.file_id:
                validation = replace(validation, deleted_at=signal.at)
            inputs = replace(inputs, training=training, validation=validation)
    return inputs


def pauses_of(inputs: PlanInputs, signals: Sequence[Signal]) -> Pauses:
    """The standstills the signals make. A resumed job queues again, as long as a new one would."""
    standstills: list[Standstill] = []
    for signal in signals:
        if signal.do == "pause":
            standstills.append(Standstill(signal.at))
        elif signal.do == "resume":
            queued = inputs.scenario.job.queued.drawn(inputs.seed, f"queued again {len(standstills)}")
            standstills[-1] = Standstill(standstills[-1].begins, signal.at, VirtualTime(signal.at + queued))
    return Pauses(tuple(standstills))
