"""Models of ``/moderations``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from mocktune.http.wire.base import Request, Response

MAX_INPUTS = 2048


class ImageUrl(Request):
    url: str


class TextInput(Request):
    type: Literal["text"]
    text: str


class ImageInput(Request):
    type: Literal["image_url"]
    image_url: ImageUrl


class OtherInput(Request):
    type: Literal["text", "image_url"]


def _part_kind(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return f"#{kind}" if kind in ("text", "image_url") else "#other"


Part = Annotated[
    Annotated[TextInput, Tag("#text")]
    | Annotated[ImageInput, Tag("#image_url")]
    | Annotated[OtherInput, Tag("#other")],
    Discriminator(_part_kind),
]


def _kind(value: Any) -> str:
    """Texts, unless the first entry of a list is an object."""
    if isinstance(value, list):
        return "#parts" if value and isinstance(value[0], dict) else "#texts"
    return "#text"


Input = Annotated[
    Annotated[str, Tag("#text")]
    | Annotated[list[str], Field(min_length=1, max_length=MAX_INPUTS), Tag("#texts")]
    | Annotated[list[Part], Field(max_length=MAX_INPUTS), Tag("#parts")],
    Discriminator(_kind),
]


class CreateModerationRequest(Request):
    input: Input
    model: str | None = None


class Moderation(Response):
    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text", "image"]]]


class CreateModerationResponse(Response):
    id: str
    model: str
    results: list[Moderation]
