"""Models of the legacy ``/completions``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from mocktune.http.wire.base import Request, Response
from mocktune.http.wire.chat import StreamOptions

MAX_PROMPTS = 2048
MAX_PROMPT_TOKENS = 200_000

TokenIds = Annotated[list[int], Field(max_length=MAX_PROMPT_TOKENS)]


def _kind(value: Any) -> str:
    """Text, or a list that is of what its first entry is."""
    if not isinstance(value, list):
        return "#text"
    first = value[0] if value else ""
    return "#token_lists" if isinstance(first, list) else "#texts" if isinstance(first, str) else "#tokens"


PromptParam = Annotated[
    Annotated[str, Tag("#text")]
    | Annotated[list[str], Field(min_length=1, max_length=MAX_PROMPTS), Tag("#texts")]
    | Annotated[TokenIds, Tag("#tokens")]
    | Annotated[list[TokenIds], Field(max_length=MAX_PROMPTS), Tag("#token_lists")],
    Discriminator(_kind),
]


Stop = Annotated[
    Annotated[str, Tag("#text")] | Annotated[list[str], Field(max_length=4), Tag("#texts")],
    Discriminator(lambda value: "#texts" if isinstance(value, list) else "#text"),
]


class CreateCompletionRequest(Request):
    """Every parameter of the public description; those that only shape sampling change nothing here."""

    model: str
    prompt: PromptParam | None = None
    best_of: int | None = Field(None, ge=1, le=20)
    echo: bool | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None
    logprobs: int | None = Field(None, ge=0, le=5)
    max_tokens: int | None = Field(None, ge=0)
    n: int | None = Field(None, ge=1, le=128)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    seed: int | None = None
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    user: str | None = None


class CompletionLogprobs(Response):
    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None] | None
    text_offset: list[int]


class CompletionChoice(Response):
    text: str
    index: int
    logprobs: CompletionLogprobs | None
    finish_reason: Literal["stop", "length", "content_filter"]


class CompletionUsage(Response):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Response):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage
