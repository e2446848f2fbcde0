"""What ``/fine_tuning/checkpoints/{checkpoint}/permissions`` refuses, and in which words."""

from __future__ import annotations

from mocktune.domain.errors import AuthenticationError, ErrorKind, InvalidRequestError, NotFoundError

_ALL = tuple(f"fine_tuning.checkpoints.permissions.{each}" for each in ("list", "create", "delete"))

MISSING_SCOPE = ErrorKind(
    # Missing scopes were seen as 401 and as 403; on this route as 401, by users of a Terraform provider.
    error=AuthenticationError,
    message=(
        "You have insufficient permissions for this operation. Missing scopes: api.fine_tuning.checkpoints.{access}. "
        "Check that you have the correct role in your organization (Reader, Writer, Owner) and project (Member, "
        "Owner), and if you're using a restricted API key, that it has the necessary scopes."
    ),
    source="OBS, 3P",
    operations=_ALL,
)
NO_SUCH_CHECKPOINT = ErrorKind(
    error=NotFoundError,
    message="The model `{id:.200}` does not exist or you do not have access to it.",
    code="model_not_found",
    source="assumed",
    operations=_ALL,
)
NO_SUCH_PERMISSION = ErrorKind(
    error=NotFoundError,
    message="No such checkpoint permission: {id:.200}",
    param="permission_id",
    source="assumed",
    operations=("fine_tuning.checkpoints.permissions.delete",),
)
TOO_MANY_PERMISSIONS = ErrorKind(
    error=InvalidRequestError,
    message="A checkpoint can be shared with {most} projects; this would be more.",
    code="checkpoint_permission_limit_reached",
    source="assumed",
    operations=("fine_tuning.checkpoints.permissions.create",),
)
