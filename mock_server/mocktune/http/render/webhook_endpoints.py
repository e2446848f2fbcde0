"""Webhook endpoints. The keys stand in the order of the API reference's examples [DOC]."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.webhooks import EVENT_TYPES, WebhookEndpoint
from mocktune.http.render import Json
from mocktune.service.webhook_endpoints import WebhookTest


def webhook_endpoint(endpoint: WebhookEndpoint) -> Json:
    return _shown(endpoint, {})


def with_secret(endpoint: WebhookEndpoint) -> Json:
    """What creating and rotating answer: the only places where the secret is told."""
    return _shown(endpoint, {"signing_secret": endpoint.secret})


def _shown(endpoint: WebhookEndpoint, secret: Json) -> Json:
    return {
        "id": endpoint.id,
        "created_at": unix_seconds(endpoint.created_at),
        "event_types": endpoint.event_types,
        "name": endpoint.name,
        "object": "webhook_endpoint",
        **secret,
        "signing_secret_hint": endpoint.secret_hint,
        "url": endpoint.url,
        "updated_at": unix_seconds(endpoint.updated_at),
    }


def test_result(test: WebhookTest) -> Json:
    return {
        "event_type": test.event_type,
        "object": "webhook_endpoint.test",
        "status_code": test.status_code,
        "success": True,
        "webhook_endpoint_id": test.endpoint_id,
    }


def event_types() -> Json:
    return {"data": EVENT_TYPES, "object": "list"}
