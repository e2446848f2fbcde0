"""How a view is written on the wire: plain dicts with the recorded order of keys.

``wire="observed"`` writes what was recorded; ``"sdk"`` keeps every value inside the official SDK's strict types. The
one difference so far is a healthy job's ``error``: ``{}`` [OBS RUBY] or null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from mocktune.domain.clock import SECOND, VirtualTime, unix_seconds
from mocktune.domain.draws import text
from mocktune.domain.hyperparameters import Requested, Resolved
from mocktune.domain.metrics import checkpoint_metrics, event_data
from mocktune.domain.objects import CheckpointView, EventView, FileView, JobView, ModelView
from mocktune.service.chat import Choice, Completion
from mocktune.service.clocks import Advanced, ClockView
from mocktune.service.paging import Page
from mocktune.settings import Wire

T = TypeVar("T")
Json = dict[str, Any]


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
        "finished_at": _seconds(view.finished_at),
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


def file(view: FileView) -> Json:
    return {
        "object": "file",
        "id": view.id,
        "purpose": view.purpose,
        "filename": view.filename,
        "bytes": view.size_bytes,
        "created_at": unix_seconds(view.created_at),
        "expires_at": _seconds(view.expires_at),
        "status": view.status,
        "status_details": view.status_details,
    }


def model(view: ModelView) -> Json:
    return {
        "id": view.id,
        "object": "model",
        "created": view.created,
        "owned_by": view.owned_by,
        "shutdown_date": view.shutdown_date,
    }


def models(views: Iterable[ModelView]) -> Json:
    return {"object": "list", "data": [model(each) for each in views]}


def page(of: Page[T], render: Callable[[T], Json]) -> Json:
    """A list without cursors of its own: jobs and events [OBS]."""
    return {"object": "list", "data": [render(each) for each in of.items], "has_more": of.has_more}


def cursor_page(of: Page[T], render: Callable[[T], Json]) -> Json:
    """A list that names its first and last id: checkpoints and files."""
    data = [render(each) for each in of.items]
    return {
        "object": "list",
        "data": data,
        "has_more": of.has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def deleted(kind: str, id: str) -> Json:
    return {"id": id, "object": kind, "deleted": True}


def chat_completion(completion: Completion) -> Json:
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": unix_seconds(completion.created_at),
        "model": completion.model,
        "choices": [
            {
                "index": index,
                "message": _message(choice, tool_calls(completion, index)),
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(completion.choices)
        ],
        "usage": usage(completion),
        "service_tier": "default",
        "system_fingerprint": completion.fingerprint,
    }


def _message(choice: Choice, calls: list[Json]) -> Json:
    called: Json = {"tool_calls": calls} if calls else {}
    if choice.legacy:
        called = {"function_call": calls[0]["function"]}
    return {"role": "assistant", "content": choice.content, **called, "refusal": None, "annotations": []}


def tool_calls(completion: Completion, choice: int) -> list[Json]:
    """The calls of one choice, with ids of their own for each completion."""
    return [
        {
            "id": "call_" + text(completion.call_seed, 24, "call", choice, index),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(completion.choices[choice].tool_calls)
    ]


def usage(completion: Completion) -> Json:
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def clock(view: ClockView) -> Json:
    return {"clock": str(view.mode), "now": view.now / SECOND, "elapsed": view.elapsed / SECOND}


def advanced(result: Advanced) -> Json:
    return {
        "now": result.now / SECOND,
        "elapsed": result.elapsed / SECOND,
        "reached": result.reached,
        "fired": [{"at": each.at / SECOND, "job": each.job_id, "status": each.status} for each in result.fired],
        "fired_dropped": result.fired_dropped,
    }


def _seconds(instant: VirtualTime | None) -> int | None:
    return None if instant is None else unix_seconds(instant)
