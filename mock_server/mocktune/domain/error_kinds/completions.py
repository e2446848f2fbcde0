"""What ``/completions`` answers when it refuses."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, NotFoundError, ParameterError

_CREATE = ("completions.create",)

CHAT_MODEL = ErrorKind(
    error=NotFoundError,
    message="This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
    "v1/chat/completions?",
    source="OBS",
    operations=_CREATE,
    param="model",
)

MORE_THAN_GENERATED = ErrorKind(
    error=ParameterError,
    message="You requested that the server return more choices than it will generate (HINT: you must set 'n' "
    "(currently {n}) to be at most 'best_of' (currently {best_of}), or omit either parameter if you don't specifically "
    "want to use them.)",
    source="3P",
    operations=_CREATE,
    param="n",
)

BEST_OF_STREAMED = ErrorKind(
    error=ParameterError,
    message="Invalid 'best_of': results cannot be streamed when 'best_of' is greater than 'n'.",
    source="assumed",  # SPEC: "Results cannot be streamed"
    operations=_CREATE,
    param="best_of",
    code="invalid_value",
)

CONTEXT_LENGTH_EXCEEDED = ErrorKind(
    error=ParameterError,
    message="This model's maximum context length is {context} tokens, however you requested {total} tokens ({prompt} "
    "in your prompt; {completion} for the completion). Please reduce your prompt; or completion length.",
    source="3P",  # without a code, unlike that of the chat route
    operations=_CREATE,
)

TOO_MANY_CHOICES = ErrorKind(
    error=ParameterError,
    message="Invalid 'prompt': mocktune generates at most {most} completions in one request, and this one asks for "
    "{asked}.",
    source="assumed",
    operations=_CREATE,
    param="prompt",
    code="invalid_value",
)
