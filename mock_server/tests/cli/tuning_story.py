"""A tuning as its tuner tells it, made up of the SDK's objects, with a stopwatch that a test sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

from mocktune.cli.tune_record import TuneRecord
from mocktune_client import ResultRow, Results, Tuned
from mocktune_client.progress import (
    CheckpointsSeen,
    EventSeen,
    FileSeen,
    JobKnown,
    JobSeen,
    ModelReady,
    ModelWaited,
    Progress,
    ResultsSeen,
    Uploading,
    Waiting,
)

BASE = "gpt-4o-mini-2024-07-18"
MODEL = f"ft:{BASE}:org::abc"
JOB = "ftjob-" + "x" * 24
BEGAN = 1_790_000_000


@dataclass
class Stopwatch:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds

    def record(self) -> TuneRecord:
        return TuneRecord(self)


def file(status: str = "processed", name: str = "train.jsonl") -> FileObject:
    return FileObject.construct(
        id="file-" + "y" * 22, bytes=1234, created_at=BEGAN, filename=name, object="file", purpose="fine-tune",
        status=status,
    )  # fmt: skip


def job(status: str = "running", **fields: Any) -> FineTuningJob:
    ended = status == "succeeded"
    known: dict[str, Any] = {
        "id": JOB, "created_at": BEGAN, "finished_at": BEGAN + 300 if ended else None, "error": None,
        "fine_tuned_model": MODEL if ended else None, "hyperparameters": {"n_epochs": 3, "batch_size": 1},
        "model": BASE, "object": "fine_tuning.job", "organization_id": "org-1", "result_files": [], "seed": 7,
        "status": status, "trained_tokens": 10_000 if ended else None, "training_file": "file-1",
        "validation_file": None, "metadata": None, "integrations": None, "method": {"type": "supervised"},
    }  # fmt: skip
    return FineTuningJob.construct(**(known | fields))


def event(message: str, at: int = 0, *, kind: str = "message", level: str = "info", data: Any = None) -> EventSeen:
    made = FineTuningJobEvent.construct(
        id=f"ftevent-{at}", created_at=BEGAN + at, level=level, message=message, object="fine_tuning.job.event",
        type=kind, data=data,
    )  # fmt: skip
    return EventSeen(made)


def step(number: int, total: int, **more: Any) -> EventSeen:
    loss = 4.0 / number
    data = {"step": number, "total_steps": total, "train_loss": loss, "train_mean_token_accuracy": 0.5} | more
    return event(f"Step {number}/{total}: training loss={loss:.2f}", number, kind="metrics", data=data)


def checkpoint(number: int) -> FineTuningJobCheckpoint:
    return FineTuningJobCheckpoint.construct(
        id=f"ftckpt_{number}", created_at=BEGAN, fine_tuned_model_checkpoint=f"{MODEL}:ckpt-step-{number}",
        fine_tuning_job_id=JOB, metrics={"step": number, "train_loss": 0.5}, object="fine_tuning.job.checkpoint",
        step_number=number,
    )  # fmt: skip


def results(steps: int) -> Results:
    rows = [ResultRow(number, 4.0 / number, 0.5, None, None) for number in range(1, steps + 1)]
    return Results(rows, "step,train_loss,train_accuracy\n")


def tuned(**fields: Any) -> Tuned:
    known: dict[str, Any] = {
        "job": job("succeeded"),
        "model": MODEL,
        "results": results(3),
        "checkpoints": (checkpoint(40),),
    }
    return Tuned(**(known | fields))


def story(steps: int = 60) -> Iterator[Progress]:
    """From the first byte to the model's answer, as it goes where all goes well."""
    yield Uploading("training", "train.jsonl", 0, 1234)
    yield Uploading("training", "train.jsonl", 600, 1234)
    yield Uploading("training", "train.jsonl", 1234, 1234)
    yield FileSeen("training", file("uploaded"), reused=False)
    yield FileSeen("training", file(), reused=False)
    yield JobKnown(job("validating_files"), "created")
    yield JobSeen(job("queued"))
    yield event("Files validated, moving job to queued state")
    yield Waiting(f"job {JOB}", RuntimeError("busy"), 2.0)
    yield JobSeen(job("running"))
    for number in range(1, steps + 1):
        yield step(number, steps, **({"valid_loss": 2.0} if number % 10 == 0 else {}))
    yield event("Something new", kind="moderation_checks")
    yield JobSeen(job("succeeded"))
    yield ResultsSeen(results(steps), None)
    yield CheckpointsSeen((checkpoint(40), checkpoint(20)))
    yield ModelWaited(MODEL)
    yield ModelReady(MODEL)
