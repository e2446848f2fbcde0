"""Connections to the real service are refused, whichever library tries: a test must not train for money by accident.

Names are refused where they are resolved (``socket.getaddrinfo``, and uvloop's own) and where they are connected to
without that; TLS that is begun under such a name is refused too, which catches addresses that were resolved before and
ways through a proxy. Nothing else is looked at.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

REAL_HOSTS = (
    "openai.com",
    "openai.azure.com",
    "cognitiveservices.azure.com",
    "services.ai.azure.com",
    "management.azure.com",
    "oaiusercontent.com",
)
"""The domains of the real service, of Azure's too; with everything below them."""

NO_PROXY = ",".join(each for domain in REAL_HOSTS for each in (domain, f".{domain}"))
"""For clients that would ask a proxy to connect to them."""

MAX_REMEMBERED = 100


class RealHostRefused(ConnectionRefusedError):
    """A connection to the real service that mocktune refused."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"mocktune refuses the connection to {host}, which is the real service: build the client while the fixture "
            "is active, give it base_url=mocktune.base_url, or hand one that exists to mocktune.adopt(client)"
        )
        self.host = host

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return RealHostRefused, (self.host,)


@dataclass(slots=True)
class Refusals:
    """The hosts that were refused, in order, whether or not anybody showed the error."""

    hosts: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, host: str) -> None:
        self.count += 1
        if len(self.hosts) < MAX_REMEMBERED:
            self.hosts.append(host)


def is_real(host: object) -> bool:
    """Whether a host name, text or bytes, is one of the real service's."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    name = host.rstrip(".").lower()
    return any(name == domain or name.endswith("." + domain) for domain in REAL_HOSTS)


_lock = threading.RLock()
_active: list[Refusals] = []
_undo: list[Callable[[], None]] = []


@contextmanager
def refused_hosts() -> Iterator[Refusals]:
    """Refuse them in this process until the block ends. Blocks may lie within one another: the innermost remembers."""
    refusals = Refusals()
    with _lock:
        if not _active:
            _patch()
        _active.append(refusals)
    try:
        yield refusals
    finally:
        with _lock:
            _active.remove(refusals)
            if not _active:
                while _undo:
                    _undo.pop()()


def _check(host: object) -> None:
    if is_real(host) and _active:
        shown = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
        _active[-1].add(shown)
        raise RealHostRefused(shown)


def _patch() -> None:
    _replace(socket, "getaddrinfo", _first("host"))
    _replace(socket, "gethostbyname", _first("hostname"))
    _replace(socket, "gethostbyname_ex", _first("hostname"))
    _replace(socket.socket, "connect", _address)
    _replace(socket.socket, "connect_ex", _address)
    _replace(ssl.SSLContext, "wrap_socket", _server_name)
    _replace(ssl.SSLContext, "wrap_bio", _server_name)
    uvloop = sys.modules.get("uvloop")
    if uvloop is not None:  # it resolves in C
        _replace(uvloop.Loop, "getaddrinfo", _second("host"), asynchronous=True)
        _replace(uvloop.Loop, "create_connection", _third("host"), asynchronous=True)


def _first(name: str) -> Callable[..., None]:
    return lambda *args, **named: _check(args[0] if args else named.get(name))


def _second(name: str) -> Callable[..., None]:
    return lambda *args, **named: _check(args[1] if len(args) > 1 else named.get(name))


def _third(name: str) -> Callable[..., None]:
    return lambda *args, **named: _check(args[2] if len(args) > 2 else named.get(name))


def _address(*args: Any, **named: Any) -> None:
    address = args[1] if len(args) > 1 else None
    if isinstance(address, tuple) and address:
        _check(address[0])


def _server_name(*args: Any, **named: Any) -> None:
    _check(named.get("server_hostname"))


def _replace(owner: Any, name: str, look: Callable[..., None], *, asynchronous: bool = False) -> None:
    """Look at the arguments before each call. Undone only where nobody else has put something else there since."""
    inherited = name not in vars(owner)
    original = getattr(owner, name)

    def looked_at(*args: Any, **named: Any) -> Any:
        look(*args, **named)
        return original(*args, **named)

    async def looked_at_first(*args: Any, **named: Any) -> Any:
        look(*args, **named)
        return await original(*args, **named)

    ours: Callable[..., Any] = looked_at_first if asynchronous else looked_at
    ours.__name__ = ours.__qualname__ = name
    setattr(owner, name, ours)

    def undo() -> None:
        if vars(owner).get(name) is not ours:
            return
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, original)

    _undo.append(undo)
