"""Models of ``/chat/completions``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from mocktune.http.wire.base import Metadata, Request, Response


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
    strict: bool | None = None


class CustomTool(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None


class Tool(BaseModel):
    """``function`` or ``custom`` is there as ``type`` says (``service/tools.py`` asks for it)."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)

    type: Literal["function", "custom"]
    function: Function | None = None
    custom: CustomTool | None = None


class JsonSchemaFormat(Request):
    name: str
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Request):
    type: Literal["json_object", "json_schema", "text"]
    json_schema: JsonSchemaFormat | None = None


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
    response_format: ResponseFormat | None = None
    store: bool | None = None
    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None
    service_tier: Literal["auto", "default", "fast", "flex", "priority", "scale"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    reasoning_effort: str | None = None
    prediction: dict[str, Any] | None = None
    modalities: list[str] | None = None
    moderation: dict[str, Any] | None = None
    audio: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["system", "developer", "user", "assistant"]
    content: str


class PlainRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The request that most clients send: part of what ``CreateChatCompletionRequest`` allows, checked in a fifth of
    its time."""

    model: str
    messages: Annotated[list[PlainMessage], msgspec.Meta(min_length=1, max_length=2048)]
    stream: bool = False


def is_plain(raw: object) -> bool:
    """Whether ``raw`` is a request with nothing but texts, which is all right as it is."""
    try:
        msgspec.convert(raw, PlainRequest)
    except msgspec.ValidationError:
        return False
    return True


class ToolCallFunction(Response):
    name: str
    arguments: str


class CustomToolCallInput(Response):
    name: str
    input: str


class ToolCall(Response):
    id: str
    type: Literal["function", "custom"]
    function: ToolCallFunction | None = None
    custom: CustomToolCallInput | None = None


class ChatCompletionMessage(Response):
    role: Literal["assistant"]
    content: str | None
    tool_calls: list[ToolCall] | None = None
    function_call: ToolCallFunction | None = None
    refusal: str | None
    annotations: list[Any]


class TopLogprob(Response):
    token: str
    logprob: float
    bytes: list[int] | None


class TokenLogprob(TopLogprob):
    top_logprobs: list[TopLogprob]


class Logprobs(Response):
    content: list[TokenLogprob] | None
    refusal: None


class Choice(Response):
    index: int
    message: ChatCompletionMessage
    logprobs: Logprobs | None
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
