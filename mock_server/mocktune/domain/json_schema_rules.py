"""What Structured Outputs refuse in a schema, in the API's words.

The sentences were seen in answers that people pasted ("3P"); which of several defects is named first is assumed, and so
are the two sentences about sizes. Limits: the guide to structured outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mocktune.domain.json_schemas import Document, as_list, as_mapping, types_of

MAX_NESTING = 10
MAX_PROPERTIES = 5_000

_REFUSED = (
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
    "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "contains", "minContains",
    "maxContains", "unevaluatedItems", "uniqueItems",
)  # fmt: skip

_Path = tuple[str, ...]


def root_defect(schema: Mapping[str, object]) -> str | None:
    """What every schema of an answer or of a function's arguments must be: one of an object."""
    named = schema.get("type")
    if named == "object":
        return None
    return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{named!s:.100}\"'."


def strict_defect(schema: Mapping[str, object]) -> str | None:
    """The first thing strict mode refuses in ``schema``; None for one it takes."""
    return root_defect(schema) or next(_Walk(schema).defects(), None)


class _Walk:
    """A look at every subschema, each once, with the path it is first met at."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root = root
        self._document = Document(root)
        self._properties = 0

    def defects(self) -> Iterator[str]:
        waiting: list[tuple[object, _Path, int]] = [(self._root, (), 1)]
        while waiting:
            schema, path, nesting = waiting.pop()
            if not isinstance(schema, Mapping):
                yield f"In context={path}, schema must be an object."
                return
            for defect in self._own_defects(schema, path, nesting):
                yield f"In context={path}, {defect}" if defect[0] != "!" else defect[1:]
            below = [*_below(schema, path, nesting)]
            waiting += reversed(below)

    def _own_defects(self, schema: Mapping[str, object], path: _Path, nesting: int) -> Iterator[str]:
        if nesting > MAX_NESTING:
            yield f"!Expected at most {MAX_NESTING} levels of nesting, but got more instead."
        refused = next((key for key in _REFUSED if key in schema), None)
        if refused is not None:
            yield f"'{refused}' is not permitted."
        if "$ref" in schema:
            if self._document.target(schema["$ref"]) is None:
                yield f"reference to component '{schema['$ref']!s:.200}' which was not found in the schema."
            return
        names = types_of(schema)
        if not names and "anyOf" not in schema:
            yield "schema must have a 'type' key."
        if "array" in names and "items" not in schema:
            yield "array schema missing items."
        if "object" in names or "properties" in schema:
            yield from self._object_defects(schema)

    def _object_defects(self, schema: Mapping[str, object]) -> Iterator[str]:
        if schema.get("additionalProperties") is not False:
            yield "'additionalProperties' is required to be supplied and to be false."
        properties, required = as_mapping(schema.get("properties")), schema.get("required")
        every = "'required' is required to be supplied and to be an array including every key in properties."
        missing = next((name for name in properties if name not in as_list(required)), None)
        extra = next((name for name in as_list(required) if not isinstance(name, str) or name not in properties), None)
        if missing is not None:
            yield f"{every} Missing '{missing:.200}'."
        if extra is not None:
            yield f"{every} Extra required key '{extra!s:.200}' supplied."
        self._properties += len(properties)
        if self._properties > MAX_PROPERTIES:
            yield f"!Expected at most {MAX_PROPERTIES} object properties in total, but got more instead."


def _below(schema: Mapping[str, object], path: _Path, nesting: int) -> Iterator[tuple[object, _Path, int]]:
    for key in ("$defs", "definitions"):
        for name, each in as_mapping(schema.get(key)).items():
            yield each, (*path, key, name), 1
    for name, each in as_mapping(schema.get("properties")).items():
        yield each, (*path, "properties", name), nesting + 1
    if "items" in schema:
        yield schema["items"], (*path, "items"), nesting + 1
    for index, each in enumerate(as_list(schema.get("anyOf"))):
        yield each, (*path, "anyOf", str(index)), nesting
