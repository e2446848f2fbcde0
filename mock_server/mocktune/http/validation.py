"""Bodies and queries against their models, and pydantic's findings in the API's own words.

The code and the sentence of each kind of finding stand in one table. Those for integers and strings were recorded on
other routes; that fine-tuning routes use them too is assumed (contract 5.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mocktune.domain.errors import InvalidRequestError, ParameterError
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


def parse_json(body: bytes) -> object:
    """Raises ``InvalidRequestError`` in the recorded words for bytes that are not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequestError(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. "
            f"Problem: {error!s:.200}.)"
        ) from error


def parse_object(body: bytes) -> dict[str, Any]:
    """The body's JSON object. Raises for bad JSON and for JSON that is no object."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise ParameterError(
            f"Invalid type for the request body: expected an object, but got {_article(value)} instead.",
            param=None,
            code="invalid_type",
        )
    return value


def parse_query(model: type[Model], query: Mapping[str, str], *, loose: bool = False) -> Model:
    """Query parameters as ``model``: texts that look like what is expected are read as such."""
    return check(model, {key: _number(value) if key == "limit" else value for key, value in query.items()}, loose=loose)


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


def api_error(found: Sequence[ErrorDetails], body: object) -> ParameterError:
    """The API's words for the first finding in ``body``."""
    first = found[0]
    path = _dotted(first, body)
    if first["type"] == "api":
        return ParameterError(str(first["msg"]), param=path + first["ctx"]["below"], code=first["ctx"]["code"])
    # A value that may be of several types has a finding for each of them.
    expected = [_EXPECTED[each["type"]] for each in found if each["type"] in _EXPECTED and _dotted(each, body) == path]
    if first["type"] in _EXPECTED:
        got = _article(first["input"])
        message = f"Invalid type for '{path}': expected {_one_of(expected)}, but got {got} instead."
        return ParameterError(message, param=path, code="invalid_type")
    message, code = _worded(first, path)
    return ParameterError(message, param=path, code=code)


def _worded(finding: ErrorDetails, path: str) -> tuple[str, str]:
    kind, value, context = finding["type"], finding["input"], finding.get("ctx", {})
    bound = next((context[key] for key in ("ge", "gt", "le", "lt") if key in context), None)
    # The field's kind, not the value's: 3 is too big for a temperature as a decimal.
    number = "decimal" if isinstance(bound, float) else "integer"
    if isinstance(bound, float) and bound.is_integer():
        bound = int(bound)
    match kind:
        case "missing":
            return f"Missing required parameter: '{path}'.", "missing_required_parameter"
        case "extra_forbidden":
            return f"Unknown parameter: '{path}'.", "unknown_parameter"
        case "literal_error" | "enum":
            allowed = _series(context.get("expected", ""))
            return f"Invalid value: '{value!s:.100}'. Supported values are: {allowed}.", "invalid_value"
        case "greater_than_equal" | "greater_than":
            sign = ">=" if kind == "greater_than_equal" else ">"
            return (
                f"Invalid '{path}': {number} below minimum value. Expected a value {sign} {bound}, but got {value} "
                f"instead.",
                f"{number}_below_min_value",
            )
        case "less_than_equal" | "less_than":
            sign = "<=" if kind == "less_than_equal" else "<"
            return (
                f"Invalid '{path}': {number} above maximum value. Expected a value {sign} {bound}, but got {value} "
                f"instead.",
                f"{number}_above_max_value",
            )
        case "string_too_long" | "string_too_short":
            return _length(path, "string", "long" in kind, context, len(value))
        case "too_long" | "too_short":
            what = "object" if isinstance(value, Mapping) else "array"
            return _length(path, what, "long" in kind, context, len(value))
    return f"Invalid '{path}': {finding['msg']}.", "invalid_value"


def _length(path: str, what: str, too_long: bool, context: Mapping[str, Any], actual: int) -> tuple[str, str]:
    word, side, bound = ("long", "maximum", "max_length") if too_long else ("short", "minimum", "min_length")
    if what == "object":
        return (
            f"Invalid '{path}': too many properties. Expected an object with at most {context[bound]} properties, "
            f"but got an object with {actual} properties instead.",
            "object_above_max_properties",
        )
    article = "an array" if what == "array" else "a string"
    return (
        f"Invalid '{path}': {what} too {word}. Expected {article} with {side} length {context[bound]}, but got "
        f"{article} "
        f"with length {actual} instead.",
        f"{what}_{'above_max' if too_long else 'below_min'}_length",
    )


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


def _article(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
    return "an object"


@cache
def _series(expected: str) -> str:
    """pydantic's ``'a', 'b' or 'c'`` as the API's ``'a', 'b', and 'c'``."""
    values = expected.replace(" or ", ", ").split(", ")
    if len(values) < 3:
        return " and ".join(values)
    return ", ".join(values[:-1]) + ", and " + values[-1]


def _number(text: str) -> object:
    return int(text) if re.fullmatch(r"-?\d{1,18}", text, re.ASCII) else text
