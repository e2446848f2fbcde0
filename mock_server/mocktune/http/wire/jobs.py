"""Models of ``/fine_tuning/jobs``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WrapValidator

from mocktune.domain.error_kinds.jobs import NO_JSON_SCHEMA_FORMAT
from mocktune.domain.objects import MAX_SEED
from mocktune.http.wire.base import Metadata, Request, Response, finding


def _auto(value: object, handler: Any) -> Any:
    return None if value == "auto" else handler(value)


def _or_auto(number: Any) -> WrapValidator:
    return WrapValidator(_auto, json_schema_input_type=Literal["auto"] | number)


_Epochs = Annotated[int, Field(ge=1, le=50)]
_BatchSize = Annotated[int, Field(ge=1, le=256)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Beta = Annotated[float, Field(gt=0, le=2)]
_Compute = Annotated[float, Field(gt=0.00001, le=10)]
_Count = Annotated[int, Field(ge=1)]


class Hyperparameters(Request):
    """``"auto"`` reads as null: nothing was asked for."""

    n_epochs: Annotated[_Epochs, _or_auto(_Epochs)] | None = None
    batch_size: Annotated[_BatchSize, _or_auto(_BatchSize)] | None = None
    learning_rate_multiplier: Annotated[_Positive, _or_auto(_Positive)] | None = None


class DpoHyperparameters(Hyperparameters):
    beta: Annotated[_Beta, _or_auto(_Beta)] | None = None


class ReinforcementHyperparameters(Hyperparameters):
    compute_multiplier: Annotated[_Compute, _or_auto(_Compute)] | None = None
    eval_interval: Annotated[_Count, _or_auto(_Count)] | None = None
    eval_samples: Annotated[_Count, _or_auto(_Count)] | None = None
    reasoning_effort: Literal["default", "low", "medium", "high"] | None = None


class SupervisedMethod(Request):
    hyperparameters: Hyperparameters | None = None


class DpoMethod(Request):
    hyperparameters: DpoHyperparameters | None = None


def _json_schema_format(value: dict[str, Any]) -> dict[str, Any]:
    schema = value.get("json_schema")
    if value.get("type") != "json_schema" or not isinstance(schema, dict) or not isinstance(schema.get("name"), str):
        raise finding(NO_JSON_SCHEMA_FORMAT)
    return value


class ReinforcementMethod(Request):
    """``response_format`` is in the guide's request and in the public description's example, not in its schema."""

    grader: dict[str, Any]
    hyperparameters: ReinforcementHyperparameters | None = None
    response_format: Annotated[dict[str, Any], AfterValidator(_json_schema_format)] | None = None


class Method(Request):
    """``type`` chooses; what is said of the other methods is checked and left alone."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: SupervisedMethod | None = None
    dpo: DpoMethod | None = None
    reinforcement: ReinforcementMethod | None = None


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


class ResolvedDpoHyperparameters(ResolvedHyperparameters):
    beta: float | Literal["auto"]


class ResolvedReinforcementHyperparameters(ResolvedHyperparameters):
    compute_multiplier: float | Literal["auto"]
    eval_interval: int | Literal["auto"]
    eval_samples: int | Literal["auto"]
    reasoning_effort: Literal["default", "low", "medium", "high"]


class SupervisedMethodView(Response):
    hyperparameters: ResolvedHyperparameters


class DpoMethodView(Response):
    hyperparameters: ResolvedDpoHyperparameters


class ReinforcementMethodView(Response):
    grader: dict[str, Any]
    response_format: dict[str, Any] | None
    hyperparameters: ResolvedReinforcementHyperparameters


class MethodView(Response):
    """``type``, and the one of the others that it names."""

    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: SupervisedMethodView | None = None
    dpo: DpoMethodView | None = None
    reinforcement: ReinforcementMethodView | None = None


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
    hyperparameters: ResolvedHyperparameters | None
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
    eval_id: None = None


class MetricsData(Response):
    """A loss is null where it is no number."""

    step: int
    train_loss: float | None
    valid_loss: float | None = None
    total_steps: int
    full_valid_loss: float | None = None
    train_mean_token_accuracy: float
    valid_mean_token_accuracy: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class RewardData(BaseModel):
    """The data of a metric event of reinforcement: rewards, errors, token use and timing (RFTDOC's sample)."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    step: int
    total_steps: int
    train_mean_reward: float | None


class ModerationResult(Response):
    category: str
    flagged: bool


class ModerationData(Response):
    """The data of the event that tells how the checks of a finished model ended (its shape is assumed)."""

    blocked: bool
    results: list[ModerationResult]


class NoData(Response):
    """``{}``: the data of events that are no metrics [OBS]."""


class FineTuningJobEvent(Response):
    object: Literal["fine_tuning.job.event"]
    id: str
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    data: MetricsData | RewardData | ModerationData | NoData | None
    type: Literal["message", "metrics", "moderation_checks"]


class CheckpointMetrics(Response):
    step: int
    train_loss: float | None
    train_mean_token_accuracy: float
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class RewardCheckpointMetrics(BaseModel):
    """Rewards instead of losses (RFTDOC)."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    step: int


class FineTuningJobCheckpoint(Response):
    object: Literal["fine_tuning.job.checkpoint"]
    id: str
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: CheckpointMetrics | RewardCheckpointMetrics
    step_number: int
