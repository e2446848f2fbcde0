"""mocktune: a local, offline, OpenAI-compatible fine-tuning service that behaves like the real one in time.

The names below are the public API; each is imported when it is first used, so that ``import mocktune`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocktune.bootstrap import make_settings
    from mocktune.server import RunningServer, running_server
    from mocktune.settings import Settings

__version__ = "0.1.0"

__all__ = ["RunningServer", "Settings", "__version__", "make_settings", "running_server"]

_HOME = {
    "RunningServer": "mocktune.server",
    "Settings": "mocktune.settings",
    "make_settings": "mocktune.bootstrap",
    "running_server": "mocktune.server",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'mocktune' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
