"""What the control plane, ``/_mocktune``, refuses. The words are mocktune's own."""

from __future__ import annotations

from mocktune.domain.errors import ConflictError, ErrorKind, NotFoundError, ParameterError

_UPDATE = ("mocktune.clock.update",)
_ADVANCE = ("mocktune.clock.advance",)

UNREADABLE = ErrorKind(
    # A pace, duration or instant that cannot be read; the problem says how it is written.
    error=ParameterError,
    message="{problem}",
    code="invalid_value",
    source="mocktune",
    operations=(*_UPDATE, *_ADVANCE),
)
ONE_OF_FOUR = ErrorKind(
    error=ParameterError,
    message="Give exactly one of 'by', 'to', 'until' and 'next'.",
    code="invalid_value",
    source="mocktune",
    operations=_ADVANCE,
)
NO_SUCH_JOB = ErrorKind(
    error=NotFoundError,
    message="Could not find fine tune: {id:.200}",
    code="fine_tune_not_found",
    param="job",
    source="mocktune",
    operations=_ADVANCE,
)
NOTHING_DUE = ErrorKind(
    error=ConflictError,
    message="Nothing is due in this sandbox: no job, file or model will change on its own.",
    source="mocktune",
    operations=_ADVANCE,
)
BACKWARDS = ErrorKind(
    error=ConflictError,
    message="This sandbox's clock cannot be moved back: {problem}.",
    source="mocktune",
    operations=(*_UPDATE, *_ADVANCE),
)
NO_SUCH_SCHEMA = ErrorKind(
    error=NotFoundError,
    message="There is no schema '{name:.200}'; known are {known}.",
    source="mocktune",
    operations=("mocktune.schemas.retrieve",),
)
