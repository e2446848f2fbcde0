"""Seed states: what a sandbox begins with, and how what it holds is written down again.

Loading puts records into the sandbox as if they had been created through the API: a job keeps its inputs, and its
future follows from them. A job written down by its ``status`` gets the ``created_at`` at which it has come that far
by now. Saving writes the inputs, the signals and the seeds, so that a loaded job goes on exactly as the saved one
would have.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import msgspec

from mocktune.domain import ids
from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.draws import derive_seed
from mocktune.domain.hyperparameters import Requested
from mocktune.domain.models import BASE_MODELS, BaseModel, resolve_base_model
from mocktune.domain.objects import JobRequest, WandbIntegration
from mocktune.domain.scenario import Scenario, ScenarioError, read_scenario
from mocktune.domain.scenario_document import scenario_document
from mocktune.domain.state import (
    FailureState,
    FileState,
    JobState,
    ModelState,
    SignalState,
    State,
    StateError,
)
from mocktune.domain.timeline import Signal, Timeline
from mocktune.domain.validation import FileOutlook
from mocktune.ports import Blob, Blobs
from mocktune.service.datasets import Datasets
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.settling import expect_end, expect_expiry, settle
from mocktune.service.timelines import inputs_of, timeline_of

BEFORE = 7 * 24 * 3600 * SECOND
"""How long before now a file was created of which nothing is said: before any job that names it."""

MAX_SAVED_BYTES = 128 * 1024 * 1024
"""Of all files' contents in a saved state."""


class SeedBlobs:
    """The contents of a state's files, stored once and lent to every sandbox that begins with the state."""

    def __init__(self, state: State, blobs: Blobs) -> None:
        self._blobs = blobs
        self._kept = {each.id: _KeptBlob(self.store(_content(each))) for each in state.files}

    def of(self, id: str) -> Blob:
        return self._kept[id]

    def store(self, data: bytes) -> Blob:
        writer = self._blobs.writer()
        writer.write(data)
        return writer.commit()


class _KeptBlob:
    """A blob that outlives the sandboxes it is lent to."""

    def __init__(self, blob: Blob) -> None:
        self._blob = blob

    @property
    def size_bytes(self) -> int:
        return self._blob.size_bytes

    @property
    def sha256(self) -> str:
        return self._blob.sha256

    def open(self) -> BinaryIO:
        return self._blob.open()

    def delete(self) -> None:
        """Nothing: others begin with it too."""


def _content(file: FileState) -> bytes:
    if file.content is not None and file.content_base64 is not None:
        raise StateError(f"file '{file.id}' has both content and content_base64")
    if file.content_base64 is not None:
        try:
            return base64.b64decode(file.content_base64, validate=True)
        except ValueError as error:
            raise StateError(f"file '{file.id}': content_base64 is no base64: {error}") from error
    return (file.content or "").encode("utf-8", "replace")


# -- loading -----------------------------------------------------------------------------------------------------------


async def load_state(visit: Visit, state: State, blobs: SeedBlobs, datasets: Datasets) -> None:
    """Fill the empty sandbox of ``visit`` with the objects of ``state``. Raises ``StateError``."""
    sandbox = visit.sandbox
    if state.seed is not None:
        sandbox.seed = state.seed
    if state.organization_id is not None:
        sandbox.organization_id = state.organization_id
    files = {file.id: _load_file(visit, file, blobs.of(file.id), n) for n, file in enumerate(state.files)}
    for ordinal, model in enumerate(state.models):
        await _load_model(visit, model, ordinal, files, datasets)
    for ordinal, job in enumerate(sorted(state.jobs, key=lambda each: each.created_at or float("inf"))):
        await _load_job(visit, job, ordinal, files, datasets)
    await settle(visit, datasets)
    if state.objects:
        from mocktune.service.state_kinds import read_objects  # most states have none

        read_objects(sandbox, state.objects, blobs.store)
    for id in state.gone:
        _forget(sandbox, id)
    sandbox.counts.update(state.counts)


def _load_file(visit: Visit, file: FileState, blob: Blob, ordinal: int) -> FileRecord:
    created_at = _instant(file.created_at, VirtualTime(visit.now - BEFORE))
    record = FileRecord(
        id=file.id,
        ordinal=ordinal,
        purpose=file.purpose,
        filename=file.filename,
        created_at=created_at,
        ready_at=_instant(file.ready_at, created_at),
        scripted_error=file.status_details,
        blob=blob,
        expires_at=None if file.expires_at is None else _instant(file.expires_at, created_at),
        listed=not file.deleted,
    )
    if record.listed:
        visit.sandbox.files.add(file.id, created_at, record)
        expect_expiry(visit.sandbox, record)
    return record


