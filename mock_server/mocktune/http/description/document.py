"""The whole document: what FastAPI knows of the routes, and what only we know of them.

FastAPI has the answers' models; bodies and queries are named by the routes (``described_by``). Put in here: names as in
the SDK, parameters of paths, who may call, the errors of each operation, headers, and a recorded example of each
request and answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mocktune.http.call import OPERATION
from mocktune.http.description.documents import document_schemas, place_documents
from mocktune.http.description.errors import describe_errors, error_schemas
from mocktune.http.description.examples import Recorded, recorded
from mocktune.http.description.headers import HEADERS, headers_of
from mocktune.http.description.security import SECURITY_SCHEMES, security_of

Json = dict[str, Any]

_ABOUT = """\
A local, offline, OpenAI-compatible fine-tuning service that behaves like the real one in time, and the control plane of
the sandbox that an API key opens.

Answers that rules of faults make (`/_mocktune/faults`) are no part of this description: they may have any status and
any bytes. Paths of Azure's dialect below `/openai/` that are translated to one of `/v1/` are answered as that one is,
with Azure's error envelope.
"""

_SERVERS: list[Json] = [
    {"url": "/", "description": "the sandbox that the API key names"},
    {
        "url": "/s/{sandbox}",
        "description": "a sandbox by its name, whatever key is sent",
        "variables": {"sandbox": {"default": "shared", "description": "letters, digits, `.`, `_` and `-`"}},
    },
]

_TAGS: dict[str, str] = {
    "Files": "Training files, result files and whatever else is uploaded.",
    "Uploads": "Large files in parts.",
    "Fine-tuning": "Jobs, their events and checkpoints, permissions of checkpoints, and what an organization may run.",
    "Graders": "Graders of reinforcement, tried out.",
    "Models": "Base models, and those that jobs made.",
    "Chat": "Chat completions, and those that were stored.",
    "Completions": "Legacy completions.",
    "Responses": "Responses, and those that were stored.",
    "Moderations": "Moderations.",
    "Webhooks": "Endpoints that are told how jobs ended.",
    "Azure": "Deployments, as Azure has them.",
    "Control plane": "A sandbox's clock, scenario, faults, state, journal, webhooks and verdict: mocktune's own.",
}

_STREAMED = frozenset({"chat.completions.create", "completions.create", "responses.create", "responses.retrieve"})
"""Answered with server-sent events where the request asks for them."""

_PARAMETER = re.compile(r"\{(\w+)\}")


def completed(document: Json) -> Json:
    """The document, complete, its paths in the order of their names: that does not hang on who asked first."""
    examples = recorded()
    document["paths"] = {path: dict(sorted(methods.items())) for path, methods in sorted(document["paths"].items())}
    document["info"]["description"] = _ABOUT
    document["servers"] = _SERVERS
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    components = document["components"]
    components["securitySchemes"] = SECURITY_SCHEMES
    components["headers"] = HEADERS
    components["examples"] = {}
    components["schemas"] |= error_schemas() | document_schemas()
    for path, operation in _operations(document):
        name = operation[OPERATION]
        operation["operationId"] = name
        operation["security"] = security_of(name)
        operation["parameters"] = [*_path_parameters(path), *operation.get("parameters", ())]
        _describe_answers(operation, name)
        describe_errors(operation, path, examples, components["examples"])
        _show(operation, examples)
    place_documents(document["paths"])
    components["schemas"] = dict(sorted(components["schemas"].items()))
    settled: Json = _with_open_unions(document)
    return settled


def _with_open_unions(part: Any) -> Any:
    """``anyOf`` for ``oneOf``: what pydantic tells apart by a function may fit several branches. Branches that take
    nothing are left out."""
    if isinstance(part, list):
        return [_with_open_unions(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {name: _with_open_unions(each) for name, each in part.items()}
    if isinstance(found.get("oneOf"), list):
        found["anyOf"] = [each for each in found.pop("oneOf") if each != {"not": {}}]
    return found


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            yield path, operation


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(path)
    ]


def _describe_answers(operation: Json, name: str) -> None:
    """What an operation that succeeds answers: its headers, and what is no JSON."""
    responses = operation["responses"]
    for status in [status for status in responses if not status.startswith("2")]:
        del responses[status]
    for response in responses.values():
        response["headers"] = headers_of(name)
        if name in _STREAMED:
            # Without a schema: OpenAPI 3.1 has none for single events, and readers differ about what one would be of.
            response["content"]["text/event-stream"] = {}
        if name == "files.content":
            response["content"] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def _show(operation: Json, examples: Recorded) -> None:
    """The recorded call of the operation, in every place that has one."""
    call = examples.calls.get(operation[OPERATION])
    if call is None:
        return
    for parameter in operation["parameters"]:
        where = call.path if parameter["in"] == "path" else call.query
        if parameter["name"] in where:
            parameter["example"] = where[parameter["name"]]
    if call.request is not None and "requestBody" in operation:
        for content in operation["requestBody"]["content"].values():
            content["example"] = call.request
    for answer in call.answers:
        content = operation["responses"][answer.status].get("content", {})
        if answer.media_type in content:
            content[answer.media_type]["example"] = answer.body
