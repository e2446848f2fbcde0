"""Listening: opening listeners, fetching what they are sent, and reporting what became of it."""

from __future__ import annotations

from mocktune.domain.draws import text
from mocktune.domain.error_kinds.deliveries import NO_SUCH_LISTENER, TOO_MANY_LISTENERS
from mocktune.domain.error_kinds.webhook_endpoints import BAD_SECRET
from mocktune.domain.webhooks import (
    EVENT_TYPES,
    WebhookAnswer,
    WebhookEndpoint,
    readable_secret,
    signing_secret,
)
from mocktune.ports import Clock
from mocktune.service.listeners import ListenerRecord, Parcel, listeners
from mocktune.service.outbox import open_outbox
from mocktune.service.sandboxes import Visit

MAX_LISTENERS = 10
"""In one sandbox, those that went away not counted."""


class ListenerService:
    """Everything under ``/_mocktune/webhooks/listeners``. ``clock`` tells when a listener was last heard of."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def open(
        self, visit: Visit, *, name: str = "listener", event_types: tuple[str, ...] = (), secret: str | None = None
    ) -> WebhookEndpoint:
        """A listener for these types of events, all where none is named. Raises ``ParameterError`` for a secret that
        cannot sign, ``InvalidRequestError`` past ``MAX_LISTENERS``.
        """
        sandbox = visit.sandbox
        if secret is not None and not readable_secret(secret):
            raise BAD_SECRET()
        self._forget_gone(visit)
        if len(listeners(sandbox)) >= MAX_LISTENERS:
            raise TOO_MANY_LISTENERS(most=MAX_LISTENERS)
        id = "whl_" + text(sandbox.seed, 24, "webhook listener", sandbox.next_ordinal("webhook_listener"))
        endpoint = WebhookEndpoint(
            id=id,
            created_at=visit.now,
            updated_at=visit.now,
            name=name,
            url="",
            event_types=tuple(dict.fromkeys(event_types or EVENT_TYPES)),
            secret=signing_secret(sandbox.seed, id, 0) if secret is None else secret,
        )
        open_outbox(sandbox, visit.now)
        listeners(sandbox).add(id, visit.now, ListenerRecord(endpoint, self._clock.wall()))
        return endpoint

    async def fetch(self, visit: Visit, id: str, timeout_s: float) -> Parcel | None:
        """The next request, signed and to be carried to the receiver; None where none came within ``timeout_s``."""
        listener = _find(visit, id)
        listener.asked_at = self._clock.wall()
        try:
            return await listener.fetch(timeout_s)
        finally:
            listener.asked_at = self._clock.wall()

    def report(self, visit: Visit, id: str, parcel_id: str, answer: WebhookAnswer) -> bool:
        """What the receiver answered. False for a request that was given up meanwhile, and is sent again."""
        return _find(visit, id).report(parcel_id, answer)

    def close(self, visit: Visit, id: str) -> None:
        """What is on its way to it is sent no more."""
        _find(visit, id).close()
        self._forget(visit, id)

    def _forget_gone(self, visit: Visit) -> None:
        for each in list(listeners(visit.sandbox).oldest_first()):
            if each.is_gone(self._clock.wall()):
                self._forget(visit, each.endpoint.id)

    def _forget(self, visit: Visit, id: str) -> None:
        listeners(visit.sandbox).remove(id)
        if visit.sandbox.outbox is not None:
            visit.sandbox.outbox.give_up(visit.sandbox, id, "its listener was closed")


def _find(visit: Visit, id: str) -> ListenerRecord:
    listener = listeners(visit.sandbox).get(id)
    if listener is None:
        raise NO_SUCH_LISTENER(id=id)
    return listener
