"""``docs/reference/control-plane.md``, written from the routes: what each takes, answers and refuses.

A route's docstring is its text, and its wire models are the tables. A test compares the file with what is written here;
``MOCKTUNE_UPDATE_GOLDENS=1 pytest mock_server/tests/test_docs.py`` rewrites it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mocktune.http.call import OPERATION
from mocktune.http.capabilities import all_error_kinds
from mocktune.http.errors import status_of_class
from mocktune.http.markdown import code, paragraph, plain, row, table

Json = dict[str, Any]
Schemas = Mapping[str, Any]

PREFIX = "/_mocktune"
METHODS = ("get", "post", "put", "patch", "delete")

MAX_DEPTH = 5
"""Fields of fields are written out this deep."""

_REF = "#/components/schemas/"

_INTRODUCTION = (
    "What a test says to the fake, never to the API: JSON under `/_mocktune`. A call carries the API key of the "
    "sandbox it is about, as any other request; `GET /_mocktune/health` alone needs none. Calls about the whole "
    "server, those below `/_mocktune/sandboxes` but for `current`, carry the server's admin token instead: that of the "
    "ready line, or of `--admin-token`.",
    "This page is written from the code. `/openapi.json` of a running server says the same, and `/_mocktune/schemas` "
    "has the JSON Schemas alone.",
    "Times are Unix seconds with fractions, durations in answers are seconds. Durations in requests are text: `250ms`, "
    "`45s`, `10m`, `1h30m`, `7d`. Instants in requests are Unix seconds or ISO 8601. Errors have the "
    "[API's envelope](errors.md); besides those that stand with a call, any may be answered with those of every route: "
    "a key that is missing or bad, a body that is no JSON, a field that nobody knows or of the wrong type.",
    "Requests to the control plane are not in the journal, and no fault ever hits them. What the documents say that "
    "some calls take is on pages of its own: [scenarios](scenarios.md), [faults](faults.md), [states](state.md).",
)


def control_page(description: Json) -> str:
    """The page, from the API's description with all routes in it."""
    schemas = description["components"]["schemas"]
    shared = _shared(description)
    routes = list(control_routes(description))
    sections = [["# Control plane", *_introduction(), "", *_contents(routes)]]
    sections += [list(_section(title, operation, schemas, shared)) for title, operation in routes]
    return "\n".join("\n".join(section).rstrip("\n") + "\n" for section in sections)


def _introduction() -> Iterator[str]:
    for text in _INTRODUCTION:
        yield ""
        yield from paragraph(text)


def control_routes(description: Json) -> Iterator[tuple[str, Json]]:
    """``GET /_mocktune/clock`` and its like with what the description says of them, in the order of their paths."""
    for path in sorted(path for path in description["paths"] if path.startswith(PREFIX)):
        operations = description["paths"][path]
        for method in sorted(operations, key=METHODS.index):
            yield f"{method.upper()} {path}", operations[method]


def _contents(routes: list[tuple[str, Json]]) -> Iterator[str]:
    yield from table("route", "")
    for title, operation in routes:
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        first = operation.get("description", "").partition("\n\n")[0]
        sentence, _, _ = " ".join(first.split()).partition(". ")
        yield row(f"[{code(title)}](#{anchor})", sentence.rstrip("."))


def _shared(description: Json) -> set[str]:
    """The models that the API itself takes or answers: they are not this page's to explain."""
    schemas = description["components"]["schemas"]
    waiting = [each for path, each in description["paths"].items() if not path.startswith(PREFIX)]
    found: set[str] = set()
    while waiting:
        for name in _named(waiting.pop()) - found:
            found.add(name)
            waiting.append(schemas[name])
    return found


def _named(value: object) -> set[str]:
    """The schemas that a part of a document refers to."""
    return set(re.findall(re.escape(_REF) + r"(\w+)", json.dumps(value)))


