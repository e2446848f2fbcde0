"""Models of ``/webhook_endpoints`` and ``/webhook_event_types``. Ranges as documented [DOC, API reference]."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mocktune.domain.webhooks import EventType
from mocktune.http.wire.base import Request, Response

MAX_EVENT_TYPES = 1000
"""Named in one request, repetitions included."""


class CreateWebhookEndpointRequest(Request):
    event_types: list[EventType] = Field(min_length=1, max_length=MAX_EVENT_TYPES)
    name: str = Field(min_length=1, max_length=256)
    url: str = Field(max_length=2048)


class UpdateWebhookEndpointRequest(Request):
    """Left out is not null: what is not given stays as it is."""

    event_types: list[EventType] = Field(default=[], min_length=1, max_length=MAX_EVENT_TYPES)
    name: str = Field(default="", min_length=1, max_length=256)
    url: str = Field(default="", max_length=2048)


class RotateWebhookSecretRequest(Request):
    keep_old_secret_active_for_24_hours: bool = False


class TestWebhookEndpointRequest(Request):
    event_type: EventType


class ListWebhookEndpointsQuery(Request):
    after: str | None = None
    limit: int = Field(20, ge=1, le=100)


class WebhookEndpoint(Response):
    id: str
    created_at: int
    event_types: list[str]
    name: str
    object: Literal["webhook_endpoint"]
    signing_secret_hint: str | None
    url: str
    updated_at: int


class WebhookEndpointWithSecret(WebhookEndpoint):
    signing_secret: str


class WebhookEndpointTestResult(Response):
    event_type: str
    object: Literal["webhook_endpoint.test"]
    status_code: int
    success: Literal[True]
    webhook_endpoint_id: str


class WebhookEventTypeList(Response):
    data: list[str]
    object: Literal["list"]
