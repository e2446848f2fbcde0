"""JSON Schema as far as answers need it: references followed, ``allOf`` merged, and whether a value conforms.

Every keyword of Structured Outputs is understood, and the common ones beside them; others are ignored, as the standard
says. Nothing is taken for granted about a schema: it comes from a client. Work is counted and bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite

from mocktune.domain.patterns import UnsupportedPatternError, pattern

Schema = Mapping[str, object] | bool

MAX_STEPS = 50_000
"""Steps that one schema may take: looks at a subschema, values made, 16 characters of a text."""

MAX_DEPTH = 64
"""Levels of nesting, references counted, that are followed."""

_HIGHEST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_LOWEST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})


class UnanswerableSchemaError(ValueError):
    """No value was found that conforms: contradictory, not understood, or too large."""


def as_mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def as_number(value: object) -> int | float | None:
    if isinstance(value, bool):
        return None
    return value if isinstance(value, int) or (isinstance(value, float) and isfinite(value)) else None


def as_schema(value: object) -> Schema:
    """A subschema; what is none allows everything."""
    return value if isinstance(value, Mapping | bool) else True


def types_of(schema: Mapping[str, object]) -> list[str]:
    named = schema.get("type")
    return [each for each in (named if isinstance(named, list) else [named]) if isinstance(each, str)]


def has_type(value: object, name: str) -> bool:
    match name:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            number = as_number(value)
            return number is not None and number == int(number)
        case "number":
            return as_number(value) is not None
        case "string":
            return isinstance(value, str)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, Mapping)
    return False


def same(one: object, other: object) -> bool:
    """Equality of JSON values: 1 is 1.0, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def matches(source: object, text: str) -> bool:
    """Whether ``text`` matches; never for a pattern that is not understood."""
    try:
        return isinstance(source, str) and pattern(source).matches(text)
    except UnsupportedPatternError:
        return False


def is_multiple(value: int | float, step: int | float) -> bool:
    if step <= 0:
        return False
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        quotient = value / step
    except OverflowError:
        return False
    return isfinite(quotient) and quotient == int(quotient)


