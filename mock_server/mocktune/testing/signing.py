"""``signed_webhook``: a webhook as the service sends it, for a receiver that is called directly."""

from __future__ import annotations

import os
from typing import Any, Literal

Signature = Literal["good", "forged", "stale", "missing"]

_SIGNATURES = ("good", "forged", "stale", "missing")


def signed_webhook(
    type: str,
    *,
    secret: str,
    timestamp: float | None = None,
    webhook_id: str | None = None,
    signature: Signature = "good",
    **data: Any,
) -> tuple[dict[str, str], bytes]:
    """``(headers, body)`` of an event of ``type`` about ``data``, signed with ``secret`` as Standard Webhooks says.

    ::

        headers, body = signed_webhook("fine_tuning.job.succeeded", secret="whsec_…", id="ftjob-1")
        event = client.webhooks.unwrap(body, headers, secret="whsec_…")

    ``data`` is added to that of a sample. ``timestamp`` is wall time in Unix seconds, now unless given, and the event's
    ``created_at`` too; ``webhook_id`` begins with ``wh_`` and is drawn anew for each call. ``signature``: ``forged`` is
    made with a secret that nobody has, ``stale`` ten minutes ago, ``missing`` leaves it out. Raises ``ValueError`` for
    a type that does not exist, naming the nearest, and for a secret that cannot sign.
    """
    from mocktune.clock import SystemClock
    from mocktune.domain.clock import SECOND, VirtualTime, WallTime
    from mocktune.domain.deliveries import STALE_FOR
    from mocktune.domain.documents import nearest
    from mocktune.domain.webhooks import (
        EVENT_TYPES,
        WebhookRequest,
        event_body,
        readable_secret,
        sample_data,
        signing_secret,
    )
    from mocktune.webhooks.signing import headers_of

    if type not in EVENT_TYPES:
        raise ValueError(f"there is no webhook event '{type!s:.100}'{nearest(str(type), EVENT_TYPES)}")
    if signature not in _SIGNATURES:
        raise ValueError(f"signature='{signature!s:.100}'{nearest(str(signature), _SIGNATURES)}")
    if not readable_secret(secret):
        raise ValueError("secret= must be what the receiver has: whsec_ and base64, or a text of printable characters")
    number = int.from_bytes(os.urandom(8), "big")
    wall = SystemClock().wall() if timestamp is None else WallTime(round(timestamp * SECOND))
    id = f"evt_{number:016x}"
    request = WebhookRequest(
        id=webhook_id or f"wh_{os.urandom(16).hex()}",
        url="",
        body=event_body(id, type, VirtualTime(wall), sample_data(type, number) | data),
        secrets=(signing_secret(number, "forged", 0) if signature == "forged" else secret,),
        sent_at=WallTime(wall - (STALE_FOR if signature == "stale" else 0)),
        signed=signature != "missing",
    )
    return headers_of(request), request.body
