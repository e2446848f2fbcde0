"""What calls about the whole server and its sandboxes are refused with. The words are mocktune's own."""

from __future__ import annotations

from mocktune.domain.error_kinds.common import ANY
from mocktune.domain.errors import (
    AuthenticationError,
    ConflictError,
    ErrorKind,
    NotFoundError,
    ParameterError,
    PermissionDeniedError,
)

_CREATE = ("mocktune.sandboxes.create",)
_SERVER_WIDE = ("mocktune.sandboxes.list", *_CREATE, "mocktune.sandboxes.delete")

NO_ADMIN_TOKEN = ErrorKind(
    error=AuthenticationError,
    message="This call is about the whole server: send its admin token, which the ready line names, in an "
    "Authorization header (Authorization: Bearer ADMIN_TOKEN).",
    code="admin_token_required",
    source="mocktune",
    operations=_SERVER_WIDE,
)
WRONG_ADMIN_TOKEN = ErrorKind(
    # Also where a server was put together without one: then nobody may.
    error=PermissionDeniedError,
    message="This call is about the whole server, and what was sent is not its admin token: that of the ready line, "
    "or of --admin-token.",
    code="admin_token_invalid",
    source="mocktune",
    operations=_SERVER_WIDE,
)
INVALID_NAME = ErrorKind(
    # In /s/NAME/v1, and where a sandbox is opened.
    error=ParameterError,
    message="'{name}' is no name of a sandbox: at most 64 letters, digits, '.', '_' and '-', no '--', and no '.' or "
    "'-' in front.",
    code="invalid_value",
    param="name",
    source="mocktune",
    operations=ANY,
)
UNREADABLE = ErrorKind(
    # A clock, an instant, a scenario or a label; the problem says how it is written.
    error=ParameterError,
    message="{problem}",
    code="invalid_value",
    source="mocktune",
    operations=(*_CREATE, "mocktune.sandboxes.current.update"),
)
ALREADY_OPEN = ErrorKind(
    error=ConflictError,
    message="There is a sandbox '{name}' already: close it first, or take another name.",
    code="sandbox_exists",
    source="mocktune",
    operations=_CREATE,
)
NOT_APART = ErrorKind(
    error=ConflictError,
    message="This server keeps no sandboxes apart: it was started with --stateless or --save-on-exit.",
    code="sandboxes_not_apart",
    source="mocktune",
    operations=_CREATE,
)
NO_SUCH_SANDBOX = ErrorKind(
    error=NotFoundError,
    message="There is no open sandbox '{id:.100}'.",
    code="sandbox_not_found",
    param="id",
    source="mocktune",
    operations=("mocktune.sandboxes.delete",),
)
