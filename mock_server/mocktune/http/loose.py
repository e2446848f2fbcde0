"""``--loose``: a request model without its rules of range and choice.

A model's core schema is copied, and what it says of ranges, lengths, enumerations and unknown keys is taken out. Types
stay, and so do the words a union is told apart by (``type``, ``role``): without them nobody could tell what is meant.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaValidator

_BOUNDS = frozenset({"ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "pattern"})
_TELLING = frozenset({"type", "role", "object"})
"""Fields whose literal values tell the members of a union apart."""
_CONTROL_PLANE = "mocktune.http.wire.control"
_WHOLE = {"ge": -(2**63), "le": 2**63 - 1}
"""Of every integer: what clients can read again."""


@cache
def loosened(model: type[BaseModel]) -> SchemaValidator:
    """A validator that makes instances of ``model`` and lets through what ``--loose`` lets through.

    The control plane's own rules are no API's: its models stay as they are.
    """
    model.model_rebuild()
    schema = model.__pydantic_core_schema__
    if model.__module__ != _CONTROL_PLANE:
        schema = _without_rules(schema)
    try:
        # Else pydantic-core takes the validators that the model classes carry already, rules and all.
        return SchemaValidator(schema, _use_prebuilt=False)
    except TypeError:  # before pydantic 2.12 it never did
        return SchemaValidator(schema)


def _without_rules(schema: Any, field: str = "") -> Any:
    if isinstance(schema, list | tuple):
        return type(schema)(_without_rules(each, field) for each in schema)
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "literal" and field not in _TELLING:
        return {"type": "union", "choices": [schema, {"type": "str"}]}
    loose: dict[Any, Any] = {}
    for key, value in schema.items():
        if key in _BOUNDS and not isinstance(value, dict):
            continue
        if key == "extra_behavior" and value == "forbid":
            loose[key] = "ignore"
        elif key == "config" and isinstance(value, dict) and value.get("extra_fields_behavior") == "forbid":
            loose[key] = {**value, "extra_fields_behavior": "ignore"}
        elif key == "fields" and isinstance(value, dict):
            loose[key] = {name: _without_rules(each, name) for name, each in value.items()}
        elif key in ("metadata", "serialization"):
            continue
        else:
            loose[key] = _without_rules(value, field)
    return loose | _WHOLE if loose.get("type") == "int" else loose
