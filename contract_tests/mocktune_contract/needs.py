"""What a test needs of its target, and which targets have it.

A test says so by the marker ``needs("time", "sandboxes")``; the fixtures ``own_server`` and ``receiver`` imply
``settings`` and ``webhooks``. On a target that lacks one the test is skipped with the reason given here.
"""

from __future__ import annotations

from typing import Any

REASONS = {
    "time": "needs to advance time",
    "sandboxes": "needs any key to open an empty account of its own",
    "faults": "needs to inject faults",
    "scenarios": "needs to choose what happens: scenarios and ready-made objects",
    "webhooks": "needs webhooks to arrive on this machine",
    "deliveries": "needs to see and trigger deliveries of webhooks",
    "journal": "needs to see what the server was asked: journal and verdict",
    "azure": "needs Azure's dialect of the API",
    "settings": "needs a server that is started with other settings",
    "mocktune": "asserts a choice of mocktune's own",
    "tcp": "needs a TCP connection",
}
"""Every need, and why a test that has it is skipped where it is not met."""

OF_CONTROL_PLANE = {
    "clock": "time", "faults": "faults", "scenario": "scenarios", "scenarios": "scenarios", "state": "scenarios",
    "requests": "journal", "verdict": "journal", "webhooks": "deliveries", "events": "deliveries",
    "sandboxes": "sandboxes",
}  # fmt: skip
"""The need of a test that calls ``/_mocktune/WORD``; any other word needs ``mocktune``."""

OF_FIXTURES = {"own_server": "settings", "receiver": "webhooks"}

DECLARABLE = ("sandboxes", "webhooks")
"""What a server that has no control plane can be said to have (``--provides``)."""


def needs_of(item: Any) -> set[str]:
    """Of a collected test. Raises ``ValueError`` for a need that there is not."""
    named = {need for marker in item.iter_markers("needs") for need in marker.args}
    if unknown := named - set(REASONS):
        raise ValueError(f"unknown need {sorted(unknown)}; known are {sorted(REASONS)}")
    return named | {need for fixture, need in OF_FIXTURES.items() if fixture in item.fixturenames}


def undeclared(needs: set[str], control: set[str]) -> list[str]:
    """Needs that a test has, by the words of the control plane it called, and does not name."""
    used = {OF_CONTROL_PLANE.get(word, "mocktune") for word in control}
    return [] if "mocktune" in needs else sorted(used - needs)


def reason_for(lacking: set[str]) -> str:
    """The reason of a skip: the first need of the table that is not met."""
    return next(reason for need, reason in REASONS.items() if need in lacking)
