"""What intercepts requests of httpx and httpx2: mockers of respx's kind, one step above respx's own.

::

    Client
      └─ HTTPTransport.handle_request        here: a request to a real host is carried to the sandbox instead
          └─ ConnectionPool.handle_request   respx (httpcore), pytest-httpx2 (httpcore2): the mocks of the test itself
              └─ HTTPConnection              a connection over loopback, of the client's own pool

The client's own transport carries the request: how long it may take, how many connections there are, what becomes of
one that breaks, and a body that comes or goes in pieces are its business, as ever.

A mock of the test is asked first, whether it was started before or after. For that a ``Doorman`` stands before the
routers of each of respx's mockers: it asks them on our behalf, and lets by what is on its way to the sandbox.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import httpcore
import httpcore2
import httpx
import httpx2
import pytest_httpx2
from respx.mocks import Mocker
from respx.models import AllMockedAssertionError, PassThrough, Route
from respx.router import Router

assert pytest_httpx2.__version__  # importing it has entered its mocker into respx's registry

_ASKED, _CARRIED = "mocktune.asked", "mocktune.carried"
"""Marks among a request's ``extensions``: the mocks of the test are asked for an answer, and: it is on its way."""

_STOPPING = threading.Lock()

Redirect = Callable[[Any], Any]
"""A request as it is to be sent to the sandbox; None for one that is not to go there."""


class NotMocked(Exception):
    """No mock of the test has an answer."""


class Doorman(Router):
    """Stands before the other routers of one of respx's mockers."""

    def __init__(self, mocker: type[Mocker]) -> None:
        super().__init__(assert_all_called=False)
        self._mocker = mocker

    def start(self) -> None:
        self._mocker.routers.insert(0, self)

    def stop(self) -> None:
        self._mocker.unregister(self)
        self._mocker.stop()  # unless somebody else is still there

    def handler(self, request: httpx.Request) -> httpx.Response:
        for each in self._to_ask(request):
            try:
                return each.handler(request)
            except AllMockedAssertionError:
                continue
            except PassThrough:
                break
        raise NotMocked

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        for each in self._to_ask(request):
            try:
                return await each.async_handler(request)
            except AllMockedAssertionError:
                continue
            except PassThrough:
                break
        raise NotMocked

    def _to_ask(self, request: httpx.Request) -> list[Router]:
        """Whom to ask on our behalf. Of a request that is none of our business respx is told to ask them itself."""
        others = routers_of_the_test(self._mocker)
        if _CARRIED in request.extensions or not others:
            raise PassThrough("on its way", request=request, origin=Route())
        if _ASKED not in request.extensions:
            raise AllMockedAssertionError(f"RESPX: {request!r} not mocked!")
        return others


def routers_of_the_test(mocker: type[Mocker]) -> list[Router]:
    return [each for each in mocker.routers if not isinstance(each, Doorman)]


class TransportMocker(Mocker):
    """Puts itself before a library's transports. Without a name it stays out of respx's registry: it has a redirect
    where respx's own have routers.
    """

    name = ""
    target_methods: ClassVar[list[str]] = ["handle_request", "handle_async_request"]
    redirects: ClassVar[list[Redirect]]
    library: ClassVar[Any]
    core: ClassVar[Any]
    below: ClassVar[str]
    """The name of respx's mocker for this library, by which the mocks of the test are found."""

    @classmethod
    def below_us(cls) -> type[Mocker]:
        return Mocker.registry[cls.below]

    @classmethod
    def mock(cls, spec: Any) -> Any:
        if inspect.iscoroutinefunction(spec):

            async def handle_async_request(transport: Any, request: Any) -> Any:
                carried = cls._redirected(request)
                if carried is None:
                    return await spec(transport, request)
                if cls._is_to_ask():
                    await request.aread()  # patterns of mocks look at bodies
                    try:
                        return await spec(transport, _copy(request, _ASKED))
                    except NotMocked:
                        carried = cls._redirected(request)
                return await spec(cls._direct(transport), _copy(carried, _CARRIED))

            return handle_async_request

        def handle_request(transport: Any, request: Any) -> Any:
            carried = cls._redirected(request)
            if carried is None:
                return spec(transport, request)
            if cls._is_to_ask():
                request.read()
                try:
                    return spec(transport, _copy(request, _ASKED))
                except NotMocked:
                    carried = cls._redirected(request)
            return spec(cls._direct(transport), _copy(carried, _CARRIED))

        return handle_request

    @classmethod
    def _redirected(cls, request: Any) -> Any:
        """By the redirect that was started last and takes it."""
        if _CARRIED in request.extensions:
            return None
        redirected = (redirect(request) for redirect in reversed(cls.redirects))
        return next((each for each in redirected if each is not None), None)

    @classmethod
    def _is_to_ask(cls) -> bool:
        """Whether the test has mocks of its own. Where it has none any more, respx's patches, which our doorman has
        kept in place, are taken away: they read whole bodies into memory.
        """
        mocker = cls.below_us()
        if routers_of_the_test(mocker):
            return True
        with _STOPPING:
            mocker.stop(force=True)
        return False

    @classmethod
    def _direct(cls, transport: Any) -> Any:
        """The transport, or where it would ask a proxy, one for this request alone that asks none."""
        proxies = tuple(getattr(cls.core, name) for name in cls._PROXIES if hasattr(cls.core, name))
        if not isinstance(getattr(transport, "_pool", None), proxies):
            return transport
        is_async = isinstance(transport, cls.library.AsyncHTTPTransport)
        kind = cls.library.AsyncHTTPTransport if is_async else cls.library.HTTPTransport
        # Nothing is kept alive, so its one connection ends with the answer.
        return kind(verify=False, trust_env=False, limits=cls.library.Limits(max_keepalive_connections=0))

    _PROXIES = ("HTTPProxy", "AsyncHTTPProxy", "SOCKSProxy", "AsyncSOCKSProxy")


class HttpxTransports(TransportMocker):
    targets: ClassVar[list[str]] = ["httpx.HTTPTransport", "httpx.AsyncHTTPTransport"]
    redirects: ClassVar[list[Redirect]] = []
    routers: ClassVar[list[Router]] = []
    _patches: ClassVar[list[Any]] = []
    library: ClassVar[Any] = httpx
    core: ClassVar[Any] = httpcore
    below: ClassVar[str] = "httpcore"


class Httpx2Transports(TransportMocker):
    targets: ClassVar[list[str]] = ["httpx2.HTTPTransport", "httpx2.AsyncHTTPTransport"]
    redirects: ClassVar[list[Redirect]] = []
    routers: ClassVar[list[Router]] = []
    _patches: ClassVar[list[Any]] = []
    library: ClassVar[Any] = httpx2
    core: ClassVar[Any] = httpcore2
    below: ClassVar[str] = "httpcore2"


MOCKERS: tuple[type[TransportMocker], ...] = (HttpxTransports, Httpx2Transports)


def _copy(request: Any, mark: str) -> Any:
    """The request with a mark, which the client's own does not get."""
    return type(request)(
        request.method,
        request.url,
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, mark: True},
    )
