"""Request and response models, named as in the public API. Requests are checked against them; responses are
documented by them, and a test holds every rendered object to them.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WrapValidator
from pydantic_core import PydanticCustomError

from mocktune.domain.objects import MAX_SEED

T = TypeVar("T")


class Request(BaseModel):
    """Strict: a text is no number, and an unknown parameter is refused. Built at its first use: starting is faster."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Response(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def api_value_error(message: str, code: str, below: str = "") -> PydanticCustomError:
    """A finding whose words and code are the API's already; ``below`` is added to the path of the field."""
    return PydanticCustomError("api", "{text}", {"text": message, "code": code, "below": below})


# -- requests ----------------------------------------------------------------------------------------------------------


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


def _metadata(value: dict[str, str]) -> dict[str, str]:
    for key, text in value.items():
        if len(key) > 64:
            raise api_value_error(
                "Invalid 'metadata': property name too long. Expected a property name with maximum length 64, but "
                f"got one with length {len(key)} instead.",
                "string_above_max_length",
            )
        if len(text) > 512:
            raise api_value_error(
                f"Invalid 'metadata.{key}': string too long. Expected a string with maximum length 512, but got a "
                f"string with length {len(text)} instead.",
                "string_above_max_length",
                f".{key}",
            )
    return value


Metadata = Annotated[dict[str, str], Field(max_length=16), AfterValidator(_metadata)]


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


class ListFilesQuery(Request):
    purpose: str | None = None
    after: str | None = None
    limit: int = Field(10_000, ge=1, le=10_000)
    order: Literal["asc", "desc"] = "desc"


class ExpiresAfter(Request):
    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=2_592_000)


class ExpiresAfterForm(Request):
    expires_after: ExpiresAfter


class FunctionCall(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    name: str
    arguments: str


class MessageToolCall(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    id: str
    type: Literal["function", "custom"]
    function: FunctionCall | None = None


class ContentPart(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    type: Literal["text", "image_url", "input_audio", "file", "refusal"]
    text: str | None = None


class ChatMessage(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[MessageToolCall] | None = Field(None, max_length=128)
    function_call: FunctionCall | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


class Function(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    type: Literal["function"]
    function: Function


class StreamOptions(Request):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class CreateChatCompletionRequest(Request):
    """Every parameter of the public description is accepted; those that only shape sampling change nothing here."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=2048)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Function] | None = Field(None, max_length=128)
    function_call: str | dict[str, Any] | None = None
    seed: int | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    n: int | None = Field(None, ge=1, le=128)
    max_completion_tokens: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    logit_bias: dict[str, float] | None = None
    response_format: dict[str, Any] | None = None
    store: bool | None = None
    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    reasoning_effort: str | None = None
    prediction: dict[str, Any] | None = None
    modalities: list[str] | None = None
    moderation: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None


# -- responses ---------------------------------------------------------------------------------------------------------


class Error(Response):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(Response):
    error: Error


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


class OpenAIFile(Response):
    object: Literal["file"]
    id: str
    purpose: str
    filename: str
    bytes: int
    created_at: int
    expires_at: int | None
    status: Literal["uploaded", "processed", "error"]
    status_details: str | None


class Model(Response):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    shutdown_date: str | None


class List(Response, Generic[T]):
    object: Literal["list"]
    data: list[T]
    has_more: bool


class CursorList(List[T], Generic[T]):
    first_id: str | None
    last_id: str | None


class ModelList(Response):
    object: Literal["list"]
    data: list[Model]


class Deleted(Response):
    id: str
    object: Literal["file", "model"]
    deleted: bool


class ToolCallFunction(Response):
    name: str
    arguments: str


class ToolCall(Response):
    id: str
    type: Literal["function"]
    function: ToolCallFunction


class ChatCompletionMessage(Response):
    role: Literal["assistant"]
    content: str | None
    tool_calls: list[ToolCall] | None = None
    function_call: ToolCallFunction | None = None
    refusal: str | None
    annotations: list[Any]


class Choice(Response):
    index: int
    message: ChatCompletionMessage
    logprobs: None
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class PromptTokensDetails(Response):
    cached_tokens: int
    audio_tokens: int


class CompletionTokensDetails(Response):
    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class CompletionUsage(Response):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


class ChatCompletion(Response):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    service_tier: str
    system_fingerprint: str


# -- control plane -----------------------------------------------------------------------------------------------------


class ClockChange(Request):
    """``clock`` is ``real``, ``frozen`` or ``x60``; ``start`` an instant, Unix seconds or ISO 8601."""

    clock: str
    start: int | float | str | None = None


class AdvanceUntil(Request):
    job: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled", "terminal"]


class ClockAdvance(Request):
    """Exactly one of the four."""

    by: str | None = None
    to: int | float | str | None = None
    until: AdvanceUntil | None = None
    next: Literal[True] | None = None


class ClockState(Response):
    clock: str
    now: float
    elapsed: float


class FiredTransition(Response):
    at: float
    job: str
    status: str


class AdvanceResult(Response):
    now: float
    elapsed: float
    reached: bool
    fired: list[FiredTransition]
    fired_dropped: int


class Health(Response):
    status: Literal["ok"]
    version: str