class Document:
    """A whole schema, which its local references point into, and the work that was done for it so far."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._steps = 0

    def count(self, steps: int = 1) -> None:
        """Raises ``UnanswerableSchemaError`` when there were too many."""
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise UnanswerableSchemaError("it is too large")

    def target(self, reference: object) -> Schema | None:
        """The subschema at a local reference such as ``#/$defs/step``; None where there is none."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return None
        found: object = self._root
        for part in reference.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isascii() and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, Mapping) and key in found:
                found = found[key]
            else:
                return None
        return found if isinstance(found, Mapping | bool) else None

    def flat(self, schema: Schema, depth: int = 0) -> dict[str, object]:
        """``schema`` without ``$ref`` and ``allOf``: what they say is merged in. Raises for what allows nothing."""
        self.count()
        if depth > MAX_DEPTH:
            raise UnanswerableSchemaError("its references go round in circles")
        if isinstance(schema, bool):
            if not schema:
                raise UnanswerableSchemaError("it allows nothing")
            return {}
        merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        parts = [as_schema(part) for part in as_list(schema.get("allOf"))]
        if "$ref" in schema:
            target = self.target(schema["$ref"])
            if target is None:
                raise UnanswerableSchemaError(f"reference to component '{schema['$ref']!s:.200}' leads nowhere")
            parts.append(target)
        for part in parts:
            merged = self.merged(merged, self.flat(part, depth + 1))
        return merged

    def merged(self, one: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
        """A schema that allows what both allow, as far as one schema without ``allOf`` can say it."""
        both = dict(one)
        for key, value in other.items():
            self.count()
            both[key] = self._both(key, both[key], value) if key in both else value
        return both

    def _both(self, key: str, one: object, other: object) -> object:
        numbers = as_number(one), as_number(other)
        if key in _HIGHEST | _LOWEST and numbers[0] is not None and numbers[1] is not None:
            return (max if key in _HIGHEST else min)(numbers)  # type: ignore[type-var]  # neither is None
        if key in ("properties", "patternProperties", "$defs", "definitions"):
            mine, theirs = as_mapping(one), as_mapping(other)
            shared = {name: {"allOf": [mine[name], theirs[name]]} for name in mine if name in theirs}
            return {**mine, **theirs, **(shared if key.endswith("roperties") else {})}
        if key == "required":
            return [*as_list(one), *(each for each in as_list(other) if each not in as_list(one))]
        if key == "type":
            return _shared_types(types_of({"type": one}), types_of({"type": other}))
        if key == "enum":
            return [each for each in as_list(one) if any(same(each, given) for given in as_list(other))]
        if key in ("anyOf", "oneOf"):
            return [{"allOf": [a, b]} for a in as_list(one) for b in as_list(other)]
        if key in ("items", "additionalProperties", "not"):
            if one is False or other is False:
                return False
            return {"allOf": [one, other]} if key != "not" else {"anyOf": [one, other]}
        return other

    def conforms(self, value: object, schema: Schema, depth: int = 0) -> bool:
        """Whether ``value`` is one that ``schema`` allows; ``format`` is not looked at.

        Raises ``UnanswerableSchemaError`` when that takes too much work.
        """
        self.count()
        if isinstance(schema, bool):
            return schema
        if depth > MAX_DEPTH:
            return False

        def fits(value: object, subschema: object) -> bool:
            return self.conforms(value, as_schema(subschema), depth + 1)

        if "$ref" in schema:
            target = self.target(schema["$ref"])
            if target is None or not self.conforms(value, target, depth + 1):
                return False
        if (names := types_of(schema)) and not any(has_type(value, name) for name in names):
            return False
        if "const" in schema and not same(value, schema["const"]):
            return False
        if "enum" in schema and not any(same(value, each) for each in as_list(schema["enum"])):
            return False
        if not all(fits(value, part) for part in as_list(schema.get("allOf"))):
            return False
        if "anyOf" in schema and not any(fits(value, part) for part in as_list(schema["anyOf"])):
            return False
        if "oneOf" in schema and sum(fits(value, part) for part in as_list(schema["oneOf"])) != 1:
            return False
        if "not" in schema and fits(value, schema["not"]):
            return False
        if "if" in schema and not fits(value, schema.get("then" if fits(value, schema["if"]) else "else", True)):
            return False
        return self._parts_conform(value, schema, fits)

    def _parts_conform(
        self, value: object, schema: Mapping[str, object], fits: Callable[[object, object], bool]
    ) -> bool:
        number = as_number(value)
        if number is not None:
            return _number_fits(number, schema)
        if isinstance(value, str):
            self.count(len(value) // 16)
            in_bounds = _in_bounds(len(value), schema, "Length")
            return in_bounds and ("pattern" not in schema or matches(schema["pattern"], value))
        if isinstance(value, list):
            first = as_list(schema.get("prefixItems"))
            return (
                _in_bounds(len(value), schema, "Items")
                and all(map(fits, value, first))
                and all(fits(each, schema.get("items", True)) for each in value[len(first) :])
                and (schema.get("uniqueItems") is not True or self._all_differ(value))
            )
        if isinstance(value, Mapping):
            return self._members_conform(value, schema, fits)
        return True

    def _all_differ(self, values: list[object]) -> bool:
        self.count(len(values) ** 2 // 8)
        return not any(same(one, other) for index, one in enumerate(values) for other in values[:index])

    def _members_conform(
        self, value: Mapping[str, object], schema: Mapping[str, object], fits: Callable[[object, object], bool]
    ) -> bool:
        properties, patterns = as_mapping(schema.get("properties")), as_mapping(schema.get("patternProperties"))
        if not _in_bounds(len(value), schema, "Properties"):
            return False
        if any(name not in value for name in as_list(schema.get("required")) if isinstance(name, str)):
            return False
        for name, member in value.items():
            subschemas = [properties[name]] if name in properties else []
            subschemas += [each for source, each in patterns.items() if matches(source, name)]
            if not all(fits(member, each) for each in subschemas or [schema.get("additionalProperties", True)]):
                return False
        return True


def _shared_types(one: list[str], other: list[str]) -> list[str]:
    """An integer is a number, too."""
    shared = [each for each in one if each in other or (each == "integer" and "number" in other)]
    shared += [each for each in other if each == "integer" and "number" in one and each not in one]
    if not shared:
        raise UnanswerableSchemaError("its types contradict each other")
    return shared


def _in_bounds(size: int, schema: Mapping[str, object], of: str) -> bool:
    least, most = as_number(schema.get(f"min{of}")), as_number(schema.get(f"max{of}"))
    return (least is None or size >= least) and (most is None or size <= most)


def _number_fits(value: int | float, schema: Mapping[str, object]) -> bool:
    low, high = as_number(schema.get("minimum")), as_number(schema.get("maximum"))
    above, below = as_number(schema.get("exclusiveMinimum")), as_number(schema.get("exclusiveMaximum"))
    step = as_number(schema.get("multipleOf"))
    return (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
        and (below is None or value < below)
        and (step is None or is_multiple(value, step))
    )
