"""Errors that every route may answer: who may call, what URL there is, what is wrong with a body, query or list.

The sentences for bodies and queries (contract 5.3) were recorded on other routes of the real service; that the
fine-tuning routes use them too is assumed. ``{path}`` is the dotted path of the field and the error's ``param``.
"""

from __future__ import annotations

from mocktune.domain.errors import (
    AuthenticationError,
    ErrorKind,
    InternalServerError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    ParameterError,
    PayloadTooLargeError,
    PermissionDeniedError,
    ServiceUnavailableError,
)

ANY = ("*",)
"""Of every operation."""

_ELSEWHERE = "OBS of other routes"


def article_of(value: object) -> str:
    """What a JSON value is, as the sentence of ``INVALID_TYPE`` says it."""
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


# -- who may call ------------------------------------------------------------------------------------------------------

NO_KEY = ErrorKind(
    error=AuthenticationError,
    message="You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
    "auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're "
    "accessing the API from your browser and are prompted for a username and password. You can obtain an API "
    "key from https://platform.openai.com/account/api-keys.",
    source="OBS",
    operations=ANY,
)
INVALID_KEY = ErrorKind(
    # Here: a key that begins with sk-invalid, has more than 512 characters, or unprintable ones.
    error=AuthenticationError,
    message="Incorrect API key provided: {key}. You can find your API key at "
    "https://platform.openai.com/account/api-keys.",
    code="invalid_api_key",
    source="OBS",
    operations=ANY,
)
FOREIGN_HOST = ErrorKind(
    error=PermissionDeniedError,
    message="This mocktune server does not answer for the host '{host:.200}'; start it with --allowed-host "
    "{host:.200}.",
    source="mocktune",
    operations=ANY,
)
FOREIGN_ORIGIN = ErrorKind(
    error=PermissionDeniedError,
    message="This mocktune server does not answer pages of the origin '{origin:.200}'; start it with --allow-origin "
    "{origin:.200}.",
    source="mocktune",
    operations=ANY,
)
TOO_MANY_SANDBOXES = ErrorKind(
    error=ServiceUnavailableError,
    message="This mocktune server has {most} open sandboxes and opens no more; raise --max-sandboxes, or wait until "
    "unused ones are closed.",
    source="mocktune",
    operations=ANY,
)

# -- what URL there is -------------------------------------------------------------------------------------------------

INVALID_URL = ErrorKind(
    error=NotFoundError, message="Invalid URL ({method} {path:.200})", source="assumed", operations=ANY
)
NOT_PART_OF_MOCKTUNE = ErrorKind(
    # Endpoints of the real service that are not played.
    error=NotFoundError,
    message="{method} {path:.200} is not part of mocktune.",
    code="not_part_of_mocktune",
    source="mocktune",
    operations=ANY,
)
METHOD_NOT_ALLOWED = ErrorKind(
    error=MethodNotAllowedError,
    message="Not allowed to {method} on {path:.200}",
    source="assumed",
    operations=ANY,
)

# -- what is wrong with a body or query --------------------------------------------------------------------------------

