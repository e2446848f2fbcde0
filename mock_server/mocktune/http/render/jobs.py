"""Jobs, their events and checkpoints."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.hyperparameters import Requested, Resolved
from mocktune.domain.metrics import checkpoint_metrics, event_data
from mocktune.domain.objects import CheckpointView, EventView, JobView
from mocktune.http.render import Json, seconds
from mocktune.settings import Wire


def job(view: JobView, wire: Wire) -> Json:
    request = view.request
    hyperparameters = _hyperparameters(request.hyperparameters, view.hyperparameters)
    error: Json | None = {} if wire == "observed" else None
    if view.error is not None:
        error = {"code": view.error.code, "message": view.error.message, "param": view.error.param}
    return {
        "object": "fine_tuning.job",
        "id": view.id,
        "model": view.model,
        "created_at": unix_seconds(view.created_at),
        "finished_at": seconds(view.finished_at),
        "fine_tuned_model": view.fine_tuned_model,
        "organization_id": view.organization_id,
        "result_files": view.result_files,
        "status": view.status,
        "validation_file": request.validation_file,
        "training_file": request.training_file,
        "hyperparameters": hyperparameters,
        "trained_tokens": view.trained_tokens,
        "error": error,
        "user_provided_suffix": request.suffix,
        "seed": view.seed,
        # Null in every state of every recorded job (PINOLO, CN1229, PY0225).
        "estimated_finish": None,
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
        "method": {"type": request.method, request.method: {"hyperparameters": hyperparameters}},
    }


def _hyperparameters(requested: Requested, resolved: Resolved | None) -> Json:
    shown = resolved or requested
    return {
        "n_epochs": "auto" if shown.n_epochs is None else shown.n_epochs,
        "batch_size": "auto" if shown.batch_size is None else shown.batch_size,
        "learning_rate_multiplier": (
            "auto" if shown.learning_rate_multiplier is None else shown.learning_rate_multiplier
        ),
    }


def event(view: EventView) -> Json:
    data: Json | None = None if view.bare else {}
    if view.metrics is not None:
        data = event_data(view.metrics)
    return {
        "object": "fine_tuning.job.event",
        "id": view.id,
        "created_at": unix_seconds(view.created_at),
        "level": view.level,
        "message": view.message,
        "data": data,
        "type": "message" if view.metrics is None else "metrics",
    }


def checkpoint(view: CheckpointView) -> Json:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": view.id,
        "created_at": unix_seconds(view.created_at),
        "fine_tuned_model_checkpoint": view.model,
        "fine_tuning_job_id": view.job_id,
        "metrics": checkpoint_metrics(view.metrics),
        "step_number": view.metrics.step,
    }
