"""How often a command looks at what it waits for: by the pace of its target's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocktune.cli.targets import Target

LIVE_S = 5.0
LOCAL_S = 1.25
"""A mocktune server finds polls of less than a second too fast (MT01)."""
STARTED_S = 0.5
"""Nobody judges the client of a server that is its own."""


def poll_s(target: Target) -> float:
    """Seconds between two looks. A frozen clock, which sleeps or polls move, is treated as a live service's."""
    if target.kind == "live":
        return LIVE_S
    if target.kind == "started":
        return STARTED_S
    from mocktune.testing.control import ControlError, ControlPlane

    control = ControlPlane(target.root, target.api_key)
    try:
        clock = control.get("clock")["clock"]
    except (ControlError, KeyError, TypeError):
        return LIVE_S
    finally:
        control.close()
    return LIVE_S if clock == "frozen" else LOCAL_S
