"""A sandbox written down as a state: inputs, signals and seeds, from which everything else follows again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from mocktune.domain.models import BASE_MODELS, BaseModel
from mocktune.domain.scenario_document import scenario_document
from mocktune.domain.state import (
    FileState,
    JobState,
    ModelState,
    QuotaState,
    SignalState,
    State,
    StateError,
    written_instant,
)
from mocktune.domain.validation import FileOutlook
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.state_documents import with_instants
from mocktune.service.state_kinds import held_bytes, write_objects

MAX_SAVED_BYTES = 128 * 1024 * 1024
"""Of all contents in a saved state: files, and parts of uploads."""


def save_state(visit: Visit) -> State:
    """What the sandbox of ``visit`` holds, as a state. Raises ``StateError`` for more than a document should hold."""
    sandbox = visit.sandbox
    jobs = list(sandbox.jobs.oldest_first())
    tuned = _models_without_a_job(sandbox, jobs)
    files = {file.id: file for file in sandbox.files.oldest_first() if file.result_of is None}
    for job in (*jobs, *(model.job for model in tuned)):
        for file in (job.training, job.validation):
            if file is not None and file.result_of is None:
                files.setdefault(file.id, file)
    size_bytes = held_bytes(sandbox) + sum(file.blob.size_bytes for file in files.values() if file.blob is not None)
    if size_bytes > MAX_SAVED_BYTES:
        raise StateError(f"its files and uploads hold {size_bytes} bytes; a state takes at most {MAX_SAVED_BYTES}")
    played = _played_models(sandbox, jobs)
    return State(
        schema=1,
        now=written_instant(visit.now),
        seed=sandbox.seed,
        organization_id=sandbox.organization_id,
        counts=dict(sorted(sandbox.counts.items())),
        gone=list(_gone(sandbox, jobs, tuned, played)),
        files=[_file_state(file) for file in files.values()],
        jobs=[_job_state(job) for job in jobs],
        models=[_base_state(model) for model in played] + [_tuned_state(model) for model in tuned],
        objects=write_objects(sandbox),
    )


def _models_without_a_job(sandbox: Sandbox, jobs: list[JobRecord]) -> list[ModelRecord]:
    """Tuned models whose jobs are not in the list; deleted ones too where a job goes on from them."""
    parents = [job.parent for job in jobs if job.parent is not None]
    found = {each.id: each for each in (*sandbox.models.oldest_first(), *parents)}
    return [each for each in found.values() if sandbox.jobs.get(each.job.id) is not each.job]


def _played_models(sandbox: Sandbox, jobs: list[JobRecord]) -> list[BaseModel]:
    """Base models that a state added; deleted ones too where a job trains on them."""
    played: dict[str, BaseModel] = {each.id: each for each in sandbox.ledger("base_models").oldest_first()}
    for job in jobs:
        if BASE_MODELS.get(job.model.id) is not job.model:
            played.setdefault(job.model.id, job.model)
    return list(played.values())


def _gone(sandbox: Sandbox, jobs: list[JobRecord], tuned: list[ModelRecord], played: list[BaseModel]) -> Iterator[str]:
    for job in jobs:
        if job.timeline is not None and job.models_left is not None:
            names = [job.timeline.checkpoint_model(step) for step in job.timeline.earlier_checkpoint_steps]
            yield from (name for name in (*names, job.timeline.fine_tuned_model) if sandbox.models.get(name) is None)
        if job.result_entered and sandbox.files.get(job.result_file_id) is None:
            yield job.result_file_id
    yield from (model.id for model in tuned if sandbox.models.get(model.id) is None)
    yield from (model.id for model in played if sandbox.ledger("base_models").get(model.id) is None)


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
        created_at=written_instant(file.created_at),
        ready_at=written_instant(file.ready_at),
        expires_at=None if file.expires_at is None else written_instant(file.expires_at),
        status_details=file.scripted_error,
        deleted=not file.listed,
        content=content,
        content_base64=encoded,
    )


def _job_state(job: JobRecord) -> JobState:
    request, timeline = job.request, job.timeline
    outlooks: list[dict[str, Any]] = []
    graded: dict[str, Any] | None = None
    if timeline is not None and (job.training.blob is None or (job.validation and job.validation.blob is None)):
        inputs = timeline.inputs
        outlooks = [
            with_instants(msgspec.to_builtins(each), FileOutlook, written_instant)
            for each in (inputs.training, inputs.validation)
            if each is not None
        ]
        graded = None if inputs.graded is None else msgspec.to_builtins(inputs.graded)
    return JobState(
        id=job.id,
        model=request.model,
        training_file=request.training_file,
        validation_file=request.validation_file,
        suffix=request.suffix,
        seed=request.seed,
        method=_method(job),
        integrations=[{"type": "wandb", "wandb": msgspec.to_builtins(each)} for each in request.integrations] or None,
        metadata=None if request.metadata is None else dict(request.metadata),
        fine_tuned_model=job.given_model,
        result_file=job.given_result,
        dialect=request.dialect,
        created_at=written_instant(job.created_at),
        draw_seed=job.seed,
        scenario=scenario_document(job.scenario),
        quota=None if job.quota is None else QuotaState(**msgspec.to_builtins(job.quota)),
        signals=[
            SignalState(at=written_instant(signal.at), do=signal.do, file=signal.file_id)
            for signal in (timeline.signals if timeline else ())
        ],
        outlooks=outlooks,
        graded=graded,
    )


def _method(job: JobRecord) -> dict[str, Any]:
    request = job.request
    asked = {key: value for key, value in msgspec.to_builtins(request.hyperparameters).items() if value is not None}
    said = {"hyperparameters": asked, "grader": request.grader, "response_format": request.response_format}
    return {"type": request.method, request.method: {key: value for key, value in said.items() if value}}


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
        base=model.job.request.model,
        trained_on=model.job.training.id,
        created_at=written_instant(model.created_at),
    )
