"""Legacy completions, and the chunks that one is streamed as."""

from __future__ import annotations

from collections.abc import Iterator

from mocktune.domain.clock import unix_seconds
from mocktune.domain.legacy_logprobs import Logprobs
from mocktune.http.pieces import pieces
from mocktune.http.render import Json
from mocktune.service.completions import TextChoice, TextCompletion
from mocktune.settings import Wire


def completion(view: TextCompletion, wire: Wire = "observed") -> Json:
    choices = [_choice(index, choice, wire) for index, choice in enumerate(view.choices)]
    return {**_head(view), "choices": choices, "usage": usage(view)}


def chunks(view: TextCompletion, wire: Wire = "observed", *, with_usage: bool = False) -> Iterator[Json]:
    """The answer in objects of the same shape. ``finish_reason`` is null but in the last one of a choice, which the
    SDK's strict type does not allow; ``wire="sdk"`` therefore sends each choice in one piece."""
    unknown_yet: Json = {"usage": None} if with_usage else {}
    for index, choice in enumerate(view.choices):
        last = _choice(index, choice, wire)
        if wire == "observed" and choice.logprobs is None:
            for piece in pieces(choice.text):
                said = {"text": piece, "index": index, "logprobs": None, "finish_reason": None}
                yield {**_head(view), "choices": [said], **unknown_yet}
            last["text"] = ""
        yield {**_head(view), "choices": [last], **unknown_yet}
    if with_usage:
        yield {**_head(view), "choices": [], "usage": usage(view)}


def usage(view: TextCompletion) -> Json:
    return {
        "prompt_tokens": view.prompt_tokens,
        "completion_tokens": view.completion_tokens,
        "total_tokens": view.prompt_tokens + view.completion_tokens,
    }


def _head(view: TextCompletion) -> Json:
    return {
        "id": view.id,
        "object": "text_completion",
        "created": unix_seconds(view.created_at),
        "model": view.model,
    }


def _choice(index: int, choice: TextChoice, wire: Wire) -> Json:
    return {
        "text": choice.text,
        "index": index,
        "logprobs": _logprobs(choice.logprobs, wire) if choice.logprobs else None,
        "finish_reason": choice.finish_reason,
    }


def _logprobs(of: Logprobs, wire: Wire) -> Json:
    """The first token of an echoed prompt has nulls, which the SDK's strict type does not allow."""
    strict = wire == "sdk"
    return {
        "tokens": of.tokens,
        "token_logprobs": [0.0 if each is None and strict else each for each in of.token_logprobs],
        "top_logprobs": of.top_logprobs and [{} if each is None and strict else each for each in of.top_logprobs],
        "text_offset": of.text_offset,
    }
