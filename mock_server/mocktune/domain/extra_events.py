"""Events of a job that the recorded order does not have: those a scenario names, and the checks of a finished model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mocktune.domain.clock import VirtualTime
from mocktune.domain.event_kinds import CHECKS_FAILED, CHECKS_PASSED, ENABLED, EVALUATING, EventKind
from mocktune.domain.moments import Moment
from mocktune.domain.objects import Level
from mocktune.domain.plan import Plan, PlanInputs
from mocktune.domain.safety import blocked_category, checks

NaturalCount = Callable[[VirtualTime], int]
"""How many natural events there are when the job's own time has come to an instant."""


@dataclass(frozen=True, slots=True)
class ExtraEvent:
    """``after`` so many natural events, ``at`` an instant of the job's own time."""

    at: VirtualTime
    after: int
    level: Level
    message: str
    type: str
    data: Mapping[str, Any]


def extra_events(inputs: PlanInputs, plan: Plan, natural_count: NaturalCount, model: str) -> tuple[ExtraEvent, ...]:
    """All of them, in order. ``model`` is the name of the finished one."""
    extras = [*_checks(inputs, plan, natural_count, model), *_named(inputs, plan, natural_count)]
    return tuple(sorted(extras, key=lambda extra: (extra.at, extra.after)))


def _named(inputs: PlanInputs, plan: Plan, natural_count: NaturalCount) -> Iterator[ExtraEvent]:
    for part in inputs.scenario.events.extra:
        moment, training = Moment.parse(part.at), plan.training
        if moment.percent is None:
            at = VirtualTime(inputs.created_at + moment.after)
        elif training is not None:
            at = VirtualTime(training.reaches(moment.percent) + moment.after)
        else:
            continue  # a job that never trains
        yield ExtraEvent(at, natural_count(at), part.level, part.message, part.type, part.data)


def _checks(inputs: PlanInputs, plan: Plan, natural_count: NaturalCount, model: str) -> Iterator[ExtraEvent]:
    def event(kind: EventKind, at: VirtualTime, after: int, data: Mapping[str, Any]) -> ExtraEvent:
        return ExtraEvent(at, after, kind.level, kind.message.format(model=model), kind.type, data)

    if plan.safety_starts is not None and plan.failure is not None:
        begins, ends = plan.safety_starts, plan.failure.at
        yield event(EVALUATING, begins, natural_count(begins), {})
        blocked = blocked_category(inputs.seed, plan.failure.error.message)
        yield event(CHECKS_FAILED, ends, natural_count(ends), checks(blocked))
    elif inputs.scenario.events.safety and plan.model_created_at is not None and plan.completed_at is not None:
        # Contract 4.2: after the new model and before the completion, also where both are of one instant.
        created_at, completed_at = plan.model_created_at, plan.completed_at
        before_completion = natural_count(completed_at) - 1
        yield event(EVALUATING, created_at, min(natural_count(created_at), before_completion), {})
        yield event(CHECKS_PASSED, completed_at, before_completion, checks(None))
        yield event(ENABLED, completed_at, before_completion, {})
