"""The JSON Schema of a scenario, from the dataclasses: what ``read_scenario`` takes, for editors and other programs.

What must hold between fields (``scenario_rules.py``) is beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from inspect import cleandoc, getdoc
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mocktune.domain.clock import MAX_VIRTUAL, SECOND, VirtualTime
from mocktune.domain.documents import MAX_ITEMS, MAX_TEXT, Duration
from mocktune.domain.moments import DURATION_PATTERN
from mocktune.domain.scenario import SCHEMA, Scenario

Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}
_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"], "maxLength": MAX_TEXT}
_DURATION: Schema = {
    "description": 'Text such as "45s", "1h30m" or "250ms"; or drawn once for each object, with its own seed.',
    "anyOf": [
        {"$ref": "#/$defs/FixedDuration"},
        {
            "type": "object",
            "description": "Anything between the two.",
            "properties": {
                "uniform": {"type": "array", "items": {"$ref": "#/$defs/FixedDuration"}, "minItems": 2, "maxItems": 2}
            },
            "required": ["uniform"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "lognormal": {
                    "type": "object",
                    "properties": {
                        "median": {"$ref": "#/$defs/FixedDuration"},
                        "sigma": {"type": "number", "minimum": 0, "maximum": 5},
                        "max": {"$ref": "#/$defs/FixedDuration"},
                    },
                    "required": ["median", "sigma"],
                    "additionalProperties": False,
                }
            },
            "required": ["lognormal"],
            "additionalProperties": False,
        },
    ],
}


def scenario_schema() -> Schema:
    """The schema of the document, in TOML or JSON: no key is required, unknown ones are refused."""
    definitions: dict[str, Schema] = {
        "FixedDuration": {"type": "string", "pattern": DURATION_PATTERN, "examples": ["45s", "1h30m", "250ms"]},
        "Duration": _DURATION,
    }
    document = _object(Scenario, definitions)
    document["properties"] = {
        "$schema": {"type": "string", "description": "For editors; it changes nothing."},
        "schema": {"const": SCHEMA, "description": "The version of this format."},
        "extends": {
            "type": "string",
            "description": "The packaged scenario whose fields hold where this says nothing.",
        },
        **document["properties"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mocktune scenario",
        **document,
        "$defs": definitions,
    }


def _object(part: Any, definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(part)
    return {
        "type": "object",
        "description": _description(part),
        "properties": {each.name: _field(each, hints[each.name], definitions) for each in fields(part)},
        "additionalProperties": False,
    }


def _description(part: Any) -> str:
    """The docstring as text: one line a paragraph, without the marks of code."""
    paragraphs = cleandoc(getdoc(part) or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _field(field: Field[Any], hint: Any, definitions: dict[str, Schema]) -> Schema:
    options = get_args(hint) if get_origin(hint) not in (Literal, tuple, Mapping) else (hint,)
    nullable = NoneType in options
    kinds = [each for each in options if each is not NoneType] or [hint]
    kind = kinds[0] if len(kinds) == 1 else hint
    schema = _value(kind, field.metadata, definitions)
    if nullable:
        schema = {"anyOf": [schema, _NULL]}
    default = field.default
    if default is not MISSING and (default is None or isinstance(default, str | int | float)):
        schema = {**schema, "default": default}
    return schema


def _value(kind: Any, metadata: Mapping[str, Any], definitions: dict[str, Schema]) -> Schema:
    if kind is Duration:
        return {"$ref": "#/$defs/Duration"}
    if kind is VirtualTime:
        return {
            "description": "Unix seconds, or an ISO 8601 date and time.",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_VIRTUAL // SECOND},
                {"type": "string", "examples": ["2026-01-15T00:00:00Z"]},
            ],
        }
    if is_dataclass(kind):
        name = getattr(kind, "__name__", "").removesuffix("Part")
        if name not in definitions:
            definitions[name] = {}  # its place in the order
            definitions[name] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": _value(get_args(kind)[0], metadata, definitions), "maxItems": MAX_ITEMS}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind))}
    if get_origin(kind) is Mapping or kind == Mapping[str, Any]:
        return {
            "type": "object",
            "propertyNames": {"maxLength": MAX_TEXT},
            "additionalProperties": _SCALAR,
            "maxProperties": MAX_ITEMS,
        }
    if kind is bool:
        return {"type": "boolean"}
    if kind in (int, float):
        low, high = metadata.get("bounds", (0, 1))
        return {"type": "integer" if kind is int else "number", "minimum": low, "maximum": high}
    schema: Schema = {"type": "string", "maxLength": MAX_TEXT}
    return schema | {"pattern": metadata["pattern"]} if metadata.get("pattern") else schema
