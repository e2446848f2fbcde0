"""What a server that was started with a seed state may have to say of it to a request."""

from __future__ import annotations

from mocktune.domain.error_kinds.common import ANY
from mocktune.domain.errors import ErrorKind, ServiceUnavailableError

NOT_LOADED = ErrorKind(
    # It was loaded once at the start. What is drawn differs from sandbox to sandbox, and so may a duration.
    error=ServiceUnavailableError,
    message="This sandbox cannot begin with the server's state: {problem}.",
    source="mocktune",
    operations=ANY,
)
