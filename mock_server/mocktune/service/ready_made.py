"""Ready-made objects: files, jobs and models that stand where a test needs them, put into a sandbox at once.

They are real objects. A job has the files, events and models of one that was created so long ago that it has come so
far by now, and goes on living from there; nothing moves the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mocktune.domain.failures import RECIPES
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.objects import FileView, JobView, ModelView
from mocktune.domain.ready_made import Gallery, New, NewFile, NewJob, NewModel
from mocktune.ports import Blobs
from mocktune.service.datasets import Datasets
from mocktune.service.files import FileService
from mocktune.service.jobs import JobService
from mocktune.service.models import ModelService
from mocktune.service.ready_made_records import Making
from mocktune.service.records import FileRecord, JobRecord
from mocktune.service.sandboxes import Visit
from mocktune.service.settling import settle

GALLERY_FILES = [NewFile(status=status) for status in ("uploaded", "processed", "error")]
GALLERY_JOBS = [
    *(NewJob(status=status) for status in JobStatus if status is not JobStatus.FAILED),
    *(NewJob(status=JobStatus.FAILED, failure=name) for name in RECIPES),
]
GALLERY_MODELS = [NewModel(state=state) for state in ("absent", "loading", "ready")]


class ReadyMadeService:
    """Everything under ``/_mocktune/state/files``, ``jobs``, ``models`` and ``gallery``.

    Each raises ``ParameterError`` for what cannot be, and then nothing was added.
    """

    def __init__(
        self, datasets: Datasets, blobs: Blobs, files: FileService, jobs: JobService, models: ModelService
    ) -> None:
        self._datasets = datasets
        self._blobs = blobs
        self._files = files
        self._jobs = jobs
        self._models = models

    async def add_file(self, visit: Visit, new: NewFile) -> FileView:
        (file,) = await self._add(visit, [new])
        return await self._files.retrieve(visit, file.id)

    async def add_job(self, visit: Visit, new: NewJob) -> JobView:
        (job,) = await self._add(visit, [new])
        return await self._jobs.retrieve(visit, job.id)

    async def add_model(self, visit: Visit, new: NewModel) -> ModelView:
        """The model, also one whose name is not known yet."""
        (job,) = await self._add(visit, [new])
        return await self._model(visit, job)

    async def add_gallery(self, visit: Visit) -> Gallery:
        """A file in every status, a job in every status and one of each failure, and a model in every state."""
        made = await self._add(visit, [*GALLERY_FILES, *GALLERY_JOBS, *GALLERY_MODELS])
        files, rest = made[: len(GALLERY_FILES)], made[len(GALLERY_FILES) :]
        jobs, models = rest[: len(GALLERY_JOBS)], rest[len(GALLERY_JOBS) :]
        return Gallery(
            [await self._files.retrieve(visit, each.id) for each in files],
            [await self._jobs.retrieve(visit, each.id) for each in jobs],
            [await self._model(visit, each) for each in models],
        )

    async def _model(self, visit: Visit, job: FileRecord | JobRecord) -> ModelView:
        assert isinstance(job, JobRecord)
        timeline = job.timeline
        assert timeline is not None  # it was placed
        assert timeline.window is not None  # as succeeded
        later = replace(visit, now=max(visit.now, timeline.window.absent_until))
        return await self._models.retrieve(later, timeline.fine_tuned_model)

    async def _add(self, visit: Visit, wanted: Sequence[New]) -> list[FileRecord | JobRecord]:
        """All of them, or none."""
        while True:
            making = Making(visit, self._datasets, self._blobs)
            try:
                made = [await making.make(new) for new in wanted]
            except BaseException:
                making.drop()
                raise
            if making.put():
                break
            making.drop()  # something was created meanwhile, and has the ids
        await settle(visit, self._datasets)
        return made
