"""The Azure dialect: other paths, ids, errors and result files over the same objects (contract 5.5).

::

    /openai/files, /openai/uploads, /openai/fine_tuning/…, /openai/models     /v1/…, with an api-version
    /openai/deployments/{name}/chat/completions, …/completions                /v1/…, answered by the deployed model
    /openai/v1/…                                                              /v1/…, whose models are deployments
    /openai/deployments, and the resource manager's …/deployments/{name}      deployments themselves

Requests are translated before the route is looked up, so every endpoint there is speaks both dialects. The key in
``api-key`` (or the bearer token) names the sandbox as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from urllib.parse import parse_qs

from starlette.responses import Response

from mocktune.domain.error_kinds.common import INVALID_KEY, INVALID_URL, NO_KEY
from mocktune.domain.error_kinds.deployments import ACCESS_DENIED, RESOURCE_NOT_FOUND
from mocktune.domain.errors import ApiError, MethodNotAllowedError
from mocktune.http.answers import json_answer
from mocktune.http.errors import status_of

_TRANSLATED = frozenset({"files", "uploads", "fine_tuning", "models", "responses"})
_DEPLOYED = frozenset({"chat", "completions"})

AZURES_WORDS = {NO_KEY: ACCESS_DENIED, INVALID_KEY: ACCESS_DENIED, INVALID_URL: RESOURCE_NOT_FOUND}
"""What Azure says in the place of these."""


@dataclass(frozen=True, slots=True)
class Translated:
    """``path`` as the routes know it; ``deployment`` the one that the path names, if any."""

    path: str
    deployment: str | None = None


def translate(path: str, query: bytes) -> Translated:
    """Raises ``NotFoundError`` for what Azure does not have, and for a request without an api-version."""
    segments = path.split("/")
    if segments[1] == "subscriptions":
        return Translated(path)
    if len(segments) > 3 and segments[2] == "v1":  # its api-version is optional
        return Translated("/" + "/".join(segments[2:]))
    if not parse_qs(query.decode("latin-1")).get("api-version"):
        raise RESOURCE_NOT_FOUND()
    if len(segments) > 4 and segments[2] == "deployments" and segments[4] in _DEPLOYED:
        return Translated("/v1/" + "/".join(segments[4:]), segments[3])
    if segments[2] in _TRANSLATED:
        return Translated("/v1/" + "/".join(segments[2:]))
    if segments[2] == "deployments" and len(segments) <= 4:
        return Translated(path)
    raise RESOURCE_NOT_FOUND()


def error_answer(error: ApiError) -> Response:
    """``{"error": {"code", "message"}}``: the code is a word, or the status as text."""
    if error.kind in AZURES_WORDS:
        error = AZURES_WORDS[error.kind]()
    status = status_of(error)
    response = json_answer({"error": {"code": error.code or str(status), "message": error.message}}, status)
    if isinstance(error, MethodNotAllowedError):
        response.headers["allow"] = ", ".join(error.allowed)
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(ceil(error.retry_after_s))
    return response
