"""Which world a server plays: that of the recordings, where every model lives, or today's, where most are shut.

``classic`` keeps everything alive and asks nobody who they are. Under ``today`` a model is there until the day DEPDOC
names for it, by the sandbox's own clock, and organizations the server was not told of train nothing.
"""

from __future__ import annotations

from typing import Literal

from mocktune.domain.clock import parse_instant

Profile = Literal["classic", "today"]

TODAY_START = parse_instant("2026-11-22")
"""Where a sandbox's clock starts under ``today``: frozen ones here, moving ones at wall time, but not before this."""

SCENARIO_CHANGES: dict[Profile, tuple[str, ...]] = {
    "classic": (),
    "today": ("limits.caps=observed", "limits.moderation=observed"),
}
"""What a profile sets in the server's scenario. What a user sets comes after it and wins."""
