"""What the control plane refuses about rules of faults. The words are mocktune's own."""

from __future__ import annotations

from mocktune.domain.errors import ConflictError, ErrorKind, InvalidRequestError, NotFoundError, ParameterError

_CREATE = ("mocktune.faults.create",)

UNREADABLE_RULE = ErrorKind(
    # A field that cannot be read, or a rule that cannot do what it says; the problem names the field.
    error=ParameterError,
    message="{problem}",
    code="invalid_fault",
    source="mocktune",
    operations=_CREATE,
)
DUPLICATE_RULE = ErrorKind(
    error=ConflictError,
    message="This sandbox has a fault rule '{id}' already; delete it first, or leave the id out.",
    code="duplicate_fault",
    source="mocktune",
    operations=_CREATE,
)
TOO_MANY_RULES = ErrorKind(
    # Of jobs: those that come with scenarios which metadata name.
    error=InvalidRequestError,
    message="A sandbox holds at most {most} fault rules{of_jobs}; this one has {held}.",
    code="too_many_faults",
    source="mocktune",
    operations=(*_CREATE, "fine_tuning.jobs.create"),
)
NO_SUCH_RULE = ErrorKind(
    error=NotFoundError,
    message="There is no fault rule '{id:.200}' in this sandbox.",
    code="fault_not_found",
    param="id",
    source="mocktune",
    operations=("mocktune.faults.retrieve", "mocktune.faults.delete"),
)
