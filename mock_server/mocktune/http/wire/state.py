"""Models of ``/_mocktune/state``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mocktune.http.wire.base import Metadata, Request, Response
from mocktune.http.wire.files import OpenAIFile
from mocktune.http.wire.jobs import FineTuningJob
from mocktune.http.wire.models import Model

Examples = (
    Annotated[int, Field(ge=1, le=10_000)] | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)]
)
Suffix = Annotated[str, Field(min_length=1, max_length=64)]


class NewFile(Request):
    """``examples`` is a number of examples that are made up, or a list of them; ``content`` all of the file's text.
    ``age`` and ``processing_for`` are durations.
    """

    status: Literal["uploaded", "processed", "error"] = "processed"
    filename: str = Field("training.jsonl", min_length=1, max_length=1024)
    purpose: Literal["fine-tune", "assistants", "batch", "user_data", "vision", "evals"] = "fine-tune"
    status_details: str | None = Field(None, min_length=1, max_length=4096)
    examples: Examples | None = None
    content: str | None = Field(None, min_length=1)
    age: str | None = None
    processing_for: str | None = None


class NewFailure(Request):
    """A failure at run time; what is not said is as in the sandbox's scenario."""

    code: str | None = Field(None, min_length=1, max_length=4096)
    message: str | None = Field(None, min_length=1, max_length=4096)
    param: str | None = Field(None, max_length=4096)
    phase: Literal["validating_files", "queued", "running", "final_validation", "safety"] | None = None


class NewJob(Request):
    """``progress`` is a share of the phase, 0.4 or ``"40%"``; ``failure`` the name of one, or one of your own."""

    status: Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"] | None = None
    progress: Annotated[float, Field(ge=0, le=1)] | str | None = None
    failure: str | NewFailure | None = None
    age: str | None = None
    model: str | None = None
    method: Literal["supervised", "dpo", "reinforcement"] | None = None
    suffix: Suffix | None = None
    metadata: Metadata | None = None
    n_epochs: int | None = Field(None, ge=1, le=50)
    examples: Examples | None = None
    training_file: str | None = None
    validation_file: str | None = None


class NewModel(Request):
    """``trained_on`` is the id of a file, a number of examples that are made up, or a list of them."""

    state: Literal["absent", "loading", "ready"] = "ready"
    ready_in: str | None = None
    trained_on: str | Examples | None = None
    model: str | None = None
    suffix: Suffix | None = None
    age: str | None = None


class NewGallery(Request):
    """Nothing is to be said."""


class Gallery(Response):
    files: list[OpenAIFile]
    jobs: list[FineTuningJob]
    models: list[Model]


class Holding(Response):
    """What the sandbox holds now, in numbers."""

    now: float
    files: int
    jobs: int
    models: int
