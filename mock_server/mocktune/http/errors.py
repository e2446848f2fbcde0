"""THE mapping from a domain error to a status and the error envelope. All doors lead here.

::

    domain errors            raised by services, found in STATUS along the class's MRO
    request validation       ``validation.py`` and FastAPI's own, always 400, never 422
    unknown URL or method    ``unknown_url`` and ``wrong_method``
    anything unexpected      500, logged with the request id

The envelope is ``{"error": {"message", "type", "param", "code"}}``: all four keys, two spaces of indentation [OBS].
"""

from __future__ import annotations

from math import ceil

from starlette.responses import Response

from mocktune.domain import errors
from mocktune.domain.error_kinds import common as kinds
from mocktune.http.answers import json_answer

STATUS: dict[type[errors.ApiError], int] = {
    errors.InvalidRequestError: 400,
    errors.PayloadTooLargeError: 413,
    errors.AuthenticationError: 401,
    errors.PermissionDeniedError: 403,
    errors.NotFoundError: 404,
    errors.MethodNotAllowedError: 405,
    errors.ConflictError: 409,
    errors.RateLimitError: 429,
    errors.InternalServerError: 500,
    errors.ServiceUnavailableError: 503,
}

NOT_PART_OF_MOCKTUNE = (
    "assistants", "audio", "batches", "containers", "conversations", "embeddings", "evals", "images",
    "organization", "realtime", "threads", "vector_stores", "videos", "fine_tuning",
)  # fmt: skip
"""First segments below ``/v1`` where the real API has endpoints that this version does not serve."""


def error_answer(error: errors.ApiError) -> Response:
    """The envelope with its status, and the headers an error of its kind carries."""
    status = status_of(error)
    response = json_answer(
        {"error": {"message": error.message, "type": error.type, "param": error.param, "code": error.code}}, status
    )
    if status == 401:
        response.headers["www-authenticate"] = 'Bearer realm="OpenAI API"'
    if isinstance(error, errors.MethodNotAllowedError):
        response.headers["allow"] = ", ".join(error.allowed)
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(ceil(error.retry_after_s))
        response.headers["retry-after-ms"] = str(round(error.retry_after_s * 1000))
    return response


def status_of(error: errors.ApiError) -> int:
    return status_of_class(type(error))


def status_of_class(error: type[errors.ApiError]) -> int:
    """The status of the nearest class that has one."""
    return next(STATUS[cls] for cls in error.__mro__ if cls in STATUS)


def unknown_url(method: str, path: str) -> errors.ApiError:
    """A URL that is no endpoint; those of the real API say that they are not played here."""
    segments = path.split("/")
    if len(segments) > 2 and segments[1] == "v1" and segments[2] in NOT_PART_OF_MOCKTUNE:
        return kinds.NOT_PART_OF_MOCKTUNE(method=method, path=path)
    return kinds.INVALID_URL(method=method, path=path)


def wrong_method(method: str, path: str, allowed: tuple[str, ...]) -> errors.ApiError:
    error = kinds.METHOD_NOT_ALLOWED(method=method, path=path)
    assert isinstance(error, errors.MethodNotAllowedError)
    error.allowed = allowed
    return error
