"""Scenarios in TOML: the packaged ones, read with importlib.resources, and files that a user names.

A scenario ``extends`` a packaged one by its name. No scenario names a file, so none can lead to another file of the
machine it is read on: a path comes from whoever started the program, never from a document.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from mocktune.domain.documents import ScenarioError, nearest, wrong
from mocktune.domain.scenario import Scenario, read_scenario

MAX_FILE_BYTES = 256 * 1024
"""Of a user's file."""

MAX_NAME = 100

_FOLDER = files("mocktune") / "scenarios"
_PACKS = "packs.toml"


@dataclass(frozen=True, slots=True)
class Pack:
    """Scenarios that are rehearsed together; what they have in common."""

    name: str
    summary: str
    scenarios: tuple[str, ...]


@cache
def scenario_names() -> tuple[str, ...]:
    """The names of all packaged scenarios."""
    names = (each.name for each in _FOLDER.iterdir() if each.name.endswith(".toml") and each.name != _PACKS)
    return tuple(sorted(name.removesuffix(".toml") for name in names))


@cache
def scenario_packs() -> tuple[Pack, ...]:
    """The packs, the last of them, ``all``, being every packaged scenario."""
    document = tomllib.loads((_FOLDER / _PACKS).read_text("utf-8"))
    packs = [Pack(name, each["summary"], tuple(each["scenarios"])) for name, each in document.items()]
    named = dict.fromkeys(name for pack in packs for name in pack.scenarios)
    rest = (name for name in scenario_names() if name not in named)
    return (*packs, Pack("all", "every packaged scenario", (*named, *rest)))


def packs_of(name: str) -> list[str]:
    """The names of the packs a packaged scenario is in."""
    return [pack.name for pack in scenario_packs() if name in pack.scenarios]


@cache
def packaged_scenario(name: str) -> Scenario:
    """A packaged scenario by name. Raises ``ScenarioError`` with the nearest name for an unknown one."""
    if name not in scenario_names():
        raise ScenarioError(f"unknown scenario '{name:.200}'{nearest(name, scenario_names())}", key="name")
    return scenario_of(name, packaged_document(name))


def packaged_document(name: str) -> dict[str, Any]:
    """What the file of a packaged scenario says."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))


def scenario_of(name: str, document: Mapping[str, Any]) -> Scenario:
    """The scenario a document describes, on top of the packaged one that it extends. Raises ``ScenarioError``."""
    parent = parent_of(document)
    return read_scenario(name, document, None if parent is None else packaged_scenario(parent))


def named_document(document: Mapping[str, Any], default: str) -> tuple[str, dict[str, Any]]:
    """The name a document gives itself, else ``default``, and the rest of it. Raises ``ScenarioError``."""
    rest = dict(document)
    name = rest.pop("name", default)
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MAX_NAME:
        raise wrong("name", f"expected a printable text of at most {MAX_NAME} characters, got {name!r:.80}")
    return name, rest


def parent_scenario(name: str) -> Scenario | None:
    """The packaged scenario that a packaged one extends."""
    parent = parent_of(packaged_document(name))
    return None if parent is None else packaged_scenario(parent)


def parent_of(document: Mapping[str, Any]) -> str | None:
    """The packaged scenario a document extends. Raises ``ScenarioError`` for one that there is not."""
    parent = document.get("extends")
    if parent is None:
        return None
    if not isinstance(parent, str) or parent not in scenario_names():
        near = nearest(parent, scenario_names()) if isinstance(parent, str) else ""
        raise ScenarioError(f"extends: {parent!r:.200} is no packaged scenario{near}", key="extends")
    return parent


def load_scenario(name_or_path: str) -> Scenario:
    """A packaged scenario by name, or the one in a user's file: what ends in ``.toml`` or has a ``/`` is a path.

    For what a user wrote on a command line or in code; what arrives over a network is never a path
    (``packaged_scenario``). Raises ``ScenarioError`` for one that cannot be found or read.
    """
    if not is_path(name_or_path):
        return packaged_scenario(name_or_path)
    return scenario_of(*named_document(document_in(name_or_path), Path(name_or_path).stem))


def is_path(name_or_path: str) -> bool:
    return name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path


def document_in(path: str) -> dict[str, Any]:
    """What a user's file says. Raises ``ScenarioError`` for one that is not there, too long, or no TOML."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # a path with a null in it is a ValueError
        raise ScenarioError(f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise ScenarioError(f"'{path}' is longer than {MAX_FILE_BYTES} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScenarioError(f"'{path}' is no TOML: {error}") from error
