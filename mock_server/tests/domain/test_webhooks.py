"""Webhook endpoints as data: their secrets over time, the events they are sent, the hosts that may receive."""

from __future__ import annotations

import base64
import json
from typing import Any, get_args

import pytest
from openai.types.webhooks import UnwrapWebhookEvent
from pydantic import TypeAdapter

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.webhooks import (
    EVENT_TYPES,
    OLD_SECRET_LIFE,
    WebhookEndpoint,
    event_body,
    may_receive,
    message_id,
    sample_data,
    signing_secret,
)

NOW = VirtualTime(1_768_435_200 * SECOND)
LATER = VirtualTime(NOW + 60 * SECOND)
SEED = 7


def endpoint() -> WebhookEndpoint:
    return WebhookEndpoint(
        id="whe_1",
        created_at=NOW,
        updated_at=NOW,
        name="hook",
        url="https://example.com/hook",
        event_types=("batch.completed",),
        secret=signing_secret(SEED, "whe_1", 0),
    )


def test_a_secret_is_32_bytes_drawn_from_the_seed() -> None:
    secret = signing_secret(SEED, "whe_1", 0)
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert secret.startswith("whsec_")
    assert secret == signing_secret(SEED, "whe_1", 0)
    assert (
        len({secret, signing_secret(SEED, "whe_1", 1), signing_secret(SEED, "whe_2", 0), signing_secret(8, "w", 0)})
        == 4
    )


def test_the_hint_tells_four_characters_of_the_secret() -> None:
    hint = endpoint().secret_hint
    assert hint == "whsec_***" + endpoint().secret[:-1][-4:]


def test_a_rotation_ends_the_old_secret_at_once() -> None:
    after = endpoint().rotated(SEED, LATER, keep_old=False)
    assert after.secrets_at(LATER) == (signing_secret(SEED, "whe_1", 1),)
    assert (after.created_at, after.updated_at) == (NOW, LATER)


def test_a_rotation_that_keeps_the_old_secret_signs_with_both_for_24_hours() -> None:
    """SDK: ``keep_old_secret_active_for_24_hours``."""
    after = endpoint().rotated(SEED, LATER, keep_old=True)
    old, new = endpoint().secret, after.secret
    assert after.secrets_at(LATER) == (new, old)
    assert after.secrets_at(VirtualTime(LATER + OLD_SECRET_LIFE - 1)) == (new, old)
    assert after.secrets_at(VirtualTime(LATER + OLD_SECRET_LIFE)) == (new,)


def test_at_most_one_old_secret_signs() -> None:
    twice = endpoint().rotated(SEED, NOW, keep_old=True).rotated(SEED, LATER, keep_old=True)
    assert twice.secrets_at(LATER) == (signing_secret(SEED, "whe_1", 2), signing_secret(SEED, "whe_1", 1))
    assert twice.rotated(SEED, LATER, keep_old=False).secrets_at(LATER) == (signing_secret(SEED, "whe_1", 3),)


def test_an_update_that_changes_nothing_does_not_advance_updated_at() -> None:
    """SDK WebhookEndpoint.updated_at."""
    before = endpoint()
    assert before.changed(LATER) is before
    assert before.changed(LATER, name="hook", event_types=("batch.completed",)) is before
    after = before.changed(LATER, url="https://example.com/other")
    assert (after.url, after.name, after.updated_at) == ("https://example.com/other", "hook", LATER)


def test_an_event_is_written_as_documented() -> None:
    body = event_body("evt_1", "fine_tuning.job.succeeded", VirtualTime(NOW + 1), {"id": "ftjob-1"})
    assert body == (
        b'{"object":"event","id":"evt_1","type":"fine_tuning.job.succeeded","created_at":1768435200,'
        b'"data":{"id":"ftjob-1"}}'
    )


def test_a_message_id_is_the_same_at_every_attempt() -> None:
    assert message_id("evt_1") == message_id("evt_1") != message_id("evt_2")
    assert message_id("evt_1")[:3] == "wh_"
    assert len(message_id("evt_1")) == 35


def _sdk_events() -> dict[str, Any]:
    """The SDK's types of events by the type they are for."""
    models = get_args(get_args(UnwrapWebhookEvent)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


@pytest.mark.parametrize("event_type", [each for each in EVENT_TYPES if each in _sdk_events()])
def test_a_sample_event_fits_the_type_of_the_sdk(event_type: str) -> None:
    event = json.loads(event_body("evt_1", event_type, NOW, sample_data(event_type, SEED)))
    TypeAdapter(_sdk_events()[event_type]).validate_python(event, strict=True)


def test_every_type_has_an_id_in_the_shape_of_its_object() -> None:
    for event_type in EVENT_TYPES:
        data = sample_data(event_type, SEED)
        id = data.get("id") or data["call_id"]
        assert isinstance(id, str)
        assert id[:-24]
    assert str(sample_data("fine_tuning.job.failed", SEED)["id"]).startswith("ftjob-")
    assert list(sample_data("no.such.type", SEED)) == ["id"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]"])
def test_this_machine_may_receive(host: str) -> None:
    assert may_receive(host, frozenset())


@pytest.mark.parametrize(
    "host",
    ["", "example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com", "2130706433", "127.1", "169.254.169.254"],
)
def test_another_machine_may_only_if_it_was_allowed(host: str) -> None:
    assert not may_receive(host, frozenset({"other"}))
    assert may_receive(host, frozenset({"*"}))
    assert not host or may_receive(host.upper(), frozenset({host}))
