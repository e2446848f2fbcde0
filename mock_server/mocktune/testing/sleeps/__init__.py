"""Skipped sleeps: a client that sleeps moves its sandbox's clock instead of waiting.

``sleep(d)`` in a thread or on an event loop of the client means: once nobody else of the client is at work, the
sandbox's clock stands at now + d, and the client's own clocks have moved by d. The next thing that is due is always
taken first, as discrete-event simulations do, so two sleeps of 5 s side by side take 5 s. Threads of the server and of
tools see real time.

This package is loaded by path into other people's interpreters (``preload``): it uses the standard library alone, in
the syntax of Python 3.9, and imports its own modules relatively.
"""

from __future__ import annotations

from .engine import skipped_sleeps
from .preloading import preload
from .scheduler import Skipping
from .threads import exempt_this_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .protocol import SandboxTime as SandboxTime

__all__ = ["SandboxTime", "Skipping", "exempt_this_thread", "preload", "skipped_sleeps"]


def __getattr__(name: str) -> object:
    if name == "SandboxTime":  # needs typing, which a process that is only preloaded may never import
        from .protocol import SandboxTime

        return SandboxTime
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
