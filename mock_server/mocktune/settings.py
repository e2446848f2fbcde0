"""What a server is started with. Settings come from a flag, then ``MOCKTUNE_*``, then ``[tool.mocktune]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mocktune.domain.clock import ClockMode
from mocktune.domain.scenario import Scenario

Wire = Literal["observed", "sdk"]
"""``observed``: the values that were recorded (``error: {}`` …); ``sdk``: values inside the SDK's strict types."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""The public description's limit of one file; ``--max-file-size`` raises it to the 1 GB older guides name."""

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4141
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "testserver"})


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings. ``allowed_hosts`` and ``allowed_origins`` come on top of the loopback names; ``loose``
    switches off the rules of ``LOOSE_RULES``."""

    scenario: Scenario
    clock: ClockMode = field(default_factory=lambda: ClockMode(1))
    seed: int = 0
    wire: Wire = "observed"
    loose: bool = False
    admin_token: str = ""
    allowed_hosts: frozenset[str] = frozenset()
    allowed_origins: frozenset[str] = frozenset()
    max_file_bytes: int = MAX_FILE_BYTES
    max_disk_bytes: int = 20 * 1024**3
    max_sandboxes: int = 10_000
    sandbox_ttl_s: float = 24 * 3600.0
