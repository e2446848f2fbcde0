"""Plugins of pytest that take away what the harness stands on, and how it gets along with them.

pytest-socket closes sockets: while a sandbox is open, the way to its server is open, and no other. pyfakefs exchanges
the files of every module in this process, those of a server in a thread too: such a test gets a server in a process of
its own, and the harness reads its own files from the real ones. Neither plugin is imported here, nor touched unless
it is at work.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

SOCKET_GUARD = "pytest_socket"
FAKE_FILES = "pyfakefs.fake_filesystem_unittest"
FAKE_FILE_FIXTURES = frozenset({"fs", "fs_class", "fs_module", "fs_session"})

LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})


# -- files that are not there ------------------------------------------------------------------------------------------


def files_are_faked(fixtures: Collection[str] = (), cls: type | None = None) -> bool:
    """Whether pyfakefs is at work, or will be in a test with these ``fixtures``, or of this ``TestCase``."""
    fakes = sys.modules.get(FAKE_FILES)
    if fakes is None:
        return False
    if _patcher(fakes) is not None or not FAKE_FILE_FIXTURES.isdisjoint(fixtures):
        return True
    return cls is not None and issubclass(cls, fakes.TestCaseMixin)


@contextlib.contextmanager
def real_files() -> Iterator[None]:
    """The real file system, until the block ends."""
    fakes = sys.modules.get(FAKE_FILES)
    patcher = None if fakes is None else _patcher(fakes)
    if fakes is None or patcher is None:
        yield
    else:
        with fakes.Pause(patcher):
            yield


def _patcher(fakes: Any) -> Any:
    """What exchanges the files now, or None."""
    patcher = fakes.Patcher.PATCHER
    return patcher if patcher is not None and patcher.is_patching else None


# -- sockets that are closed -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_sockets() -> Iterator[None]:
    """Sockets as they are without pytest-socket, until the block ends: to start a server."""
    with _set_aside(socket, "socket", _real_class()), _set_aside(socket, "getaddrinfo", _socket.getaddrinfo):
        yield


@contextlib.contextmanager
def _set_aside(owner: Any, name: str, real: Any) -> Iterator[None]:
    guard = getattr(owner, name)
    if not _is_guard(guard):
        yield
        return
    setattr(owner, name, real)
    try:
        yield
    finally:
        setattr(owner, name, guard)


@contextlib.contextmanager
def reachable(root: str) -> Iterator[None]:
    """Let pytest-socket pass connections to the server at ``root``, until the block ends. All else stays as it was."""
    with contextlib.ExitStack() as stack:
        if SOCKET_GUARD in sys.modules:
            split = urlsplit(root)
            _let_pass(frozenset({(split.hostname or "", split.port or 80)}), stack)
        yield


def _let_pass(servers: frozenset[tuple[str, int]], stack: contextlib.ExitStack) -> None:
    real, guard = _real_class(), socket.socket
    if _is_guard(guard):
        _exchange(stack, socket, "socket", _passing(guard, real, servers))
    look_up, connect = socket.getaddrinfo, vars(real).get("connect")
    if _is_guard(look_up):

        def getaddrinfo(host: Any, *args: Any, **named: Any) -> Any:
            ours = host in LOOPBACK_NAMES or _is_ours()
            return _socket.getaddrinfo(host, *args, **named) if ours else look_up(host, *args, **named)

        _exchange(stack, socket, "getaddrinfo", getaddrinfo)
    if connect is not None and _is_guard(connect):

        def to_servers(self: socket.socket, address: Any) -> None:
            if _is_server(address, servers):
                _socket.socket.connect(self, address)
            else:
                connect(self, address)

        _exchange(stack, real, "connect", to_servers)


def _passing(guard: Any, real: type[socket.socket], servers: frozenset[tuple[str, int]]) -> type[socket.socket]:
    """A class of sockets that reach the servers. For the rest ``guard`` is asked to make one, and says why not."""

    class PassingSocket(real):  # type: ignore[misc, valid-type]  # a class that is only known at run time
        def __new__(cls, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> PassingSocket:
            if family in (-1, socket.AF_INET, socket.AF_INET6) or _is_ours():
                made: PassingSocket = super().__new__(cls, family, type, proto, fileno)
                return made
            return guard(family, type, proto, fileno)  # type: ignore[no-any-return]  # the guard's own class

        def connect(self, address: Any) -> None:
            self._look_at(address)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            self._look_at(address)
            return int(super().connect_ex(address))

        def bind(self, address: Any) -> None:
            self._look_at(None)
            super().bind(address)

        def sendto(self, *args: Any) -> int:
            self._look_at(None)
            return int(super().sendto(*args))

        def _look_at(self, address: Any) -> None:
            if not _is_server(address, servers) and not _is_ours():
                family, type = self.family, self.type
                self.close()
                guard(family, type)

    return PassingSocket


def _is_guard(thing: Any) -> bool:
    return getattr(thing, "__module__", None) == SOCKET_GUARD


def _is_server(address: Any, servers: frozenset[tuple[str, int]]) -> bool:
    if not isinstance(address, tuple) or len(address) < 2:
        return False
    host = "127.0.0.1" if address[0] == "localhost" else address[0]
    return (host, address[1]) in servers


def _is_ours() -> bool:
    """Whether the server itself asks, for a connection that it has taken or a webhook that it sends."""
    return threading.current_thread().name.startswith("mocktune")


def _real_class() -> type[socket.socket]:
    return next(each for each in socket.socket.__mro__ if each.__module__ == "socket")


def _exchange(stack: contextlib.ExitStack, owner: Any, name: str, ours: Callable[..., Any]) -> None:
    """Put back at the end, unless somebody else has put something there since: pytest-socket removes its guards
    before fixtures are torn down, and what it did not find must not come back then."""
    theirs = getattr(owner, name)
    setattr(owner, name, ours)

    def put_back() -> None:
        if vars(owner).get(name) is ours:
            removed = socket.socket is _real_class() and name == "getaddrinfo"
            setattr(owner, name, _plain_getaddrinfo(theirs) if removed else theirs)

    stack.callback(put_back)


def _plain_getaddrinfo(guard: Any) -> Any:
    """The function that the guard stood in for: what pytest-socket itself would have put back."""
    return getattr(sys.modules[SOCKET_GUARD], "_true_getaddrinfo", guard)
