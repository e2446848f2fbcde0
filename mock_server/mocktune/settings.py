"""What a server is started with. Settings come from a flag, then ``MOCKTUNE_*``, then ``[tool.mocktune]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mocktune.domain.clock import ClockMode
from mocktune.domain.profiles import SCENARIO_CHANGES, Profile
from mocktune.domain.scenario import Scenario, with_settings

if TYPE_CHECKING:  # most servers begin with nothing
    from mocktune.domain.state import State

Wire = Literal["observed", "sdk"]
"""``observed``: the values that were recorded (``error: {}`` …); ``sdk``: values inside the SDK's strict types."""

Form = Literal["observed", "sdk", "azure"]
"""How an answer is written: by ``--wire``, or as Azure does for those who speak its dialect."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""The public description's limit of one file; ``--max-file-size`` raises it to the 1 GB older guides name."""

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4141
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "testserver"})


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings. ``allowed_hosts``, ``allowed_origins`` and ``allowed_webhook_hosts`` come on top of the
    loopback names (hosts in lower case, ``*`` is any); ``loose`` switches off the rules of ``LOOSE_RULES``.
    ``known_organizations`` are those that may train under the profile ``today``; ``scenario`` already holds what the
    profile sets in it (``starting_scenario``). Every sandbox begins with ``state``; ``save_state_to`` is the path where
    what became of it is written when the server stops, and then all keys share the one sandbox there is; ``stateless``
    answers every request from a sandbox of its own. ``known_keys_only``: keys that nobody opened a sandbox for are
    refused. ``inband``: the metadata of a job may name its scenario. ``advance_on_poll`` is what sandboxes begin with:
    how far a poll moves the clock, in microseconds, or ``next``.
    """

    scenario: Scenario
    clock: ClockMode = field(default_factory=lambda: ClockMode(1))
    seed: int = 0
    wire: Wire = "observed"
    profile: Profile = "classic"
    known_organizations: frozenset[str] = frozenset()
    loose: bool = False
    admin_token: str = ""
    allowed_hosts: frozenset[str] = frozenset()
    allowed_origins: frozenset[str] = frozenset()
    allowed_webhook_hosts: frozenset[str] = frozenset()
    max_file_bytes: int = MAX_FILE_BYTES
    max_disk_bytes: int = 20 * 1024**3
    max_sandboxes: int = 10_000
    sandbox_ttl_s: float = 24 * 3600.0
    state: State | None = None
    save_state_to: str = ""
    stateless: bool = False
    known_keys_only: bool = False
    inband: bool = True
    advance_on_poll: int | Literal["next"] | None = None


def starting_scenario(scenario: Scenario, changes: Iterable[str] | Mapping[str, Any], profile: Profile) -> Scenario:
    """``scenario`` as new sandboxes get it: with what ``profile`` sets, then with a user's ``changes``, texts or values
    by their paths.

    Raises ``ScenarioError`` for a change that cannot be read.
    """
    return with_settings(with_settings(scenario, SCENARIO_CHANGES[profile]), changes)
