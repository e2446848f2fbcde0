"""A job's future, decided when it is created, and what of it is to be seen at an instant.

``plan`` is a pure function of the inputs at creation (request, files' reports, scenario, seed, t0). A ``Timeline`` is a
plan and the signals sent since; everything a client sees is a projection of it at ``now``. Reading changes nothing.

Events are not stored. They have an order that time only uncovers: event ``i`` exists once ``event_count(now) > i``, and
is computed from the plan in constant time, in a job of a million steps too::

    0 created, 1 validating, 2 validated, 3 started, 4 … N+3 steps, checkpoints, new model, completed

A failure or a cancel cuts that order short at its instant and adds one last event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Literal

from mocktune.domain import ids
from mocktune.domain.clock import VirtualTime
from mocktune.domain.draws import derive_seed, uniform
from mocktune.domain.hyperparameters import Resolved, resolve, total_steps
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.metrics import Curve, StepMetrics, event_message, metrics_at
from mocktune.domain.models import BaseModel
from mocktune.domain.objects import CheckpointView, EventView, JobError, JobRequest, Level
from mocktune.domain.scenario import Scenario
from mocktune.domain.validation import FileOutlook, first_fault

RETAINED_CHECKPOINTS = 3
"""SFTDOC: a checkpoint at the end of each epoch, of which the last three are kept."""

_BEFORE_STEPS = 4
_ORG_SLUG = "mocktune"


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that was done to a job after its creation, with the virtual time it was done at."""

    at: VirtualTime
    do: Literal["cancel", "delete_file"]
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """All that decides a job's future. ``model`` is the base model, also of a tuned model that is tuned again."""

    job_id: str
    seed: int
    created_at: VirtualTime
    request: JobRequest
    model: BaseModel
    scenario: Scenario
    training: FileOutlook
    validation: FileOutlook | None


@dataclass(frozen=True, slots=True)
class Training:
    """The part of a plan that only a job with good files has. Step ``k`` ends at ``step_ends(k)``."""

    seed: int
    starts: VirtualTime
    lasts: int
    curve: Curve
    hyperparameters: Resolved

    @property
    def ends(self) -> VirtualTime:
        return VirtualTime(self.starts + self.lasts)

    def step_ends(self, step: int) -> VirtualTime:
        """Steps end evenly but for a jitter of up to half a step, drawn per step; the last one exactly at the end."""
        steps = self.curve.total_steps
        early = 0.0 if step == steps else uniform(self.seed, "step time", step) / 2
        return VirtualTime(self.starts + int(self.lasts * (step - early) / steps))

    def steps_ended(self, now: VirtualTime) -> int:
        """How many steps have ended by ``now``, in constant time: the jitter can bring one more step forward."""
        if now < self.starts:
            return 0
        steps = self.curve.total_steps
        if now >= self.ends:
            return steps
        sure = (now - self.starts) * steps // self.lasts
        return sure + 1 if sure < steps and self.step_ends(sure + 1) <= now else sure


@dataclass(frozen=True, slots=True)
class Failure:
    """A planned end. ``finished`` tells whether ``finished_at`` is set: it stays null when validation fails [OBS]."""

    at: VirtualTime
    error: JobError
    finished: bool


@dataclass(frozen=True, slots=True)
class ModelWindow:
    """Until ``absent_until`` the name is unknown, until ``ready_at`` the model is loading, then it answers."""

    absent_until: VirtualTime
    ready_at: VirtualTime

    def state_at(self, now: VirtualTime) -> Literal["absent", "loading", "ready"]:
        if now < self.absent_until:
            return "absent"
        return "loading" if now < self.ready_at else "ready"


@dataclass(frozen=True, slots=True)
class Plan:
    """Every instant of a job's life. An instant that is None is never reached."""

    validation_starts: VirtualTime
    resolved_at: VirtualTime | None
    validated_at: VirtualTime | None
    training: Training | None
    failure: Failure | None
    finished_at: VirtualTime | None
    model_created_at: VirtualTime | None
    completed_at: VirtualTime | None
    window: ModelWindow | None
    trained_tokens: int


