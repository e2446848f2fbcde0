"""Webhook endpoints: where a project's events are sent, and the secrets that sign them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from mocktune.domain import ids
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds.webhook_endpoints import (
    BAD_SECRET,
    NO_HTTPS,
    NO_SUCH_ENDPOINT,
    NOT_REACHED,
    TOO_MANY_ENDPOINTS,
)
from mocktune.domain.webhooks import (
    WebhookAnswer,
    WebhookEndpoint,
    WebhookRequest,
    event_body,
    may_receive,
    message_id,
    readable_secret,
    sample_data,
    signing_secret,
)
from mocktune.ports import WebhookSender
from mocktune.service.outbox import open_outbox
from mocktune.service.paging import Page, take, walk
from mocktune.service.sandboxes import Visit
from mocktune.service.webhook_records import WebhookEndpointRecord, webhook_endpoints

MAX_ENDPOINTS = 100
"""In one sandbox (assumed: the real number is not known)."""


@dataclass(frozen=True, slots=True)
class WebhookTest:
    """A sample event that was sent, and the status the receiver answered."""

    endpoint_id: str
    event_type: str
    status_code: int


class WebhookEndpointService:
    """Everything under ``/webhook_endpoints``.

    ``allowed_hosts`` may be sent to besides loopback; ``stateless``: nothing is sent, whoever the receiver is.
    """

    def __init__(self, *, allowed_hosts: frozenset[str] = frozenset(), stateless: bool = False) -> None:
        self._allowed_hosts = allowed_hosts
        self._stateless = stateless

    async def create(
        self, visit: Visit, *, name: str, url: str, event_types: tuple[str, ...], secret: str | None = None
    ) -> WebhookEndpoint:
        """``secret`` is chosen by who must know it beforehand; else it is drawn.

        Raises ``ParameterError`` for a URL that is not HTTPS, and for a secret that cannot sign,
        ``InvalidRequestError`` past ``MAX_ENDPOINTS``.
        """
        self._check_url(visit, url)
        if secret is not None and not readable_secret(secret):
            raise BAD_SECRET()
        sandbox = visit.sandbox
        if len(webhook_endpoints(sandbox)) >= MAX_ENDPOINTS:
            raise TOO_MANY_ENDPOINTS(most=MAX_ENDPOINTS)
        id = ids.object_id("webhook_endpoint", sandbox.seed, sandbox.next_ordinal("webhook_endpoint"))
        endpoint = WebhookEndpoint(
            id=id,
            created_at=visit.now,
            updated_at=visit.now,
            name=name,
            url=url,
            event_types=_once(event_types),
            secret=signing_secret(sandbox.seed, id, 0) if secret is None else secret,
        )
        open_outbox(sandbox, visit.now)
        webhook_endpoints(sandbox).add(id, visit.now, WebhookEndpointRecord(endpoint))
        return endpoint

    async def retrieve(self, visit: Visit, id: str) -> WebhookEndpoint:
        return _find(visit, id).endpoint

    async def list(self, visit: Visit, *, after: str | None, limit: int) -> Page[WebhookEndpoint]:
        """The newest first [SDK]."""
        records = walk(visit, webhook_endpoints(visit.sandbox), after)
        return take((record.endpoint for record in records), limit)

    async def update(
        self,
        visit: Visit,
        id: str,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: tuple[str, ...] | None = None,
    ) -> WebhookEndpoint:
        """Change what is given. One that was disabled is sent events again (mocktune's own).

        Raises ``ParameterError`` for a URL that is not HTTPS.
        """
        record = _find(visit, id)
        if url is not None:
            self._check_url(visit, url)
        types = None if event_types is None else _once(event_types)
        record.endpoint = record.endpoint.changed(visit.now, name=name, url=url, event_types=types)
        record.disabled_at = None
        return record.endpoint

    async def delete(self, visit: Visit, id: str) -> None:
        """What is on its way to it is sent no more."""
        _find(visit, id)
        webhook_endpoints(visit.sandbox).remove(id)
        if visit.sandbox.outbox is not None:
            visit.sandbox.outbox.give_up(visit.sandbox, id, "its endpoint was deleted")

    async def rotate_secret(self, visit: Visit, id: str, *, keep_old: bool) -> WebhookEndpoint:
        record = _find(visit, id)
        record.endpoint = record.endpoint.rotated(visit.sandbox.seed, visit.now, keep_old=keep_old)
        return record.endpoint

    async def test(self, visit: Visit, id: str, event_type: str, sender: WebhookSender) -> WebhookTest:
        """Send a sample event of any type, subscribed to or not.

        Every status is a result [SDK: ``success`` is always true]. Raises ``InvalidRequestError`` where there is none,
        which the SDK's type cannot express; a 4xx, so that clients do not send the event again (assumed).
        """
        endpoint = _find(visit, id).endpoint
        answer = WebhookAnswer(200) if self._stateless else await sender.send(_sample(visit, endpoint, event_type))
        if answer.status_code is None:
            raise NOT_REACHED(reason=answer.failure)
        return WebhookTest(id, event_type, answer.status_code)

    def _check_url(self, visit: Visit, url: str) -> None:
        """``https``, or ``http`` where this server would send it: receivers in a test have no certificate."""
        if visit.loose:
            return
        try:
            parts = urlsplit(url)
            scheme, host, _ = parts.scheme, parts.hostname or "", parts.port  # a port out of range raises
        except ValueError:
            scheme = host = ""
        if not host or not (scheme == "https" or (scheme == "http" and may_receive(host, self._allowed_hosts))):
            raise NO_HTTPS(url=url)


def _find(visit: Visit, id: str) -> WebhookEndpointRecord:
    record = webhook_endpoints(visit.sandbox).get(id)
    if record is None:
        raise NO_SUCH_ENDPOINT(id=id)
    return record


def _sample(visit: Visit, endpoint: WebhookEndpoint, event_type: str) -> WebhookRequest:
    # Counted on their own: a test never shifts the id of an event that a job brings forth.
    which = visit.sandbox.next_ordinal("webhook_test")
    seed = derive_seed(visit.sandbox.seed, "webhook test", which)
    id = ids.object_id("webhook_event", seed)
    return WebhookRequest(
        id=message_id(id),
        url=endpoint.url,
        body=event_body(id, event_type, visit.now, sample_data(event_type, seed)),
        secrets=endpoint.secrets_at(visit.now),
        sent_at=visit.wall,
    )


def _once(event_types: tuple[str, ...]) -> tuple[str, ...]:
    """A type named twice is subscribed to once (assumed)."""
    return tuple(dict.fromkeys(event_types))
