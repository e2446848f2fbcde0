"""Models of stored chat completions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mocktune.http.wire.base import Metadata, Request, Response
from mocktune.http.wire.chat import ChatCompletion, ToolCall, ToolCallFunction


class ListChatCompletionsQuery(Request):
    model: str | None = None
    after: str | None = None
    limit: int = Field(20, ge=1, le=100)
    order: Literal["asc", "desc"] = "asc"


class ListMessagesQuery(Request):
    after: str | None = None
    limit: int = Field(20, ge=1, le=100)
    order: Literal["asc", "desc"] = "asc"


class UpdateChatCompletionRequest(Request):
    metadata: Metadata | None


class StoredChatCompletion(ChatCompletion):
    """The completion, and what of its request is kept."""

    tool_choice: str | dict[str, Any] | None
    seed: int | None
    top_p: float
    temperature: float
    presence_penalty: float
    frequency_penalty: float
    input_user: str | None
    tools: list[dict[str, Any]] | None
    metadata: dict[str, str]
    response_format: dict[str, Any] | None


class StoredMessage(Response):
    id: str
    role: str
    content: str | None
    name: str | None
    content_parts: list[dict[str, Any]] | None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: ToolCallFunction | None = None
    tool_call_id: str | None = None
