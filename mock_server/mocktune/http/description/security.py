"""Who may call what."""

from __future__ import annotations

from typing import Any

SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "Any key of up to 512 printable characters that does not begin with `sk-invalid`. It names the "
        "sandbox that the request is about.",
    },
    "azureKey": {
        "type": "apiKey",
        "in": "header",
        "name": "api-key",
        "description": "The same key in Azure's header; it counts where there is no `Authorization`.",
    },
    "adminKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "The admin key of a sandbox: `sk-admin-` and its key without `sk-`.",
    },
    "adminToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The admin token of the server, which its ready line names.",
    },
}

_ANY_KEY: list[dict[str, list[str]]] = [{"apiKey": []}, {"azureKey": []}]
_OPEN = frozenset({"mocktune.health"})
SERVER_WIDE = frozenset({"mocktune.sandboxes.create", "mocktune.sandboxes.delete", "mocktune.sandboxes.list"})
_ADMIN = "fine_tuning.checkpoints.permissions."


def security_of(operation: str) -> list[dict[str, list[str]]]:
    """The schemes of which one is needed; none for what is open."""
    if operation in _OPEN:
        return []
    if operation in SERVER_WIDE:
        return [{"adminToken": []}]
    return [{"adminKey": []}] if operation.startswith(_ADMIN) else _ANY_KEY