def _section(title: str, operation: Json, schemas: Schemas, shared: set[str]) -> Iterator[str]:
    yield f"## {title}\n"
    if text := operation.get("description"):
        yield from text.rstrip().splitlines()
        yield ""
    yield f"Operation `{operation[OPERATION]}`.\n"
    query = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    if query:
        yield from table("query", "", "")
        for each in query:
            need = "required" if each["required"] else _default(each["schema"])
            yield row(code(each["name"]), _type(each["schema"]), _told(need, each["schema"].get("description")))
        yield ""
    body = _content(operation.get("requestBody"))
    if body is not None:
        yield from _model("body", body, schemas, shared)
    answer = _content(operation["responses"].get("200"))
    if answer:
        yield from _model("answer", answer, schemas, shared)
    yield from _errors(operation[OPERATION])


def _content(part: Json | None) -> Json | None:
    if part is None:
        return None
    schema: Json | None = part.get("content", {}).get("application/json", {}).get("schema")
    return schema


def _model(what: str, schema: Json, schemas: Schemas, shared: set[str]) -> Iterator[str]:
    name = _name(schema)
    known = _resolved(schema, schemas)
    fields = known.get("properties", {})
    if name in shared and len(fields) > 5:
        yield f"The {what} is the API's `{name}`.\n"
        return
    if text := known.get("description"):
        yield from paragraph(f"{what.capitalize()}: {_one_line(text)}")
        yield ""
    if not fields:
        return
    yield from table(what, "", "")
    yield from _Fields(schemas, set(shared), given=what == "body").rows(known, "", 0)
    yield ""


@dataclass(frozen=True)
class _Fields:
    """The fields of a model, and of the objects in them, each of those once. ``told`` need no telling."""

    schemas: Schemas
    told: set[str]
    given: bool

    def rows(self, schema: Json, prefix: str, depth: int) -> Iterator[str]:
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            need = ("required" if name in required else _default(field)) if self.given else ""
            inner, many = _inner(field)
            of = _name(inner) if inner else ""
            known = _resolved(inner, self.schemas) if inner and of not in self.told else {}
            self.told.add(of)
            about = field.get("description", known.get("description"))
            yield row(code(prefix + name), _type(field), _told(need, about and _one_line(about)))
            if depth < MAX_DEPTH:
                yield from self.rows(known, f"{prefix}{name}{'[]' if many else ''}.", depth + 1)


def _inner(field: Json) -> tuple[Json | None, bool]:
    """The object that a field holds, or (True) a list of; None for a field that holds none."""
    if "$ref" in field:
        return field, False
    if field.get("type") == "array" and "$ref" in field.get("items", {}):
        return field["items"], True
    for each in field.get("anyOf", ()):
        found, many = _inner(each)
        if found is not None:
            return found, many
    return None, False


def _name(schema: Json) -> str:
    return str(schema.get("$ref", "")).removeprefix(_REF) or str(schema.get("title", ""))


def _resolved(schema: Json, schemas: Schemas) -> Json:
    found: Json = schemas[_name(schema)] if "$ref" in schema else schema
    return found


def _type(schema: Json) -> str:
    """What a field may hold, in words."""
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return ", ".join(_literal(each) for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "$ref" in schema:
        return "object"
    if schema.get("type") == "array":
        items = schema.get("items", {})
        return f"list of {_type(items)}s" if items and "enum" not in items and "anyOf" not in items else "list"
    kinds = {"string": "text", "number": "number", "integer": "whole number", "null": "null", "object": "object"}
    kind = str(schema.get("type", "anything"))
    return kinds.get(kind, kind) + _bounds(schema)


def _literal(value: object) -> str:
    return code(value) if isinstance(value, str) else code(json.dumps(value))


def _bounds(schema: Json) -> str:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None and most is not None:
        return f" from {least:,} to {most:,}"
    if least is not None:
        return f" from {least:,}"
    return f" up to {most:,}" if most is not None else ""


def _default(schema: Json) -> str:
    value = schema.get("default")
    return "" if value is None else f"default {_literal(value)}"


def _told(need: str, about: str | None) -> str:
    return "; ".join(part for part in (need, about) if part)


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _errors(operation: str) -> Iterator[str]:
    kinds = [kind for _, kind in all_error_kinds() if operation in kind.operations]
    if not kinds:
        return
    yield from table("status", "code", "message")
    found = {(status_of_class(kind.error), code(kind.code), _words(plain(kind.message))) for kind in kinds}
    for status, of, message in sorted(found):
        yield row(status, of, message)
    yield ""


def _words(message: str) -> str:
    return "what cannot be read, and how it is written" if message == "{}" else code(message)
