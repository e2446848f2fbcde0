"""The records of ready-made objects: made first, all of them, and put into the sandbox when nothing can fail any more.

They get the ids that the API would have drawn for them, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from mocktune.domain import ids
from mocktune.domain.clock import VirtualTime, format_duration
from mocktune.domain.documents import nearest
from mocktune.domain.draws import derive_seed
from mocktune.domain.errors import ParameterError
from mocktune.domain.example_files import GRADER, format_for, jsonl
from mocktune.domain.failures import Recipe
from mocktune.domain.hyperparameters import Requested
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.limits import Quota
from mocktune.domain.models import ALIASES, BASE_MODELS, BaseModel, Method
from mocktune.domain.objects import JobRequest
from mocktune.domain.placing import Place, PlacingError, placed
from mocktune.domain.ready_made import New, NewFile, NewJob, NewModel
from mocktune.domain.ready_made_rules import (
    check_file,
    check_files_of,
    example_bytes,
    recipe_of,
    refused,
    scenario_for,
    within_time,
)
from mocktune.domain.report import FileFormat
from mocktune.domain.scenario import Scenario
from mocktune.ports import Blobs
from mocktune.service.datasets import Datasets
from mocktune.service.models import known_tuned
from mocktune.service.ready_made_windows import USUALLY, keep, open_window, ready_at_once
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.retention import drop_unneeded
from mocktune.service.sandboxes import Visit
from mocktune.service.settling import expect_end
from mocktune.service.state_blobs import stored
from mocktune.service.timelines import timeline_of

DEFAULT_MODELS: dict[Method, str] = {
    "supervised": "gpt-4o-mini-2024-07-18",
    "dpo": "gpt-4o-mini-2024-07-18",
    "reinforcement": "o4-mini-2025-04-16",
}
_OF_MODELS = {"training_file": "trained_on", "examples": "trained_on", "status": "state"}
"""What a model calls a field of its job."""

_BROKEN = "Invalid file format. Example 1 cannot be parsed."


class Making:
    """Objects on their way into the sandbox of ``visit``. What is dropped leaves nothing behind, and no id is lost."""

    def __init__(self, visit: Visit, datasets: Datasets, blobs: Blobs) -> None:
        self._visit = visit
        self._now = visit.now
        self._datasets = datasets
        self._blobs = blobs
        # Ids are drawn from a copy of the counts, until it is sure that all of them are needed.
        self._drawing = copy(visit.sandbox)
        self._drawing.counts = dict(visit.sandbox.counts)
        self._before = dict(visit.sandbox.counts)
        self._files: list[FileRecord] = []
        self._jobs: list[JobRecord] = []

    async def make(self, new: New) -> FileRecord | JobRecord:
        """The record of a file, of a job, or of the job behind a model. Raises ``ParameterError``."""
        match new:
            case NewFile():
                return await self._file(new)
            case NewJob():
                return await self._job(new)
        return await self._model(new)

    def put(self) -> bool:
        """Put everything into the sandbox, at once. False where ids were drawn meanwhile: then make all of it anew."""
        sandbox = self._visit.sandbox
        if any(sandbox.counts.get(kind) != self._before.get(kind) for kind in ("file", "job")):
            return False
        named = {file for job in self._jobs for file in (job.training, job.validation) if file is not None}
        if any(sandbox.files.get(file.id) is not file for file in named.difference(self._files)):
            return False  # one was deleted
        for kind in ("file", "job"):
            if kind in self._drawing.counts:
                sandbox.counts[kind] = self._drawing.counts[kind]
        for file in self._files:
            if file.listed:
                sandbox.files.add(file.id, file.created_at, file)
        for job in self._jobs:
            for used in dict.fromkeys((job.training, job.validation)):
                if used is not None:
                    used.jobs.append(job)
            sandbox.jobs.add(job.id, job.created_at, job)
            expect_end(sandbox, job)
        for file in self._files:
            drop_unneeded(file)
        return True

    def drop(self) -> None:
        """Give back the bytes."""
        for file in self._files:
            if file.blob is not None:
                file.blob.delete()

    # -- files -----------------------------------------------------------------------------------------------------

    async def _file(self, new: NewFile) -> FileRecord:
        check_file(new)
        data = example_bytes(new.examples, "chat") if new.content is None else new.content
        file = self._new_file(data, new.filename, new.purpose, new.status_details)
        processing, age = self._processing(file), new.age
        if age is not None and age > self._now:
            raise refused("age", f"No time was before 1970: at most {format_duration(self._now)} ago.")
        if new.status == "uploaded":
            file.created_at = VirtualTime(self._now - (age or 0))
            file.ready_at = within_time(self._now + (new.processing_for or processing or USUALLY), "processing_for")
            return file
        usually = max(USUALLY, processing)
        file.created_at = VirtualTime(max(0, self._now - (usually if age is None else age)))
        file.ready_at = VirtualTime(min(self._now, file.created_at + processing))
        found = await self._datasets.status_details(file)
        if new.status == "processed" and found is not None:
            raise refused("status", f"A file with this content ends in error: {found}")
        if new.status == "error" and found is None:
            file.scripted_error = _BROKEN
        return file

    def _new_file(self, data: bytes, filename: str, purpose: str, scripted_error: str | None = None) -> FileRecord:
        """A file that is there, and ready, since time began."""
        blob = stored(self._blobs, data)
        ordinal = self._drawing.next_ordinal("file")
        id = ids.object_id("file", self._drawing.seed, ordinal)
        file = FileRecord(id, ordinal, purpose, filename, VirtualTime(0), VirtualTime(0), scripted_error, blob)
        self._files.append(file)
        return file

    def _processing(self, file: FileRecord) -> int:
        """How long the scenario lets it be processed."""
        if file.purpose != "fine-tune":
            return 0
        seed = derive_seed(self._drawing.seed, "file", file.id)
        return self._visit.sandbox.scenario.files.processing.drawn(seed, "processing")

    def _existing(self, id: str, param: str) -> FileRecord:
        sandbox = self._visit.sandbox
        file = sandbox.files.get(id)
        if file is None:
            known = [each.id for each in sandbox.files.newest_first()] if len(sandbox.files) <= 20 else []
            raise refused(param, f"This sandbox has no file '{id:.200}'{nearest(id, known) if known else ''}")
        if file.ready_at > self._now:
            waits = format_duration(file.ready_at - self._now)
            raise refused(param, f"File '{id}' is still being processed, for {waits}; advance the clock first.")
        return file

    # -- jobs ------------------------------------------------------------------------------------------------------

    async def _job(self, new: NewJob, change: Callable[[Scenario], Scenario] = lambda scenario: scenario) -> JobRecord:
        sandbox, recipe = self._visit.sandbox, recipe_of(new)
        method: Method = new.method or (recipe.method if recipe else "supervised")
        base, parent = self._base(new.model or DEFAULT_MODELS[method], method)
        made = len(self._files)
        training, validation = self._files_of(new, recipe, format_for(base, method))
        scenario = change(scenario_for(new, recipe, sandbox.scenario))
        ordinal = self._drawing.next_ordinal("job")
        seed = derive_seed(sandbox.seed, "job", ordinal, -1)
        unpaid = recipe is not None and recipe.unpaid
        job = JobRecord(
            id=ids.object_id("job", sandbox.seed, ordinal),
            ordinal=ordinal,
            seed=seed,
            created_at=self._now,
            request=JobRequest(
                model=new.model or DEFAULT_MODELS[method],
                training_file=training.id,
                validation_file=None if validation is None else validation.id,
                suffix=new.suffix,
                method=method,
                hyperparameters=Requested(n_epochs=new.n_epochs),
                metadata=new.metadata,
                grader=_grader() if method == "reinforcement" else None,
            ),
            model=base,
            scenario=scenario,
            training=training,
            validation=validation,
            parent=parent,
            shown_seed=ids.service_seed(seed),
            quota=Quota(sandbox.organization_id, 0.0) if unpaid else None,
        )
        deleted = training.id if recipe is not None and recipe.deleted else None
        await self._place(job, new, deleted)
        self._check_failure(job, recipe)
        for file in self._files[made:]:
            self._date(file, job.created_at)
        if deleted is not None:
            training.listed = False
        self._jobs.append(job)
        return job

    async def _place(self, job: JobRecord, new: NewJob, deleted: str | None) -> None:
        inputs = (await timeline_of(job, self._datasets)).inputs
        ready_at = max(job.training.ready_at, job.validation.ready_at if job.validation else 0)
        progress = 0.5 if new.progress is None else new.progress
        fails = new.status is JobStatus.FAILED or new.failure is not None
        place = Place(new.status, progress, new.age, self._now - ready_at, deleted, fails)
        try:
            timeline = placed(inputs, place, self._now)
        except PlacingError as error:
            field = "age" if error.field == "age" else "failure" if new.failure is not None else error.field
            raise refused(field, f"Such a job cannot be made: {str(error).rstrip('.')}.") from error
        job.timeline, job.created_at, job.scenario = timeline, timeline.inputs.created_at, timeline.inputs.scenario
        job.told = new.status

    def _check_failure(self, job: JobRecord, recipe: Recipe | None) -> None:
        """Not every defect exists in the files of every method."""
        assert job.timeline is not None  # it was placed
        failure = job.timeline.plan.failure
        if recipe is not None and (failure is None or failure.error.code != recipe.code):
            how = f"by {job.request.method} on {job.model.id}"
            raise refused("failure", f"A job {how} cannot fail by '{recipe.name}'.")

    def _date(self, file: FileRecord, job_created_at: VirtualTime) -> None:
        """A file that is made with a job is a little older, and processed by then."""
        processing = self._processing(file)
        file.created_at = VirtualTime(max(0, job_created_at - max(USUALLY, processing)))
        file.ready_at = VirtualTime(min(job_created_at, file.created_at + processing))

    def _base(self, name: str, method: Method) -> tuple[BaseModel, ModelRecord | None]:
        added = self._visit.sandbox.ledger("base_models")
        parent = known_tuned(self._visit, name)
        snapshot = ALIASES.get(name, name)
        base = parent.job.model if parent else added.get(name) or added.get(snapshot) or BASE_MODELS.get(snapshot)
        if base is None:
            known = {*BASE_MODELS, *ALIASES, *(each.id for each in added.oldest_first())}
            raise refused("model", f"There is no model '{name:.200}'{nearest(name, known)}")
        if method not in base.methods:
            can = ", ".join(base.methods) or "nothing"
            raise refused("model", f"Model '{name:.200}' cannot be trained by {method}; it can by {can}.")
        return base, parent

    def _files_of(self, new: NewJob, recipe: Recipe | None, format: FileFormat) -> tuple[FileRecord, FileRecord | None]:
        check_files_of(new, recipe)
        validation: FileRecord | None = None
        if new.training_file is not None:
            training = self._existing(new.training_file, "training_file")
        elif recipe is not None and recipe.in_files:
            lines = jsonl(recipe.training_lines(format))
            training = self._new_file(lines, "training.jsonl", recipe.purpose)
        else:
            training = self._new_file(example_bytes(new.examples, format), "training.jsonl", "fine-tune")
        if new.validation_file is not None:
            validation = self._existing(new.validation_file, "validation_file")
        elif recipe is not None and recipe.validation_examples:
            lines = jsonl(recipe.validation_lines(format))
            validation = self._new_file(lines, "validation.jsonl", "fine-tune")
        return training, validation

    # -- models ----------------------------------------------------------------------------------------------------

    async def _model(self, new: NewModel) -> JobRecord:
        """The job whose model stands in that state now: a succeeded one."""
        try:
            return await self._job_behind(new)
        except ParameterError as error:  # in the words of a job
            raise refused(_OF_MODELS.get(str(error.param), str(error.param)), error.message) from error

    async def _job_behind(self, new: NewModel) -> JobRecord:
        named = new.trained_on if isinstance(new.trained_on, str) else None
        job = NewJob(
            age=new.age,
            model=new.model,
            suffix=new.suffix,
            training_file=named,
            examples=None if isinstance(new.trained_on, str) else new.trained_on,
        )
        if new.state == "ready":
            if new.ready_in is not None:
                raise refused("ready_in", "A model that is ready answers already.")
            record = await self._job(job)
            keep(record, self._now)
            return record
        if new.age is not None:
            raise refused("age", "The age of a model that is not ready follows from ready_in.")
        if new.ready_in == 0:
            raise refused("ready_in", "A model that is ready at once is ready.")
        record = await self._job(job, ready_at_once)
        open_window(record, new, self._visit.sandbox.scenario.model, self._now)
        return record


def _grader() -> dict[str, Any]:
    from mocktune.domain.graders import grader_json, parse_grader

    return grader_json(parse_grader(GRADER, param="grader"))
