"""The ASGI application: routers, their table, and the front layer that answers from it.

FastAPI holds the routes and makes the API's description of them; requests are answered by the table (``dispatch.py``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from mocktune import __version__
from mocktune.http import wire
from mocktune.http.dispatch import Table
from mocktune.http.front import Front
from mocktune.http.routes.chat import chat_routes
from mocktune.http.routes.control import control_routes
from mocktune.http.routes.description import description_routes, written_out
from mocktune.http.routes.files import file_routes
from mocktune.http.routes.jobs import job_routes
from mocktune.http.routes.models import model_routes
from mocktune.service.services import Services


def create_app(services: Services) -> Front:
    """The whole server as an ASGI application. It owns ``services`` and closes them when the server stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
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
        responses={"4XX": {"model": wire.ErrorResponse}, "5XX": {"model": wire.ErrorResponse}},
    )

    @cache
    def describe() -> dict[str, Any]:
        return written_out(app.openapi())

    routers = [build(services) for build in (file_routes, job_routes, model_routes, chat_routes, control_routes)]
    routers.append(description_routes(describe))
    for router in routers:
        app.include_router(router)
    table = Table(route for router in routers for route in router.routes if isinstance(route, APIRoute))
    return Front(app, services, table)
