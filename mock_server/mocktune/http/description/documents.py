"""The documents of the control plane among the description's schemas: a scenario, a rule of faults, a state.

Their schemas are made elsewhere, from what reads them; routes take and answer them whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mocktune.domain.fault_schema import fault_schema
from mocktune.domain.scenario_schema import scenario_schema
from mocktune.domain.state import state_schema

Json = dict[str, Any]

_DOCUMENTS: dict[str, Callable[[], Json]] = {
    "FaultRule": fault_schema, "ScenarioDocument": scenario_schema, "StateDocument": state_schema,
}  # fmt: skip


def document_schemas() -> Json:
    """Each with what it is made of, whose names begin with its own."""
    found: Json = {}
    for name, made in _DOCUMENTS.items():
        schema = json.loads(json.dumps(made()).replace('"#/$defs/', f'"#/components/schemas/{name}_'))
        schema.pop("$schema", None)
        parts = schema.pop("$defs", {})
        found[name] = schema
        found |= {f"{name}_{part}": each for part, each in parts.items()}
    return found


def place_documents(paths: Json) -> None:
    """Where a body or an answer is, or holds, one of them."""
    rule, scenario, state = ({"$ref": f"#/components/schemas/{name}"} for name in _DOCUMENTS)
    json_of(paths["/_mocktune/state"]["put"]["requestBody"])["schema"] = state
    json_of(paths["/_mocktune/state"]["get"]["responses"]["200"])["schema"] = state
    json_of(paths["/_mocktune/faults"]["post"]["requestBody"])["schema"] = {
        "anyOf": [rule, {"type": "array", "items": rule, "maxItems": 100}]
    }
    # Not where a sandbox is opened, nor in a check: that is asked whether it is one.
    change = json_of(paths["/_mocktune/scenario"]["put"]["requestBody"])["schema"]
    _replace_object(change["properties"]["document"], scenario)


def json_of(part: Json) -> Json:
    """The JSON of a body or answer."""
    found: Json = part["content"]["application/json"]
    return found


def _replace_object(schema: Json, by: Json) -> None:
    """The branch that takes any object takes this one."""
    schema["anyOf"] = [by if each.get("type") == "object" else each for each in schema["anyOf"]]
