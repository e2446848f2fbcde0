"""What a sandbox keeps of each object: the inputs at its creation. Everything else is projected from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from mocktune.domain.clock import VirtualTime
from mocktune.domain.draws import derive_seed
from mocktune.domain.models import BaseModel
from mocktune.domain.objects import JobRequest
from mocktune.domain.scenario import Scenario
from mocktune.domain.timeline import ModelWindow, Timeline
from mocktune.ports import Blob


@dataclass(slots=True, eq=False)
class FileRecord:
    """An uploaded file, or (``blob`` None, ``result_of`` set) the result file of a job, whose content is computed.

    ``jobs`` are those that name it: their tuned models go on answering from its bytes after a deletion.
    """

    id: str
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


@dataclass(slots=True, eq=False)
class JobRecord:
    """A job. ``timeline`` is None until the first question needs it; ``parent`` is the tuned model it goes on from."""

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
