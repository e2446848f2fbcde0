"""The headers of answers, as far as clients read them (contract 6.1)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

HEADERS: Json = {
    "request-id": {
        "description": "names the request, in errors and in the journal",
        "required": True,
        "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
    },
    "openai-version": {"required": True, "schema": {"const": "2020-10-01"}},
    "openai-organization": {
        "description": "what the request said, `mocktune` where it said nothing",
        "required": True,
        "schema": {"type": "string"},
    },
    "openai-processing-ms": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "www-authenticate": {"required": True, "schema": {"const": 'Bearer realm="OpenAI API"'}},
    "retry-after": {
        "description": "whole seconds of wall time after which it is worth trying again, where waiting helps",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "content-disposition": {
        "description": "`attachment`, with the file's name",
        "required": True,
        "schema": {"type": "string", "pattern": "^attachment"},
    },
}


def headers_of(operation: str, status: str = "200") -> Json:
    """Those of one answer; each refers to ``HEADERS``."""
    found = {
        "x-request-id": "request-id",
        "openai-version": "openai-version",
        "openai-organization": "openai-organization",
        "openai-processing-ms": "openai-processing-ms",
    }
    if status == "401" and not operation.startswith("azure."):
        found["www-authenticate"] = "www-authenticate"
    if status in ("429", "503"):
        found["retry-after"] = "retry-after"
    if operation == "files.content" and status == "200":
        found["content-disposition"] = "content-disposition"
    return {name: {"$ref": f"#/components/headers/{each}"} for name, each in found.items()}
