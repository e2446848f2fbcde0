"""What ``/moderations`` answers when it refuses."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, ParameterError

UNKNOWN_MODEL = ErrorKind(
    error=ParameterError,
    message="Invalid value for 'model' = {model:.200}. Please check the OpenAI documentation and try again.",
    source="assumed",
    operations=("moderations.create",),
    param="model",
)

IMAGES_NEED_OMNI = ErrorKind(
    error=ParameterError,
    message="Invalid 'input': the model {model:.200} takes text only; images need 'omni-moderation-latest'.",
    source="assumed",
    operations=("moderations.create",),
    param="input",
    code="invalid_value",
)
