"""The harness: a sandbox for one test, with everything a test of a client needs.

The names below are public; each is imported when it is first used, so that a test that needs one pays for one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocktune.testing.control import ControlError
    from mocktune.testing.error_answers import errors
    from mocktune.testing.frozen import ClockIsFrozen, NobodyAdvances
    from mocktune.testing.hosts import RealHostRefused
    from mocktune.testing.interception import intercept
    from mocktune.testing.sandboxes import JobEndedOtherwise, Sandbox, sandbox
    from mocktune.testing.signing import signed_webhook

__all__ = [
    "ClockIsFrozen",
    "ControlError",
    "JobEndedOtherwise",
    "NobodyAdvances",
    "RealHostRefused",
    "Sandbox",
    "errors",
    "intercept",
    "sandbox",
    "signed_webhook",
]

_HOME = {
    "ClockIsFrozen": "mocktune.testing.frozen",
    "ControlError": "mocktune.testing.control",
    "JobEndedOtherwise": "mocktune.testing.sandboxes",
    "NobodyAdvances": "mocktune.testing.frozen",
    "RealHostRefused": "mocktune.testing.hosts",
    "Sandbox": "mocktune.testing.sandboxes",
    "errors": "mocktune.testing.error_answers",
    "intercept": "mocktune.testing.interception",
    "sandbox": "mocktune.testing.sandboxes",
    "signed_webhook": "mocktune.testing.signing",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'mocktune.testing' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
