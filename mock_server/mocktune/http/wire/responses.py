"""Models of ``/responses``: requests, whose input is in ``response_input.py``; answers are in ``response_objects.py``.

The fields stand in the order in which the real service was measured to report them (3P).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo

from mocktune.http.wire.base import Metadata, Request
from mocktune.http.wire.response_input import Input, Tool, ToolChoice, not_part


class TextFormat(Request):
    type: Literal["text"]


class JsonObjectFormat(Request):
    type: Literal["json_object"]


class JsonSchemaFormat(Request):
    type: Literal["json_schema"]
    name: str = Field(max_length=64)
    schema_: dict[str, Any] = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class OtherFormat(Request):
    type: Literal["json_object", "text", "json_schema"]


def _format_kind(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return f"#{kind}" if kind in ("json_object", "text", "json_schema") else "#other"


Format = Annotated[
    Annotated[JsonObjectFormat, Tag("#json_object")]
    | Annotated[TextFormat, Tag("#text")]
    | Annotated[JsonSchemaFormat, Tag("#json_schema")]
    | Annotated[OtherFormat, Tag("#other")],
    Discriminator(_format_kind),
]


class TextConfig(Request):
    format: Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Request):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["concise", "detailed", "auto"] | None = None
    generate_summary: Literal["concise", "detailed", "auto"] | None = None
    context: str | None = None
    mode: str | None = None


class StreamOptions(Request):
    include_obfuscation: bool | None = None


def _absent(value: Any, info: ValidationInfo) -> Any:
    if value not in (None, False) and not (info.context or {}).get("loose"):
        raise not_part(f"'{info.field_name}'")
    return value


NotPart = Annotated[Any, AfterValidator(_absent)]


class CreateResponseRequest(Request):
    """What only shapes sampling is taken and echoed."""

    model: str | None = None
    input: Input | None = None
    conversation: NotPart = None
    previous_response_id: str | None = None
    prompt: NotPart = None
    moderation: NotPart = None
    include: list[str] | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: ToolChoice | None = None
    metadata: Metadata | None = None
    text: TextConfig | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    background: Annotated[bool | None, AfterValidator(_absent)] = None
    background_options: NotPart = None
    max_output_tokens: int | None = Field(None, ge=16)
    max_tool_calls: int | None = Field(None, ge=1)
    reasoning: Reasoning | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    instructions: str | None = None
    store: bool | None = None
    service_tier: Literal["auto", "default", "fast", "flex", "priority"] | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    context_management: NotPart = None
    image: dict[str, Any] | None = None
    access_programs: dict[str, Any] | None = None


class CountInputTokensRequest(Request):
    model: str | None = None
    input: Input | None = None
    conversation: NotPart = None
    previous_response_id: str | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: ToolChoice | None = None
    text: TextConfig | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    truncation: Literal["auto", "disabled"] | None = None
    instructions: str | None = None
    personality: str | None = None


class RetrieveResponseQuery(Request):
    """Booleans and numbers of a query are texts; the SDK writes lists with brackets."""

    stream: Literal["true", "false"] | None = None
    starting_after: str | None = Field(None, pattern=r"^\d{1,9}$")
    include_obfuscation: Literal["true", "false"] | None = None
    include: str | None = None
    include_list: str | None = Field(None, alias="include[]")


class ListInputItemsQuery(Request):
    after: str | None = None
    limit: int = Field(20, ge=1, le=100)
    order: Literal["asc", "desc"] = "desc"
    include: str | None = None
    include_list: str | None = Field(None, alias="include[]")
