"""What a sandbox keeps of each object: the inputs at its creation. Everything else is projected from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from mocktune.domain.clock import VirtualTime, format_instant
from mocktune.domain.draws import derive_seed
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.limits import Quota
from mocktune.domain.models import BaseModel
from mocktune.domain.objects import JobRequest
from mocktune.domain.plan import ModelWindow, result_file_id
from mocktune.domain.scenario import Scenario
from mocktune.domain.timeline import Timeline
from mocktune.ports import Blob

log = logging.getLogger("mocktune")


@dataclass(slots=True, eq=False)
class FileRecord:
    """An uploaded file, or (``result_of`` set) the result file of a job, whose content is computed.

    ``jobs`` are those that name it: their tuned models go on answering from its bytes after it left the list. The bytes
    (``blob``) go when nobody may read them any more.
    """

    id: str
    ordinal: int
    purpose: str
    filename: str
    created_at: VirtualTime
    ready_at: VirtualTime
    scripted_error: str | None
    blob: Blob | None
    expires_at: VirtualTime | None = None
    result_of: JobRecord | None = None
    result_size_bytes: int | None = None
    jobs: list[JobRecord] = field(default_factory=list)
    listed: bool = True


@dataclass(slots=True, eq=False)
class JobRecord:
    """A job. ``timeline`` is None until the first question needs it; ``parent`` is the tuned model it goes on from;
    ``told`` is the last status that was logged for people, ``models_left`` counts its tuned models and checkpoints
    that were not deleted, once they exist. ``result_entered`` tells that its result file came into the list.
    ``given_model`` and ``given_result`` are names that a seed state chose.
    """

    id: str
    ordinal: int
    seed: int
    created_at: VirtualTime
    request: JobRequest
    model: BaseModel
    scenario: Scenario
    training: FileRecord
    validation: FileRecord | None
    parent: ModelRecord | None
    shown_seed: int
    timeline: Timeline | None = None
    told: JobStatus | None = None
    models_left: int | None = None
    result_entered: bool = False
    given_model: str | None = None
    given_result: str | None = None
    quota: Quota | None = None

    @property
    def result_file_id(self) -> str:
        return self.given_result or result_file_id(self.seed)

    def tell(self, status: JobStatus, at: VirtualTime) -> None:
        """Log a transition, once, when somebody sees it: the line is for people and no part of an outcome."""
        if status is not self.told:
            self.told = status
            log.info("%s  %s  %s", format_instant(at), self.id, status)

    @property
    def shown_model(self) -> str:
        """``job.model``: the snapshot, or the tuned model that is tuned again (assumed, contract 2.1)."""
        return self.parent.id if self.parent else self.model.id


@dataclass(slots=True, eq=False)
class ModelRecord:
    """A tuned model or one of its checkpoints."""

    id: str
    created_at: VirtualTime
    job: JobRecord
    window: ModelWindow
    step: int

    @property
    def seed(self) -> int:
        return derive_seed(self.job.seed, "answers", self.step)
