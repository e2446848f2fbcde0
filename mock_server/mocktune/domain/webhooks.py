"""Webhook endpoints and the events they are sent.

Signing follows the Standard Webhooks specification, as the official SDKs check it [SDK lib/_webhooks.py, NODE]. The
headers are made by ``mocktune.webhooks.signing``, when a request is sent.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import msgspec

from mocktune.domain.clock import SECOND, VirtualTime, WallTime, unix_seconds
from mocktune.domain.draws import digest, text

EventType = Literal[
    "batch.completed", "batch.failed", "batch.expired", "batch.cancelled",
    "response.completed", "response.failed", "response.cancelled", "response.incomplete",
    "eval.run.succeeded", "eval.run.failed", "eval.run.canceled",
    "fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled",
    "realtime.call.incoming",
    "video.completed", "video.failed",
    "agent.environment.ready", "agent.environment.failed", "agent.environment.suspended", "agent.environment.expired",
    "agent.session.created", "agent.session.action_required", "agent.session.in_progress", "agent.session.idle",
    "agent.session.failed",
    "safety.alert.created",
]  # fmt: skip
"""What an endpoint may subscribe to, in the order of the public description [SDK webhook_create_params]."""

EVENT_TYPES: tuple[str, ...] = get_args(EventType)

OLD_SECRET_LIFE = 24 * 3600 * SECOND
"""How long a rotation keeps the old secret, in virtual time, if it is asked to [SDK]."""

_SAMPLE_ID_PREFIXES = {
    "batch": "batch_",
    "response": "resp_",
    "eval": "evalrun_",
    "fine_tuning": "ftjob-",
    "realtime": "rtc_",
    "video": "video_",
    "agent.environment": "env_",
    "agent.session": "sess_",
    "safety": "alert_",
}


_METADATA_ADDRESSES = frozenset({"fd00:ec2::254", "100.100.100.200"})
"""Of metadata services that are not link-local."""


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A secret that was rotated away and signs, beside its successor, until ``until``."""

    secret: str
    until: VirtualTime


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint as it stands at one instant.

    ``secret`` signs, and ``old`` for a while after a rotation that kept it. ``rotations`` counts the secrets there were
    before this one.
    """

    id: str
    created_at: VirtualTime
    updated_at: VirtualTime
    name: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    rotations: int = 0
    old: OldSecret | None = None

    @property
    def secret_hint(self) -> str:
        """The secret's last four characters before the padding (assumed: no hint was ever recorded)."""
        return "whsec_***" + self.secret.rstrip("=")[-4:]

    def secrets_at(self, now: VirtualTime) -> tuple[str, ...]:
        """The secrets that sign at ``now``, the newest first."""
        if self.old is None or now >= self.old.until:
            return (self.secret,)
        return (self.secret, self.old.secret)

    def changed(
        self,
        now: VirtualTime,
        *,
        name: str | None = None,
        url: str | None = None,
        event_types: tuple[str, ...] | None = None,
    ) -> WebhookEndpoint:
        """With what was given. An update that changes nothing does not advance ``updated_at`` [SDK]."""
        after = replace(
            self,
            name=self.name if name is None else name,
            url=self.url if url is None else url,
            event_types=self.event_types if event_types is None else event_types,
        )
        return self if after == self else replace(after, updated_at=now)

    def rotated(self, seed: int, now: VirtualTime, *, keep_old: bool) -> WebhookEndpoint:
        """With a new secret. At most one older secret goes on signing; without ``keep_old``, none does [SDK]."""
        rotations = self.rotations + 1
        return replace(
            self,
            updated_at=now,
            secret=signing_secret(seed, self.id, rotations),
            rotations=rotations,
            old=OldSecret(self.secret, VirtualTime(now + OLD_SECRET_LIFE)) if keep_old else None,
        )


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One event on its way to one endpoint. ``sent_at`` is wall time: receivers compare it with their own clock.
    Without ``signed`` it says when it was sent, and gives no signature.
    """

    id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]
    sent_at: WallTime
    signed: bool = True


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came of a ``WebhookRequest``: the status it was answered with, or why there is none (``failure``)."""

    status_code: int | None
    failure: str = ""


def signing_secret(seed: int, endpoint_id: str, rotation: int) -> str:
    """``whsec_`` and 32 bytes in base64, the same for the same seed."""
    return "whsec_" + base64.b64encode(digest(seed, "signing secret", endpoint_id, rotation)).decode("ascii")


def readable_secret(secret: str) -> bool:
    """Whether a secret that somebody chose can sign: what follows ``whsec_`` is base64, any other text is a key."""
    if not secret.startswith("whsec_"):
        return bool(secret) and secret.isprintable()
    try:
        return bool(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except ValueError:
        return False


def message_id(event_id: str) -> str:
    """The ``webhook-id`` header of an event: ``wh_`` + 32 hex, the same at every attempt [DOC, guide to webhooks]."""
    return "wh_" + digest(0, "webhook-id", event_id, size_bytes=16).hex()


def event_body(id: str, type: str, created_at: VirtualTime, data: Mapping[str, object]) -> bytes:
    """An event as it is sent and signed: JSON, no spaces [SPEC WebhookFineTuningJob…, keys in the guide's order]."""
    event = {"object": "event", "id": id, "type": type, "created_at": unix_seconds(created_at), "data": data}
    return msgspec.json.encode(event)


def sample_data(type: str, seed: int) -> dict[str, object]:
    """``data`` of a sample event: an id in the shape of its object's, and what else the SDK's types require."""
    prefix = next((shape for start, shape in _SAMPLE_ID_PREFIXES.items() if type.startswith(start + ".")), "")
    id = prefix + text(seed, 24, "sample", type)
    if type == "realtime.call.incoming":
        return {"call_id": id, "sip_headers": []}
    if type == "agent.session.action_required":
        return {"id": id, "required_action": {"type": "function_call"}}
    if type.startswith("agent.session."):
        return {"id": id, "environment_type": "none"}
    return {"id": id}


def is_address(host: str) -> bool:
    """Whether a host is an address already, and no name."""
    from ipaddress import ip_address  # of no use to a server that nobody asks for webhooks

    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def may_receive(host: str, allowed_hosts: frozenset[str]) -> bool:
    """Whether webhooks are sent to ``host``: loopback names and addresses, and those that were allowed (``*``: all)."""
    name = host.strip("[]").lower()
    if name == "localhost" or name in allowed_hosts or "*" in allowed_hosts:
        return True
    from ipaddress import ip_address

    return is_address(name) and ip_address(name).is_loopback


def may_be_connected_to(address: str, host: str, allowed_hosts: frozenset[str]) -> bool:
    """Whether webhooks for ``host`` may go to ``address``, one of those it resolved to.

    Any address of a host that was allowed by its name; of the others only loopback, and for ``*`` all but link-local
    ones, where the clouds keep their metadata services.
    """
    from ipaddress import ip_address

    if host.strip("[]").lower() in allowed_hosts:
        return True
    if not is_address(address):
        return False
    found = ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return True
    return "*" in allowed_hosts and not found.is_link_local and str(found) not in _METADATA_ADDRESSES
