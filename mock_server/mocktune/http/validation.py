"""Bodies and queries against their models, and pydantic's findings in the API's own words.

The code and the sentence of each kind of finding stand in ``domain/error_kinds/common.py``; here they are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mocktune.domain.error_kinds import common as kinds
from mocktune.domain.errors import ApiError, ParameterError
from mocktune.http.loose import loosened

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "a string",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


NUMBERS = frozenset({"limit", "since"})
"""Parameters of queries that are integers."""


def parse_json(body: bytes) -> object:
    """Raises ``InvalidRequestError`` in the recorded words for bytes that are not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise kinds.BODY_NO_JSON(problem=str(error)) from error


def parse_object(body: bytes) -> dict[str, Any]:
    """The body's JSON object. Raises for bad JSON and for JSON that is no object."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise kinds.BODY_NO_OBJECT(got=kinds.article_of(value))
    return value


def parse_query(model: type[Model], query: Mapping[str, str], *, loose: bool = False) -> Model:
    """Query parameters as ``model``: texts that look like what is expected are read as such."""
    read = {key: _number(value) if key in NUMBERS else value for key, value in query.items()}
    return check(model, read, loose=loose)


def check(model: type[Model], value: Mapping[str, object], *, loose: bool = False) -> Model:
    """``value`` as ``model``. Raises for the first thing in it that does not fit.

    ``loose`` lets unknown parameters, values out of range and unknown values of an enumeration pass.
    """
    try:
        if loose:
            checked: Model = loosened(model).validate_python(value, context={"loose": True})
            return checked
        return model.model_validate(value)
    except ValidationError as error:
        raise api_error(error.errors(include_url=False), value) from error


def api_error(found: Sequence[ErrorDetails], body: object) -> ApiError:
    """The API's words for the first finding in ``body``."""
    first = found[0]
    path = _dotted(first, body)
    if first["type"] == "api":
        return ParameterError(str(first["msg"]), param=path + first["ctx"]["below"], code=first["ctx"]["code"])
    # A value that may be of several types has a finding for each of them.
    expected = [_EXPECTED[each["type"]] for each in found if each["type"] in _EXPECTED and _dotted(each, body) == path]
    if first["type"] in _EXPECTED:
        got = kinds.article_of(first["input"])
        return kinds.INVALID_TYPE(param=path, path=path, expected=_one_of(expected), got=got)
    return _worded(first, path)


def _worded(finding: ErrorDetails, path: str) -> ApiError:
    kind, value, context = finding["type"], finding["input"], finding.get("ctx", {})
    match kind:
        case "missing":
            return kinds.MISSING_PARAMETER(param=path, path=path)
        case "extra_forbidden":
            return kinds.UNKNOWN_PARAMETER(param=path, path=path)
        case "literal_error" | "enum":
            return kinds.NOT_SUPPORTED(param=path, value=value, allowed=_series(context.get("expected", "")))
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return _range(path, kind, value, context)
        case "string_too_long" | "too_long" | "string_too_short" | "too_short":
            return _length(path, kind, value, context)
    return kinds.INVALID(param=path, path=path, problem=finding["msg"])


def _range(path: str, kind: str, value: object, context: Mapping[str, Any]) -> ApiError:
    below = kind.startswith("greater")
    sign = (">" if below else "<") + ("=" if kind.endswith("equal") else "")
    bound = next(context[key] for key in ("ge", "gt", "le", "lt") if key in context)
    # The field's kind, not the value's: 3 is too big for a temperature as a decimal.
    if isinstance(bound, float):
        told = kinds.DECIMAL_BELOW_MIN if below else kinds.DECIMAL_ABOVE_MAX
        bound = int(bound) if bound.is_integer() else bound
    else:
        told = kinds.INTEGER_BELOW_MIN if below else kinds.INTEGER_ABOVE_MAX
    return told(param=path, path=path, sign=sign, bound=bound, value=value)


def _length(path: str, kind: str, value: Any, context: Mapping[str, Any]) -> ApiError:
    too_long = kind.endswith("long")
    if isinstance(value, Mapping):
        told = kinds.TOO_MANY_PROPERTIES
    elif kind.startswith("string"):
        told = kinds.STRING_TOO_LONG if too_long else kinds.STRING_TOO_SHORT
    else:
        told = kinds.ARRAY_TOO_LONG if too_long else kinds.ARRAY_TOO_SHORT
    return told(param=path, path=path, bound=context["max_length" if too_long else "min_length"], length=len(value))


def _dotted(finding: ErrorDetails, body: object) -> str:
    """``("messages", 0, "role")`` as ``messages[0].role``.

    pydantic puts the names of union branches into a location as well: what leads nowhere in the body is one of those,
    unless it is what is missing from it.
    """
    path, value, location = "", body, finding["loc"]
    for index, part in enumerate(location):
        if isinstance(part, int):
            path += f"[{part}]"
            value = value[part] if isinstance(value, list) and part < len(value) else None
        elif isinstance(value, Mapping) and part in value:
            path += f".{part}" if path else part
            value = value[part]
        elif finding["type"] == "missing" and index == len(location) - 1:
            path += f".{part}" if path else part
    return path


def _one_of(expected: Sequence[str]) -> str:
    """``a string``, or ``one of a string or array`` where several types would do."""
    kinds = list(dict.fromkeys(expected))
    if len(kinds) == 1:
        return kinds[0]
    return "one of " + " or ".join([kinds[0], *(kind.partition(" ")[2] for kind in kinds[1:])])


@cache
def _series(expected: str) -> str:
    """pydantic's ``'a', 'b' or 'c'`` as the API's ``'a', 'b', and 'c'``."""
    values = expected.replace(" or ", ", ").split(", ")
    if len(values) < 3:
        return " and ".join(values)
    return ", ".join(values[:-1]) + ", and " + values[-1]


def _number(text: str) -> object:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else text
