"""Signatures, against the example that the libraries of Standard Webhooks are tested with, and the official SDK."""

from __future__ import annotations

import time

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from mocktune.webhooks.signing import sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


@pytest.fixture(scope="module")
def client() -> OpenAI:
    client = OpenAI(api_key="sk-any", base_url="http://127.0.0.1:9")
    yield client
    client.close()


def test_the_known_example_is_signed_as_known() -> None:
    assert sign([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", [SECRET, "plain words", "whsec"])
def test_the_sdk_accepts_what_is_signed(client: OpenAI, secret: str) -> None:
    headers = sign([secret], "wh_1", int(time.time()), BODY)
    client.webhooks.verify_signature(BODY, headers, secret=secret)


def test_any_of_two_secrets_will_do(client: OpenAI) -> None:
    headers = sign(["new", "old"], "wh_1", int(time.time()), BODY)
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in ("new", "old"):
        client.webhooks.verify_signature(BODY, headers, secret=secret)
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.verify_signature(BODY, headers, secret="older")


@pytest.mark.parametrize("changed", ["webhook-id", "body"])
def test_the_sdk_rejects_what_was_changed(client: OpenAI, changed: str) -> None:
    headers = sign([SECRET], "wh_1", int(time.time()), BODY)
    body = BODY
    if changed == "body":
        body = BODY.replace(b"4", b"5")
    else:
        headers[changed] += "x"
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.verify_signature(body, headers, secret=SECRET)


def test_a_secret_that_is_no_base64_is_told_as_such() -> None:
    with pytest.raises(ValueError, match="must be base64"):
        sign(["whsec_A"], "wh_1", 1, BODY)
