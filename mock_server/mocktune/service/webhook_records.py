"""What a sandbox keeps of each webhook endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.webhooks import WebhookEndpoint
from mocktune.ports import Ledger
from mocktune.service.sandboxes import Sandbox


@dataclass(slots=True, eq=False)
class WebhookEndpointRecord:
    """An endpoint's place in the list, which it keeps while ``endpoint`` changes.

    ``disabled_at`` is when it answered 410: it is listed, and sent nothing until it is updated.
    """

    endpoint: WebhookEndpoint
    disabled_at: VirtualTime | None = None


def webhook_endpoints(sandbox: Sandbox) -> Ledger[WebhookEndpointRecord]:
    """A sandbox's endpoints."""
    return sandbox.ledger("webhook_endpoint")
