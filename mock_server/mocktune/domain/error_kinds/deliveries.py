"""What the control plane refuses of webhooks: deliveries, triggers, listeners. The words are mocktune's own."""

from __future__ import annotations

from mocktune.domain.errors import ConflictError, ErrorKind, InvalidRequestError, NotFoundError, ParameterError

_LISTENERS = "mocktune.webhooks.listeners"

NO_SUCH_DELIVERY = ErrorKind(
    error=NotFoundError,
    message="There is no delivery '{id:.200}' in this sandbox's log.",
    param="id",
    source="mocktune",
    operations=("mocktune.webhooks.deliveries.retrieve", "mocktune.webhooks.deliveries.resend"),
)
NOT_SENT_AGAIN = ErrorKind(
    error=ConflictError,
    message="Delivery {id:.200} cannot be sent again: its endpoint is {why}.",
    source="mocktune",
    operations=("mocktune.webhooks.deliveries.resend",),
)
NO_SUCH_JOB = ErrorKind(
    error=NotFoundError,
    message="Could not find fine tune: {id:.200}",
    code="fine_tune_not_found",
    param="job",
    source="mocktune",
    operations=("mocktune.events.trigger",),
)
NOT_THE_EVENT_OF_A_JOB = ErrorKind(
    error=ParameterError,
    message="An event of the type '{type:.100}' is about no fine-tuning job; leave 'job' out.",
    code="invalid_value",
    param="job",
    source="mocktune",
    operations=("mocktune.events.trigger",),
)
NO_SUCH_LISTENER = ErrorKind(
    error=NotFoundError,
    message="There is no listener '{id:.200}'. One that fetches nothing for a minute is closed: open another.",
    param="id",
    source="mocktune",
    operations=(f"{_LISTENERS}.next", f"{_LISTENERS}.result", f"{_LISTENERS}.delete"),
)
TOO_MANY_LISTENERS = ErrorKind(
    error=InvalidRequestError,
    message="This sandbox has {most} listeners and can have no more; close one first.",
    source="mocktune",
    operations=(f"{_LISTENERS}.create",),
)
