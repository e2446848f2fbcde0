"""``intercept``: code that has the real host written into it speaks with a sandbox instead."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from mocktune.testing.environment import Access
from mocktune.testing.hosts import REAL_HOSTS

if TYPE_CHECKING:
    from mocktune.testing.transport_mockers import Doorman, TransportMocker

_ENTERING = threading.RLock()

_NEEDED = ("respx", "pytest_httpx2", "httpx", "httpcore")


class Reachable(Protocol):
    """A sandbox, or the way into one. ``base_url`` lets any key in."""

    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str: ...
    @property
    def admin_key(self) -> str: ...


@contextmanager
def intercept(sandbox: Reachable | None = None, *, hosts: Sequence[str] = REAL_HOSTS) -> Iterator[Any]:
    """Carry what httpx and httpx2 send to ``hosts``, and to names below them, to ``sandbox``, until the block ends.

    ::

        with intercept(mocktune):
            OpenAI(base_url="https://api.openai.com/v1", api_key="sk-live-…").files.list()

    Without ``sandbox`` it is the one that ``OPENAI_BASE_URL`` leads into, as the fixture and ``mocktune exec`` set it,
    else one of its own for the block, with connections to the real service refused. The block gets it.

    Sync and async clients of both libraries, made before or within the block, so the official SDK of every version.
    Requests go over loopback by the client's own transport: streams, timeouts and broken connections are what they
    are with any server. A key that is sent is replaced by the sandbox's own and leaves the process nowhere; one that
    begins with ``sk-invalid`` stays, and is refused. Other hosts are left alone.

    Mocks of the test itself, by respx or pytest-httpx2, are asked first, whether they lie around or within: what they
    do not answer is carried. While there are any, a request's body is read into memory before it is sent.

    All threads see it; of blocks within one another the innermost that takes a host has it. Raises ``RuntimeError``
    where respx or pytest-httpx2 is missing.
    """
    mockers = _mockers()
    with ExitStack() as stack:
        if sandbox is None:
            sandbox = _of_environment() or stack.enter_context(_own_sandbox())
        redirect = _Redirect(sandbox, hosts)
        with _ENTERING:
            for mocker in mockers:
                stack.callback(_leave, mocker, redirect, _enter(mocker, redirect))
        yield sandbox


def _enter(mocker: type[TransportMocker], redirect: _Redirect) -> Doorman:
    from mocktune.testing.transport_mockers import Doorman

    doorman = Doorman(mocker.below_us())
    doorman.start()
    mocker.redirects.append(redirect)
    mocker.start()
    return doorman


def _leave(mocker: type[TransportMocker], redirect: _Redirect, doorman: Doorman) -> None:
    with _ENTERING:
        mocker.redirects.remove(redirect)
        if not mocker.redirects:
            mocker.stop()
        doorman.stop()


def _mockers() -> tuple[type[TransportMocker], ...]:
    try:
        from mocktune.testing.transport_mockers import MOCKERS
    except ModuleNotFoundError as missing:
        name = (missing.name or "").partition(".")[0]
        if name not in _NEEDED:
            raise
        raise RuntimeError(
            f"mocktune.testing.intercept needs {name.replace('_', '-')}: pip install 'mocktune[testing]'"
        ) from missing
    return MOCKERS


def _of_environment() -> Access | None:
    """The sandbox that this process's clients are sent to by their environment, if there is one."""
    root, base_url = os.environ.get("MOCKTUNE_URL", ""), os.environ.get("OPENAI_BASE_URL", "")
    name = base_url.removeprefix(f"{root}/s/").removesuffix("/v1")
    if not root or not base_url.startswith(f"{root}/s/") or not name or "/" in name:
        return None
    return Access(root, name)


def _own_sandbox() -> Any:
    from mocktune.testing.sandboxes import sandbox

    return sandbox(label="intercept", env=False, sleeps="real")


class _Redirect:
    """Makes of a request to one of ``hosts`` the same request to the sandbox."""

    def __init__(self, sandbox: Reachable, hosts: Sequence[str]) -> None:
        if isinstance(hosts, str):
            raise TypeError("give hosts as a list of names")
        self._sandbox = sandbox
        self._names = tuple(each.lower().strip(".") for each in hosts)
        root = urlsplit(sandbox.base_url.removesuffix("/v1"))
        self._to = {"scheme": root.scheme, "host": root.hostname, "port": root.port}
        self._prefix = root.path.encode("ascii")
        self._host = root.netloc.encode("ascii")

    def __call__(self, request: Any) -> Any:
        if not self._takes(request.url.host):
            return None
        url = request.url.copy_with(**self._to, raw_path=self._prefix + request.url.raw_path)
        headers = [(name, self._value(name.lower(), value)) for name, value in request.headers.raw]
        return type(request)(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)

    def _takes(self, host: str) -> bool:
        name = host.rstrip(".").lower()
        return any(name == each or name.endswith(f".{each}") for each in self._names)

    def _value(self, name: bytes, value: bytes) -> bytes:
        if name == b"host":
            return self._host
        if name == b"api-key":
            return self._key(value)
        if name == b"authorization":
            scheme, space, credential = value.partition(b" ")
            # The user and password of the Basic scheme are a key too, for the real service.
            return b"Bearer " + self._key(credential if scheme.lower() == b"bearer" else b"?") if space else value
        return value

    def _key(self, sent: bytes) -> bytes:
        """A key of the sandbox, of the same kind."""
        key = sent.strip()
        if not key or key.startswith(b"sk-invalid"):
            return sent
        is_admin = key.startswith(b"sk-admin-")
        return (self._sandbox.admin_key if is_admin else self._sandbox.api_key).encode("ascii")
