"""What a tuning has told so far, put in order: all views draw from it, and the report is written from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mocktune.cli.curves import Curves
from mocktune.cli.eta import StepClock
from mocktune.clock import stopwatch_ns

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

    from mocktune_client import Results, Tuned
    from mocktune_client.dataset.report import DatasetReport, ModelPrice
    from mocktune_client.progress import FileSeen, Progress, Uploading, Waiting

Stage: TypeAlias = Literal["files", "validating_files", "queued", "running", "results", "loading", "ready"]
STAGES: tuple[Stage, ...] = ("files", "validating_files", "queued", "running", "results", "loading", "ready")
"""What a tuning goes through, in the API's words where it has some."""
ENDED = frozenset({"succeeded", "failed", "cancelled"})

MAX_EVENTS = 20_000
"""Events kept that are no metrics; those of metrics are kept as numbers."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens trained on and US dollars. ``exact``: told by the finished job, else in proportion to the steps;
    ``assumed_price``: nobody confirmed the price."""

    tokens: int | None
    usd: float | None
    exact: bool
    assumed_price: bool = False


@dataclass(slots=True)
class TuneRecord:
    """``statuses`` and ``stages`` are noted with the seconds since the record was made. ``waiting`` is the error that
    is being waited out, until anything else is told. ``undeployed`` says how a model of Azure is made to answer."""

    now_s: Callable[[], float] = field(default_factory=lambda: _stopwatch())
    target: str | None = None
    report: DatasetReport | None = None
    price: ModelPrice | None = None
    uploads: dict[str, Uploading] = field(default_factory=dict)
    files: dict[str, FileSeen] = field(default_factory=dict)
    job: FineTuningJob | None = None
    how: str | None = None
    stages: dict[Stage, float] = field(default_factory=dict)
    events: deque[FineTuningJobEvent] = field(default_factory=lambda: deque(maxlen=MAX_EVENTS))
    curves: Curves = field(default_factory=Curves)
    steps: StepClock = field(default_factory=StepClock)
    waiting: Waiting | None = None
    waits: int = 0
    results: Results | None = None
    results_reason: str | None = None
    checkpoints: tuple[FineTuningJobCheckpoint, ...] = ()
    notes: list[str] = field(default_factory=list)
    model: str | None = None
    undeployed: str | None = None
    error: Exception | None = None
    ended_s: float | None = None

    def __post_init__(self) -> None:
        self._enter("files")

    # -- taking in -------------------------------------------------------------------------------------------------

    def estimated(self, report: DatasetReport, price: ModelPrice | None) -> None:
        self.report, self.price = report, price

    def take(self, told: Progress) -> None:
        from mocktune_client import progress as p

        self.waiting = told if isinstance(told, p.Waiting) else None
        match told:
            case p.Uploading():
                self.uploads[told.which] = told
            case p.FileSeen():
                self.files[told.which] = told
            case p.JobKnown(job, how):
                self.how = how
                self._job(job)
            case p.JobSeen(job):
                self._job(job)
            case p.EventSeen(event):
                self._event(event)
            case p.Waiting():
                self.waits += 1
            case p.ResultsSeen(results, reason):
                self.results, self.results_reason = results, reason
                self._enter("results")
            case p.CheckpointsSeen(checkpoints):
                self.checkpoints = checkpoints
                self._enter("results")
            case p.ModelWaited():
                self._enter("loading")
            case p.ModelReady():
                self._enter("ready")
            case p.ModelUndeployed(_, advice):
                self.undeployed = advice

    def done(self, tuned: Tuned) -> None:
        self._job(tuned.job)
        self.model = tuned.model
        self.results = tuned.results or self.results
        self.checkpoints = tuned.checkpoints or self.checkpoints
        self._end()

    def failed(self, error: Exception) -> None:
        from mocktune_client.errors import JobCancelled, JobFailed

        self.error = error
        if isinstance(error, JobFailed | JobCancelled):
            self._job(error.job)
        self._end()

    def _end(self) -> None:
        self.waiting = None
        self.ended_s = self.now_s()

    def _job(self, job: FineTuningJob) -> None:
        before = self.status
        self.job = job
        status = self.status
        if status in ("paused", "queued") and before == "running":
            self.steps.interrupted()
        if status == "paused":
            self._enter("running")
        elif status == "succeeded":
            self._enter("results")
        elif status in STAGES:
            self._enter(status)

    def _event(self, event: FineTuningJobEvent) -> None:
        step = self.curves.add(event.data)
        if step is None:
            self.events.append(event)
            return
        happened_s: Any = event.created_at
        self.steps.step(
            step,
            self.curves.total_steps,
            arrived_s=self.now_s(),
            happened_s=float(happened_s) if isinstance(happened_s, int | float) else None,
        )

    def _enter(self, stage: Stage) -> None:
        """Stages come in order; one that was passed, as by a job that goes back into the queue, is not entered."""
        if stage not in self.stages and (not self.stages or STAGES.index(stage) > STAGES.index(self.stage)):
            self.stages[stage] = self.now_s()

    # -- what is known ---------------------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The last one that was reached."""
        return next(reversed(self.stages))

    @property
    def status(self) -> str | None:
        """The job's, also one that this SDK does not know."""
        status: str | None = None if self.job is None else self.job.status
        return status

    @property
    def elapsed_s(self) -> float:
        """Wall seconds since the record was made, or until the end."""
        return self.now_s() if self.ended_s is None else self.ended_s

    @property
    def left_s(self) -> float | None:
        """Until the last step, in wall seconds; None while that cannot be said."""
        return self.steps.left_s(self.now_s()) if self.status == "running" else None

    @property
    def share(self) -> float:
        """The part of the steps that was seen, from 0 to 1."""
        return self.curves.last_step / self.curves.total_steps if self.curves.total_steps else 0.0

    @property
    def base_model(self) -> str | None:
        if self.job is not None:
            return self.job.model
        return self.price.model if self.price is not None else None

    @property
    def spent(self) -> Spent:
        """So far. Time that is billed by the hour is counted when the job has ended."""
        trained = self.job.trained_tokens if self.job is not None else None
        if trained is not None:
            usd, assumed = self._usd(trained)
            return Spent(trained, usd, exact=True, assumed_price=assumed)
        if self.price is None:
            return Spent(None, None, exact=False)
        tokens = round(self.price.trained_tokens * self.share)
        usd = None if self.price.usd is None else self.price.usd * self.share
        return Spent(tokens, usd, exact=False, assumed_price=self.price.assumed_price)

    def _usd(self, tokens: int) -> tuple[float | None, bool]:
        """At the price of the estimate; without one by the price table, whatever the tuning began with."""
        price = self.price
        if price is not None and price.trained_tokens and price.usd is not None:
            return price.usd / price.trained_tokens * tokens, price.assumed_price
        from mocktune.domain.models import ASSUMED_PRICES, cost_usd
        from mocktune_client.model_names import base_model_of

        base = base_model_of(self.base_model or "")
        if base is None or (price is not None and price.usd_per_hour is not None):
            return None, False
        return cost_usd(base.prices, tokens), base.id in ASSUMED_PRICES


def _stopwatch() -> Callable[[], float]:
    began_ns = stopwatch_ns()
    return lambda: (stopwatch_ns() - began_ns) / 1e9
