"""The servers that sandboxes are opened on: one of each kind a process, started when the first sandbox needs it.

``thread`` is a server in a thread of this process, ``process`` one in a process of its own, and a URL one that runs
already. Those we start let in only the keys of sandboxes that are open, so that a client which was left over from an
earlier test is refused, and does not begin a life of its own in a sandbox that nobody looks at.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocktune.testing.control import ControlPlane
from mocktune.testing.frozen import tell_watchers

if TYPE_CHECKING:
    from mocktune.service.services import Services

READY_TIMEOUT_S = 60.0
END_TIMEOUT_S = 10.0

ADMIN_TOKEN_VARIABLE = "MOCKTUNE_ADMIN_TOKEN"


@dataclass(frozen=True)
class Server:
    """``root`` is its URL without ``/v1``. ``control`` speaks with its admin token, None where that is not known;
    ``services`` are those of a server in this process. ``is_alive`` is asked before a sandbox is opened on it.
    """

    kind: str
    root: str
    control: ControlPlane | None
    services: Services | None = None
    is_alive: Callable[[], bool] = lambda: True


@contextlib.contextmanager
def run_server(kind: str = "thread") -> Iterator[Server]:
    """``thread``, ``process``, or the URL of one that runs. Raises ``RuntimeError`` for one that does not come up, and
    ``ValueError`` for what is none of the three.
    """
    if kind == "thread":
        with _in_thread() as server:
            yield server
    elif kind == "process":
        with _in_process() as server:
            yield server
    elif "://" in kind:
        token = os.environ.get(ADMIN_TOKEN_VARIABLE, "")
        plane = ControlPlane(kind, token or "none")
        try:
            yield Server(kind, plane.root, plane if token else None)
        finally:
            plane.close()
    else:
        raise ValueError(f"'{kind}' is no server: use 'thread', 'process', or the URL of one that runs")


@contextlib.contextmanager
def _in_thread() -> Iterator[Server]:
    from mocktune.bootstrap import make_settings
    from mocktune.server import running_server

    token = secrets.token_urlsafe(24)
    settings = make_settings("realistic", clock="frozen", admin_token=token, known_keys_only=True)
    with running_server(settings) as server:
        server.services.sandboxes.on_ignored = tell_watchers
        control = ControlPlane(server.root, token)
        try:
            yield Server("thread", server.root, control, server.services, server.is_alive)
        finally:
            control.close()


@contextlib.contextmanager
def _in_process() -> Iterator[Server]:
    token = secrets.token_urlsafe(24)
    # Nothing of the project under test decides how it runs: no [tool.mocktune] of the folder, no MOCKTUNE_* variables.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MOCKTUNE_")}
    command = [sys.executable, "-m", "mocktune", "serve", "--port", "0", "--host", "127.0.0.1"]
    command += ["--scenario", "realistic", "--clock", "frozen", "--known-keys-only"]
    environ[ADMIN_TOKEN_VARIABLE] = token
    with tempfile.TemporaryDirectory(prefix="mocktune-") as folder, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        try:
            root = _ready_root(process)
            if root is None:
                said.seek(0)
                raise RuntimeError(
                    "the mocktune server did not start: "
                    + (said.read(4000).decode("utf-8", "replace").strip() or f"exit code {process.poll()}")
                )
            control = ControlPlane(root, token)
            try:
                yield Server("process", root, control, None, lambda: process.poll() is None)
            finally:
                control.close()
        finally:
            _end(process)


def _ready_root(process: subprocess.Popen[bytes]) -> str | None:
    """The URL of the ready line; None when the process ends, or says nothing for a minute."""
    assert process.stdout is not None
    in_time = threading.Timer(READY_TIMEOUT_S, process.kill)
    in_time.name = "mocktune-ready"
    in_time.daemon = True
    in_time.start()
    try:
        line = process.stdout.readline()
        return str(json.loads(line)["root"]) if line else None
    except (ValueError, KeyError):
        return None
    finally:
        in_time.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


# -- shared by everything in this process ------------------------------------------------------------------------------

_lock = threading.Lock()
_kept = 0
_running: dict[tuple[int, str], tuple[Server, contextlib.ExitStack]] = {}


def shared_server(kind: str = "thread") -> Server:
    """The one server of a kind in this process, started at the first call and stopped at ``close_servers`` or the
    process's end. A forked child starts one of its own, and so does whoever comes after one that died.
    """
    key = os.getpid(), kind
    with _lock:
        if key in _running and not _running[key][0].is_alive():
            _running.pop(key)[1].close()
        if key not in _running:
            with contextlib.ExitStack() as stack:
                server = stack.enter_context(run_server(kind))
                _running[key] = server, stack.pop_all()
        return _running[key][0]


def keep_servers() -> None:
    """Let the servers run until ``close_servers`` was called as often as this."""
    global _kept
    with _lock:
        _kept += 1


def close_servers() -> None:
    """Stop the servers that this process started, unless somebody else still keeps them."""
    global _kept
    with _lock:
        _kept = max(0, _kept - 1)
        kept = _kept
    if not kept:
        _stop_all()


def _stop_all() -> None:
    with _lock:
        mine = [key for key in _running if key[0] == os.getpid()]
        stacks = [_running.pop(key)[1] for key in mine]
    for stack in stacks:
        stack.close()


atexit.register(_stop_all)
