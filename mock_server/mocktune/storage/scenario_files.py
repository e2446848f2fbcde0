"""The packaged scenarios: TOML read with importlib.resources."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from mocktune.domain.documents import ScenarioError, nearest
from mocktune.domain.scenario import Scenario, read_scenario

_FOLDER = files("mocktune") / "scenarios"


@cache
def scenario_names() -> tuple[str, ...]:
    """The names of all packaged scenarios."""
    return tuple(sorted(each.name.removesuffix(".toml") for each in _FOLDER.iterdir() if each.name.endswith(".toml")))


@cache
def load_scenario(name: str) -> Scenario:
    """A packaged scenario by name. Raises ``ScenarioError`` with the nearest name for an unknown one."""
    if name not in scenario_names():
        raise ScenarioError(f"unknown scenario '{name}'{nearest(name, scenario_names())}")
    document = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    parent = document.get("extends")
    return read_scenario(name, document, None if parent is None else load_scenario(parent))
