"""What a tuning tells while it goes on: one frozen value for each thing that happened, for views, logs and reports.

They come in the order of what happened. A resumed tuning tells the same values, with ``reused`` or ``how`` saying that
something was there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

    from mocktune_client.results import Results

Which: TypeAlias = Literal["training", "validation"]


@dataclass(frozen=True, slots=True)
class Uploading:
    """``sent_bytes`` of ``size_bytes`` have arrived; told at 0, after each part, and at the end."""

    which: Which
    filename: str
    sent_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A look at a file whose status is new; ``reused`` tells that it had been uploaded before."""

    which: Which
    file: FileObject
    reused: bool


@dataclass(frozen=True, slots=True)
class JobKnown:
    """The job this tuning goes on with. ``found``: it was there before; ``found_again``: create's answer was lost."""

    job: FineTuningJob
    how: Literal["created", "found", "found_again"]


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A look at the job, told when anything of it is new."""

    job: FineTuningJob


@dataclass(frozen=True, slots=True)
class EventSeen:
    """One event of the job, oldest first, each once."""

    event: FineTuningJobEvent


@dataclass(frozen=True, slots=True)
class Waiting:
    """An error is waited out: ``subject`` such as ``job ftjob-x``, the error, and seconds until the next try."""

    subject: str
    error: Exception
    delay_s: float


@dataclass(frozen=True, slots=True)
class ResultsSeen:
    """The job's metrics; None where there are none, and then ``reason`` says why."""

    results: Results | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CheckpointsSeen:
    checkpoints: tuple[FineTuningJobCheckpoint, ...]


@dataclass(frozen=True, slots=True)
class ModelWaited:
    """The new model is being waited for; told once, when the waiting begins."""

    model: str


@dataclass(frozen=True, slots=True)
class ModelReady:
    """The new model has answered under this name: its own, on Azure that of a deployment."""

    model: str


@dataclass(frozen=True, slots=True)
class ModelUndeployed:
    """On Azure: the model is kept, and nobody can ask it until it is deployed; ``advice`` says how."""

    model: str
    advice: str


Progress: TypeAlias = (
    Uploading
    | FileSeen
    | JobKnown
    | JobSeen
    | EventSeen
    | Waiting
    | ResultsSeen
    | CheckpointsSeen
    | ModelWaited
    | ModelReady
    | ModelUndeployed
)
