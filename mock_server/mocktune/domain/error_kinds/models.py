"""Errors about models: one that is unknown, one that cannot be deleted."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, NotFoundError, PermissionDeniedError

MODEL_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message="The model `{model:.200}` does not exist or you do not have access to it.",
    # A fresh, a deleted and an unknown tuned model share these words; that a shut model does too is assumed.
    source="OBS",
    operations=("models.retrieve", "chat.completions.create", "completions.create"),
    code="model_not_found",
)

MODEL_TO_DELETE_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message="The model '{model:.200}' does not exist",
    source="RUBY",
    operations=("models.delete",),
    code="model_not_found",
    param="model",
)

BASE_MODEL_NOT_DELETABLE = ErrorKind(
    error=PermissionDeniedError,
    message="You do not have permission to delete the model '{model:.200}'.",
    source="assumed",
    operations=("models.delete",),
)
