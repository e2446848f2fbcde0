"""What a sandbox plays: its scenario, and the faults on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocktune.testing.control import ControlPlane


class SandboxScenario:
    """The scenario for what is created from now on; what is there keeps the one it was created under."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    @property
    def name(self) -> str:
        return str(self._control.get("scenario")["name"])

    @property
    def document(self) -> dict[str, Any]:
        """Every field, with its value."""
        return dict(self._control.get("scenario")["document"])

    @property
    def expect(self) -> dict[str, Any]:
        """What a good client makes of it: ``outcome`` is ``recover`` or ``give_up``, ``within`` a duration or None,
        ``allow`` the findings that do not count."""
        return dict(self.document["expect"])

    def play(self, scenario: Any = None, *, set: Any = None) -> None:
        """A scenario by its name, path or document; ``set`` overrides single fields of it, or alone of the present
        one. Raises ``ControlError``, or ``ValueError`` for a file that cannot be read."""
        self._control.put("scenario", scenario_body(scenario, set))

    def __eq__(self, other: object) -> bool:
        return self.name == other if isinstance(other, str) else NotImplemented

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<scenario {self.name}>"


def scenario_value(scenario: Any) -> Any:
    """As ``POST /_mocktune/sandboxes`` takes it: a name, or the document. Raises ``ValueError`` for a file that cannot
    be read."""
    if isinstance(scenario, Mapping):
        return dict(scenario)
    from pathlib import Path

    from mocktune.storage.scenario_files import document_in, is_path

    text = str(scenario)
    return {"name": Path(text).stem, **document_in(text)} if is_path(text) else text


def scenario_body(scenario: Any, set: Any) -> dict[str, Any]:
    """As ``PUT /_mocktune/scenario`` takes it."""
    body: dict[str, Any] = {}
    if scenario is not None:
        value = scenario_value(scenario)
        body["name" if isinstance(value, str) else "document"] = value
    if set:
        body["set"] = dict(set) if isinstance(set, Mapping) else list(set)
    return body


class Faults:
    """The rules of faults of a sandbox. A rule is what the reference of faults says, by keyword or as a mapping."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    def add(self, rule: Mapping[str, Any] | None = None, /, **fields: Any) -> dict[str, Any]:
        """``add(operation="files.list", answer={"status": 503}, times=1)``: the rule, with its ``id`` and counters.
        Raises ``ControlError`` for a rule that cannot be read."""
        return dict(self._control.post("faults", {**(rule or {}), **fields}))

    def get(self, rule: str | Mapping[str, Any]) -> dict[str, Any]:
        """One rule, with how often it ``matched`` and ``fired``."""
        return dict(self._control.get(f"faults/{_id(rule)}"))

    def list(self) -> list[dict[str, Any]]:
        """Every rule in the order they are asked, those of the scenario too."""
        return list(self._control.get("faults")["faults"])

    def remove(self, rule: str | Mapping[str, Any]) -> None:
        self._control.delete(f"faults/{_id(rule)}")

    def reset(self, *, all: bool = False) -> int:
        """Delete the rules that were added; with ``all`` those of the scenario too. How many there were."""
        return int(self._control.delete("faults?all=true" if all else "faults")["deleted"])


def _id(rule: str | Mapping[str, Any]) -> str:
    return rule if isinstance(rule, str) else str(rule["id"])
