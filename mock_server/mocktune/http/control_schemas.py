"""JSON Schemas of what the control plane takes and answers, each a document of its own."""

from __future__ import annotations

import json
import re
from typing import Any

from mocktune.http.call import OPERATION

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_REF = "#/components/schemas/"


def control_schemas(description: Json) -> dict[str, Json]:
    """By name: ``clock.advance.request`` and ``clock.advance.answer`` are those of ``mocktune.clock.advance``."""
    found: dict[str, Json] = {}
    for path, operations in description["paths"].items():
        if not path.startswith("/_mocktune/"):
            continue
        for operation in operations.values():
            name = operation[OPERATION].removeprefix("mocktune.")
            parts = {"request": operation.get("requestBody"), "answer": operation["responses"].get("200")}
            for what, part in parts.items():
                schema = (part or {}).get("content", {}).get("application/json", {}).get("schema")
                if schema:
                    found[f"{name}.{what}"] = schema
    return found


def standalone(schema: Json, description: Json) -> Json:
    """The schema with everything it refers to in it."""
    schemas = description["components"]["schemas"]
    names: list[str] = []
    waiting = [schema]
    while waiting:
        for name in re.findall(re.escape(_REF) + r"(\w+)", json.dumps(waiting.pop())):
            if name not in names:
                names.append(name)
                waiting.append(schemas[name])
    whole = {"$schema": DIALECT, **schema}
    if names:
        whole["$defs"] = {name: schemas[name] for name in sorted(names)}
    written: Json = json.loads(json.dumps(whole).replace(_REF, "#/$defs/"))
    return written
