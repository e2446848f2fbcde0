"""The API's objects as frozen data: what was asked for, and what is to be seen at one instant.

Requests (``…Request``) are inputs stored at creation; views (``…View``) are projections at a ``now``. How a view is
written on the wire is the business of ``http/render.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mocktune.domain.clock import VirtualTime
from mocktune.domain.hyperparameters import Requested, Resolved
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.models import Method

if TYPE_CHECKING:
    from mocktune.domain.measures import AnyMetrics

FileStatus = Literal["uploaded", "processed", "error"]
Dialect = Literal["openai", "azure"]
"""Which of the two services a client takes this one for: paths, ids, errors and result files differ."""
Level = Literal["info", "warn", "error"]

MAX_SEED = 2_147_483_647


@dataclass(frozen=True, slots=True)
class WandbIntegration:
    """A Weights & Biases integration. It is echoed; nothing is ever sent."""

    project: str
    name: str | None = None
    entity: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A create request that passed every check of its shape. ``grader`` (normalized) and ``response_format`` belong to
    the method ``reinforcement``.
    """

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    method: Method = "supervised"
    hyperparameters: Requested = field(default_factory=Requested)
    integrations: tuple[WandbIntegration, ...] = ()
    metadata: tuple[tuple[str, str], ...] | None = None
    grader: Mapping[str, Any] | None = None
    response_format: Mapping[str, Any] | None = None
    dialect: Dialect = "openai"


@dataclass(frozen=True, slots=True)
class JobError:
    """``job.error`` of a failed job: three keys, no type, unlike the error envelope."""

    code: str
    message: str
    param: str | None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job at one instant. ``hyperparameters`` is None while they are still "auto" as requested. ``written_status``
    and ``no_error`` are quirks of its scenario (``WirePart``): how it is written, not how it is.
    """

    id: str
    request: JobRequest
    model: str
    organization_id: str
    created_at: VirtualTime
    finished_at: VirtualTime | None
    fine_tuned_model: str | None
    result_files: tuple[str, ...]
    status: JobStatus
    hyperparameters: Resolved | None
    trained_tokens: int | None
    error: JobError | None
    seed: int
    estimated_finish: VirtualTime | None = None
    written_status: str | None = None
    no_error: Literal["empty", "none", "nulls", "absent"] = "empty"


@dataclass(frozen=True, slots=True)
class EventView:
    """One event of a job. ``metrics`` is given for metric events; ``bare`` marks the event whose data is null. ``type``
    and ``data`` are those of events that are no metrics.
    """

    id: str
    created_at: VirtualTime
    level: Level
    message: str
    metrics: AnyMetrics | None = None
    bare: bool = False
    type: str = "message"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A checkpoint; ``metrics`` are those of the step it was made at."""

    id: str
    job_id: str
    model: str
    created_at: VirtualTime
    metrics: AnyMetrics


@dataclass(frozen=True, slots=True)
class FileView:
    """A file at one instant."""

    id: str
    purpose: str
    filename: str
    size_bytes: int
    created_at: VirtualTime
    expires_at: VirtualTime | None
    status: FileStatus
    status_details: str | None


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model as ``GET /models`` lists it."""

    id: str
    created: int
    owned_by: str
    shutdown_date: str | None
