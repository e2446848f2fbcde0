"""A signed webhook is one that the official SDK takes for genuine, or refuses for the reason asked for."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from mocktune.domain.webhooks import EVENT_TYPES
from mocktune.testing import sandbox, signed_webhook

SECRETS = ["whsec_c2VjcmV0", "a plain text"]


@pytest.fixture(scope="module")
def client() -> OpenAI:
    return OpenAI(api_key="x")


@pytest.mark.parametrize("secret", SECRETS)
def test_the_sdk_unwraps_every_type(client: OpenAI, secret: str) -> None:
    for type in EVENT_TYPES:
        headers, body = signed_webhook(type, secret=secret)
        event = client.webhooks.unwrap(body, headers, secret=secret)
        assert (event.type, event.object) == (type, "event")


def test_data_is_added_to_that_of_a_sample(client: OpenAI) -> None:
    headers, body = signed_webhook("fine_tuning.job.failed", secret=SECRETS[0], id="ftjob-1", more=[1])
    event: Any = client.webhooks.unwrap(body, headers, secret=SECRETS[0])
    assert (event.data.id, json.loads(body)["data"]) == ("ftjob-1", {"id": "ftjob-1", "more": [1]})
    assert abs(event.created_at - time.time()) < 5
    sample = json.loads(signed_webhook("fine_tuning.job.failed", secret=SECRETS[0])[1])
    assert sample["data"]["id"].startswith("ftjob-")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"signature": "forged"}, "does not match"),
        ({"signature": "stale"}, "too old"),
        ({"signature": "missing"}, "webhook-signature"),
        ({"from_now_s": -301}, "too old"),
        ({"from_now_s": 400}, "too new"),
    ],
)
def test_what_is_tampered_with_is_refused(client: OpenAI, given: dict[str, Any], why: str) -> None:
    given = dict(given)
    if (from_now_s := given.pop("from_now_s", None)) is not None:
        given["timestamp"] = time.time() + from_now_s
    headers, body = signed_webhook("fine_tuning.job.succeeded", secret=SECRETS[0], **given)
    with pytest.raises((InvalidWebhookSignatureError, ValueError), match=why):
        client.webhooks.unwrap(body, headers, secret=SECRETS[0])


def test_its_id_is_new_at_each_call_unless_given() -> None:
    ids = [signed_webhook("batch.completed", secret=SECRETS[0])[0]["webhook-id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert signed_webhook("batch.completed", secret="s", webhook_id="wh_1")[0]["webhook-id"] == "wh_1"


def test_it_is_signed_and_checked_in_wall_time_while_sleeps_are_skipped(client: OpenAI) -> None:
    with sandbox():
        began = time.time()
        time.sleep(7200)
        assert time.time() - began >= 7200  # to this test two hours have gone
        headers, body = signed_webhook("fine_tuning.job.succeeded", secret=SECRETS[0])
        client.webhooks.unwrap(body, headers, secret=SECRETS[0])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"type": "fine_tuning.job.suceeded"}, "did you mean 'fine_tuning.job.succeeded'"),
        ({"signature": "forge"}, "did you mean 'forged'"),
        ({"secret": "whsec_!"}, "secret= must be"),
        ({"secret": ""}, "secret= must be"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        signed_webhook(**{"type": "batch.completed", "secret": "s", **given})
