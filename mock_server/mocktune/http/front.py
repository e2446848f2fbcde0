"""One pure-ASGI layer before FastAPI: who may call, as whom, and the answer of hot operations.

In order: Host and Origin, the path's sandbox, the API key, the sandbox's ``now`` (read once), what is due by now, the
route. Authentication as a FastAPI dependency would read a whole upload first and answer 422 before 401; here a bad
caller is answered before the body is read. An answer that leaves a body unread drains it, bounded, so that clients
see the status instead of a broken pipe.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mocktune.bootstrap import Services
from mocktune.clock import stopwatch_ns
from mocktune.domain.errors import ApiError, InternalServerError, PermissionDeniedError
from mocktune.domain.ids import request_id
from mocktune.http.answers import COMMON_HEADERS, RawHeaders
from mocktune.http.call import VISIT, Call
from mocktune.http.dispatch import Match, Table
from mocktune.http.errors import error_answer, unknown_url, wrong_method
from mocktune.service.sandboxes import Visit, check_key
from mocktune.service.settling import settle
from mocktune.settings import LOOPBACK_HOSTS

log = logging.getLogger("mocktune")

DRAIN_BYTES = 4 * 1024**3
DRAIN_S = 60.0
"""How much of an unread body is thrown away, and how long at most, before the connection is closed."""

CLOSE_ABOVE_BYTES = 64 * 1024
"""A connection with more than this left to throw away is closed after its answer."""

_OPEN_PATHS = frozenset({"/_mocktune/health", "/openapi.json"})
"""Answered without a key: they tell nothing of any sandbox."""


class Front:
    """The layer in front of ``app``, which answers what is not hot: routes with a typed body, and the documents."""

    def __init__(self, app: ASGIApp, services: Services, table: Table) -> None:
        self._app = app
        self._services = services
        self._table = table
        self._hosts = LOOPBACK_HOSTS | services.settings.allowed_hosts
        self._origins = services.settings.allowed_origins
        self._unnamed_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = stopwatch_ns()
        request = _Request(scope, receive)
        visit: Visit | None = None
        response: Response | None = None
        try:
            self._check_caller(request)
            if scope["method"] == "OPTIONS" and request.origin in self._origins:
                response = _preflight(request)
                await self._answer(response, request, send, None, started, self._request_id(None))
                return
            path, shared_name = _sandbox_path(scope["path"])
            scope["path"] = path
            match = self._table.match(scope["method"], path)
            if path not in _OPEN_PATHS:
                visit = self._visit(request, shared_name)
                scope[VISIT] = visit
            if isinstance(match, Match):
                if visit is not None:
                    await settle(visit, self._services.datasets)
                scope["path_params"] = match.path_params
                if match.endpoint is not None:
                    response = await match.endpoint(Call(scope, request.receive))
            elif match:
                raise wrong_method(scope["method"], path, match)
            elif path not in _OPEN_PATHS:
                raise unknown_url(scope["method"], path)
        except ApiError as error:
            response = error_answer(error)
        except ClientDisconnect:
            return
        except Exception:
            id = self._request_id(visit)
            log.exception("unexpected error, request %s", id)
            response = error_answer(InternalServerError(id))
            await self._answer(response, request, send, visit, started, id)
            return
        if response is not None:
            await self._answer(response, request, send, visit, started, self._request_id(visit))
        else:
            await self._answer_by_app(request, send, visit, started)

    # -- who may call ----------------------------------------------------------------------------------------------

    def _check_caller(self, request: _Request) -> None:
        """Refuses foreign names for this server (DNS rebinding) and pages of foreign origins."""
        host = _host_name(request.host)
        if host not in self._hosts and "*" not in self._hosts:
            raise PermissionDeniedError(
                f"This mocktune server does not answer for the host '{host:.200}'; start it with --allowed-host "
                f"{host:.200}."
            )
        origin = request.origin
        if origin and origin not in self._origins and _host_name(origin.partition("://")[2]) not in LOOPBACK_HOSTS:
            raise PermissionDeniedError(
                f"This mocktune server does not answer pages of the origin '{origin:.200}'; "
                f"start it with --allow-origin {origin:.200}."
            )

    def _visit(self, request: _Request, shared_name: str | None) -> Visit:
        key = check_key(request.key)
        return self._services.sandboxes.visit(key, self._services.clock.wall(), shared_name=shared_name)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _request_id(self, visit: Visit | None) -> str:
        """``H(seed, ordinal)``: of the sandbox, or of the server for requests that have none."""
        if visit is None:
            self._unnamed_requests += 1
            return request_id(self._services.settings.seed, -self._unnamed_requests)
        visit.sandbox.requests += 1
        return request_id(visit.sandbox.seed, visit.sandbox.requests)

    def _headers(self, request: _Request, visit: Visit | None, started: int, id: str) -> RawHeaders:
        """The headers recorded on every answer; Organization and Project are echoed."""
        organization = request.organization or b"mocktune"
        headers = [
            *COMMON_HEADERS,
            (b"openai-organization", organization),
            (b"openai-processing-ms", b"%d" % ((stopwatch_ns() - started) // 1_000_000)),
            (b"x-request-id", id.encode("ascii")),
        ]
        if request.project:
            headers.append((b"openai-project", request.project))
        if request.origin and request.origin in self._origins:
            headers += [(b"access-control-allow-origin", request.origin.encode("latin-1")), (b"vary", b"Origin")]
        return headers

    async def _answer(
        self, response: Response, request: _Request, send: Send, visit: Visit | None, started: int, id: str
    ) -> None:
        response.raw_headers += self._headers(request, visit, started, id)
        if request.body_unread:
            await _answer_and_drain(response, request, send)
        else:
            await response(request.scope, request.receive, send)

    async def _answer_by_app(self, request: _Request, send: Send, visit: Visit | None, started: int) -> None:
        extra = self._headers(request, visit, started, self._request_id(visit))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self._app(request.scope, request.receive, send_with_headers)


def _preflight(request: _Request) -> Response:
    """What a browser asks before it sends a key from a page of an origin that is allowed."""
    asked = request.asked_headers or "authorization, content-type"
    headers = {"access-control-allow-methods": "GET, POST, PUT, DELETE", "access-control-allow-headers": asked}
    return Response(status_code=204, headers=headers)


class _Request:
    """What the front layer needs of a request, read in one pass over its headers."""

    __slots__ = (
        "_receive",
        "asked_headers",
        "body_unread",
        "declared_bytes",
        "host",
        "key",
        "organization",
        "origin",
        "project",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.host = self.origin = self.asked_headers = ""
        self.key: str | None = None
        self.organization = self.project = b""
        self.declared_bytes = 0
        self.body_unread = False
        for name, value in scope["headers"]:
            if name == b"authorization":
                self.key = _credential(value.decode("latin-1"))
            elif name == b"api-key" and self.key is None:
                self.key = value.decode("latin-1")
            elif name == b"host":
                self.host = value.decode("latin-1")
            elif name == b"origin":
                self.origin = value.decode("latin-1")
            elif name == b"content-length":
                self.declared_bytes = int(value) if value.isdigit() else 0
                self.body_unread = self.declared_bytes > 0
            elif name == b"transfer-encoding":
                self.body_unread = True
            elif name == b"openai-organization":
                self.organization = value
            elif name == b"openai-project":
                self.project = value
            elif name == b"access-control-request-headers":
                self.asked_headers = value.decode("latin-1")

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.body_unread = False
        return message


def _credential(authorization: str) -> str | None:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        # "as the password field (with blank username)", says the real 401.
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _host_name(host: str) -> str:
    """``127.0.0.1:4141`` and ``[::1]:4141`` without their port, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _sandbox_path(path: str) -> tuple[str, str | None]:
    """``/s/NAME/v1/…`` as the path proper and NAME, for clients whose keys rotate."""
    if not path.startswith("/s/"):
        return path, None
    name, slash, rest = path[3:].partition("/")
    return (slash + rest, name) if name and slash else (path, None)


async def _answer_and_drain(response: Response, request: _Request, send: Send) -> None:
    """Answer at once, then throw the rest of the body away before the answer is completed.

    A server that closes with unread bytes in its buffer resets the connection, and clients report that instead of the
    status. The last, empty piece of the answer is held back until the client has said all, within bounds.
    """
    if request.declared_bytes > CLOSE_ABOVE_BYTES or not request.declared_bytes:
        response.raw_headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    drained_bytes = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            while request.body_unread and drained_bytes <= DRAIN_BYTES:
                message: dict[str, Any] = dict(await request.receive())
                drained_bytes += len(message.get("body", b""))
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})
