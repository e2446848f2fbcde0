"""``/v1/webhook_endpoints`` and ``/v1/webhook_event_types``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import cursor_page, deleted
from mocktune.http.render import webhook_endpoints as render
from mocktune.http.validation import parse_object
from mocktune.http.wire import webhook_endpoints as wire
from mocktune.http.wire.base import CursorList, Deleted
from mocktune.service.services import Services


def webhook_endpoints_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["Webhooks"])
    endpoints = services.webhook_endpoints
    sender = services.sender

    @router.post(
        "/webhook_endpoints",
        response_model=wire.WebhookEndpointWithSecret,
        openapi_extra=described_by("webhooks.create", "SDK, DOC", body=wire.CreateWebhookEndpointRequest),
    )
    async def create_webhook_endpoint(call: Call) -> Response:
        body = await call.body_as(wire.CreateWebhookEndpointRequest)
        endpoint = await endpoints.create(
            await call.visit(), name=body.name, url=body.url, event_types=tuple(body.event_types)
        )
        services.watch(call.sandbox)
        return json_answer(render.with_secret(endpoint))

    @router.get(
        "/webhook_endpoints",
        response_model=CursorList[wire.WebhookEndpoint],
        openapi_extra=described_by("webhooks.list", "SDK, DOC", query=wire.ListWebhookEndpointsQuery),
    )
    async def list_webhook_endpoints(call: Call) -> Response:
        query = call.query(wire.ListWebhookEndpointsQuery)
        page = await endpoints.list(await call.visit(), after=query.after, limit=query.limit)
        return json_answer(cursor_page(page, render.webhook_endpoint))

    @router.get(
        "/webhook_endpoints/{webhook_endpoint_id}",
        response_model=wire.WebhookEndpoint,
        openapi_extra=described_by("webhooks.retrieve", "SDK, DOC"),
    )
    async def retrieve_webhook_endpoint(call: Call) -> Response:
        endpoint = await endpoints.retrieve(await call.visit(), call.path("webhook_endpoint_id"))
        return json_answer(render.webhook_endpoint(endpoint))

    @router.post(
        "/webhook_endpoints/{webhook_endpoint_id}",
        response_model=wire.WebhookEndpoint,
        openapi_extra=described_by("webhooks.update", "SDK, DOC", body=wire.UpdateWebhookEndpointRequest),
    )
    async def update_webhook_endpoint(call: Call) -> Response:
        given = (await call.body_as(wire.UpdateWebhookEndpointRequest)).model_dump(exclude_unset=True)
        if "event_types" in given:
            given["event_types"] = tuple(given["event_types"])
        endpoint = await endpoints.update(await call.visit(), call.path("webhook_endpoint_id"), **given)
        return json_answer(render.webhook_endpoint(endpoint))

    @router.delete(
        "/webhook_endpoints/{webhook_endpoint_id}",
        response_model=Deleted,
        openapi_extra=described_by("webhooks.delete", "SDK, DOC"),
    )
    async def delete_webhook_endpoint(call: Call) -> Response:
        await endpoints.delete(await call.visit(), call.path("webhook_endpoint_id"))
        return json_answer(deleted("webhook_endpoint.deleted", call.path("webhook_endpoint_id")))

    @router.post(
        "/webhook_endpoints/{webhook_endpoint_id}/rotate_secret",
        response_model=wire.WebhookEndpointWithSecret,
        openapi_extra=described_by(
            "webhooks.rotate_secret", "SDK, DOC", body=wire.RotateWebhookSecretRequest, bodiless=True
        ),
    )
    async def rotate_webhook_secret(call: Call) -> Response:
        # The API reference's example sends no body at all.
        body = call.checked(wire.RotateWebhookSecretRequest, parse_object(await call.limited_body() or b"{}"))
        keep_old = body.keep_old_secret_active_for_24_hours
        id = call.path("webhook_endpoint_id")
        return json_answer(render.with_secret(await endpoints.rotate_secret(await call.visit(), id, keep_old=keep_old)))

    @router.post(
        "/webhook_endpoints/{webhook_endpoint_id}/test",
        response_model=wire.WebhookEndpointTestResult,
        openapi_extra=described_by("webhooks.test", "SDK, DOC", body=wire.TestWebhookEndpointRequest),
    )
    async def test_webhook_endpoint(call: Call) -> Response:
        body = await call.body_as(wire.TestWebhookEndpointRequest)
        id = call.path("webhook_endpoint_id")
        return json_answer(render.test_result(await endpoints.test(await call.visit(), id, body.event_type, sender)))

    @router.get(
        "/webhook_event_types",
        response_model=wire.WebhookEventTypeList,
        openapi_extra=described_by("webhooks.event_types.list", "SDK, DOC"),
    )
    async def list_webhook_event_types(call: Call) -> Response:
        return json_answer(render.event_types())

    return router