def plan(inputs: PlanInputs) -> Plan:
    """The life that follows from the inputs, to the microsecond."""
    scenario, seed = inputs.scenario, inputs.seed
    files = [file for file in (inputs.training, inputs.validation) if file is not None]
    validation_starts = max([inputs.created_at, *(file.ready_at for file in files)])
    validating = scenario.job.validating.drawn(seed, "validating")
    validation_ends = VirtualTime(validation_starts + validating)
    scripted = scenario.job.failure if scenario.job.outcome == "failed" else None

    fault = first_fault(inputs.model, inputs.training, inputs.validation, by=validation_ends)
    if fault is not None:
        return _failing(validation_starts, Failure(validation_ends, fault, finished=False))
    if scripted and scripted.phase == "validating_files":
        error = JobError(scripted.code, scripted.message, scripted.param)
        at = VirtualTime(validation_starts + round(validating * scripted.progress))
        return _failing(validation_starts, Failure(at, error, finished=False))

    report = inputs.training.report
    assert report is not None  # a training file without a report is a fault above
    hyperparameters = resolve(report.examples, inputs.model, inputs.request.hyperparameters)
    steps = total_steps(hyperparameters, report.examples)
    queued = scenario.job.queued.drawn(seed, "queued")
    training_starts = VirtualTime(validation_ends + queued)
    step = scenario.job.step.drawn(seed, "step")
    training = Training(
        seed=derive_seed(seed, "training"),
        starts=training_starts,
        lasts=scenario.job.training.drawn(seed, "training") if scenario.job.training else step * steps,
        hyperparameters=hyperparameters,
        curve=Curve(
            seed=derive_seed(seed, "metrics"),
            total_steps=steps,
            n_epochs=hyperparameters.n_epochs,
            examples=report.examples,
            trained_tokens=report.assistant_tokens,
            predictability=report.predictability,
            has_validation=inputs.validation is not None,
            learning_rate_multiplier=hyperparameters.learning_rate_multiplier,
            batch_size=hyperparameters.batch_size,
        ),
    )
    # PINOLO: the numbers that replace "auto" appear while the files are still being validated.
    resolved_at = VirtualTime(validation_starts + validating // 2)
    if scripted:
        error = JobError(scripted.code, scripted.message, scripted.param)
        begins, lasts = (validation_ends, queued) if scripted.phase == "queued" else (training_starts, training.lasts)
        failure = Failure(VirtualTime(begins + round(lasts * scripted.progress)), error, finished=True)
        return Plan(validation_starts, resolved_at, validation_ends, training, failure, None, None, None, None, 0)

    final = scenario.job.final_validation.drawn(seed, "final_validation") if inputs.validation else 0
    finished_at = VirtualTime(training.ends + final)
    model_created_at = VirtualTime(finished_at + scenario.events.model_created_after.drawn(seed, "model_created_after"))
    completed_after = scenario.events.completed_after.drawn(seed, "completed_after")
    absent_until = VirtualTime(finished_at + scenario.model.absent_for.drawn(seed, "absent_for"))
    return Plan(
        validation_starts=validation_starts,
        resolved_at=resolved_at,
        validated_at=validation_ends,
        training=training,
        failure=None,
        finished_at=finished_at,
        model_created_at=model_created_at,
        completed_at=VirtualTime(max(model_created_at, finished_at + completed_after)),
        window=ModelWindow(
            absent_until, VirtualTime(absent_until + scenario.model.loading_for.drawn(seed, "loading_for"))
        ),
        trained_tokens=report.billable_tokens[inputs.model.train_context] * hyperparameters.n_epochs,
    )


def _failing(validation_starts: VirtualTime, failure: Failure) -> Plan:
    return Plan(validation_starts, None, None, None, failure, None, None, None, None, 0)


def _with_deletions(inputs: PlanInputs, signals: tuple[Signal, ...]) -> PlanInputs:
    for signal in signals:
        if signal.do == "delete_file":
            training, validation = inputs.training, inputs.validation
            if training.id == signal.file_id:
                training = replace(training, deleted_at=signal.at)
            if validation is not None and validation.id == signal.file_id:
                validation = replace(validation, deleted_at=signal.at)
            inputs = replace(inputs, training=training, validation=validation)
    return inputs


def earliest_end(created_at: VirtualTime, ready_at: VirtualTime, scenario: Scenario, seed: int) -> VirtualTime:
    """An instant before which no job of this scenario can succeed, known without its files' reports."""
    job = scenario.job
    training = job.training if job.training is not None else job.step
    parts = ((job.validating, "validating"), (job.queued, "queued"), (training, "training" if job.training else "step"))
    return VirtualTime(max(created_at, ready_at) + sum(part.drawn(seed, name) for part, name in parts))


def result_file_id(seed: int) -> str:
    """The id of a job's result file: drawn from the job, so that no upload in between can shift it."""
    return ids.object_id("file", seed, "result")


class Timeline:
    """A plan, the signals sent since, and their projection at an instant. Immutable: a signal makes a new one."""

    __slots__ = ("__dict__", "inputs", "plan", "signals")

    def __init__(self, inputs: PlanInputs, signals: tuple[Signal, ...] = ()) -> None:
        self.inputs = inputs
        self.signals = signals
        self.plan = plan(_with_deletions(inputs, signals))

    def with_signal(self, signal: Signal) -> Timeline:
        return Timeline(self.inputs, (*self.signals, signal))

    @cached_property
    def cancelled_at(self) -> VirtualTime | None:
        return next((signal.at for signal in self.signals if signal.do == "cancel"), None)

    def status_at(self, now: VirtualTime) -> JobStatus:
        """The status at ``now``; it only ever moves along ``lifecycle.TRANSITIONS``."""
        life = self.plan
        if self.cancelled_at is not None and now >= self.cancelled_at:
            return JobStatus.CANCELLED
        if life.failure is not None and now >= life.failure.at:
            return JobStatus.FAILED
        if life.finished_at is not None and now >= life.finished_at:
            return JobStatus.SUCCEEDED
        if life.training is not None and now >= life.training.starts:
            return JobStatus.RUNNING
        if life.validated_at is not None and now >= life.validated_at:
            return JobStatus.QUEUED
        return JobStatus.VALIDATING_FILES

    def finished_at(self, now: VirtualTime) -> VirtualTime | None:
        """Null until the end, and for ever where validation failed [OBS CN1229]; a cancel sets it (assumed)."""
        match self.status_at(now):
            case JobStatus.SUCCEEDED:
                return self.plan.finished_at
            case JobStatus.CANCELLED:
                return self.cancelled_at
            case JobStatus.FAILED if self.plan.failure and self.plan.failure.finished:
                return self.plan.failure.at
        return None

    def hyperparameters_at(self, now: VirtualTime) -> Resolved | None:
        """The numbers that replaced "auto", once they have; they stay as they were when a cancel came first."""
        at, training = self.plan.resolved_at, self.plan.training
        if at is None or training is None or now < at or (self.cancelled_at is not None and self.cancelled_at < at):
            return None
        return training.hyperparameters

    def error_at(self, now: VirtualTime) -> JobError | None:
        failure = self.plan.failure
        return failure.error if failure and self.status_at(now) is JobStatus.FAILED else None

    # -- names -----------------------------------------------------------------------------------------------------

    @cached_property
    def fine_tuned_model(self) -> str:
        return self._model_name("final")

    def checkpoint_model(self, step: int) -> str:
        """A checkpoint carries an eight-character id of its own, never the model's [OBS PINOLO]."""
        return f"{self._model_name('checkpoint', step)}:ckpt-step-{step}"

    def _model_name(self, *which: str | int) -> str:
        at = self.plan.finished_at or self.inputs.created_at
        suffix_id = ids.model_suffix_id(self.inputs.seed, at, *which)
        return f"ft:{self.inputs.model.id}:{_ORG_SLUG}:{normalised_suffix(self.inputs.request.suffix)}:{suffix_id}"

    @cached_property
    def earlier_checkpoint_steps(self) -> tuple[int, ...]:
        """The steps of the retained checkpoints before the last epoch, which is the model itself."""
        training = self.plan.training
        if training is None:
            return ()
        epochs, steps = training.hyperparameters.n_epochs, training.curve.total_steps
        first = max(1, epochs - RETAINED_CHECKPOINTS + 1)
        return tuple(epoch * steps // epochs for epoch in range(first, epochs))

    # -- events ----------------------------------------------------------------------------------------------------

    def event_count(self, now: VirtualTime) -> int:
        """How many events exist at ``now``; it never shrinks."""
        end = self._end
        if end is None or now < end[0]:
            return self._natural_count(now)
        return self._natural_count(end[0]) + 1

    @cached_property
    def _end(self) -> tuple[VirtualTime, Level, str] | None:
        """The instant, level and message of the event that cuts the natural order short."""
        failure, cancelled = self.plan.failure, self.cancelled_at
        if cancelled is not None:
            # No recording has this text (contract 4.2): assumed.
            return cancelled, "info", "The job has been cancelled"
        return (failure.at, "error", failure.error.message) if failure else None

    def _natural_count(self, now: VirtualTime) -> int:
        life = self.plan
        if now < life.validation_starts:
            return 1
        if life.validated_at is None or now < life.validated_at:
            return 2
        training = life.training
        if training is None or now < training.starts:
            return 3
        count = _BEFORE_STEPS + training.steps_ended(now)
        if life.model_created_at is not None and now >= life.model_created_at:
            count += len(self.earlier_checkpoint_steps) + 1
            if life.completed_at is not None and now >= life.completed_at:
                count += 1
        return count

    def event(self, index: int, now: VirtualTime) -> EventView:
        """Event ``index`` of those that exist at ``now``. Raises ``IndexError`` beyond them."""
        count = self.event_count(now)
        if not 0 <= index < count:
            raise IndexError(index)
        return self._event(index, count, now)

    def _event(self, index: int, count: int, now: VirtualTime) -> EventView:
        id = ids.event_id(self.inputs.seed, index)
        end = self._end
        if end is not None and index == count - 1 and now >= end[0]:
            return EventView(id, *end)
        return self._natural_event(id, index)

    def _natural_event(self, id: str, index: int) -> EventView:
        inputs, life, training = self.inputs, self.plan, self.plan.training
        if index == 0:
            return EventView(id, inputs.created_at, "info", f"Created fine-tuning job: {inputs.job_id}")
        if index == 1:
            message = f"Validating training file: {inputs.training.id}"
            if inputs.validation is not None:
                message += f" and validation file: {inputs.validation.id}"
            return EventView(id, life.validation_starts, "info", message)
        assert life.validated_at is not None
        assert training is not None  # a plan without them has no later events
        if index == 2:
            return EventView(id, life.validated_at, "info", "Files validated, moving job to queued state")
        if index == 3:
            return EventView(id, training.starts, "info", "Fine-tuning job started", bare=True)
        step = index - _BEFORE_STEPS + 1
        if step <= training.curve.total_steps:
            metrics = metrics_at(training.curve, step)
            return EventView(id, training.step_ends(step), "info", event_message(metrics), metrics)
        assert life.model_created_at is not None
        assert life.completed_at is not None
        earlier = self.earlier_checkpoint_steps
        after = step - training.curve.total_steps - 1
        if after < len(earlier):
            name = self.checkpoint_model(earlier[after])
            message = f"Checkpoint created at step {earlier[after]} with Snapshot ID: {name}"
            return EventView(id, life.model_created_at, "info", message)
        if after == len(earlier):
            return EventView(
                id, life.model_created_at, "info", f"New fine-tuned model created: {self.fine_tuned_model}"
            )
        return EventView(id, life.completed_at, "info", "The job has successfully completed")

    def events_newest_first(self, now: VirtualTime, *, before: int | None = None) -> Iterator[EventView]:
        """The events that exist at ``now``, newest first, from the one before index ``before`` on."""
        count = self.event_count(now)
        newest = count if before is None else min(before, count)
        return (self._event(index, count, now) for index in range(newest - 1, -1, -1))

    # -- checkpoints and results -----------------------------------------------------------------------------------

    def checkpoints_at(self, now: VirtualTime) -> list[CheckpointView]:
        """Highest step first; empty until the job has succeeded [OBS PINOLO]. The first one is the model itself."""
        training = self.plan.training
        if training is None or self.status_at(now) is not JobStatus.SUCCEEDED:
            return []
        last = training.curve.total_steps
        named = [(last, self.fine_tuned_model)]
        named += [(step, self.checkpoint_model(step)) for step in reversed(self.earlier_checkpoint_steps)]
        return [
            CheckpointView(
                id=ids.object_id("checkpoint", self.inputs.seed, step),
                job_id=self.inputs.job_id,
                model=name,
                created_at=training.step_ends(step),
                metrics=metrics_at(training.curve, step),
            )
            for step, name in named
        ]

    def result_steps(self, most: int) -> Iterator[StepMetrics]:
        """The rows of the result file, one a step; of more than ``most`` steps every n-th and the last (assumed)."""
        training = self.plan.training
        if training is None:
            return iter(())
        total = training.curve.total_steps
        stride = -(-total // most)
        steps = chain(range(stride, total, stride), (total,))
        return (metrics_at(training.curve, step) for step in steps)

    # -- landmarks -------------------------------------------------------------------------------------------------

    def landmarks(self) -> list[VirtualTime]:
        """The instants at which something a person would wait for changes, in order; training counts as ten."""
        life, training = self.plan, self.plan.training
        instants = [life.validation_starts, life.resolved_at, life.validated_at]
        if training is not None:
            instants += [VirtualTime(training.starts + training.lasts * tenth // 10) for tenth in range(11)]
        instants += [life.finished_at, life.model_created_at, life.completed_at]
        if life.window is not None:
            instants += [life.window.absent_until, life.window.ready_at]
        end = self._end
        known = {at for at in instants if at is not None and (end is None or at < end[0])}
        if end is not None:
            known.add(end[0])
        return sorted(known)

    def instant_of(self, status: JobStatus) -> VirtualTime | None:
        """When the job enters ``status``; None where it never does."""
        return next((at for at in [self.inputs.created_at, *self.landmarks()] if self.status_at(at) is status), None)

    @cached_property
    def succeeds(self) -> bool:
        """Whether the job succeeds in the end, if nothing more is done to it."""
        return self.plan.finished_at is not None and self.status_at(self.plan.finished_at) is JobStatus.SUCCEEDED

    @property
    def ends_at(self) -> VirtualTime:
        """When the job reaches a terminal status."""
        end = self._end
        instant = end[0] if end else self.plan.finished_at
        assert instant is not None  # a plan either fails or finishes
        return instant


def normalised_suffix(suffix: str | None) -> str:
    """How a suffix appears in a model's name: lower case, odd characters as ``-`` (assumed, contract 4.11)."""
    if not suffix:
        return ""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in suffix.lower())
