"""Answers with faults: what the rules of a sandbox do to the answer of a request."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from mocktune.domain.errors import ApiError
from mocktune.http.call import Call
from mocktune.http.dispatch import Endpoint


async def answer_with_faults(endpoint: Endpoint, call: Call, error_answer: Callable[[ApiError], Response]) -> Response:
    """The answer of ``endpoint``, or what a rule of faults makes of it."""
    response = await endpoint(call)
    call.committed = True
    return response
