"""The marker ``mocktune``: which sandbox a test gets, read and checked while tests are collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mocktune.domain.clock import ClockError, ClockMode, parse_duration
from mocktune.domain.documents import ScenarioError, nearest
from mocktune.domain.scenario import Scenario, with_settings
from mocktune.storage.scenario_files import is_path, load_scenario, named_document, scenario_of, scenario_packs

if TYPE_CHECKING:
    from collections.abc import Callable

SANDBOX_KEYWORDS = (
    "scenario", "set", "seed", "clock", "advance_on_poll", "env", "sleeps", "refuse_real_hosts", "server", "name",
    "label",
)  # fmt: skip
"""Those of ``sandbox()``, by the same names."""

KEYWORDS = (*SANDBOX_KEYWORDS, "pack", "verdict")

VERDICTS = ("report", "fail", "off")
SLEEPS = ("skip", "real")


class MarkError(ValueError):
    """A marker that cannot be read; the text says why."""


def options_of(mark: pytest.Mark | None, folders: Iterable[Path]) -> dict[str, Any]:
    """What a marker says, by keyword. Scenarios in files are looked for in ``folders``. Raises ``MarkError``."""
    if mark is None:
        return {}
    options = dict(mark.kwargs)
    for keyword in options:
        if keyword not in KEYWORDS:
            raise MarkError(f"unknown keyword '{keyword}'{nearest(keyword, KEYWORDS)}")
    if len(mark.args) > 1 or (mark.args and "scenario" in options):
        raise MarkError("one scenario at most, in front: mocktune('cold-model-404', set={…})")
    if mark.args:
        options["scenario"] = mark.args[0]
    if "pack" in options and "scenario" in options:
        raise MarkError("give a scenario or a pack, not both")
    for keyword, check in _CHECKS.items():
        if keyword in options and options[keyword] is not None:
            check(options[keyword])
    if "scenario" in options:
        options["scenario"] = located(options["scenario"], folders)
    for scenario in scenarios_of_pack(options["pack"]) if "pack" in options else [options.get("scenario", "realistic")]:
        check_scenario(scenario, options.get("set"))
    return options


def scenarios_of_pack(pack: object) -> tuple[str, ...]:
    """The names of the scenarios that are in a pack. Raises ``MarkError`` for one there is not."""
    packs = {each.name: each.scenarios for each in scenario_packs()}
    if not isinstance(pack, str) or pack not in packs:
        raise MarkError(f"unknown pack {pack!r:.200}{nearest(str(pack), packs)}")
    return packs[pack]


def located(scenario: object, folders: Iterable[Path]) -> object:
    """A path as one that leads there from anywhere; anything else as it is."""
    text = str(scenario) if isinstance(scenario, str | Path) else ""
    if not is_path(text) or Path(text).is_absolute():
        return scenario
    return next((str(folder / text) for folder in folders if (folder / text).is_file()), text)


def check_scenario(scenario: object, changes: Any) -> Scenario:
    """The scenario that is meant. Raises ``MarkError`` for one that there is not, or that cannot be read."""
    try:
        if isinstance(scenario, Mapping):
            found = scenario_of(*named_document(scenario, "inline"))
        elif isinstance(scenario, str | Path):
            found = load_scenario(str(scenario))
        else:
            raise MarkError(f"{scenario!r:.200} is no scenario: give a name, a path or a document")
        return with_settings(found, changes or ())
    except ScenarioError as error:
        raise MarkError(str(error)) from error


def _one_of(what: str, known: tuple[str, ...]) -> Callable[[object], None]:
    def check(value: object) -> None:
        if value not in known:
            raise MarkError(f"{what}={value!r:.200}: expected {' or '.join(map(repr, known))}")

    return check


def _of_type(what: str, kind: type, words: str) -> Callable[[object], None]:
    def check(value: object) -> None:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise MarkError(f"{what}={value!r:.200}: expected {words}")

    return check


def _seed(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise MarkError(f"seed={value!r:.200}: expected a whole number from 0 to 2**63 - 1")


def _clock(value: object) -> None:
    try:
        ClockMode.parse(str(value))
    except ClockError as error:
        raise MarkError(str(error)) from error


def _step(value: object) -> None:
    try:
        if value != "next":
            parse_duration(str(value))
    except ClockError as error:
        raise MarkError(f"{error}, or 'next'") from error


_CHECKS: dict[str, Callable[[object], None]] = {
    "seed": _seed,
    "clock": _clock,
    "advance_on_poll": _step,
    "env": _of_type("env", bool, "True or False"),
    "refuse_real_hosts": _of_type("refuse_real_hosts", bool, "True or False"),
    "sleeps": _one_of("sleeps", SLEEPS),
    "verdict": _one_of("verdict", VERDICTS),
    "server": _of_type("server", str, "'thread', 'process' or a URL"),
    "name": _of_type("name", str, "a text"),
    "label": _of_type("label", str, "a text"),
}
