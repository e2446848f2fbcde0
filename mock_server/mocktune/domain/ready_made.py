"""What is asked for of a ready-made object. Durations are microseconds of virtual time; None: whatever is usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.models import Method
from mocktune.domain.objects import FileStatus, FileView, JobView, ModelView

Examples = int | tuple[Mapping[str, Any], ...]
"""How many examples are to be made up, or the examples themselves."""

ModelWindowState = Literal["absent", "loading", "ready"]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file. ``processing_for`` is how long it will still be ``uploaded``; ``content`` is all of its bytes, in place
    of ``examples``.
    """

    status: FileStatus = "processed"
    filename: str = "training.jsonl"
    purpose: str = "fine-tune"
    status_details: str | None = None
    examples: Examples | None = None
    content: bytes | None = None
    age: int | None = None
    processing_for: int | None = None


@dataclass(frozen=True, slots=True)
class NewFailure:
    """A failure at run time: in a phase, with the ``error`` that the job shows. What is None is the scenario's."""

    code: str | None = None
    message: str | None = None
    param: str | None = None
    phase: Literal["validating_files", "queued", "running", "final_validation", "safety"] | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job. ``progress`` in 0..1 is how far it is in the phase that ``status`` names, in training where that is
    ``paused`` or ``cancelled``, in the phase of its failure where it is ``failed``. ``failure`` is one by its name, or
    one of the caller's own. Files that are not named are made with it, of ``examples``.
    """

    status: JobStatus = JobStatus.SUCCEEDED
    progress: float | None = None
    failure: str | NewFailure | None = None
    age: int | None = None
    model: str | None = None
    method: Method | None = None
    suffix: str | None = None
    metadata: tuple[tuple[str, str], ...] | None = None
    n_epochs: int | None = None
    examples: Examples | None = None
    training_file: str | None = None
    validation_file: str | None = None


@dataclass(frozen=True, slots=True)
class NewModel:
    """A tuned model of the base model ``model``. ``ready_in`` is how long it is until it answers; ``trained_on`` a
    file, or examples.
    """

    state: ModelWindowState = "ready"
    ready_in: int | None = None
    trained_on: str | Examples | None = None
    model: str | None = None
    suffix: str | None = None
    age: int | None = None


New = NewFile | NewJob | NewModel


@dataclass(frozen=True, slots=True)
class Gallery:
    """One object of each kind and status, as they stand now."""

    files: list[FileView]
    jobs: list[JobView]
    models: list[ModelView]