BODY_NO_JSON = ErrorKind(
    error=InvalidRequestError,
    message="We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
    "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. Problem: "
    "{problem:.200}.)",
    source="OBS",
    operations=ANY,
)
BODY_NO_OBJECT = ErrorKind(
    error=ParameterError,
    message="Invalid type for the request body: expected an object, but got {got} instead.",
    code="invalid_type",
    source="assumed",
    operations=ANY,
)
PAYLOAD_TOO_LARGE = ErrorKind(
    error=PayloadTooLargeError,
    # Seen on the audio route, with its own limit.
    message="Maximum content size limit ({limit}) exceeded ({size} bytes read)",
    source=_ELSEWHERE,
    operations=ANY,
)
MISSING_PARAMETER = ErrorKind(
    error=ParameterError,
    message="Missing required parameter: '{path}'.",
    code="missing_required_parameter",
    source=_ELSEWHERE,
    operations=ANY,
)
UNKNOWN_PARAMETER = ErrorKind(
    error=ParameterError,
    message="Unknown parameter: '{path}'.",
    code="unknown_parameter",
    source=_ELSEWHERE,
    operations=ANY,
)
INVALID_TYPE = ErrorKind(
    error=ParameterError,
    message="Invalid type for '{path}': expected {expected}, but got {got} instead.",
    code="invalid_type",
    source=_ELSEWHERE,
    operations=ANY,
)
NOT_SUPPORTED = ErrorKind(
    error=ParameterError,
    message="Invalid value: '{value!s:.100}'. Supported values are: {allowed}.",
    code="invalid_value",
    source=_ELSEWHERE,
    operations=ANY,
)
INTEGER_BELOW_MIN = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': integer below minimum value. Expected a value {sign} {bound}, but got {value} instead.",
    code="integer_below_min_value",
    source=_ELSEWHERE,
    operations=ANY,
)
INTEGER_ABOVE_MAX = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': integer above maximum value. Expected a value {sign} {bound}, but got {value} instead.",
    code="integer_above_max_value",
    source=_ELSEWHERE,
    operations=ANY,
)
DECIMAL_BELOW_MIN = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': decimal below minimum value. Expected a value {sign} {bound}, but got {value} instead.",
    code="decimal_below_min_value",
    source=_ELSEWHERE,
    operations=ANY,
)
DECIMAL_ABOVE_MAX = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': decimal above maximum value. Expected a value {sign} {bound}, but got {value} instead.",
    code="decimal_above_max_value",
    source=_ELSEWHERE,
    operations=ANY,
)
STRING_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': string too long. Expected a string with maximum length {bound}, but got a string with "
    "length {length} instead.",
    code="string_above_max_length",
    source=_ELSEWHERE,
    operations=ANY,
)
STRING_TOO_SHORT = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': string too short. Expected a string with minimum length {bound}, but got a string with "
    "length {length} instead.",
    code="string_below_min_length",
    source=_ELSEWHERE,
    operations=ANY,
)
ARRAY_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': array too long. Expected an array with maximum length {bound}, but got an array with "
    "length {length} instead.",
    code="array_above_max_length",
    source=_ELSEWHERE,
    operations=ANY,
)
ARRAY_TOO_SHORT = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': array too short. Expected an array with minimum length {bound}, but got an array with "
    "length {length} instead.",
    code="array_below_min_length",
    source=_ELSEWHERE,
    operations=ANY,
)
TOO_MANY_PROPERTIES = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': too many properties. Expected an object with at most {bound} properties, but got an "
    "object with {length} properties instead.",
    code="object_above_max_properties",
    source=_ELSEWHERE,
    operations=ANY,
)
PROPERTY_NAME_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': property name too long. Expected a property name with maximum length {bound}, but got "
    "one with length {length} instead.",
    code="string_above_max_length",
    source="assumed",
    operations=ANY,
)
INVALID = ErrorKind(
    error=ParameterError,
    message="Invalid '{path}': {problem}.",
    code="invalid_value",
    source="assumed",
    operations=ANY,
)

# -- lists -------------------------------------------------------------------------------------------------------------

UNKNOWN_CURSOR = ErrorKind(
    error=ParameterError,
    message="Invalid 'after': no object with id '{after:.100}' is in this list.",
    code="invalid_value",
    param="after",
    source="assumed",  # contract 11, doubt 11
    operations=(
        "files.list",
        "fine_tuning.jobs.list",
        "fine_tuning.jobs.list_events",
        "fine_tuning.jobs.checkpoints.list",
        "mocktune.webhooks.deliveries.list",
        "fine_tuning.checkpoints.permissions.list",
        "chat.completions.list",
        "chat.completions.messages.list",
        "responses.input_items.list",
        "webhooks.list",
        "mocktune.sandboxes.list",
    ),
)

# -- ours --------------------------------------------------------------------------------------------------------------

INTERNAL = ErrorKind(
    error=InternalServerError,
    message="The server had an error processing your request. Sorry about that! You can retry your request, or contact "
    "us through our help center at help.openai.com if you keep seeing this error. (Please include the request ID "
    "{request_id} in your email.)",
    source="RUBY",
    operations=ANY,
)
