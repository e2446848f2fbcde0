"""The JSON Schema of a rule of faults, as it stands in that of scenarios; ``fault_checks.py`` asks for more."""

from __future__ import annotations

from typing import Any

from mocktune.domain.scenario_schema import scenario_schema


def fault_schema() -> dict[str, Any]:
    whole = scenario_schema()
    definitions = whole["$defs"]
    return {
        "$schema": whole["$schema"],
        "title": "mocktune fault rule",
        **definitions["FaultRule"],
        "$defs": {name: definitions[name] for name in ("FixedDuration", "Duration", "FaultAnswer")},
    }
