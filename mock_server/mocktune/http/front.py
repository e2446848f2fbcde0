"""One pure-ASGI layer before FastAPI: who may call, for which sandbox, and the answer.

In order: Host and Origin, the path's sandbox, the API key, the route. Authentication as a FastAPI dependency would read
a whole upload first and answer 422 before 401; here a bad caller is answered before the body is read. An answer that
leaves a body unread drains it, bounded, so that clients see the status instead of a broken pipe.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mocktune.clock import stopwatch_ns
from mocktune.domain.clock import VirtualTime, WallTime
from mocktune.domain.error_kinds.common import FOREIGN_HOST, FOREIGN_ORIGIN, INTERNAL
from mocktune.domain.errors import ApiError
from mocktune.domain.ids import request_id
from mocktune.domain.journal import Entry, FaultDecision
from mocktune.domain.objects import Dialect
from mocktune.domain.redaction import odd_key
from mocktune.http.answers import COMMON_HEADERS, RawHeaders
from mocktune.http.call import Call
from mocktune.http.dispatch import Endpoint, Match, Table
from mocktune.http.errors import error_answer, unknown_url, wrong_method
from mocktune.service.sandboxes import (
    Caller,
    Sandbox,
    check_admin_token,
    check_key,
    check_name,
    is_admin,
    release_blobs,
)
from mocktune.service.services import Services
from mocktune.settings import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from mocktune.service.frozen_reads import FrozenReads

log = logging.getLogger("mocktune")

DRAIN_BYTES = 4 * 1024**3
DRAIN_S = 60.0
"""How much of an unread body is thrown away, and how long at most, before the connection is closed."""

CLOSE_ABOVE_BYTES = 64 * 1024
"""A connection with more than this left to throw away is closed after its answer."""

CONTROL_PREFIX = "/_mocktune/"
SANDBOXES = "/_mocktune/sandboxes"

KEPT_HEADERS = frozenset({
    b"accept", b"content-type", b"idempotency-key", b"openai-beta", b"user-agent", b"x-stainless-arch",
    b"x-stainless-lang", b"x-stainless-package-version", b"x-stainless-retry-count", b"x-stainless-runtime",
})  # fmt: skip
"""Of a request, in the journal: none of them holds a credential."""

MAX_KEPT_HEADER_BYTES = 200

AZURE_PREFIXES = ("/openai/", "/subscriptions/")

_OPEN_PATHS = frozenset({"/_mocktune/health", "/openapi.json"})
"""Answered without a key: they tell nothing of any sandbox."""


class Front:
    """The layer in front of ``app``: FastAPI is asked for the lifespan alone."""

    def __init__(self, app: ASGIApp, services: Services, table: Table) -> None:
        self._app = app
        self._services = services
        self._table = table
        self._hosts = LOOPBACK_HOSTS | services.settings.allowed_hosts
        self._origins = services.settings.allowed_origins
        self._stateless = services.settings.stateless
        self._sandbox = services.sandboxes.passing if self._stateless else services.sandboxes.open
        self._unnamed_requests = 0
        self._warming: asyncio.Future[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope, receive)
        if not self._stateless:
            await self._answer(request, send)
            return
        try:
            await self._answer(request, send)
        finally:
            if request.sandbox is not None:
                release_blobs(request.sandbox)

    async def _answer(self, request: _Request, send: Send) -> None:
        started, scope = stopwatch_ns(), request.scope
        sandbox: Sandbox | None = None
        path: str = scope["path"]
        id = ""
        try:
            self._check_caller(request)
            path, shared_name = _sandbox_path(path)
            if path.startswith(AZURE_PREFIXES):
                path = request.speak_azure(path)
            if path not in _OPEN_PATHS and not self._is_preflight(request):
                if path.startswith(SANDBOXES) and _is_server_wide(path):
                    check_admin_token(request.key, self._services.settings.admin_token)
                else:
                    key = check_key(request.key)
                    wall = self._services.clock.wall()
                    sandbox = self._sandbox(key, wall, shared_name=shared_name)
                    request.enter(sandbox, wall)
            try:
                response = await self._answer_of_route(request, path, sandbox)
            except ApiError as error:
                if error.stall_s:
                    await _hold_back(request, error.stall_s)
                raise
        except ApiError as error:
            response = request.error_answer(error)
        except ClientDisconnect:
            if sandbox is not None and not path.startswith(CONTROL_PREFIX):
                id = self._request_id(sandbox)
                self._record(request, sandbox, id, path, None)
            return
        except Exception:
            id = self._request_id(sandbox)
            log.exception("unexpected error, request %s", id)
            response = request.error_answer(INTERNAL(request_id=id))
        id = id or self._request_id(sandbox)
        if sandbox is not None and not path.startswith(CONTROL_PREFIX):
            self._record(request, sandbox, id, path, response)
        await self._send(response, request, send, started, id)
        if sandbox is not None and sandbox.wake is not None:
            sandbox.wake()
        if self._warming is None and sandbox is not None:
            # After the first answer: nobody waits for the tokenizer, and it is there when the first file is.
            self._warming = asyncio.ensure_future(self._services.warm_up())

    def _record(self, request: _Request, sandbox: Sandbox, id: str, path: str, response: Response | None) -> None:
        entry = request.entry(sandbox, id, path, self._services.clock.wall(), response)
        sandbox.journal.record(entry, odd_key(request.key))

    async def _answer_of_route(self, request: _Request, path: str, sandbox: Sandbox | None) -> Response:
        method = request.scope["method"]
        if self._is_preflight(request):
            return _preflight(request)
        if sandbox is not None and not sandbox.loaded:
            await self._services.load(sandbox)
        match = self._table.match(method, path)
        if not isinstance(match, Match):
            raise wrong_method(method, path, match) if match else unknown_url(method, path)
        request.scope["path_params"] = match.path_params
        call = request.call = Call(request.scope, request.receive)
        call.services = self._services
        call.operation = match.operation
        if sandbox is not None:
            call.sandbox = sandbox
            call.caller = request.caller()
            call.deployment = request.deployment
            if not path.startswith(CONTROL_PREFIX):
                if sandbox.advance_on_poll is not None:
                    await _advance_on_poll(call)
                if sandbox.frozen_reads is not None:
                    await _refuse_frozen(call, sandbox.frozen_reads)
                if sandbox.faults is not None:
                    return await _answer_with_faults(match.endpoint, call, request)
        response = await match.endpoint(call)
        call.committed = True
        return response

    def _is_preflight(self, request: _Request) -> bool:
        return request.scope["method"] == "OPTIONS" and request.origin in self._origins

    # -- who may call ----------------------------------------------------------------------------------------------

    def _check_caller(self, request: _Request) -> None:
        """Refuses foreign names for this server (DNS rebinding) and pages of foreign origins."""
        host = _host_name(request.host)
        if host not in self._hosts and "*" not in self._hosts:
            raise FOREIGN_HOST(host=host)
        origin = request.origin
        if origin and origin not in self._origins and _host_name(origin.partition("://")[2]) not in LOOPBACK_HOSTS:
            raise FOREIGN_ORIGIN(origin=origin)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _request_id(self, sandbox: Sandbox | None) -> str:
        """``H(seed, ordinal)``: of the sandbox, or of the server for requests that have none to themselves."""
        if sandbox is None or self._stateless:
            self._unnamed_requests += 1
            return request_id(self._services.settings.seed, -self._unnamed_requests)
        sandbox.requests += 1
        return request_id(sandbox.seed, sandbox.requests)

    def _headers(self, request: _Request, started: int, id: str) -> RawHeaders:
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
        if request.sandbox is not None and request.sandbox.scenario.clock.skew != "0s":
            headers.append(_skewed_date(request, request.sandbox.scenario.clock.ahead))
        if request.origin and request.origin in self._origins:
            headers += [(b"access-control-allow-origin", request.origin.encode("latin-1")), (b"vary", b"Origin")]
        return headers

    async def _send(self, response: Response, request: _Request, send: Send, started: int, id: str) -> None:
        response.raw_headers += self._headers(request, started, id)
        if request.body_unread:
            await _send_and_drain(response, request, send)
        else:
            await response(request.scope, request.receive, send)


async def _advance_on_poll(call: Call) -> None:
    """Imported here, as what follows: most servers do neither."""
    from mocktune.http.polling import advance_before

    await advance_before(call)


async def _refuse_frozen(call: Call, reads: FrozenReads) -> None:
    from mocktune.http.polling import refuse_frozen

    await refuse_frozen(call, reads)


async def _answer_with_faults(endpoint: Endpoint, call: Call, request: _Request) -> Response:
    from mocktune.http.faulting import answer_with_faults

    return await answer_with_faults(endpoint, call, request.error_answer)


async def _hold_back(request: _Request, delay_s: float) -> None:
    from mocktune.http.stalling import hold_back

    await hold_back(request.scope, delay_s)


def _skewed_date(request: _Request, ahead: int) -> tuple[bytes, bytes]:
    from mocktune.http.skewed_dates import skewed_date

    return skewed_date(request.scope, request.arrived, ahead)


def _preflight(request: _Request) -> Response:
    """What a browser asks before it sends a key from a page of an origin that is allowed."""
    asked = request.asked_headers or "authorization, content-type"
    headers = {"access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE", "access-control-allow-headers": asked}
    return Response(status_code=204, headers=headers)


class _Request:
    """What the front layer needs of a request, read in one pass over its headers."""

    __slots__ = (
        "_receive",
        "arrived",
        "asked_headers",
        "at",
        "body_unread",
        "call",
        "declared_bytes",
        "deployment",
        "dialect",
        "host",
        "kept",
        "key",
        "organization",
        "origin",
        "project",
        "sandbox",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.host = self.origin = self.asked_headers = ""
        self.key: str | None = None
        self.dialect: Dialect = "openai"
        self.deployment: str | None = None
        self.sandbox: Sandbox | None = None
        self.call: Call | None = None
        self.arrived, self.at = WallTime(0), VirtualTime(0)
        self.kept: list[tuple[bytes, bytes]] = []
        self.organization = self.project = b""
        self.declared_bytes = 0
        self.body_unread = False
        for name, value in scope["headers"]:
            if name == b"authorization":
                self.key = _credential(value.decode("latin-1"))
            elif name == b"api-key" and self.key is None:
                self.key = value.decode("latin-1")
            elif name == b"host":
                self.host = _more(self.host, value) if self.host else value.decode("latin-1")
            elif name == b"origin":
                self.origin = _more(self.origin, value) if self.origin else value.decode("latin-1")
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
            elif name in KEPT_HEADERS:
                self.kept.append((name, value[:MAX_KEPT_HEADER_BYTES]))

    def enter(self, sandbox: Sandbox, wall: WallTime) -> None:
        """The request was let into ``sandbox``."""
        self.sandbox = sandbox
        self.arrived, self.at = wall, sandbox.clock.now(wall)

    def entry(self, sandbox: Sandbox, id: str, path: str, wall: WallTime, response: Response | None) -> Entry:
        """What the journal remembers of the request and of its answer, which is about to be sent; None: the client
        went away before there was one."""
        call, scope, clock = self.call, self.scope, sandbox.clock
        operation, body, committed, lost = "", b"", False, response is None
        faults: tuple[FaultDecision, ...] = ()
        if call is not None:
            operation, body, committed, faults = call.operation, call.body_read or b"", call.committed, call.decisions
            lost = lost or call.lost
        answer: bytes = getattr(response, "body", b"")
        status, retry_after, retry_after_ms = 0, "", ""
        if response is not None and (status := response.status_code) >= 400:
            retry_after = response.headers.get("retry-after", "")[:MAX_KEPT_HEADER_BYTES]
            retry_after_ms = response.headers.get("retry-after-ms", "")[:MAX_KEPT_HEADER_BYTES]
        client = scope.get("client")
        return Entry(
            ordinal=sandbox.requests,
            id=id,
            operation=operation,
            method=scope["method"],
            path=path,
            query=scope["query_string"],
            headers=tuple(self.kept),
            at=self.at,
            wall=self.arrived,
            answered_at=clock.now(wall),
            answered_wall=wall,
            rate=clock.last.rate,
            connection=client[1] if client else 0,
            request_body=body,
            request_bytes=len(body) or self.declared_bytes,
            status=status,
            retry_after=retry_after,
            retry_after_ms=retry_after_ms,
            response_body=answer,
            response_bytes=len(answer),
            committed=committed,
            lost=lost,
            faults=faults,
        )

    def caller(self) -> Caller:
        return Caller(is_admin(self.key or ""), self.organization.decode("latin-1"), self.dialect)

    def speak_azure(self, path: str) -> str:
        """The path as our routes know it. Imported here: most servers never see this dialect."""
        from mocktune.http.azure import translate

        self.dialect = "azure"
        translated = translate(path, self.scope["query_string"])
        self.deployment = translated.deployment
        return translated.path

    def error_answer(self, error: ApiError) -> Response:
        if self.dialect == "azure":
            from mocktune.http import azure

            return azure.error_answer(error)
        return error_answer(error)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.body_unread = False
        return message


def _more(text: str, value: bytes) -> str:
    """A header that is to come once: of two none is the right one, and together they are foreign."""
    return f"{text}, {value.decode('latin-1')}"


def _credential(authorization: str) -> str | None:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        # "as the password field (with blank username)", says the real 401.
        try:
            return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
        except ValueError:  # no base64, or no UTF-8 in it
            return None
    return None


@lru_cache(maxsize=64)
def _host_name(host: str) -> str:
    """``127.0.0.1:4141`` and ``[::1]:4141`` without their port, in lower case; what is no host and port, whole."""
    if host.startswith("["):
        name, closed, rest = host[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        return name.lower() if closed and _is_port(colon, port) else host
    name, colon, port = host.partition(":")
    return name.lower() if _is_port(colon, port) else host


def _is_port(colon: str, port: str) -> bool:
    return not colon or (colon == ":" and port.isascii() and (port.isdigit() or not port))


def _sandbox_path(path: str) -> tuple[str, str | None]:
    """``/s/NAME/v1/…`` as the path proper and NAME, for clients whose keys rotate. Raises ``ParameterError`` for what
    is no name."""
    if not path.startswith("/s/"):
        return path, None
    name, slash, rest = path[3:].partition("/")
    return slash + rest, check_name(name)


def _is_server_wide(path: str) -> bool:
    """Whether a path below ``SANDBOXES`` is about all of them: every one but that of the caller's own."""
    rest = path[len(SANDBOXES) :]
    return not rest or (rest[0] == "/" and rest.split("/", 2)[1] != "current")


async def _send_and_drain(response: Response, request: _Request, send: Send) -> None:
    """Answer at once, then throw the rest of the body away before the answer is completed.

    A server that closes with unread bytes in its buffer resets the connection, and clients report that instead of the
    status. The end of the answer is held back until the client has said all, within bounds.
    """
    if request.declared_bytes > CLOSE_ABOVE_BYTES or not request.declared_bytes:
        response.raw_headers.append((b"connection", b"close"))

    async def send_all_but_the_end(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "more_body": True}
        await send(message)

    await response(request.scope, request.receive, send_all_but_the_end)
    drained_bytes = 0
    try:
        async with asyncio.timeout(DRAIN_S):
            while request.body_unread and drained_bytes <= DRAIN_BYTES:
                message = await request.receive()
                drained_bytes += len(message.get("body", b""))
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})
