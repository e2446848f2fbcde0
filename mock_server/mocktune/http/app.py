"""The ASGI application: routers, their table, and the front layer that answers from it.

FastAPI holds the routes and makes the API's description of them; requests are answered by the table (``dispatch.py``).
The routes of the main job are there from the start. The others are imported with the first request below their prefix:
a start costs the same however many endpoints there are (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from mocktune import __version__
from mocktune.http.dispatch import Later, Table
from mocktune.http.front import Front
from mocktune.http.routes.chat import chat_routes
from mocktune.http.routes.control import control_routes
from mocktune.http.routes.description import description_routes, written_out
from mocktune.http.routes.files import file_routes
from mocktune.http.routes.jobs import job_routes
from mocktune.http.routes.models import model_routes
from mocktune.http.wire.base import ErrorResponse
from mocktune.service.services import Services

LATER: tuple[tuple[str, str], ...] = (
    ("/_mocktune/events/", "webhooks"),
    ("/_mocktune/faults", "faults"),
    ("/_mocktune/requests", "requests"),
    ("/_mocktune/sandboxes", "sandboxes"),
    ("/_mocktune/scenario", "scenarios"),
    ("/_mocktune/state", "state"),
    ("/_mocktune/verdict", "verdict"),
    ("/_mocktune/webhooks/", "webhooks"),
    ("/openai/deployments", "deployments"),
    ("/subscriptions/", "deployments"),
    ("/v1/chat/completions", "stored_completions"),
    ("/v1/completions", "completions"),
    ("/v1/fine_tuning/alpha", "graders"),
    ("/v1/fine_tuning/checkpoints", "permissions"),
    ("/v1/fine_tuning/model_limits", "model_limits"),
    ("/v1/moderations", "moderations"),
    ("/v1/responses", "responses"),
    ("/v1/uploads", "uploads"),
    ("/v1/webhook_", "webhook_endpoints"),
)
"""Path prefixes and the modules of ``http/routes`` whose ``<module>_routes(services)`` serves them."""


def create_app(services: Services) -> Front:
    """The whole server as an ASGI application. It owns ``services`` and closes them when the server stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await services.stop_driver()
        try:
            await services.save_state()
        finally:
            services.close()

    app = FastAPI(
        title="mocktune",
        version=__version__,
        lifespan=lifespan,
        # Their pages load scripts from elsewhere; the description itself is a route of ours.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        separate_input_output_schemas=False,
        # Gives the description the envelope's schema; which errors there are is said there, operation by operation.
        responses={"4XX": {"model": ErrorResponse}},
    )

    def included(router: APIRouter) -> list[APIRoute]:
        app.include_router(router)
        return [route for route in router.routes if isinstance(route, APIRoute)]

    @cache  # a module may serve several prefixes
    def later(module: str) -> list[APIRoute]:
        build = getattr(import_module(f"mocktune.http.routes.{module}"), f"{module}_routes")
        return included(build(services))

    def capabilities() -> list[APIRoute]:
        from mocktune.http.routes.capabilities import capabilities_routes

        return included(capabilities_routes(services, describe))

    @cache
    def describe() -> dict[str, Any]:
        from mocktune.http.description.document import completed

        table.load_all()
        return completed(written_out(app.openapi()))

    at_once = [build(services) for build in (file_routes, job_routes, model_routes, chat_routes, control_routes)]
    at_once.append(description_routes(describe))
    table = Table(
        (route for router in at_once for route in included(router)),
        [
            *(Later(prefix, lambda module=module: later(module)) for prefix, module in LATER),  # type: ignore[misc]
            Later("/_mocktune/", capabilities),  # which tell of all the others
        ],
    )
    return Front(app, services, table)
