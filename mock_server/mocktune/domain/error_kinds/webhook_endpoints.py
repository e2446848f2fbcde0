"""What ``/webhook_endpoints`` refuses, and in which words."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, InvalidRequestError, NotFoundError, ParameterError

_OURS = "mocktune.webhooks.endpoints.create"

NO_SUCH_ENDPOINT = ErrorKind(
    error=NotFoundError,
    message="No such WebhookEndpoint object: {id:.200}",
    param="id",
    source="assumed",
    operations=(
        *(f"webhooks.{each}" for each in ("retrieve", "update", "delete", "rotate_secret", "test")),
        "mocktune.webhooks.endpoints.delete",
    ),
)
NO_HTTPS = ErrorKind(
    error=ParameterError,
    message="Invalid 'url': expected a URL that starts with https:// and names a host, but got '{url:.200}' instead. "
    "(mocktune takes http:// as well for hosts it sends to: this machine, and those of --allow-webhook-host.)",
    code="invalid_value",
    param="url",
    source="assumed",
    operations=("webhooks.create", "webhooks.update", _OURS),
)
TOO_MANY_ENDPOINTS = ErrorKind(
    error=InvalidRequestError,
    message="This project has {most} webhook endpoints and can have no more; delete one first.",
    code="webhook_endpoint_limit_reached",
    source="assumed",
    operations=("webhooks.create", _OURS),
)
NOT_REACHED = ErrorKind(
    error=InvalidRequestError,
    message="The webhook endpoint could not be reached: {reason:.500}",
    code="webhook_endpoint_unreachable",
    source="assumed",
    operations=("webhooks.test",),
)
BAD_SECRET = ErrorKind(
    error=ParameterError,
    message="Invalid 'secret': expected 'whsec_' and base64 behind it, or any other printable text.",
    code="invalid_value",
    param="secret",
    source="mocktune",
    operations=(_OURS, "mocktune.webhooks.listeners.create"),
)
