"""The SDK's type of every answer, by method and path: what ``--strict-sdk`` holds raw HTTP answers to.

The SDK does so itself for calls that go through it (``_strict_response_validation=True``). A name stands as
``module:name`` below ``openai``; ``pagination:Page[types:T]`` is a page of ``T``.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import import_module
from typing import Any

import httpx2
from pydantic import TypeAdapter

_JOB, _FILE, _UPLOAD = "types.fine_tuning:FineTuningJob", "types:FileObject", "types:Upload"
_CHAT, _RESPONSE = "types.chat:ChatCompletion", "types.responses:Response"
_PERMISSION = "types.fine_tuning.checkpoints:Permission"
_ENDPOINT = "types.webhooks:WebhookEndpoint"

ANSWERS: dict[str, str] = {
    "POST /files": _FILE,
    "GET /files": f"pagination:SyncCursorPage[{_FILE}]",
    "GET /files/*": _FILE,
    "DELETE /files/*": "types:FileDeleted",
    "POST /uploads": _UPLOAD,
    "POST /uploads/*/parts": "types.uploads:UploadPart",
    "POST /uploads/*/complete": _UPLOAD,
    "POST /uploads/*/cancel": _UPLOAD,
    "GET /models": "pagination:SyncPage[types:Model]",
    "GET /models/*": "types:Model",
    "DELETE /models/*": "types:ModelDeleted",
    "POST /fine_tuning/jobs": _JOB,
    "GET /fine_tuning/jobs": f"pagination:SyncCursorPage[{_JOB}]",
    "GET /fine_tuning/jobs/*": _JOB,
    "POST /fine_tuning/jobs/*/cancel": _JOB,
    "POST /fine_tuning/jobs/*/pause": _JOB,
    "POST /fine_tuning/jobs/*/resume": _JOB,
    "GET /fine_tuning/jobs/*/events": "pagination:SyncCursorPage[types.fine_tuning:FineTuningJobEvent]",
    "GET /fine_tuning/jobs/*/checkpoints": "pagination:SyncCursorPage[types.fine_tuning.jobs:FineTuningJobCheckpoint]",
    "GET /fine_tuning/checkpoints/*/permissions": f"pagination:SyncConversationCursorPage[{_PERMISSION}ListResponse]",
    "POST /fine_tuning/checkpoints/*/permissions": f"pagination:SyncPage[{_PERMISSION}CreateResponse]",
    "DELETE /fine_tuning/checkpoints/*/permissions/*": f"{_PERMISSION}DeleteResponse",
    "POST /fine_tuning/alpha/graders/run": "types.fine_tuning.alpha:GraderRunResponse",
    "POST /fine_tuning/alpha/graders/validate": "types.fine_tuning.alpha:GraderValidateResponse",
    "POST /chat/completions": _CHAT,
    "GET /chat/completions": f"pagination:SyncCursorPage[{_CHAT}]",
    "GET /chat/completions/*": _CHAT,
    "POST /chat/completions/*": _CHAT,
    "DELETE /chat/completions/*": "types.chat:ChatCompletionDeleted",
    "GET /chat/completions/*/messages": "pagination:SyncCursorPage[types.chat:ChatCompletionStoreMessage]",
    "POST /completions": "types:Completion",
    "POST /moderations": "types:ModerationCreateResponse",
    "POST /responses": _RESPONSE,
    "GET /responses/*": _RESPONSE,
    "POST /responses/*/cancel": _RESPONSE,
    "GET /responses/*/input_items": "pagination:SyncCursorPage[types.responses:ResponseItem]",
    "POST /responses/input_tokens": "types.responses:InputTokenCountResponse",
    "POST /webhook_endpoints": f"{_ENDPOINT}WithSecret",
    "GET /webhook_endpoints": f"pagination:SyncCursorPage[{_ENDPOINT}]",
    "GET /webhook_endpoints/*": _ENDPOINT,
    "POST /webhook_endpoints/*": _ENDPOINT,
    "DELETE /webhook_endpoints/*": "types.webhooks:DeletedWebhookEndpoint",
    "POST /webhook_endpoints/*/rotate_secret": f"{_ENDPOINT}WithSecret",
    "POST /webhook_endpoints/*/test": f"{_ENDPOINT}TestResult",
    "GET /webhook_event_types": "types.webhooks:WebhookEventTypeList",
}

STREAMED: dict[str, str] = {
    "POST /chat/completions": "types.chat:ChatCompletionChunk",
    "POST /completions": "types:Completion",
    "POST /responses": "types.responses:ResponseStreamEvent",
    "GET /responses/*": "types.responses:ResponseStreamEvent",
}
"""The type of each event of a stream."""

UNTYPED = frozenset({"GET /files/*/content", "DELETE /responses/*", "GET /fine_tuning/model_limits"})
"""Answers the SDK has no type for: bytes, one it throws away, and an endpoint it does not know."""


def hold_to_sdk_types(answer: httpx2.Response) -> None:
    """Raises ``pydantic.ValidationError`` for an answer that leaves the SDK's types, and ``LookupError`` for a path
    under ``/v1`` that stands in no table. Errors, and what is beside the API, pass."""
    path = answer.request.url.path.partition("/v1/")[2]
    if not answer.is_success or not path or "/_mocktune/" in answer.request.url.path:
        return
    route = _route(answer.request.method, path)
    if route in UNTYPED:
        return
    answer.read()
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = [line[len("data: ") :] for line in answer.text.splitlines() if line.startswith("data: {")]
        for event in events:
            type_named(STREAMED[route]).validate_python(json.loads(event))
    else:
        type_named(ANSWERS[route]).validate_python(answer.json())


def _route(method: str, path: str) -> str:
    literal = f"{method} /{path}"
    if literal in ANSWERS or literal in UNTYPED:
        return literal
    matching = (route for route in (*ANSWERS, *UNTYPED) if re.fullmatch(route.replace("*", "[^/]+"), literal))
    found = next(matching, None)
    if found is None:
        raise LookupError(f"{literal} has no type of the SDK's: name it in ANSWERS or UNTYPED")
    return found


@cache
def type_named(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_resolved(name))


def _resolved(name: str) -> Any:
    page, bracket, inner = name.partition("[")
    module, _, attribute = page.partition(":")
    found = getattr(import_module(f"openai.{module}"), attribute)
    return found[_resolved(inner.removesuffix("]"))] if bracket else found
