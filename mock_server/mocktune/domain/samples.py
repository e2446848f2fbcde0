"""What the untrained model of a reinforcement job says to a training prompt, so that there is something to grade.

Nothing runs a model here. A played sample is right or wrong by a draw: a right one says what the row's reference fields
hold, a wrong one what any base model says. Under a ``response_format`` both are JSON objects with the schema's keys.
All of it is assumed; that a base model is right now and then is what reinforcement needs to learn anything (RFTDOC).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mocktune.domain import draws
from mocktune.domain.conversation import reference_answer
from mocktune.domain.learned import base_answer

RIGHT = 0.4
"""How often a sample is right: between the never and the always that nothing can be learned from (RFTDOC)."""


def played_sample(
    seed: int, number: int, row: Mapping[str, Any], model: str, response_format: Mapping[str, Any] | None
) -> str:
    """The answer to row ``number``; equal arguments give equal answers."""
    right = draws.uniform(seed, "sample", number) < RIGHT
    if response_format is not None:
        return json.dumps(_object(response_format, row if right else {}), ensure_ascii=False)
    if right and (reference := reference_answer(row)) is not None:
        return reference
    return (
        base_answer(model, row.get("messages", ()), seed=draws.derive_seed(seed, "sample answer", number)).content or ""
    )


def _object(response_format: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the schema's properties: each from the reference of that name, else what all of them hold."""
    schema = response_format.get("json_schema", {}).get("schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {key: row.get(key, reference_answer(row)) for key in list(properties)[:100]}
