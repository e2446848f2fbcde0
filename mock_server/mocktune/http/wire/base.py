"""What request and response models have in common."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

T = TypeVar("T")


class Request(BaseModel):
    """Strict: a text is no number, and an unknown parameter is refused. Built at its first use: starting is faster."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Response(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def api_value_error(message: str, code: str, below: str = "") -> PydanticCustomError:
    """A finding whose words and code are the API's already; ``below`` is added to the path of the field."""
    return PydanticCustomError("api", "{text}", {"text": message, "code": code, "below": below})


def _metadata(value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    if info.context is not None and info.context.get("loose"):
        return value
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


class ExpiresAfter(Request):
    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=2_592_000)


class Error(Response):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(Response):
    error: Error


class List(Response, Generic[T]):
    object: Literal["list"]
    data: list[T]
    has_more: bool


class CursorList(List[T], Generic[T]):
    first_id: str | None
    last_id: str | None


class Deleted(Response):
    id: str
    object: str
    deleted: bool
