"""A job's future, decided when it is created: every instant of its life.

``plan`` is a pure function of the inputs at creation: request, files' reports, scenario, seed, t0. What is done to the
job afterwards (``Signal``) and what of it is to be seen at an instant is the business of ``timeline.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mocktune.domain import ids
from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.draws import derive_seed, uniform
from mocktune.domain.hyperparameters import Resolved, resolve, total_steps
from mocktune.domain.limits import Quota, quota_failure, training_cost_usd
from mocktune.domain.metrics import Curve
from mocktune.domain.models import BaseModel
from mocktune.domain.objects import JobError, JobRequest
from mocktune.domain.report import FileReport
from mocktune.domain.scenario import ModelPart, Scenario
from mocktune.domain.validation import FileOutlook, first_fault

if TYPE_CHECKING:  # reinforcement alone needs grading
    from mocktune.domain.grading import GraderSummary
    from mocktune.domain.measures import AnyCurve


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """All that decides a job's future. ``model`` is the base model, also of a tuned model that is tuned again;
    ``graded`` is what the grader of a reinforcement job gave the untrained model, ``fine_tuned_model`` the name a seed
    state chose for the model that comes of it, ``quota`` what was left to pay for it, where that is limited.
    """

    job_id: str
    seed: int
    created_at: VirtualTime
    request: JobRequest
    model: BaseModel
    scenario: Scenario
    training: FileOutlook
    validation: FileOutlook | None
    graded: GraderSummary | None = None
    fine_tuned_model: str | None = None
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """The part of a plan that only a job with good files has. Step ``k`` ends at ``step_ends(k)``."""

    seed: int
    starts: VirtualTime
    lasts: int
    curve: AnyCurve
    hyperparameters: Resolved

    @property
    def ends(self) -> VirtualTime:
        return VirtualTime(self.starts + self.lasts)

    def reaches(self, percent: float) -> VirtualTime:
        """The instant at which that share of it is done."""
        return VirtualTime(self.starts + round(self.lasts * percent / 100))

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
    """Until ``absent_until`` the name is unknown, until ``ready_at`` the model is loading, then it answers, until
    ``gone_at``, from which on its name is unknown again; None: for good.
    """

    absent_until: VirtualTime
    ready_at: VirtualTime
    gone_at: VirtualTime | None = None

    def state_at(self, now: VirtualTime) -> Literal["absent", "loading", "ready"]:
        if now < self.absent_until or (self.gone_at is not None and now >= self.gone_at):
            return "absent"
        return "loading" if now < self.ready_at else "ready"


@dataclass(frozen=True, slots=True)
class Plan:
    """Every instant of a job's life, in its own time (``pauses.py``). An instant that is None is never reached.

    ``result_at`` is when a succeeded job names its result file, ``expected_finish`` when whoever knows of no failure
    expects its end, ``safety_starts`` when a model is checked that fails.
    """

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
    result_at: VirtualTime | None = None
    expected_finish: VirtualTime | None = None
    safety_starts: VirtualTime | None = None


def plan(inputs: PlanInputs) -> Plan:
    """The life that follows from the inputs, to the microsecond."""
    scenario, seed = inputs.scenario, inputs.seed
    files = [file for file in (inputs.training, inputs.validation) if file is not None]
    validation_starts = max([inputs.created_at, *(file.ready_at for file in files)])
    validating = scenario.job.validating.drawn(seed, "validating")
    validation_ends = VirtualTime(validation_starts + validating)
    scripted = scenario.job.failure if scenario.job.outcome == "failed" else None

    fault = first_fault(
        inputs.model, inputs.training, inputs.validation, by=validation_ends, method=inputs.request.method
    )
    if fault is not None:
        return _failing(validation_starts, Failure(validation_ends, fault, finished=False))
    if scripted and scripted.phase == "validating_files":
        error = JobError(scripted.code, scripted.message, scripted.param)
        at = VirtualTime(validation_starts + round(validating * scripted.progress))
        return _failing(validation_starts, Failure(at, error, finished=False))

    report = inputs.training.report
    assert report is not None  # a training file without a report is a fault above
    hyperparameters = resolve(report.examples, inputs.model, inputs.request.hyperparameters, inputs.request.method)
    steps = total_steps(hyperparameters, report.examples)
    queued = scenario.job.queued.drawn(seed, "queued")
    training_starts = VirtualTime(validation_ends + queued)
    step = scenario.job.step.drawn(seed, "step")
    lasts = scenario.job.training.drawn(seed, "training") if scenario.job.training else step * steps
    training = Training(
        seed=derive_seed(seed, "training"),
        starts=training_starts,
        lasts=lasts,
        hyperparameters=hyperparameters,
        curve=_curve(inputs, report, hyperparameters, steps, lasts),
    )
    trained_tokens = report.billable_tokens[inputs.model.train_context] * hyperparameters.n_epochs
    if inputs.quota is not None:
        cost_usd = training_cost_usd(inputs.model, trained_tokens, lasts)
        unpaid = quota_failure(inputs.job_id, inputs.quota.organization_id, cost_usd, inputs.quota.remaining_usd)
        if unpaid is not None:
            return _failing(validation_starts, Failure(validation_ends, unpaid, finished=False))
    # PINOLO: the numbers that replace "auto" appear while the files are still being validated.
    resolved_at = VirtualTime(validation_starts + validating // 2)
    final = scenario.job.final_validation.drawn(seed, "final_validation") if inputs.validation else 0
    finished_at = VirtualTime(training.ends + final)
    if scripted:
        error = JobError(scripted.code, scripted.message, scripted.param)
        begins, lasts = {
            "queued": (validation_ends, queued),
            "running": (training_starts, training.lasts),
            "final_validation": (training.ends, final),
            "safety": (finished_at, scenario.job.safety.drawn(seed, "safety")),
        }[scripted.phase]
        return Plan(
            validation_starts=validation_starts,
            resolved_at=resolved_at,
            validated_at=validation_ends,
            training=training,
            failure=Failure(VirtualTime(begins + round(lasts * scripted.progress)), error, finished=True),
            finished_at=None,
            model_created_at=None,
            completed_at=None,
            window=None,
            trained_tokens=0,
            expected_finish=finished_at,
            safety_starts=finished_at if scripted.phase == "safety" else None,
        )

    model_created_at = VirtualTime(finished_at + scenario.events.model_created_after.drawn(seed, "model_created_after"))
    completed_after = scenario.events.completed_after.drawn(seed, "completed_after")
    delay = scenario.result.delay.drawn(seed, "result delay")
    return Plan(
        validation_starts=validation_starts,
        resolved_at=resolved_at,
        validated_at=validation_ends,
        training=training,
        failure=None,
        finished_at=finished_at,
        model_created_at=model_created_at,
        completed_at=VirtualTime(max(model_created_at, finished_at + completed_after)),
        window=_window(scenario.model, seed, finished_at),
        trained_tokens=trained_tokens,
        result_at=None if scenario.result.missing == "empty" else VirtualTime(finished_at + delay),
        expected_finish=finished_at,
    )


def _window(model: ModelPart, seed: int, finished_at: VirtualTime) -> ModelWindow:
    absent_until = VirtualTime(finished_at + model.absent_for.drawn(seed, "absent_for"))
    ready_at = VirtualTime(absent_until + model.loading_for.drawn(seed, "loading_for"))
    gone = model.gone_at
    return ModelWindow(
        absent_until, ready_at, None if gone is None else VirtualTime(ready_at + gone.drawn(seed, "gone_at"))
    )


def _curve(inputs: PlanInputs, report: FileReport, chosen: Resolved, steps: int, lasts: int) -> AnyCurve:
    """What the steps of the job measure, by its method."""
    seed, validation = derive_seed(inputs.seed, "metrics"), inputs.validation
    shape = inputs.scenario.metrics.shape
    match inputs.request.method:
        case "supervised":
            return Curve(
                seed=seed,
                total_steps=steps,
                n_epochs=chosen.n_epochs,
                examples=report.examples,
                trained_tokens=report.assistant_tokens,
                predictability=report.predictability,
                has_validation=validation is not None,
                learning_rate_multiplier=chosen.learning_rate_multiplier,
                batch_size=chosen.batch_size,
                shape=shape,
            )
        case "dpo":
            from mocktune.domain.preferences import PreferenceCurve

            assert chosen.beta is not None  # resolved for this method
            return PreferenceCurve(
                seed=seed,
                total_steps=steps,
                n_epochs=chosen.n_epochs,
                examples=report.examples,
                preferred_tokens=report.assistant_tokens,
                predictability=report.predictability,
                has_validation=validation is not None,
                beta=chosen.beta,
                learning_rate_multiplier=chosen.learning_rate_multiplier,
                batch_size=chosen.batch_size,
                shape=shape,
            )
        case "reinforcement":
            from mocktune.domain.rewards import RewardCurve

            assert inputs.graded is not None  # graded when the files were found good
            return RewardCurve(
                seed=seed,
                total_steps=steps,
                n_epochs=chosen.n_epochs,
                examples=report.examples,
                summary=inputs.graded,
                has_validation=validation is not None,
                validation_examples=validation.report.examples if validation and validation.report else 1,
                batch_size=chosen.batch_size,
                learning_rate_multiplier=chosen.learning_rate_multiplier,
                compute_multiplier=chosen.compute_multiplier or 1.0,
                eval_interval=chosen.eval_interval or 1,
                eval_samples=chosen.eval_samples or 1,
                reasoning_effort=chosen.reasoning_effort or "medium",
                step_s=lasts / steps / SECOND,
                shape=shape,
            )


def _failing(validation_starts: VirtualTime, failure: Failure) -> Plan:
    return Plan(validation_starts, None, None, None, failure, None, None, None, None, 0)


def earliest_end(created_at: VirtualTime, ready_at: VirtualTime, scenario: Scenario, seed: int) -> VirtualTime:
    """An instant before which no job of this scenario can succeed, known without its files' reports."""
    job = scenario.job
    training = job.training if job.training is not None else job.step
    parts = ((job.validating, "validating"), (job.queued, "queued"), (training, "training" if job.training else "step"))
    return VirtualTime(max(created_at, ready_at) + sum(part.drawn(seed, name) for part, name in parts))


def result_file_id(seed: int) -> str:
    """The id of a job's result file: drawn from the job, so that no upload in between can shift it."""
    return ids.object_id("file", seed, "result")
