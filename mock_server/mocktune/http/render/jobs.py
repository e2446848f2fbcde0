"""Jobs, their events and checkpoints.

What ``--wire sdk`` changes, so that no value leaves the SDK's strict types:

===================================  ==================  =======================================
field                                observed            sdk
===================================  ==================  =======================================
``error`` of a job that did not fail ``{}``              null
``hyperparameters`` of dpo and rft   null                the three numbers that all methods have
``status`` of a paused job           ``paused``          ``queued``
a ``status`` only a scenario knows   that                the job's own
``type`` of moderation and others    that                ``message``
===================================  ==================  =======================================
"""

from __future__ import annotations

from mocktune.domain import measures
from mocktune.domain.clock import unix_seconds
from mocktune.domain.hyperparameters import shown
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.objects import CheckpointView, EventView, JobView
from mocktune.http.render import Json, seconds
from mocktune.settings import Form

AZURE_STATUS: dict[str, str] = {JobStatus.VALIDATING_FILES: "pending", JobStatus.QUEUED: "pending"}
"""Statuses Azure words in its own way (learn.microsoft.com: a new job is ``pending``; that both are is assumed)."""


_NO_ERROR: dict[str, Json | None] = {
    "empty": {},
    "none": None,
    "absent": None,
    "nulls": {"code": None, "message": None, "param": None},
}
"""The ``error`` of a job that did not fail: ``{}`` was recorded, an object of nulls was told of (openai-php)."""


def job(view: JobView, form: Form) -> Json:
    request, strict = view.request, form == "sdk"
    error: Json | None = None if strict else _NO_ERROR[view.no_error]
    if view.error is not None:
        error = {"code": view.error.code, "message": view.error.message, "param": view.error.param}
    status: str = view.status if view.written_status is None or strict else view.written_status
    if form == "azure":
        status = AZURE_STATUS.get(status, status)
    if strict and status == JobStatus.PAUSED:
        status = JobStatus.QUEUED  # it will queue again when it is resumed
    # OBS CN1229: null for dpo; the public description's reinforcement example has none either.
    top_level: Json | None = None
    if strict or request.method == "supervised":
        top_level = shown(request.hyperparameters, view.hyperparameters, "supervised")
    written: Json = {
        "object": "fine_tuning.job",
        "id": view.id,
        "model": view.model,
        "created_at": unix_seconds(view.created_at),
        "finished_at": seconds(view.finished_at),
        "fine_tuned_model": view.fine_tuned_model,
        "organization_id": view.organization_id,
        "result_files": view.result_files,
        "status": status,
        "validation_file": request.validation_file,
        "training_file": request.training_file,
        "hyperparameters": top_level,
        "trained_tokens": view.trained_tokens,
        "error": error,
        "user_provided_suffix": request.suffix,
        "seed": view.seed,
        # Null in every state of every recorded job (PINOLO, CN1229, PY0225), unless a scenario wants a number.
        "estimated_finish": seconds(view.estimated_finish),
        "integrations": [
            {
                "type": "wandb",
                "wandb": {
                    "project": each.project,
                    "name": each.name,
                    "entity": each.entity,
                    "tags": each.tags,
                    "run_id": view.id,
                },
            }
            for each in request.integrations
        ],
        "metadata": None if request.metadata is None else dict(request.metadata),
        "usage_metrics": None,
        "shared_with_openai": False,
        "method": {"type": request.method, request.method: _method(view)},
        # RFTDOC: of reinforcement alone; the evals platform it belongs to is not played.
        **({"eval_id": None} if request.method == "reinforcement" else {}),
    }
    if view.no_error == "absent" and view.error is None and not strict:
        del written["error"]
    return written


def _method(view: JobView) -> Json:
    request = view.request
    hyperparameters = shown(request.hyperparameters, view.hyperparameters, request.method)
    if request.method != "reinforcement":
        return {"hyperparameters": hyperparameters}
    return {
        "grader": request.grader,
        "response_format": request.response_format,
        "hyperparameters": hyperparameters,
    }


def event(view: EventView, form: Form = "observed") -> Json:
    data: Json | None = None if view.bare else dict(view.data)
    type = view.type
    if view.metrics is not None:
        data, type = measures.data(view.metrics), "metrics"
    elif form == "sdk":
        type = "message"
    return {
        "object": "fine_tuning.job.event",
        "id": view.id,
        "created_at": unix_seconds(view.created_at),
        "level": view.level,
        "message": view.message,
        "data": data,
        "type": type,
    }


def checkpoint(view: CheckpointView) -> Json:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": view.id,
        "created_at": unix_seconds(view.created_at),
        "fine_tuned_model_checkpoint": view.model,
        "fine_tuning_job_id": view.job_id,
        "metrics": measures.checkpoint(view.metrics),
        "step_number": view.metrics.step,
    }
