"""The operations of the API, by the SDK's names, and which of them a request is.

The table is the list of what ``GET /_mocktune/capabilities`` calls endpoints, the control plane left out; a test
compares the two. Sources are explained in ``docs/explanation/sources.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Operation:
    """``path`` begins below the root; ``{name}`` stands for one segment. ``source``: where it is known from."""

    name: str
    method: str
    path: str
    source: str

    @property
    def azure(self) -> bool:
        return self.name.startswith("azure.")

    @property
    def resource(self) -> str:
        return self.path.removeprefix("/v1/").split("/")[0]


_PERMISSIONS = "/v1/fine_tuning/checkpoints/{checkpoint}/permissions"
_JOBS, _GRADERS, _ENDPOINTS = "/v1/fine_tuning/jobs", "/v1/fine_tuning/alpha/graders", "/v1/webhook_endpoints"
_ACCOUNT = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}"

OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(*row)
    for row in (
        ("files.create", "POST", "/v1/files", "RUBY, SPEC"),
        ("files.list", "GET", "/v1/files", "RUBY"),
        ("files.retrieve", "GET", "/v1/files/{file}", "RUBY"),
        ("files.delete", "DELETE", "/v1/files/{file}", "RUBY"),
        ("files.content", "GET", "/v1/files/{file}/content", "RUBY"),
        ("uploads.create", "POST", "/v1/uploads", "SPEC"),
        ("uploads.parts.create", "POST", "/v1/uploads/{upload}/parts", "SPEC"),
        ("uploads.complete", "POST", "/v1/uploads/{upload}/complete", "SPEC"),
        ("uploads.cancel", "POST", "/v1/uploads/{upload}/cancel", "SPEC"),
        ("fine_tuning.jobs.create", "POST", _JOBS, "RUBY, PINOLO, CN1229"),
        ("fine_tuning.jobs.list", "GET", _JOBS, "RUBY, SDK"),
        ("fine_tuning.jobs.retrieve", "GET", f"{_JOBS}/{{job}}", "RUBY, PINOLO"),
        ("fine_tuning.jobs.cancel", "POST", f"{_JOBS}/{{job}}/cancel", "RUBY"),
        ("fine_tuning.jobs.pause", "POST", f"{_JOBS}/{{job}}/pause", "SPEC, RFTDOC"),
        ("fine_tuning.jobs.resume", "POST", f"{_JOBS}/{{job}}/resume", "SPEC, RFTDOC"),
        ("fine_tuning.jobs.list_events", "GET", f"{_JOBS}/{{job}}/events", "PINOLO, NERBOOK"),
        ("fine_tuning.jobs.checkpoints.list", "GET", f"{_JOBS}/{{job}}/checkpoints", "PINOLO, SFTDOC"),
        ("fine_tuning.model_limits", "GET", "/v1/fine_tuning/model_limits", "LIMITS"),
        ("fine_tuning.checkpoints.permissions.create", "POST", _PERMISSIONS, "SPEC, SDK"),
        ("fine_tuning.checkpoints.permissions.list", "GET", _PERMISSIONS, "SPEC, SDK"),
        ("fine_tuning.checkpoints.permissions.delete", "DELETE", f"{_PERMISSIONS}/{{permission}}", "SPEC, SDK"),
        ("fine_tuning.alpha.graders.run", "POST", f"{_GRADERS}/run", "SPEC, GRADDOC, EVALPROTOCOL"),
        ("fine_tuning.alpha.graders.validate", "POST", f"{_GRADERS}/validate", "SPEC, GRADDOC, EVALPROTOCOL"),
        ("models.list", "GET", "/v1/models", "RUBY"),
        ("models.retrieve", "GET", "/v1/models/{model}", "RUBY"),
        ("models.delete", "DELETE", "/v1/models/{model}", "RUBY"),
        ("chat.completions.create", "POST", "/v1/chat/completions", "SPEC"),
        ("chat.completions.list", "GET", "/v1/chat/completions", "SPEC"),
        ("chat.completions.retrieve", "GET", "/v1/chat/completions/{completion}", "SPEC"),
        ("chat.completions.update", "POST", "/v1/chat/completions/{completion}", "SPEC"),
        ("chat.completions.delete", "DELETE", "/v1/chat/completions/{completion}", "SPEC"),
        ("chat.completions.messages.list", "GET", "/v1/chat/completions/{completion}/messages", "SPEC"),
        ("completions.create", "POST", "/v1/completions", "SPEC"),
        ("responses.create", "POST", "/v1/responses", "SDK, 3P"),
        ("responses.retrieve", "GET", "/v1/responses/{response}", "SDK"),
        ("responses.delete", "DELETE", "/v1/responses/{response}", "SPEC"),
        ("responses.cancel", "POST", "/v1/responses/{response}/cancel", "assumed"),
        ("responses.input_items.list", "GET", "/v1/responses/{response}/input_items", "SDK"),
        ("responses.input_tokens.count", "POST", "/v1/responses/input_tokens", "SDK"),
        ("moderations.create", "POST", "/v1/moderations", "SDK"),
        ("webhooks.create", "POST", _ENDPOINTS, "SDK, DOC"),
        ("webhooks.list", "GET", _ENDPOINTS, "SDK, DOC"),
        ("webhooks.retrieve", "GET", f"{_ENDPOINTS}/{{endpoint}}", "SDK, DOC"),
        ("webhooks.update", "POST", f"{_ENDPOINTS}/{{endpoint}}", "SDK, DOC"),
        ("webhooks.delete", "DELETE", f"{_ENDPOINTS}/{{endpoint}}", "SDK, DOC"),
        ("webhooks.rotate_secret", "POST", f"{_ENDPOINTS}/{{endpoint}}/rotate_secret", "SDK, DOC"),
        ("webhooks.test", "POST", f"{_ENDPOINTS}/{{endpoint}}/test", "SDK, DOC"),
        ("webhooks.event_types.list", "GET", "/v1/webhook_event_types", "SDK, DOC"),
        ("azure.deployments.create", "POST", "/openai/deployments", "DOC Azure"),
        ("azure.deployments.list", "GET", "/openai/deployments", "DOC Azure"),
        ("azure.deployments.retrieve", "GET", "/openai/deployments/{deployment}", "DOC Azure"),
        ("azure.deployments.delete", "DELETE", "/openai/deployments/{deployment}", "DOC Azure"),
        ("azure.management.deployments.create", "PUT", f"{_ACCOUNT}/deployments/{{deployment}}", "DOC Azure"),
        ("azure.management.deployments.list", "GET", f"{_ACCOUNT}/deployments", "DOC Azure"),
        ("azure.management.deployments.retrieve", "GET", f"{_ACCOUNT}/deployments/{{deployment}}", "DOC Azure"),
        ("azure.management.deployments.delete", "DELETE", f"{_ACCOUNT}/deployments/{{deployment}}", "DOC Azure"),
    )
)

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def operation_of(method: str, path: str) -> str | None:
    """The name of the operation a request is, ``path`` beginning below the root; None for what is none of them.

    Paths that name a sandbox (``/s/NAME``) and Azure's, which are the API's under another root, count as the API's.
    """
    path = re.sub("^/s/[^/]+(?=/)", "", path)
    found = _found(method, path)
    if found is None and path.startswith("/openai/"):
        found = _found(method, "/v1/" + re.sub("^/openai/(v1/|deployments/[^/]+/)?", "", path))
    return found


def _found(method: str, path: str) -> str | None:
    matching = [name for name, at, pattern in _patterns() if at == method and pattern.fullmatch(path)]
    return matching[0] if matching else None


@cache
def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    """Literal paths first: ``/responses/input_tokens`` is no response of that name."""
    ordered = sorted(OPERATIONS, key=lambda each: each.path.count("{"))
    return [(each.name, each.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", each.path) + "/?")) for each in ordered]