async def _load_model(
    visit: Visit, model: ModelState, ordinal: int, files: Mapping[str, FileRecord], datasets: Datasets
) -> None:
    base = BASE_MODELS.get(model.base)
    if base is None:
        raise StateError(f"model '{model.id}': base '{model.base}' is no base model mocktune knows")
    created_at = _instant(model.created_at, VirtualTime(visit.now - BEFORE))
    if model.trained_on is None:
        played = replace(base, id=model.id, created=created_at // SECOND, owned_by=model.owned_by)
        visit.sandbox.ledger("base_models").add(model.id, created_at, played)
        return
    # A tuned model without a job of its own to be seen: one is behind it all the same.
    behind = JobState(
        id=f"ftjob-of-{model.id}",
        model=model.base,
        training_file=model.trained_on,
        fine_tuned_model=model.id,
        status="succeeded",
    )
    job = await _job_record(visit, behind, ordinal, files, datasets)
    timeline = await timeline_of(job, datasets)
    window, training = timeline.window, timeline.plan.training
    assert window is not None
    assert training is not None  # it was placed as succeeded
    job.models_left = 1
    step = training.curve.total_steps
    visit.sandbox.models.add(model.id, created_at, ModelRecord(model.id, created_at, job, window, step))


async def _load_job(
    visit: Visit, job: JobState, ordinal: int, files: Mapping[str, FileRecord], datasets: Datasets
) -> None:
    record = await _job_record(visit, job, ordinal, files, datasets)
    visit.sandbox.jobs.add(job.id, record.created_at, record)
    expect_end(visit.sandbox, record)


async def _job_record(
    visit: Visit, job: JobState, ordinal: int, files: Mapping[str, FileRecord], datasets: Datasets
) -> JobRecord:
    sandbox = visit.sandbox
    model, parent = await _model_of(visit, job, datasets)
    named = [_file_of(job, id, files) for id in (job.training_file, job.validation_file) if id is not None]
    seed = derive_seed(sandbox.seed, "state job", job.id) if job.draw_seed is None else job.draw_seed
    record = JobRecord(
        id=job.id,
        ordinal=ordinal,
        seed=seed,
        created_at=_instant(job.created_at, visit.now),
        request=_request(job),
        model=model,
        scenario=_scenario(job, sandbox.scenario),
        training=named[0],
        validation=named[1] if len(named) > 1 else None,
        parent=parent,
        shown_seed=ids.service_seed(seed) if job.seed is None else job.seed,
        given_model=job.fine_tuned_model,
        given_result=job.result_file,
    )
    for file in named:
        file.jobs.append(record)
    if job.status is not None:
        if job.created_at is not None:
            raise StateError(f"job '{job.id}': give either status or created_at, not both")
        await _place(visit, record, job, datasets)
    elif job.outlooks:
        record.timeline = _known_timeline(record, job)
    if job.signals:
        timeline = await timeline_of(record, datasets)
        for signal in job.signals:
            timeline = timeline.with_signal(Signal(_instant(signal.at, visit.now), signal.do, signal.file))
        record.timeline = timeline
    return record


async def _model_of(visit: Visit, job: JobState, datasets: Datasets) -> tuple[BaseModel, ModelRecord | None]:
    model = resolve_base_model(job.model) or visit.sandbox.ledger("base_models").get(job.model)
    if model is not None:
        return model, None
    await settle(visit, datasets)  # the model may be what an earlier job brings forth
    parent = visit.sandbox.models.get(job.model)
    if parent is None:
        raise StateError(f"job '{job.id}': model '{job.model}' is not known")
    return parent.job.model, parent


def _file_of(job: JobState, id: str, files: Mapping[str, FileRecord]) -> FileRecord:
    if id not in files:
        raise StateError(f"job '{job.id}' names file '{id}', which the state does not have")
    return files[id]


def _request(job: JobState) -> JobRequest:
    method = job.method or {"type": "supervised"}
    kind = method.get("type", "supervised")
    if kind not in ("supervised", "dpo", "reinforcement"):
        raise StateError(f"job '{job.id}': '{kind!s:.100}' is no method")
    chosen = method.get(kind) or {}
    asked = chosen.get("hyperparameters") or (job.hyperparameters if kind == "supervised" else None) or {}
    try:
        requested = msgspec.convert({key: value for key, value in asked.items() if value != "auto"}, Requested)
        integrations = tuple(msgspec.convert(each.get("wandb"), WandbIntegration) for each in job.integrations or ())
    except (msgspec.ValidationError, AttributeError) as error:
        raise StateError(f"job '{job.id}': {error}") from error
    return JobRequest(
        model=job.model,
        training_file=job.training_file,
        validation_file=job.validation_file,
        suffix=job.suffix,
        seed=job.seed,
        method=kind,
        hyperparameters=requested,
        integrations=integrations,
        metadata=None if job.metadata is None else tuple(job.metadata.items()),
        grader=chosen.get("grader"),
        response_format=chosen.get("response_format"),
    )


def _scenario(job: JobState, default: Scenario) -> Scenario:
    scenario = default
    if job.scenario is not None:
        try:
            scenario = read_scenario(str(job.scenario.get("name", "saved")), _without(job.scenario, "name"))
        except ScenarioError as error:
            raise StateError(f"job '{job.id}': scenario: {error}") from error
    failure = job.failure or (FailureState() if job.status == "failed" else None)
    if failure is not None:
        part = replace(scenario.job.failure, **msgspec.structs.asdict(failure))
        scenario = replace(scenario, job=replace(scenario.job, outcome="failed", failure=part))
    elif job.status is not None:
        scenario = replace(scenario, job=replace(scenario.job, outcome="succeeded"))
    return scenario


async def _place(visit: Visit, record: JobRecord, job: JobState, datasets: Datasets) -> None:
    """Move the job's creation back to where it has come to its ``status`` by now."""
    timeline = await timeline_of(record, datasets)
    at = _when(timeline, job)
    if at is None:
        raise StateError(f"job '{job.id}' never becomes {job.status}: {_reason(timeline, visit.now)}")
    record.created_at = VirtualTime(visit.now - (at - visit.now))
    record.timeline = None
    timeline = await timeline_of(record, datasets)
    if job.status == "paused":
        timeline = timeline.with_signal(Signal(visit.now, "pause"))
    elif job.status == "cancelled":
        timeline = timeline.with_signal(Signal(visit.now, "cancel"))
    record.timeline = timeline
    if timeline.status_at(visit.now) != job.status:
        raise StateError(
            f"job '{job.id}' cannot be {job.status} by now: its files were not ready early enough "
            f"(it would have to be created before {record.created_at / SECOND:.0f})"
        )


def _when(timeline: Timeline, job: JobState) -> VirtualTime | None:
    """The instant at which a job created now would have come as far as ``job`` says."""
    life, progress = timeline.plan, job.progress
    training, failure = life.training, life.failure
    begins: VirtualTime | None
    match job.status:
        case "validating_files":
            begins, ends = life.validation_starts, life.validated_at or (failure.at if failure else None)
        case "queued":
            begins, ends = life.validated_at, training.starts if training else None
        case "running" | "paused" | "cancelled":
            begins, ends = (training.starts, training.ends) if training else (None, None)
        case "failed":
            return failure.at if failure else None
        case _:
            instants = [life.completed_at, life.window.ready_at if life.window else None]
            return None if None in instants else max(at for at in instants if at is not None)
    if begins is None or ends is None:
        return None
    return VirtualTime(begins + round(max(0, ends - begins - 1) * progress))


def _reason(timeline: Timeline, now: VirtualTime) -> str:
    failure = timeline.plan.failure
    return failure.error.message if failure else "its scenario says otherwise"


def _known_timeline(record: JobRecord, job: JobState) -> Timeline:
    try:
        outlooks = [msgspec.convert(each, FileOutlook) for each in job.outlooks]
    except msgspec.ValidationError as error:
        raise StateError(f"job '{job.id}': outlooks: {error}") from error
    return Timeline(inputs_of(record, outlooks[0], outlooks[1] if len(outlooks) > 1 else None))


def _forget(sandbox: Sandbox, id: str) -> None:
    """Take out what a job brought forth and somebody deleted since."""
    if (model := sandbox.models.get(id)) is not None:
        sandbox.models.remove(id)
        model.job.models_left = (model.job.models_left or 1) - 1
    elif sandbox.files.get(id) is not None:
        sandbox.files.remove(id)


def _instant(seconds: float | None, default: VirtualTime) -> VirtualTime:
    return default if seconds is None else VirtualTime(round(seconds * SECOND))


def _without(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


# -- saving ------------------------------------------------------------------------------------------------------------


async def save_state(visit: Visit, datasets: Datasets) -> State:
    """What the sandbox of ``visit`` holds, as a state. Raises ``StateError`` for more than a document should hold."""
    from mocktune.service.state_kinds import write_objects

    sandbox = visit.sandbox
    jobs = list(sandbox.jobs.oldest_first())
    hidden = [model for model in sandbox.models.oldest_first() if sandbox.jobs.get(model.job.id) is not model.job]
    files = {file.id: file for file in sandbox.files.oldest_first() if file.result_of is None}
    for job in (*jobs, *(model.job for model in hidden)):
        for file in (job.training, job.validation):
            if file is not None:
                files.setdefault(file.id, file)
    if sum(file.blob.size_bytes for file in files.values() if file.blob is not None) > MAX_SAVED_BYTES:
        raise StateError(f"the files of this sandbox hold more than {MAX_SAVED_BYTES} bytes, too much for a state file")
    played = list(sandbox.ledger("base_models").oldest_first())
    return State(
        schema=1,
        now=visit.now / SECOND,
        seed=sandbox.seed,
        organization_id=sandbox.organization_id,
        counts=dict(sandbox.counts),
        gone=list(_gone(visit, jobs)),
        files=[_file_state(file) for file in files.values()],
        jobs=[_job_state(job) for job in jobs],
        models=[_base_state(model) for model in played] + [_tuned_state(model) for model in hidden],
        objects=write_objects(sandbox),
    )


def _gone(visit: Visit, jobs: list[JobRecord]) -> Iterator[str]:
    for job in jobs:
        if job.timeline is None or job.models_left is None:
            continue
        names = [job.timeline.checkpoint_model(step) for step in job.timeline.earlier_checkpoint_steps]
        yield from (name for name in (*names, job.timeline.fine_tuned_model) if visit.sandbox.models.get(name) is None)
        if visit.sandbox.files.get(job.result_file_id) is None:
            yield job.result_file_id


def _file_state(file: FileRecord) -> FileState:
    content: str | None = None
    encoded: str | None = None
    if file.blob is not None:
        with file.blob.open() as source:
            data = source.read()
        try:
            content = data.decode("utf-8")
        except UnicodeDecodeError:
            encoded = base64.b64encode(data).decode("ascii")
    return FileState(
        id=file.id,
        filename=file.filename,
        purpose=file.purpose,
        created_at=file.created_at / SECOND,
        ready_at=file.ready_at / SECOND,
        expires_at=None if file.expires_at is None else file.expires_at / SECOND,
        status_details=file.scripted_error,
        deleted=not file.listed,
        content=content,
        content_base64=encoded,
    )


def _job_state(job: JobRecord) -> JobState:
    request, timeline = job.request, job.timeline
    asked = {key: value for key, value in msgspec.to_builtins(request.hyperparameters).items() if value is not None}
    chosen = {"hyperparameters": asked, "grader": request.grader, "response_format": request.response_format}
    gone = any(file is not None and file.blob is None for file in (job.training, job.validation))
    outlooks: list[dict[str, Any]] = []
    if gone and timeline is not None:
        known = (timeline.inputs.training, timeline.inputs.validation)
        outlooks = [msgspec.to_builtins(each) for each in known if each is not None]
    return JobState(
        id=job.id,
        model=request.model,
        training_file=request.training_file,
        validation_file=request.validation_file,
        suffix=request.suffix,
        seed=request.seed,
        method={"type": request.method, request.method: {key: value for key, value in chosen.items() if value}},
        integrations=[{"type": "wandb", "wandb": msgspec.to_builtins(each)} for each in request.integrations] or None,
        metadata=None if request.metadata is None else dict(request.metadata),
        fine_tuned_model=job.given_model,
        result_file=job.given_result,
        created_at=job.created_at / SECOND,
        draw_seed=job.seed,
        scenario=scenario_document(job.scenario),
        signals=[
            SignalState(at=signal.at / SECOND, do=signal.do, file=signal.file_id)
            for signal in (timeline.signals if timeline else ())
        ],
        outlooks=outlooks,
    )


def _base_state(model: BaseModel) -> ModelState:
    like = next(
        id
        for id, base in BASE_MODELS.items()
        if replace(base, id=model.id, created=model.created, owned_by=model.owned_by) == model
    )
    return ModelState(id=model.id, base=like, created_at=model.created, owned_by=model.owned_by)


def _tuned_state(model: ModelRecord) -> ModelState:
    return ModelState(
        id=model.id,
        base=model.job.model.id,
        trained_on=model.job.training.id,
        created_at=model.created_at / SECOND,
    )
