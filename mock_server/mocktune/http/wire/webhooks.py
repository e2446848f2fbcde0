"""Models of the control plane's webhooks."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mocktune.domain.deliveries import DeliveryState, Signature
from mocktune.domain.webhooks import EventType
from mocktune.http.wire.base import CursorList, Request, Response
from mocktune.http.wire.webhook_endpoints import MAX_EVENT_TYPES

Name = Annotated[str, Field(max_length=200)]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=MAX_EVENT_TYPES)]
Secret = Annotated[str, Field(max_length=512)]
WallSeconds = Annotated[float, Field(ge=0, le=60)]


class NewEndpoint(Request):
    """``secret`` may be chosen, so that a receiver can know it beforehand; else one is drawn. Without ``event_types``:
    the three of fine-tuning jobs.
    """

    url: str = Field(max_length=2048)
    secret: Secret | None = None
    event_types: EventTypes | None = None
    name: str = Field("webhook", min_length=1, max_length=256)


class NewListener(Request):
    """Without ``event_types``: all there are."""

    secret: Secret | None = None
    event_types: EventTypes | None = None
    name: str = Field("listener", min_length=1, max_length=256)


class Endpoint(Response):
    """``url`` is null for a listener; ``disabled_at`` is when it answered 410."""

    id: str
    object: Literal["webhook_endpoint", "webhook_listener"]
    name: str
    url: str | None
    event_types: list[str]
    created_at: float
    disabled_at: float | None
    signing_secret: str


class EndpointList(Response):
    endpoints: list[Endpoint]


class EndpointDeleted(Response):
    id: str
    deleted: bool


class FaultDecision(Response):
    rule_id: str
    fired: bool
    reason: str


class DeliveryAttempt(Response):
    """``at`` is in the sandbox's time, ``wall`` in the world's, both Unix seconds. ``status_code`` is null where none
    was answered, and ``failure`` says why. ``headers`` are those that were sent, beside those of the connection.
    """

    at: float
    wall: float
    kind: Literal["scheduled", "duplicate", "resend"]
    status_code: int | None
    failure: str
    headers: dict[str, str]


class Delivery(Response):
    """One event for one endpoint. ``due_at`` is when the event was due, ``next_at`` when the next attempt is, both in
    the sandbox's time. ``reason`` tells why it failed where no attempt does. ``body`` is what is sent, byte for byte.
    """

    object: Literal["webhook_delivery"]
    id: str
    event_id: str
    webhook_id: str
    event_type: str
    job: str | None
    endpoint: str
    url: str | None
    due_at: float
    state: DeliveryState
    signature: Signature
    fault: Literal["drop", "duplicate", "reorder", "delay"] | None
    next_at: float | None
    reason: str | None
    attempts: list[DeliveryAttempt]
    faults: list[FaultDecision]
    body: str


class DeliveryList(CursorList[Delivery]):
    """``dropped`` counts those that are no longer kept."""

    dropped: int


class _Filters(Request):
    """What is not given is not asked for."""

    job: Name | None = None
    event_type: EventType | None = None
    endpoint: Name | None = None
    state: DeliveryState | None = None
    signature: Signature | None = None


class ListDeliveriesQuery(_Filters):
    order: Literal["asc", "desc"] = "desc"
    after: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 20


class WaitForDeliveries(_Filters):
    """Until there are at least ``count``, or ``timeout_s`` of wall time are over."""

    count: Annotated[int, Field(ge=1, le=1000)] = 1
    timeout_s: WallSeconds = 10


class AwaitedDeliveries(Response):
    """``reached``: there are as many as were waited for."""

    count: int
    reached: bool
    dropped: int


MAX_EVENT_DATA_BYTES = 64 * 1024


def _bounded(data: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(data)) > MAX_EVENT_DATA_BYTES:
        raise ValueError(f"more than {MAX_EVENT_DATA_BYTES} bytes of JSON")
    return data


class NewEvent(Request):
    """An event about ``job``, or a sample. ``data`` is put into the event's own beside what is there, or in its place.
    ``signature`` says how it is signed, and then no rule of faults is asked.
    """

    type: EventType
    job: Name | None = None
    data: Annotated[dict[str, Any], AfterValidator(_bounded)] | None = None
    signature: Signature | None = None


class Triggered(Response):
    """The deliveries, each after its first attempt; empty where no endpoint is subscribed to the type."""

    deliveries: list[Delivery]


class NextParcel(Request):
    """Wait for ``timeout_s`` of wall time at most."""

    timeout_s: WallSeconds = 20


class Parcel(Response):
    """A request to be carried to the receiver, as it stands; ``body`` is its text."""

    id: str
    headers: dict[str, str]
    body: str


class Fetched(Response):
    """``parcel`` is null where none came in time."""

    parcel: Parcel | None


class ParcelResult(Request):
    """What the receiver answered to the parcel ``id``: a status, or null and why there is none."""

    id: Name
    status_code: Annotated[int, Field(ge=100, le=999)] | None
    failure: Annotated[str, Field(max_length=500)] = ""


class Reported(Response):
    """``reported`` is false for a parcel that was given up meanwhile: it is sent again."""

    id: str
    reported: bool
