"""The ASGI application: routers, error handlers, the front layer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mocktune import __version__
from mocktune.bootstrap import Services
from mocktune.domain.errors import ApiError
from mocktune.http import wire
from mocktune.http.dispatch import Table
from mocktune.http.errors import error_answer, unknown_url, wrong_method
from mocktune.http.front import Front
from mocktune.http.routes.chat import chat_routes
from mocktune.http.routes.control import control_routes
from mocktune.http.routes.files import file_routes
from mocktune.http.routes.jobs import job_routes
from mocktune.http.routes.models import model_routes
from mocktune.http.validation import api_error


def create_app(services: Services) -> Front:
    """The whole server as an ASGI application. It owns ``services`` and closes them when the server stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.ensure_future(services.warm_up())
        yield
        warming.cancel()
        services.close()

    app = FastAPI(
        title="mocktune",
        version=__version__,
        lifespan=lifespan,
        # Their pages load scripts from elsewhere; the description itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        responses={"4XX": {"model": wire.ErrorResponse}, "5XX": {"model": wire.ErrorResponse}},
    )
    routers = [build(services) for build in (file_routes, job_routes, model_routes, chat_routes, control_routes)]
    for router in routers:
        app.include_router(router)
    _add_error_doors(app)
    table = Table(route for router in routers for route in router.routes if isinstance(route, APIRoute))
    return Front(app, services, table)


def _add_error_doors(app: FastAPI) -> None:
    """What reaches FastAPI's own doors leaves through the one envelope too."""

    @app.exception_handler(ApiError)
    async def domain_error(request: Request, error: ApiError) -> Response:
        return error_answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> Response:
        found = [{**each, "loc": each["loc"][1:] or each["loc"]} for each in error.errors()]
        return error_answer(api_error(found, error.body))  # type: ignore[arg-type]  # FastAPI types its findings as Any

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            return error_answer(wrong_method(request.method, request.url.path, ()))
        return error_answer(unknown_url(request.method, request.url.path))
