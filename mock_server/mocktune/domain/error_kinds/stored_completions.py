"""Errors about stored chat completions."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, NotFoundError, ParameterError

COMPLETION_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message="No chat completion found with id '{id:.200}'.",
    source="assumed",
    operations=(
        "chat.completions.retrieve",
        "chat.completions.update",
        "chat.completions.delete",
        "chat.completions.messages.list",
    ),
    param="completion_id",
)

METADATA_IS_NO_OBJECT = ErrorKind(
    error=ParameterError,
    message="Invalid type for 'metadata': expected an object, but got a string instead.",
    source="assumed",
    operations=("chat.completions.list",),
    code="invalid_type",
    param="metadata",
)
