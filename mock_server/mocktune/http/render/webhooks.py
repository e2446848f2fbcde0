"""Deliveries of webhooks, and who gets them, as people read them."""

from __future__ import annotations

from collections.abc import Iterable

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.deliveries import Attempt, Delivery, request_of
from mocktune.http.render import Json, cursor_page
from mocktune.service.listeners import ListenerRecord, Parcel
from mocktune.service.outbox import Target
from mocktune.service.paging import Page
from mocktune.webhooks.signing import headers_of


def endpoint(of: Target) -> Json:
    """With the secret: who controls a sandbox may know it."""
    listens, told = isinstance(of, ListenerRecord), of.endpoint
    return {
        "id": told.id,
        "object": "webhook_listener" if listens else "webhook_endpoint",
        "name": told.name,
        "url": None if listens else told.url,
        "event_types": told.event_types,
        "created_at": told.created_at / SECOND,
        "disabled_at": _seconds(of.disabled_at),
        "signing_secret": told.secret,
    }


def delivery(of: Delivery) -> Json:
    return {
        "object": "webhook_delivery",
        "id": of.id,
        "event_id": of.event_id,
        "webhook_id": of.webhook_id,
        "event_type": of.event_type,
        "job": of.job_id,
        "endpoint": of.endpoint_id,
        "url": of.url or None,
        "due_at": of.due_at / SECOND,
        "state": of.state,
        "signature": of.signature,
        "fault": of.fault or None,
        "next_at": _seconds(of.next_at),
        "reason": of.reason or None,
        "attempts": [_attempt(of, each) for each in of.attempts],
        "faults": [{"rule_id": each.rule_id, "fired": each.fired, "reason": each.reason} for each in of.decisions],
        "body": of.body.decode(),
    }


def _attempt(delivery: Delivery, of: Attempt) -> Json:
    return {
        "at": of.at / SECOND,
        "wall": of.wall / SECOND,
        "kind": of.kind,
        "status_code": of.status_code,
        "failure": of.failure,
        "headers": headers_of(request_of(delivery, of)) if of.secrets else {},
    }


def page(of: Page[Delivery], dropped: int) -> Json:
    return {**cursor_page(of, delivery), "dropped": dropped}


def triggered(made: Iterable[Delivery]) -> Json:
    return {"deliveries": [delivery(each) for each in made]}


def fetched(parcel: Parcel | None) -> Json:
    if parcel is None:
        return {"parcel": None}
    request = parcel.request
    return {"parcel": {"id": parcel.id, "headers": headers_of(request), "body": request.body.decode()}}


def _seconds(instant: VirtualTime | None) -> float | None:
    return None if instant is None else instant / SECOND
