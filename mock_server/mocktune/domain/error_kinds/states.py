"""What states are refused for: the one a server begins with, one that is exported or imported, and objects that are
asked for ready made. The words are mocktune's own.
"""

from __future__ import annotations

from mocktune.domain.error_kinds.common import ANY
from mocktune.domain.errors import ConflictError, ErrorKind, ParameterError, ServiceUnavailableError

NOT_LOADED = ErrorKind(
    # It was loaded once at the start. What is drawn differs from sandbox to sandbox, and so may a duration.
    error=ServiceUnavailableError,
    message="This sandbox cannot begin with the server's state: {problem}.",
    source="mocktune",
    operations=ANY,
)
NOT_WRITTEN = ErrorKind(
    error=ConflictError,
    message="This sandbox cannot be written down as one state: {problem}.",
    code="state_too_large",
    source="mocktune",
    operations=("mocktune.state.retrieve",),
)
UNREADABLE_STATE = ErrorKind(
    # The problem names the place in the document. Nothing was changed.
    error=ParameterError,
    message="This state cannot be loaded: {problem}",
    code="invalid_state",
    source="mocktune",
    operations=("mocktune.state.update",),
)
NOT_READY_MADE = ErrorKind(
    # The problem says what is wrong, or why there can be no such object now. Nothing was added.
    error=ParameterError,
    message="{problem}",
    code="invalid_value",
    source="mocktune",
    operations=(
        "mocktune.state.files.create",
        "mocktune.state.jobs.create",
        "mocktune.state.models.create",
        "mocktune.state.gallery.create",
    ),
)
