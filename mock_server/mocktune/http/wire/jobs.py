"""Models of ``/fine_tuning/jobs``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WrapValidator

from mocktune.domain.objects import MAX_SEED
from mocktune.http.wire.base import Metadata, Request, Response


def _auto(value: object, handler: Any) -> Any:
    return None if value == "auto" else handler(value)


_Auto = WrapValidator(_auto, json_schema_input_type=Literal["auto"] | float)


class Hyperparameters(Request):
    """``"auto"`` reads as null: nothing was asked for."""

    n_epochs: Annotated[int, Field(ge=1, le=50), _Auto] | None = None
    batch_size: Annotated[int, Field(ge=1, le=256), _Auto] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0, allow_inf_nan=False), _Auto] | None = None


class SupervisedMethod(Request):
    hyperparameters: Hyperparameters | None = None


class Method(Request):
    type: Literal["supervised"]
    supervised: SupervisedMethod | None = None


class Wandb(Request):
    project: str = Field(min_length=1, max_length=256)
    name: str | None = Field(None, max_length=256)
    entity: str | None = Field(None, max_length=256)
    tags: list[Annotated[str, Field(max_length=256)]] | None = Field(None, max_length=50)


class Integration(Request):
    type: Literal["wandb"]
    wandb: Wandb


class CreateFineTuningJobRequest(Request):
    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = Field(None, min_length=1, max_length=64)
    seed: int | None = Field(None, ge=0, le=MAX_SEED)
    method: Method | None = None
    # Not pydantic's own mark: that one warns whenever the value is read.
    hyperparameters: Hyperparameters | None = Field(None, json_schema_extra={"deprecated": True})
    integrations: list[Integration] | None = Field(None, max_length=5)
    metadata: Metadata | None = None


class ListFineTuningJobsQuery(Request):
    after: str | None = None
    limit: int = Field(20, ge=1, le=1000)


class ListEventsQuery(Request):
    after: str | None = None
    limit: int = Field(20, ge=1, le=1000)


class ListCheckpointsQuery(Request):
    after: str | None = None
    limit: int = Field(10, ge=1, le=1000)


class ResolvedHyperparameters(Response):
    n_epochs: int | Literal["auto"]
    batch_size: int | Literal["auto"]
    learning_rate_multiplier: float | Literal["auto"]


class SupervisedMethodView(Response):
    hyperparameters: ResolvedHyperparameters


class MethodView(Response):
    type: Literal["supervised"]
    supervised: SupervisedMethodView


class FineTuningJobError(Response):
    code: str
    message: str
    param: str | None


class NoError(Response):
    """``{}``: what a healthy job shows under ``--wire observed`` [OBS RUBY]."""


class WandbView(Response):
    project: str
    name: str | None
    entity: str | None
    tags: list[str]
    run_id: str


class IntegrationView(Response):
    type: Literal["wandb"]
    wandb: WandbView


class FineTuningJob(Response):
    object: Literal["fine_tuning.job"]
    id: str
    model: str
    created_at: int
    finished_at: int | None
    fine_tuned_model: str | None
    organization_id: str
    result_files: list[str]
    status: Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
    validation_file: str | None
    training_file: str
    hyperparameters: ResolvedHyperparameters
    trained_tokens: int | None
    error: FineTuningJobError | NoError | None
    user_provided_suffix: str | None
    seed: int
    estimated_finish: int | None
    integrations: list[IntegrationView]
    metadata: dict[str, str] | None
    usage_metrics: None
    shared_with_openai: bool
    method: MethodView


class MetricsData(Response):
    step: int
    train_loss: float
    valid_loss: float | None = None
    total_steps: int
    full_valid_loss: float | None = None
    train_mean_token_accuracy: float
    valid_mean_token_accuracy: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class NoData(Response):
    """``{}``: the data of events that are no metrics [OBS]."""


class FineTuningJobEvent(Response):
    object: Literal["fine_tuning.job.event"]
    id: str
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    data: MetricsData | NoData | None
    type: Literal["message", "metrics"]


class CheckpointMetrics(Response):
    step: int
    train_loss: float
    train_mean_token_accuracy: float
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class FineTuningJobCheckpoint(Response):
    object: Literal["fine_tuning.job.checkpoint"]
    id: str
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: CheckpointMetrics
    step_number: int
