"""What the control plane's scenarios refuse. The words are mocktune's own."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, NotFoundError, ParameterError

_UPDATE = ("mocktune.scenario.update",)

UNREADABLE_SCENARIO = ErrorKind(
    # A name, a document or a setting; the problem names the key, and the nearest known one.
    error=ParameterError,
    message="{problem}",
    code="invalid_scenario",
    source="mocktune",
    operations=_UPDATE,
)
NAME_OR_DOCUMENT = ErrorKind(
    error=ParameterError,
    message="Give 'name' or 'document', not both; or 'set' alone, to change single fields of the present scenario.",
    code="invalid_value",
    param="name",
    source="mocktune",
    operations=(*_UPDATE, "mocktune.scenarios.check"),
)
NO_SUCH_SCENARIO = ErrorKind(
    error=NotFoundError,
    message="There is no scenario '{name:.200}'{near}",
    param="name",
    source="mocktune",
    operations=("mocktune.scenarios.retrieve",),
)
