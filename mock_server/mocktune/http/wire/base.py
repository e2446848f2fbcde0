"""What request and response models have in common."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from mocktune.domain.error_kinds.common import PROPERTY_NAME_TOO_LONG, STRING_TOO_LONG
from mocktune.domain.errors import ErrorKind

T = TypeVar("T")


class Request(BaseModel):
    """Strict: a text is no number, and an unknown parameter is refused. Built at its first use: starting is faster."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Response(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def api_value_error(message: str, code: str, below: str = "") -> PydanticCustomError:
    """A finding whose words and code are the API's already; ``below`` is added to the path of the field."""
    return PydanticCustomError("api", "{text}", {"text": message, "code": code, "below": below})


def finding(kind: ErrorKind, below: str = "", **values: object) -> PydanticCustomError:
    """A finding in the words of ``kind``."""
    return api_value_error(kind.message.format(**values), str(kind.code), below)


def _metadata(value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    if info.context is not None and info.context.get("loose"):
        return value
    for key, text in value.items():
        if len(key) > 64:
            raise finding(PROPERTY_NAME_TOO_LONG, path="metadata", bound=64, length=len(key))
        if len(text) > 512:
            raise finding(STRING_TOO_LONG, f".{key}", path=f"metadata.{key}", bound=512, length=len(text))
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
