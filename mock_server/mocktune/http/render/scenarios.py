"""Scenarios on the control plane."""

from __future__ import annotations

from mocktune.domain.documents import ScenarioError
from mocktune.domain.scenario import Scenario
from mocktune.domain.scenario_document import changed_fields, part_document, scenario_document
from mocktune.http.render import Json
from mocktune.storage.scenario_files import Pack, packs_of, parent_scenario


def present(scenario: Scenario) -> Json:
    return {
        "name": scenario.name,
        "summary": scenario.summary,
        "catches": scenario.catches,
        "document": scenario_document(scenario),
    }


def packaged(scenario: Scenario) -> Json:
    return {
        "name": scenario.name,
        "summary": scenario.summary,
        "catches": scenario.catches,
        "packs": packs_of(scenario.name),
        "expect": part_document(scenario.expect),
    }


def pack(each: Pack) -> Json:
    return {"name": each.name, "summary": each.summary, "scenarios": list(each.scenarios)}


def whole(scenario: Scenario) -> Json:
    parent = parent_scenario(scenario.name)
    return {
        **packaged(scenario),
        "extends": None if parent is None else parent.name,
        "changes": changed_fields(scenario, parent or Scenario()),
        "document": scenario_document(scenario),
    }


def checked(problem: ScenarioError | None) -> Json:
    if problem is None:
        return {"ok": True, "problem": None, "key": None}
    return {"ok": False, "problem": str(problem), "key": problem.key or None}
