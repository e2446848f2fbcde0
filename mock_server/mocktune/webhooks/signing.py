"""The headers of Standard Webhooks: who reads them needs the secret and nothing else.

::

    webhook-id         wh_… , the same at every attempt: receivers tell duplicates by it
    webhook-timestamp  Unix seconds of wall time
    webhook-signature  v1,<base64 of HMAC-SHA256 over "id.timestamp.body">, one for each secret, spaces in between
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from mocktune.domain.clock import SECOND
from mocktune.domain.webhooks import WebhookRequest

USER_AGENT = "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
"""DOC, guide to webhooks: the example request."""


def headers_of(request: WebhookRequest) -> dict[str, str]:
    """The headers a request is sent with, beside those of the connection."""
    signed = sign(request.secrets, request.id, request.sent_at // SECOND, request.body)
    if not request.signed:
        del signed["webhook-signature"]
    return {"user-agent": USER_AGENT, "content-type": "application/json", **signed}


def sign(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of ``body``. A receiver accepts it if any of the signatures is made with its secret."""
    signed = b"%b.%d.%b" % (id.encode("utf-8"), timestamp, body)
    signatures = (hmac.digest(_key(secret), signed, hashlib.sha256) for secret in secrets)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join("v1," + base64.b64encode(each).decode("ascii") for each in signatures),
    }


def _key(secret: str) -> bytes:
    """What follows ``whsec_`` in base64; any other text is a key as it stands [SDK lib/_webhooks.py]."""
    if not secret.startswith("whsec_"):
        return secret.encode("utf-8")
    try:
        return base64.b64decode(secret.removeprefix("whsec_"))
    except binascii.Error as error:
        raise ValueError("what follows 'whsec_' in a signing secret must be base64") from error
