"""What a job would have taken and cost on the real service: the plan of the same job under the scenario of recorded
durations, and the price list."""

from __future__ import annotations

import io
from dataclasses import dataclass

from mocktune.dataset_engine.report import read_report
from mocktune.domain.clock import VirtualTime
from mocktune.domain.models import ASSUMED_PRICES, BaseModel, cost_usd
from mocktune.domain.objects import JobRequest
from mocktune.domain.plan import PlanInputs, plan
from mocktune.domain.scenario import Scenario
from mocktune.domain.validation import FileOutlook


@dataclass(frozen=True, slots=True)
class RealRun:
    """Durations in microseconds. ``price_usd`` is None where the model's training is billed by time."""

    files: int
    validating: int
    queued: int
    training: int
    final_validation: int
    loading: int
    steps: int
    trained_tokens: int
    price_usd: float | None
    price_is_assumed: bool

    @property
    def total(self) -> int:
        return self.files + self.validating + self.queued + self.training + self.final_validation + self.loading


def real_run(model: BaseModel, training: bytes, validation: bytes, scenario: Scenario, seed: int) -> RealRun:
    """The run of a job with these files, planned under ``scenario``. ``ValueError`` for files that would fail it."""
    started = VirtualTime(0)
    ready = VirtualTime(scenario.files.processing.drawn(seed, "processing"))

    def outlook(name: str, content: bytes) -> FileOutlook:
        return FileOutlook(name, "fine-tune", ready, read_report(io.BytesIO(content), model.encoding))

    life = plan(
        PlanInputs(
            job_id="ftjob-real",
            seed=seed,
            created_at=started,
            request=JobRequest(model.id, "file-training", "file-validation"),
            model=model,
            scenario=scenario,
            training=outlook("file-training", training),
            validation=outlook("file-validation", validation),
        )
    )
    if life.training is None or life.finished_at is None or life.window is None or life.validated_at is None:
        raise ValueError(life.failure.error.message if life.failure else "the job would not end")
    return RealRun(
        files=life.validation_starts - started,
        validating=life.validated_at - life.validation_starts,
        queued=life.training.starts - life.validated_at,
        training=life.training.lasts,
        final_validation=life.finished_at - life.training.ends,
        loading=life.window.ready_at - life.finished_at,
        steps=life.training.curve.total_steps,
        trained_tokens=life.trained_tokens,
        price_usd=cost_usd(model.prices, life.trained_tokens),
        price_is_assumed=model.id in ASSUMED_PRICES,
    )
