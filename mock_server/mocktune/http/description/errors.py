"""The errors that each operation is documented to answer: its kinds in ``domain/error_kinds``, by status.

A kind of ``ANY`` operation is one of those that can meet it: no body, no complaint about one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from mocktune.domain.error_kinds import common, sandboxes
from mocktune.domain.errors import ErrorKind
from mocktune.http.azure import AZURES_WORDS, error_answer
from mocktune.http.call import OPERATION
from mocktune.http.capabilities import all_error_kinds
from mocktune.http.description.examples import Recorded
from mocktune.http.description.headers import headers_of
from mocktune.http.description.security import security_of
from mocktune.http.errors import status_of_class

Json = dict[str, Any]

_EVERYWHERE = (common.FOREIGN_HOST, common.FOREIGN_ORIGIN, common.INTERNAL)
_OF_KEYS = (common.NO_KEY, common.INVALID_KEY, common.TOO_MANY_SANDBOXES, sandboxes.INVALID_NAME)
_OF_QUERIES = (
    common.UNKNOWN_PARAMETER, common.INVALID_TYPE, common.NOT_SUPPORTED, common.INTEGER_BELOW_MIN,
    common.INTEGER_ABOVE_MAX, common.STRING_TOO_LONG, common.INVALID,
)  # fmt: skip
_OF_BODIES = (
    common.BODY_NO_JSON, common.BODY_NO_OBJECT, common.PAYLOAD_TOO_LARGE, common.MISSING_PARAMETER, *_OF_QUERIES,
    common.DECIMAL_BELOW_MIN, common.DECIMAL_ABOVE_MAX, common.STRING_TOO_SHORT, common.ARRAY_TOO_LONG,
    common.ARRAY_TOO_SHORT, common.TOO_MANY_PROPERTIES, common.PROPERTY_NAME_TOO_LONG,
)  # fmt: skip
_OF_FORMS = (common.PAYLOAD_TOO_LARGE, common.MISSING_PARAMETER, common.NOT_SUPPORTED)

_ENVELOPES = {"openai": "ErrorResponse", "azure": "AzureErrorResponse"}


def error_schemas() -> Json:
    """Azure's envelope, which no route names."""
    error = {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code", "message"],
        "additionalProperties": False,
    }
    return {
        "AzureErrorResponse": {
            "type": "object",
            "title": "AzureErrorResponse",
            "properties": {"error": error},
            "required": ["error"],
            "additionalProperties": False,
        }
    }


def describe_errors(operation: Json, path: str, examples: Recorded, shared: Json) -> None:
    """Enter the operation's errors; their examples go to ``shared``, those of the document."""
    name = operation[OPERATION]
    by_status: dict[str, list[tuple[str, ErrorKind]]] = {}
    for title, kind in kinds_of(operation, path):
        by_status.setdefault(str(status_of_class(kind.error)), []).append((title, kind))
    for status, kinds in sorted(by_status.items()):
        shown = {title: each for title, kind in kinds if (each := _shown(title, kind, name, examples, shared))}
        envelope = _ENVELOPES["azure" if name.startswith("azure.") else "openai"]
        content: Json = {"schema": {"$ref": f"#/components/schemas/{envelope}"}}
        if shown:
            content["examples"] = shown
        operation["responses"][status] = {
            "description": HTTPStatus(int(status)).phrase,
            "headers": headers_of(name, status),
            "content": {"application/json": content},
        }


def kinds_of(operation: Json, path: str) -> Iterator[tuple[str, ErrorKind]]:
    """The kinds that an operation answers, by their names."""
    name = operation[OPERATION]
    azure = name.startswith("azure.")
    general = {*_general(operation, path)}
    if azure:
        general = {AZURES_WORDS.get(kind, kind) for kind in general}
    for title, kind in _all_kinds():
        if name in kind.operations or kind in general:
            yield title, kind


def _general(operation: Json, path: str) -> Iterator[ErrorKind]:
    yield from _EVERYWHERE
    security = security_of(operation[OPERATION])
    if security and security != [{"adminToken": []}]:
        yield from _OF_KEYS
    if "{" in path or operation[OPERATION].startswith("azure."):
        yield common.INVALID_URL
    if any(parameter["in"] == "query" for parameter in operation["parameters"]):
        yield from _OF_QUERIES
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        yield from _OF_BODIES
    if "multipart/form-data" in content:
        yield from _OF_FORMS


@cache
def _all_kinds() -> tuple[tuple[str, ErrorKind], ...]:
    return tuple(all_error_kinds())


def _shown(title: str, kind: ErrorKind, operation: str, examples: Recorded, shared: Json) -> Json | None:
    """A reference to the kind's example in the operation's dialect, recorded from this operation where it was."""
    azure = operation.startswith("azure.")
    recorded = examples.errors.get(title, {})
    bodies = {of: body for of, body in recorded.items() if of.startswith("azure.") == azure}
    if azure and not bodies:
        bodies = {"azure": _as_azure(kind, next(iter(recorded.values())))} if recorded else {}
    if not bodies:
        return None
    of = operation if operation in bodies else next(iter(bodies))
    name = f"{title}.{of}".replace("*", "any")
    shared.setdefault(name, {"value": bodies[of]})
    return {"$ref": f"#/components/examples/{name}"}


def _as_azure(kind: ErrorKind, body: Json) -> Json:
    """What was recorded, in Azure's envelope."""
    error = kind.error(body["error"]["message"], code=kind.code, param=kind.param)
    written: Json = json.loads(bytes(error_answer(error).body))
    return written
