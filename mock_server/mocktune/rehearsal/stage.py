"""A server in a thread, and one sandbox of it after the other: where a client's command finds itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mocktune.bootstrap import make_settings
from mocktune.domain.scenario import ExpectPart, Scenario
from mocktune.rehearsal.sleeping import shell_sleeps, sleepless
from mocktune.server import running_server
from mocktune.settings import starting_scenario
from mocktune.storage.scenario_files import load_scenario
from mocktune.storage.secrets import new_admin_token
from mocktune.testing.control import ControlPlane
from mocktune.testing.environment import Access, variables
from mocktune.testing.playing import scenario_value

FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Piece:
    """A scenario that is played: ``asked`` is a name or a path as a user wrote it, ``changes`` are ``KEY=VALUE``."""

    asked: str
    scenario: Scenario
    changes: tuple[str, ...] = ()

    @classmethod
    def read(cls, asked: str, changes: Sequence[str] = ()) -> Piece:
        """Raises ``ScenarioError`` for one that cannot be found or read."""
        return cls(asked, starting_scenario(load_scenario(asked), changes, "classic"), tuple(changes))

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def expect(self) -> ExpectPart:
        return self.scenario.expect


@dataclass(frozen=True, slots=True)
class Scene:
    """An open sandbox with a scenario in it."""

    piece: Piece
    access: Access
    control: ControlPlane
    skips_sleeps: bool
    sleep_folder: str

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """That of a command that is started into it."""
        found = dict(inherited)
        for name, value in variables(self.access, inherited).items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
        if self.skips_sleeps:
            found.update(sleepless(self.access, found, self.sleep_folder))
        return found


class Stage:
    """A running server that scenarios are played on."""

    def __init__(self, root: str, admin_token: str, sleep_folder: str) -> None:
        self.root = root
        self._sleep_folder = sleep_folder
        self._admin = ControlPlane(root, admin_token)

    @contextmanager
    def scene(self, piece: Piece, *, name: str, seed: int, clock: str = FROZEN, real_sleeps: bool) -> Iterator[Scene]:
        """A fresh sandbox, closed at the end. Under a frozen clock polls move it, and sleeps unless they are to be
        real.
        """
        frozen = clock == FROZEN
        body: dict[str, Any] = {
            "name": name,
            "seed": seed,
            "scenario": scenario_value(piece.asked),
            "set": list(piece.changes),
            "clock": clock,
            "advance_on_poll": "next" if frozen else None,
            "advance_on_first_poll": False,
        }
        opened = self._admin.post("sandboxes", body)
        access = Access(self.root, name)
        control = ControlPlane(access.shared_root, access.api_key)
        try:
            yield Scene(piece, access, control, frozen and not real_sleeps, self._sleep_folder)
        finally:
            control.close()
            self._admin.delete(f"sandboxes/{opened['id']}")

    def close(self) -> None:
        self._admin.close()


@contextmanager
def raised_stage() -> Iterator[Stage]:
    """A server on a free port, stopped at the end. Raises ``RuntimeError`` where it does not come up."""
    token = new_admin_token()
    settings = make_settings("realistic", clock=FROZEN, admin_token=token)
    with shell_sleeps() as sleep_folder, running_server(settings) as server:
        stage = Stage(server.root, token, sleep_folder)
        try:
            yield stage
        finally:
            stage.close()
