"""A job's plan, what was done to it since, and what of it is to be seen at an instant.

A ``Timeline`` is a plan and the signals sent since; everything a client sees is a projection of it at ``now``. Reading
changes nothing.

Events are not stored. They have an order that time only uncovers: event ``i`` exists once ``event_count(now) > i``, and
is computed from the plan in constant time, in a job of a million steps too::

    0 created, 1 validating, 2 validated, 3 started, 4 … N+3 steps, checkpoints, new model, completed

A failure or a cancel cuts that order short at its instant and adds one last event. A pause adds none: nobody knows of
one. Events that a scenario adds have their places in that order too, fixed by the plan: each comes after a number of
natural events that is known from the beginning.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from mocktune.domain import ids, measures
from mocktune.domain.clock import VirtualTime
from mocktune.domain.event_kinds import (
    CANCELLED,
    CHECKPOINT,
    COMPLETED,
    CREATED,
    FAILED,
    NEW_MODEL,
    STARTED,
    VALIDATED,
    VALIDATING,
    VALIDATING_BOTH,
    EventKind,
)
from mocktune.domain.hyperparameters import Resolved
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.objects import CheckpointView, EventView, JobError, Level
from mocktune.domain.plan import ModelWindow, PlanInputs, plan
from mocktune.domain.signals import Signal, cancelled_at, effective, pauses_of, status_of, with_deletions

if TYPE_CHECKING:
    from mocktune.domain.extra_events import ExtraEvent

_BEFORE_STEPS = 4
_ORG_SLUG = "mocktune"

__all__ = ["Signal", "Timeline", "normalised_suffix"]


class Timeline:
    """A plan, the signals sent since, and their projection at an instant. Immutable: a signal makes a new one."""

    __slots__ = ("__dict__", "_lag", "_pauses", "effective", "inputs", "plan", "signals")

    def __init__(self, inputs: PlanInputs, signals: tuple[Signal, ...] = ()) -> None:
        self.inputs = inputs
        self.signals = signals
        self.plan = plan(with_deletions(inputs, signals))
        self.effective = effective(inputs, self.plan, signals)
        self._pauses = pauses_of(inputs, self.effective)
        self._lag = inputs.scenario.events.after_terminal.drawn(inputs.seed, "after_terminal")

    def with_signal(self, signal: Signal) -> Timeline:
        return Timeline(self.inputs, (*self.signals, signal))

    @cached_property
    def cancelled_at(self) -> VirtualTime | None:
        return cancelled_at(self.effective)

    def status_at(self, now: VirtualTime) -> JobStatus:
        """The status at ``now``; it only ever moves along ``lifecycle.TRANSITIONS``."""
        return status_of(self.plan, self._pauses, self.cancelled_at, now)

    def finished_at(self, now: VirtualTime) -> VirtualTime | None:
        """Null until the end, and for ever where validation failed [OBS CN1229]; a cancel sets it (assumed)."""
        match self.status_at(now):
            case JobStatus.SUCCEEDED:
                return self.succeeds_at
            case JobStatus.CANCELLED:
                return self.cancelled_at
            case JobStatus.FAILED if self.plan.failure and self.plan.failure.finished:
                return self._pauses.at(self.plan.failure.at)
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
        return self.inputs.fine_tuned_model or self._model_name("final")

    def checkpoint_model(self, step: int) -> str:
        """A checkpoint carries an eight-character id of its own, never the model's [OBS PINOLO]."""
        return f"{self._model_name('checkpoint', step)}:ckpt-step-{step}"

    def _model_name(self, *which: str | int) -> str:
        at = self.succeeds_at or self.inputs.created_at
        if self.inputs.request.dialect == "azure":  # contract 5.5
            suffix = normalised_suffix(self.inputs.request.suffix)
            return f"{self.inputs.model.id}.ft-{ids.azure_model_id(self.inputs.seed, *which)}{suffix and '-' + suffix}"
        suffix_id = ids.model_suffix_id(self.inputs.seed, at, *which)
        return f"ft:{self.inputs.model.id}:{_ORG_SLUG}:{normalised_suffix(self.inputs.request.suffix)}:{suffix_id}"

    @cached_property
    def earlier_checkpoint_steps(self) -> tuple[int, ...]:
        """The steps of the retained checkpoints before the last epoch, which is the model itself."""
        training = self.plan.training
        return () if training is None else measures.earlier_checkpoints(training.curve)

    # -- events ----------------------------------------------------------------------------------------------------

    def event_count(self, now: VirtualTime) -> int:
        """How many events exist at ``now``; it never shrinks."""
        return self._count(self._listed_by(now))

    def _count(self, now: VirtualTime) -> int:
        """How many events are dated ``now`` or before."""
        end = self._end
        if end is None or now < end[0]:
            return self._undisturbed_count(now)
        return self._undisturbed_count(end[0]) + 1

    def _listed_by(self, now: VirtualTime) -> VirtualTime:
        """The instant up to which events are listed at ``now``. Those of the end come late where the scenario says so;
        those before it are not held back: they may have been seen before the end was known.
        """
        if not self._lag or (ends_at := self.ends_at) is None or now < ends_at:
            return now
        return VirtualTime(max(ends_at - 1, now - self._lag))

    @cached_property
    def _end(self) -> tuple[VirtualTime, Level, str] | None:
        """The instant, level and message of the event that cuts the natural order short."""
        failure, cancelled = self.plan.failure, self.cancelled_at
        if cancelled is not None:
            return cancelled, CANCELLED.level, CANCELLED.message
        at = self._pauses.at(failure.at) if failure else None
        return (at, FAILED.level, failure.error.message) if failure and at is not None else None

    def _undisturbed_count(self, now: VirtualTime) -> int:
        own = self._pauses.own(now)
        count = self._natural_count(own)
        return count + bisect_right(self._extra_instants, own) if self._extra_places else count

    def _natural_count(self, now: VirtualTime) -> int:
        """How many natural events there are when the job's own time has come to ``now``."""
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
        if end is not None and index == count - 1 and self._listed_by(now) >= end[0]:
            return EventView(id, *end)
        places = self._extra_places
        if places:
            before = bisect_left(places, index)
            if before < len(places) and places[before] == index:
                extra = self._extras[before]
                at = self._at(extra.at)
                return EventView(id, at, extra.level, extra.message, type=extra.type, data=extra.data)
            index -= before
        return self._natural_event(id, index)

    @cached_property
    def _extra_places(self) -> tuple[int, ...]:
        """The indexes of the extra events among all."""
        return tuple(extra.after + number for number, extra in enumerate(self._extras))

    @cached_property
    def _extra_instants(self) -> tuple[VirtualTime, ...]:
        return tuple(extra.at for extra in self._extras)

    @cached_property
    def _extras(self) -> tuple[ExtraEvent, ...]:
        events = self.inputs.scenario.events
        if not events.extra and not events.safety and self.plan.safety_starts is None:
            return ()
        from mocktune.domain.extra_events import extra_events  # few jobs have any

        return extra_events(self.inputs, self.plan, self._natural_count, self.fine_tuned_model)

    def _natural_event(self, id: str, index: int) -> EventView:
        inputs, life, training = self.inputs, self.plan, self.plan.training
        if index == 0:
            return _event(id, inputs.created_at, CREATED, job=inputs.job_id)
        if index == 1:
            at, training_file = life.validation_starts, inputs.training.id
            if inputs.validation is None:
                return _event(id, at, VALIDATING, training=training_file)
            return _event(id, at, VALIDATING_BOTH, training=training_file, validation=inputs.validation.id)
        assert life.validated_at is not None
        assert training is not None  # a plan without them has no later events
        if index == 2:
            return _event(id, life.validated_at, VALIDATED)
        if index == 3:
            return _event(id, training.starts, STARTED)
        step = index - _BEFORE_STEPS + 1
        if step <= training.curve.total_steps:
            metrics = measures.measure(training.curve, step)
            return EventView(id, self._at(training.step_ends(step)), "info", measures.message(metrics), metrics)
        assert life.model_created_at is not None
        assert life.completed_at is not None
        model_created_at = self._at(life.model_created_at)
        earlier = self.earlier_checkpoint_steps
        after = step - training.curve.total_steps - 1
        if after < len(earlier):
            name = self.checkpoint_model(earlier[after])
            return _event(id, model_created_at, CHECKPOINT, step=earlier[after], model=name)
        if after == len(earlier):
            return _event(id, model_created_at, NEW_MODEL, model=self.fine_tuned_model)
        return _event(id, self._at(life.completed_at), COMPLETED)

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
                created_at=self._at(training.step_ends(step)),
                metrics=measures.measure(training.curve, step),
            )
            for step, name in named
        ]

    def result_rows(self, most: int) -> Iterator[str]:
        """The lines of the result file, its header and one a step; of more than ``most`` steps every n-th and the last
        (assumed)."""
        training = self.plan.training
        if training is None:
            return
        yield measures.csv_header(training.curve)
        total = training.curve.total_steps
        stride = -(-total // most)
        for step in chain(range(stride, total, stride), (total,)):
            yield measures.csv_row(measures.measure(training.curve, step))

    # -- landmarks -------------------------------------------------------------------------------------------------

    def landmarks(self) -> list[VirtualTime]:
        """The instants at which something a person would wait for changes, in order; training counts as ten."""
        life, training = self.plan, self.plan.training
        instants = [life.validation_starts, life.resolved_at, life.validated_at]
        if training is not None:
            instants += [VirtualTime(training.starts + training.lasts * tenth // 10) for tenth in range(11)]
        instants += [life.finished_at, life.model_created_at, life.completed_at, life.result_at]
        if life.window is not None:
            instants += [life.window.absent_until, life.window.ready_at, life.window.gone_at]
        instants = [None if own is None else self._pauses.at(own) for own in instants]
        instants += self._pauses.landmarks()
        end = self._end
        known = {at for at in instants if at is not None and (end is None or at < end[0])}
        if end is not None:
            known.add(end[0])
        if (last := self.last_listed_at) is not None:
            known.add(last)
        return sorted(known)

    def instant_of(self, status: JobStatus) -> VirtualTime | None:
        """When the job enters ``status``; None where it never does."""
        return next((at for at in [self.inputs.created_at, *self.landmarks()] if self.status_at(at) is status), None)

    @cached_property
    def succeeds(self) -> bool:
        """Whether the job succeeds in the end, if nothing more is done to it."""
        return self.succeeds_at is not None and self.status_at(self.succeeds_at) is JobStatus.SUCCEEDED

    @cached_property
    def succeeds_at(self) -> VirtualTime | None:
        """When the job is through, if nothing cuts its life short; None for one that fails or stays paused."""
        return None if self.plan.finished_at is None else self._pauses.at(self.plan.finished_at)

    def own_time(self, now: VirtualTime) -> VirtualTime:
        """How far the job's own time has come by ``now``: pauses do not count."""
        return self._pauses.own(now)

    def instant_at(self, own: VirtualTime) -> VirtualTime | None:
        """When the job's own time comes to ``own``; None while it stays paused before."""
        return self._pauses.at(own)

    @property
    def window(self) -> ModelWindow | None:
        """When the name of the tuned model becomes known, and when the model answers."""
        window = self.plan.window
        if window is None or not self._pauses.standstills:
            return window
        gone_at = None if window.gone_at is None else self._at(window.gone_at)
        return ModelWindow(self._at(window.absent_until), self._at(window.ready_at), gone_at)

    @property
    def result_at(self) -> VirtualTime | None:
        """When the job names its result file; None for one that never does."""
        at = self.plan.result_at
        return at if at is None or not self._pauses.standstills else self._pauses.at(at)

    def estimated_finish(self, now: VirtualTime) -> VirtualTime | None:
        """What a running job says of its end where its scenario wants it to: it knows of no failure to come."""
        at = self.plan.expected_finish
        if at is None or self.status_at(now) is not JobStatus.RUNNING:
            return None
        return VirtualTime(now + max(0, at - self._pauses.own(now)))

    @cached_property
    def last_listed_at(self) -> VirtualTime | None:
        """When the last event is listed; None for a job that never ends."""
        end, completed_at = self._end, self.plan.completed_at
        last = end[0] if end else None if completed_at is None else self._pauses.at(completed_at)
        if last is None:
            return None
        if end is None and self._extra_instants:
            last = max(last, self._at(self._extra_instants[-1]))
        return VirtualTime(last + self._lag)

    @cached_property
    def ends_at(self) -> VirtualTime | None:
        """When the job reaches a terminal status; None for one that stays paused."""
        end = self._end
        return end[0] if end else self.succeeds_at

    def _at(self, own: VirtualTime) -> VirtualTime:
        """``own`` as virtual time, of something that is reached."""
        at = self._pauses.at(own)
        assert at is not None
        return at


def _event(id: str, at: VirtualTime, kind: EventKind, **values: object) -> EventView:
    return EventView(id, at, kind.level, kind.message.format(**values), bare=kind.bare)


def normalised_suffix(suffix: str | None) -> str:
    """How a suffix appears in a model's name: lower case, odd characters as ``-`` (assumed, contract 4.11)."""
    if not suffix:
        return ""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in suffix.lower())
