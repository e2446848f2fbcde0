"""Models of what a response is made from: input items, tools and the choice among them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from mocktune.domain.error_kinds.responses import NOT_PART
from mocktune.http.wire.base import Request, api_value_error

MAX_INPUT_ITEMS = 2048

_NOTHING = WithJsonSchema({"not": {}})
"""Of a branch that refuses what comes to it."""


def not_part(what: str) -> PydanticCustomError:
    """The finding that ``what`` is not played here."""
    return api_value_error(NOT_PART.message.format(what=what), str(NOT_PART.code))


class InputPart(Request):
    type: Literal["input_text", "input_image", "output_text", "refusal", "input_file"]
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None
    prompt_cache_breakpoint: dict[str, Any] | None = None


class OutputPart(InputPart):
    """OBS: an assistant's part of another type is refused with these two."""

    type: Literal["output_text", "refusal"]


# Tags begin with a sign that no key of a body begins with: the path of a finding leaves out what is no key.


def _text_or_list(value: Any) -> str:
    return "#text" if isinstance(value, str) else "#list"


InputContent = Annotated[
    Annotated[str, Tag("#text")] | Annotated[list[InputPart], Tag("#list")], Discriminator(_text_or_list)
]
OutputContent = Annotated[
    Annotated[str, Tag("#text")] | Annotated[list[OutputPart], Tag("#list")], Discriminator(_text_or_list)
]


class _Item(Request):
    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


class InputMessage(_Item):
    type: Literal["message"] | None = None
    role: Literal["assistant", "system", "developer", "user"]
    content: InputContent


class AssistantMessage(_Item):
    type: Literal["message"] | None = None
    role: Literal["assistant"]
    content: OutputContent
    phase: str | None = None


class FunctionCallItem(_Item):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    namespace: str | None = None
    caller: dict[str, Any] | None = None
    async_: bool | None = Field(None, alias="async")
    created_by: str | None = None


class FunctionCallOutputItem(_Item):
    type: Literal["function_call_output"]
    call_id: str
    output: InputContent
    name: str | None = None
    namespace: str | None = None
    caller: dict[str, Any] | None = None
    created_by: str | None = None


class ReasoningItem(_Item):
    """Taken and listed again; no model reasons here, so it changes nothing."""

    type: Literal["reasoning"]
    summary: list[Any] | None = None
    content: list[Any] | None = None
    encrypted_content: str | None = None


class ItemReference(Request):
    type: Literal["item_reference"] | None = None
    id: str


def _refused(value: object) -> object:
    if not isinstance(value, dict):
        got = "an array" if isinstance(value, list) else "a string" if isinstance(value, str) else "another type"
        message = f"Invalid type for an input item: expected an input item, but got {got} instead."
        raise api_value_error(message, "invalid_type")
    raise not_part(f"An input item of type '{value.get('type')!s:.100}'")


def _item_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "#other"
    kind = value.get("type")
    if kind in (None, "message") and "role" in value:
        return "#assistant" if value["role"] == "assistant" else "#message"
    if kind is None and "id" in value:
        return "#item_reference"
    if kind in ("message", "function_call", "function_call_output", "reasoning", "item_reference"):
        return f"#{kind}"
    return "#other"


InputItem = Annotated[
    Annotated[InputMessage, Tag("#message")]
    | Annotated[AssistantMessage, Tag("#assistant")]
    | Annotated[FunctionCallItem, Tag("#function_call")]
    | Annotated[FunctionCallOutputItem, Tag("#function_call_output")]
    | Annotated[ReasoningItem, Tag("#reasoning")]
    | Annotated[ItemReference, Tag("#item_reference")]
    | Annotated[Any, AfterValidator(_refused), _NOTHING, Tag("#other")],
    Discriminator(_item_kind),
]


def _no_input(value: object) -> object:
    got = "an object" if isinstance(value, dict) else "an integer" if type(value) is int else "something else"
    raise api_value_error(  # 3P
        f"Invalid type for 'input': expected one of a string or array of input items, but got {got} instead.",
        "invalid_type",
    )


Input = Annotated[
    Annotated[str, Tag("#text")]
    | Annotated[list[InputItem], Field(max_length=MAX_INPUT_ITEMS), Tag("#list")]
    | Annotated[Any, AfterValidator(_no_input), _NOTHING, Tag("#other")],
    Discriminator(lambda value: _text_or_list(value) if isinstance(value, str | list) else "#other"),
]


class FunctionTool(Request):
    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    allowed_callers: list[str] | None = None
    async_: bool | None = Field(None, alias="async")
    defer_loading: bool | None = None
    output_schema: dict[str, Any] | None = None


def _refused_tool(value: object) -> object:
    kind = value.get("type") if isinstance(value, dict) else value
    raise not_part(f"The tool type '{kind!s:.100}'")


def _tool_kind(value: Any) -> str:
    known = not isinstance(value, dict) or value.get("type") in (None, "function")
    return "#function" if known else "#other"


Tool = Annotated[
    Annotated[FunctionTool, Tag("#function")] | Annotated[Any, AfterValidator(_refused_tool), _NOTHING, Tag("#other")],
    Discriminator(_tool_kind),
]


class NamedTool(Request):
    type: Literal["function"]
    name: str


class AllowedTools(Request):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: list[dict[str, Any]] = Field(max_length=128)


def _choice_kind(value: Any) -> str:
    if not isinstance(value, dict):
        return "#option"
    kind = value.get("type")
    return f"#{kind}" if kind in ("function", "allowed_tools") else "#other"


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#option")]
    | Annotated[NamedTool, Tag("#function")]
    | Annotated[AllowedTools, Tag("#allowed_tools")]
    | Annotated[Any, AfterValidator(_refused_tool), _NOTHING, Tag("#other")],
    Discriminator(_choice_kind),
]
