"""Who asks for the time or wants to sleep: decided by the module of the caller.

Names stand for a module and everything below it.
"""

from __future__ import annotations

import sys

REAL_SLEEPS = (
    # These wait for something outside the simulation: processes, files, other programs.
    "subprocess",
    "multiprocessing.connection",
    "multiprocessing.forkserver",
    "multiprocessing.managers",
    "multiprocessing.pool",
    "multiprocessing.popen_fork",
    "multiprocessing.popen_forkserver",
    "multiprocessing.popen_spawn_posix",
    "multiprocessing.queues",
    "multiprocessing.resource_tracker",
    "multiprocessing.util",
    "filelock",
    "portalocker",
    "fasteners",
    "psutil",
    "pexpect",
    "ptyprocess",
    "watchdog",
    "watchfiles",
    "docker",
    "testcontainers",
    "selenium",
    "playwright",
    "wsgiref",
    "socketserver",
    "uvicorn",
    "hypercorn",
    "werkzeug",
    "gunicorn",
    "waitress",
    "cheroot",
    "aiohttp.web_runner",
    # These run and watch tests and programs.
    "mocktune",
    "_pytest",
    "pytest",
    "pluggy",
    "xdist",
    "execnet",
    "pytest_timeout",
    "pytest_asyncio",
    "pytest_rerunfailures",
    "hypothesis",
    "coverage",
    "pydevd",
    "_pydevd_bundle",
    "debugpy",
    "ipykernel",
    "py_spy",
    # These redraw, sample or send in the background.
    "tqdm",
    "rich",
    "alive_progress",
    "logging",
    "sentry_sdk",
    "opentelemetry",
    "ddtrace",
    "wandb",
    "prometheus_client",
)
"""Their sleeps and timed waits take the time they say."""

REAL_CLOCKS = (
    *REAL_SLEEPS,
    "asyncio",
    "anyio",
    "sniffio",
    "trio",
    "uvloop",
    "twisted",
    "gevent",
    "eventlet",
    "ssl",
    "socket",
    "select",
    "selectors",
    "http",
    "urllib",
    "email",
    "smtplib",
    "imaplib",
    "ftplib",
    "uuid",
    "random",
    "tempfile",
    "timeit",
    "profile",
    "cProfile",
    "unittest",
    "doctest",
    "pip",
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "h11",
    "h2",
    "urllib3",
    "requests",
    "aiohttp",
    "websockets",
    "grpc",
    "respx",
    "starlette",
    "fastapi",
    "flask",
    "django",
    "freezegun",
    "time_machine",
    "cryptography",
    "OpenSSL",
    "jwt",
    "google.auth",
    "azure.core",
    "botocore",
    # Signatures are stamped in wall time, and so is the header Date.
    "openai.lib._webhooks",
    "openai.resources.webhooks",
    "openai.lib._webhooks",
    "openai._base_client",
    "standardwebhooks",
    "svix",
    "itsdangerous",
)
"""They see the time of the wall."""

PLUMBING = ("threading", "queue", "sched", "concurrent.futures")
"""These ask on behalf of whoever called them."""

PLUMBING_OF_LOOPS = (*PLUMBING, "asyncio", "anyio", "sniffio", "contextlib")


class Modules:
    """Whether a module is one of ``names`` or below one; each answer is worked out once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = frozenset(names)
        self._known: dict[str, bool] = {}

    def __contains__(self, module: object) -> bool:
        known = self._known.get(module)  # type: ignore[call-overload]
        if known is not None:
            return bool(known)
        if not isinstance(module, str):
            return False
        parts = module.split(".")
        found = any(".".join(parts[:length]) in self._names for length in range(1, len(parts) + 1))
        if len(self._known) < 20_000:
            self._known[module] = found
        return found


real_sleeps = Modules(REAL_SLEEPS)
real_clocks = Modules(REAL_CLOCKS)
plumbing = Modules(PLUMBING)
plumbing_of_loops = Modules(PLUMBING_OF_LOOPS)
_OWN = __name__.rpartition(".")[0]
own = Modules((_OWN,))


def caller(skip: Modules, depth: int = 1) -> str:
    """The name of the nearest module up the stack that is none of ``skip`` and not ours; "" when there is none."""
    try:
        frame = sys._getframe(depth + 1)
    except ValueError:
        return ""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name not in skip and name not in own:
            return name if isinstance(name, str) else ""
        frame = frame.f_back  # type: ignore[assignment]
    return ""
