"""What the control plane, ``/_mocktune``, refuses. The words are mocktune's own."""

from __future__ import annotations

from mocktune.domain.error_kinds.common import ANY
from mocktune.domain.errors import ConflictError, ErrorKind, InvalidRequestError, NotFoundError, ParameterError

_UPDATE = ("mocktune.clock.update",)
_ADVANCE = ("mocktune.clock.advance",)

UNREADABLE = ErrorKind(
    # A pace, duration, instant or awaited status that cannot be read; the problem says how it is written.
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
NOTHING_TO_SET = ErrorKind(
    error=ParameterError,
    message="Give at least one of 'clock', 'start', 'advance_on_poll' and 'max_frozen_reads'.",
    code="invalid_value",
    source="mocktune",
    operations=_UPDATE,
)
ONE_OBJECT = ErrorKind(
    error=ParameterError,
    message="Give exactly one of 'job', 'file' and 'model' to wait for.",
    code="invalid_value",
    param="until",
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
NO_SUCH_FILE = ErrorKind(
    error=NotFoundError,
    message="No such File object: {id:.200}",
    param="file",
    source="mocktune",
    operations=_ADVANCE,
)
NO_SUCH_MODEL = ErrorKind(
    error=NotFoundError,
    message="The model `{id:.200}` does not exist by now.",
    code="model_not_found",
    param="model",
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
CLOCK_BUSY = ErrorKind(
    error=ConflictError,
    message="Another command is moving this sandbox's clock. Wait for its answer, then say how far it is to go on.",
    code="clock_busy",
    source="mocktune",
    operations=(*_UPDATE, *_ADVANCE),
)
CLOCK_FROZEN = ErrorKind(
    # Of a sandbox with ``max_frozen_reads``. A 400, which no SDK sends again on its own.
    error=InvalidRequestError,
    message="The clock is frozen and nobody advances it: {operation} asked {count} times about {what}, which is not "
    "finished, while it stood at {now}. Move the clock, or have it moved: by skipped sleeps, or by advance_on_poll.",
    code="clock_frozen",
    source="mocktune",
    operations=ANY,
)
BOUND_REACHED = ErrorKind(
    error=ConflictError,
    message="The advance to {aim} was stopped by {bound} ({limit}). The clock stands at {now}, {elapsed} on. {hottest} "
    "Nothing is lost: advance again to go on, or raise {bound}.",
    code="clock_bound_reached",
    source="mocktune",
    operations=_ADVANCE,
)
NO_SUCH_SCHEMA = ErrorKind(
    error=NotFoundError,
    message="There is no schema '{name:.200}'{near} GET /_mocktune/schemas lists all.",
    source="mocktune",
    operations=("mocktune.schemas.retrieve",),
)
