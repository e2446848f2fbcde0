"""The words of an injected answer whose rule gives none: what the real service says with its status.

Of 429 and 5xx as DOC and users' reports show them, the others assumed: a client that reads the text is to find one.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.faults import FaultAnswer

_INVALID, _SERVER = "invalid_request_error", "server_error"


@dataclass(frozen=True, slots=True)
class Words:
    message: str
    type: str
    code: str | None = None


_WORDS: dict[int, Words] = {
    401: Words("Incorrect API key provided.", _INVALID, "invalid_api_key"),
    403: Words("You are not allowed to do this.", _INVALID),
    404: Words("The requested resource was not found.", _INVALID),
    408: Words("Request timeout.", _INVALID),
    409: Words("The resource is being changed by another request. Please try again.", _INVALID),
    429: Words("Rate limit reached for requests. Please try again later.", "requests", "rate_limit_exceeded"),
    500: Words("The server had an error while processing your request. Sorry about that!", _SERVER),
    502: Words("Bad gateway.", _SERVER),
    503: Words("The engine is currently overloaded, please try again later.", _SERVER),
    504: Words("Gateway timeout.", _SERVER),
}


def words_of(answer: FaultAnswer) -> Words:
    """The envelope's message, type and code."""
    usual = _WORDS.get(answer.status) or Words(
        f"The request failed with status {answer.status}.", _SERVER if answer.status >= 500 else _INVALID
    )
    return Words(answer.message or usual.message, answer.type or usual.type, answer.code or usual.code)
