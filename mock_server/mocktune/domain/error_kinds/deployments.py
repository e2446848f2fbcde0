"""What the Azure dialect refuses of its own, and in which words."""

from __future__ import annotations

from mocktune.domain.errors import (
    AuthenticationError,
    ErrorKind,
    InvalidRequestError,
    NotFoundError,
    ParameterError,
)

PUT = ("azure.deployments.create", "azure.management.deployments.create")
ONE = tuple(f"azure.{plane}deployments.{do}" for plane in ("", "management.") for do in ("retrieve", "delete"))

DEPLOYMENT_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message=(
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again."
    ),
    code="DeploymentNotFound",
    source="OBS (issues of Azure users, 2023 to 2024)",
    operations=(
        "azure.chat.completions.create",
        "azure.completions.create",
        "azure.responses.create",
        "azure.responses.input_tokens.count",
    ),
)
NO_SUCH_DEPLOYMENT = ErrorKind(
    error=NotFoundError,
    message="The deployment '{name:.200}' could not be found.",
    code="ResourceNotFound",
    source="assumed",
    operations=ONE,
)
UNKNOWN_MODEL = ErrorKind(
    error=InvalidRequestError,
    message="The specified model '{model:.200}' is not found.",
    code="DeploymentModelNotSupported",
    source="assumed",
    operations=PUT,
)
INVALID_DEPLOYMENT_NAME = ErrorKind(
    error=ParameterError,
    message=("The deployment name '{name:.200}' is invalid: 1 to 64 letters, digits, '-', '_' and '.' are allowed."),
    code="InvalidResourceName",
    source="assumed",
    operations=PUT,
)
TOO_MANY_DEPLOYMENTS = ErrorKind(
    error=InvalidRequestError,
    message="This resource has {most} deployments; mocktune takes no more.",
    code="InsufficientQuota",
    source="mocktune",
    operations=PUT,
)
RESOURCE_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message="Resource not found",
    code="404",
    source="OBS (openai-python, Azure issues)",
    operations=("azure.*",),
)
ACCESS_DENIED = ErrorKind(
    error=AuthenticationError,
    message=(
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource."
    ),
    code="401",
    source="OBS (openai-python, Azure issues)",
    operations=("azure.*",),
)
