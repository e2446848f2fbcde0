"""Webhook endpoints: their management, and the signed sample events they are sent.

::

    POST   /webhook_endpoints {"name", "url", "event_types"}   {"id", "created_at", "event_types", "name", "object",
                                                                "signing_secret", "signing_secret_hint", "url",
                                                                "updated_at"}
    GET    /webhook_endpoints/whe_…                            the same without "signing_secret"
    POST   /webhook_endpoints/whe_…/rotate_secret              with a new one
    POST   /webhook_endpoints/whe_…/test {"event_type"}        {"event_type", "object": "webhook_endpoint.test",
                                                                "status_code", "success": true, "webhook_endpoint_id"}
    GET    /webhook_event_types                                {"data": ["batch.completed", …], "object": "list"}

The shapes are those of the SDK's types and the API reference [SDK, DOC]; no answer of this resource was ever recorded.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any, Final

import httpx2
import pytest
from openai import InvalidWebhookSignatureError
from openai.resources.webhooks import Webhooks

from mocktune_contract.lab import Lab, Labs
from mocktune_contract.receiver import Receiver

pytestmark = [pytest.mark.needs("sandboxes"), pytest.mark.source("SDK, DOC")]

managed_by_the_sdk = pytest.mark.skipif(
    not hasattr(Webhooks, "rotate_secret"), reason="this SDK cannot manage webhook endpoints"
)

DONE: Final = "fine_tuning.job.succeeded"


def post(lab: Lab, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
    return lab.http.post(f"/webhook_endpoints{path}", json=body)


def create(lab: Lab, url: str = "https://example.com/hook", **body: Any) -> dict[str, Any]:
    given = {"name": "hook", "url": url, "event_types": [DONE], **body}
    endpoint: dict[str, Any] = post(lab, "", given).raise_for_status().json()
    return endpoint


def get(lab: Lab, path: str = "", **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = lab.http.get(f"/webhook_endpoints{path}", params=query).raise_for_status().json()
    return answer


def error(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()["error"]
    assert list(found) == ["message", "type", "param", "code"]
    return found


# -- management --------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.operation("webhooks.create", "webhooks.list", "webhooks.retrieve")
@pytest.mark.shape
def test_an_endpoint_is_created_with_a_secret_that_is_told_once(lab: Lab) -> None:
    created = create(lab, event_types=["batch.failed", DONE])
    now = int(lab.clock.now())
    assert list(created) == [
        "id", "created_at", "event_types", "name", "object", "signing_secret", "signing_secret_hint", "url",
        "updated_at",
    ]  # fmt: skip
    assert re.fullmatch("whe_[A-Za-z0-9]{24}", created["id"])
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", created["signing_secret"])
    assert created["signing_secret_hint"] == "whsec_***" + created["signing_secret"][-5:-1]
    assert (created["created_at"], created["updated_at"]) == (now, now)
    assert created["event_types"] == ["batch.failed", DONE]
    del created["signing_secret"]
    assert get(lab, f"/{created['id']}") == created
    assert get(lab)["data"] == [created]


@pytest.mark.operation("webhooks.create", "webhooks.list")
def test_endpoints_are_listed_newest_first_in_pages(lab: Lab) -> None:
    assert get(lab) == {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    created = [create(lab, name=str(n))["id"] for n in range(22)][::-1]
    first = get(lab)
    assert [each["id"] for each in first["data"]] == created[:20]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (created[0], created[19], True)
    rest = get(lab, after=first["last_id"], limit=100)
    assert [each["id"] for each in rest["data"]] == created[20:]
    assert rest["has_more"] is False
    assert error(lab.http.get("/webhook_endpoints", params={"after": "whe_no"}), 400)["param"] == "after"
    assert error(lab.http.get("/webhook_endpoints", params={"limit": 101}), 400)["param"] == "limit"


@pytest.mark.needs("time")
@pytest.mark.source("SDK")
@pytest.mark.operation("webhooks.create", "webhooks.retrieve", "webhooks.update")
def test_an_update_changes_what_is_given_and_nothing_else(lab: Lab) -> None:
    """SDK: an update that changes nothing does not advance ``updated_at``."""
    created = create(lab)
    del created["signing_secret"]
    lab.clock.advance(by="1m")
    path = f"/{created['id']}"
    assert post(lab, path, {}).json() == post(lab, path, {"name": "hook"}).json() == created
    changed = post(lab, path, {"name": "other", "event_types": ["batch.completed"]}).json()
    assert changed == created | {
        "name": "other",
        "event_types": ["batch.completed"],
        "updated_at": created["created_at"] + 60,
    }
    assert get(lab, path) == changed


@pytest.mark.operation(
    "webhooks.create",
    "webhooks.list",
    "webhooks.retrieve",
    "webhooks.update",
    "webhooks.delete",
    "webhooks.rotate_secret",
    "webhooks.test",
)
def test_a_deleted_endpoint_is_gone(lab: Lab) -> None:
    kept, id = create(lab)["id"], create(lab)["id"]
    path = f"/webhook_endpoints/{id}"
    assert lab.http.delete(path).json() == {"id": id, "object": "webhook_endpoint.deleted", "deleted": True}
    assert [each["id"] for each in get(lab)["data"]] == [kept]
    for response in (
        lab.http.get(path),
        lab.http.delete(path),
        lab.http.post(path, json={}),
        lab.http.post(f"{path}/rotate_secret", json={}),
        lab.http.post(f"{path}/test", json={"event_type": DONE}),
    ):
        assert error(response, 404)["message"] == f"No such WebhookEndpoint object: {id}"


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
@pytest.mark.operation("webhooks.create", "webhooks.retrieve", "webhooks.rotate_secret")
def test_a_rotation_answers_a_new_secret(lab: Lab) -> None:
    """DOC: the reference's own example sends no body."""
    created = create(lab)
    lab.clock.advance(by="1m")
    url = f"/webhook_endpoints/{created['id']}/rotate_secret"
    rotated = lab.http.post(url).raise_for_status().json()
    again = lab.http.post(url, json={"keep_old_secret_active_for_24_hours": True}).raise_for_status().json()
    assert list(rotated) == list(created)
    assert len({each["signing_secret"] for each in (created, rotated, again)}) == 3
    assert rotated["updated_at"] == created["updated_at"] + 60
    assert get(lab, f"/{created['id']}")["signing_secret_hint"] == again["signing_secret_hint"]


@pytest.mark.operation("webhooks.create", "webhooks.event_types.list")
def test_the_event_types_are_those_of_the_sdk(lab: Lab) -> None:
    answer = lab.http.get("/webhook_event_types").raise_for_status().json()
    assert list(answer) == ["data", "object"]
    assert len(answer["data"]) == len(set(answer["data"])) == 27
    assert [each for each in answer["data"] if each.startswith("fine_tuning")] == [
        "fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled",
    ]  # fmt: skip
    assert create(lab, event_types=answer["data"])["event_types"] == answer["data"]


@pytest.mark.source("DOC")
@pytest.mark.operation("webhooks.create", "webhooks.list", "webhooks.update")
@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"event_types": ["fine_tuning.job.paused"]}, "event_types[0]", "invalid_value"),
        ({"event_types": []}, "event_types", "array_below_min_length"),
        ({"event_types": DONE}, "event_types", "invalid_type"),
        ({"name": ""}, "name", "string_below_min_length"),
        ({"name": "x" * 257}, "name", "string_above_max_length"),
        ({"name": None}, "name", "invalid_type"),
        ({"url": "http://example.com/hook"}, "url", "invalid_value"),
        ({"url": "https://"}, "url", "invalid_value"),
        ({"url": "https://e/" + "x" * 2048}, "url", "string_above_max_length"),
        ({"secret": "whsec_mine"}, "secret", "unknown_parameter"),
    ],
)
def test_what_is_out_of_bounds_is_refused(lab: Lab, body: dict[str, Any], param: str, code: str) -> None:
    """DOC: names of 1 to 256 characters, URLs that begin with https:// of at most 2048, one event type at least."""
    whole = {"name": "hook", "url": "https://example.com/hook", "event_types": [DONE], **body}
    endpoint = create(lab)
    for response in (post(lab, "", whole), post(lab, f"/{endpoint['id']}", body)):
        found = error(response, 400)
        assert (found["param"], found["code"]) == (param, code)
    assert len(get(lab)["data"]) == 1


@pytest.mark.operation("webhooks.create")
def test_what_is_missing_is_named(lab: Lab) -> None:
    for name in ("name", "url", "event_types"):
        body = {"name": "hook", "url": "https://example.com/hook", "event_types": [DONE]}
        del body[name]
        assert error(post(lab, "", body), 400)["message"] == f"Missing required parameter: '{name}'."


@pytest.mark.source("mocktune")
@pytest.mark.operation("webhooks.create", "webhooks.update")
def test_loose_lets_url_and_enumerations_pass(own_server: Labs) -> None:
    lab = own_server(loose=True)
    endpoint = create(lab, "https://", event_types=["no.such"], name="")
    assert (endpoint["url"], endpoint["event_types"]) == ("https://", ["no.such"])
    assert post(lab, f"/{endpoint['id']}", {"url": "http://example.com"}).json()["url"] == "http://example.com"


@pytest.mark.operation(
    "webhooks.create",
    "webhooks.list",
    "webhooks.retrieve",
    "webhooks.update",
    "webhooks.delete",
    "webhooks.rotate_secret",
    "webhooks.test",
    "webhooks.event_types.list",
)
@pytest.mark.shape
@managed_by_the_sdk
def test_every_answer_fits_the_types_of_the_sdk(lab: Lab, receiver: Receiver) -> None:
    with lab.strict_client() as client:
        created = client.webhooks.create(name="hook", url=receiver.url, event_types=[DONE])
        assert created.signing_secret.startswith("whsec_")
        assert client.webhooks.retrieve(created.id).name == "hook"
        assert client.webhooks.update(created.id, name="other").name == "other"
        assert client.webhooks.rotate_secret(created.id).signing_secret != created.signing_secret
        assert client.webhooks.test(created.id, event_type=DONE).status_code == 200
        assert len(client.webhooks.event_types.list().data) == 27
        ids = [client.webhooks.create(name="x", url="https://e", event_types=[DONE]).id for _ in range(3)]
        assert [each.id for each in client.webhooks.list(limit=2)] == [*ids[::-1], created.id]
        assert client.webhooks.delete(created.id).deleted is True


# -- sample events -----------------------------------------------------------------------------------------------------


def send_sample(lab: Lab, endpoint: dict[str, Any], event_type: str = DONE) -> httpx2.Response:
    return post(lab, f"/{endpoint['id']}/test", {"event_type": event_type})


@pytest.mark.needs("time")
@pytest.mark.operation("webhooks.create", "webhooks.test")
def test_a_sample_event_arrives_signed(lab: Lab, receiver: Receiver) -> None:
    endpoint = create(lab, receiver.url)
    assert list(send_sample(lab, endpoint).raise_for_status().json().items()) == [
        ("event_type", DONE),
        ("object", "webhook_endpoint.test"),
        ("status_code", 200),
        ("success", True),
        ("webhook_endpoint_id", endpoint["id"]),
    ]
    ((headers, body),) = receiver.received
    event: Any = lab.client().webhooks.unwrap(body, headers, secret=endpoint["signing_secret"])
    assert (event.type, event.object, event.created_at) == (DONE, "event", int(lab.clock.now()))
    assert event.id.startswith("evt_")
    assert event.data.id.startswith("ftjob-")
    assert list(json.loads(body)) == ["object", "id", "type", "created_at", "data"]
    assert re.fullmatch("wh_[0-9a-f]{32}", headers["webhook-id"])
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60  # wall time, whatever the sandbox believes
    assert headers["content-type"] == "application/json"
    with pytest.raises(InvalidWebhookSignatureError):
        lab.client().webhooks.unwrap(body + b" ", headers, secret=endpoint["signing_secret"])
    with pytest.raises(InvalidWebhookSignatureError):
        lab.client().webhooks.unwrap(body, headers, secret=create(lab)["signing_secret"])


@pytest.mark.operation("webhooks.create", "webhooks.test")
def test_a_type_that_is_not_subscribed_to_can_be_tested(lab: Lab, receiver: Receiver) -> None:
    endpoint = create(lab, receiver.url)
    assert send_sample(lab, endpoint, "batch.completed").json()["event_type"] == "batch.completed"
    assert json.loads(receiver.received[0][1])["data"]["id"].startswith("batch_")
    found = error(send_sample(lab, endpoint, "fine_tuning.job.paused"), 400)
    assert (found["param"], found["code"]) == ("event_type", "invalid_value")
    assert len(receiver.received) == 1


@pytest.mark.operation("webhooks.create", "webhooks.test")
@pytest.mark.parametrize("status", [204, 307, 404, 500])
def test_the_status_of_the_receiver_is_told_and_redirects_are_not_followed(
    lab: Lab, receiver: Receiver, status: int
) -> None:
    """SDK: ``success`` is always true, ``status_code`` tells; DOC: redirects are not followed."""
    receiver.status = status
    answer = send_sample(lab, create(lab, receiver.url)).raise_for_status().json()
    assert (answer["status_code"], answer["success"]) == (status, True)
    assert len(receiver.received) == 1


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
@pytest.mark.operation("webhooks.create", "webhooks.rotate_secret", "webhooks.test")
def test_a_kept_secret_signs_for_24_hours_of_virtual_time(lab: Lab, receiver: Receiver) -> None:
    endpoint = create(lab, receiver.url)
    rotation = {"keep_old_secret_active_for_24_hours": True}
    new = post(lab, f"/{endpoint['id']}/rotate_secret", rotation).json()["signing_secret"]
    send_sample(lab, endpoint).raise_for_status()
    lab.clock.advance(by="24h")
    send_sample(lab, endpoint).raise_for_status()
    (headers, body), (later_headers, later_body) = receiver.received
    webhooks = lab.client().webhooks
    for secret in (new, endpoint["signing_secret"]):
        webhooks.verify_signature(body, headers, secret=secret)
    webhooks.verify_signature(later_body, later_headers, secret=new)
    with pytest.raises(InvalidWebhookSignatureError):
        webhooks.verify_signature(later_body, later_headers, secret=endpoint["signing_secret"])


@pytest.mark.source("DOC")
@pytest.mark.operation("webhooks.create", "webhooks.rotate_secret", "webhooks.test")
def test_a_rotated_secret_signs_no_more(lab: Lab, receiver: Receiver) -> None:
    endpoint = create(lab, receiver.url)
    new = post(lab, f"/{endpoint['id']}/rotate_secret", {}).json()["signing_secret"]
    send_sample(lab, endpoint).raise_for_status()
    ((headers, body),) = receiver.received
    lab.client().webhooks.verify_signature(body, headers, secret=new)
    with pytest.raises(InvalidWebhookSignatureError):
        lab.client().webhooks.verify_signature(body, headers, secret=endpoint["signing_secret"])


@pytest.mark.needs("mocktune")
@pytest.mark.source("assumed")
@pytest.mark.operation("webhooks.create", "webhooks.test")
def test_a_receiver_that_is_not_there_is_told_as_an_error(lab: Lab, receiver: Receiver) -> None:
    """Assumed: the SDK's type has no result without a status."""
    endpoint = create(lab, receiver.url)
    receiver.close()
    found = error(send_sample(lab, endpoint), 400)
    assert found["code"] == "webhook_endpoint_unreachable"
    assert found["message"].startswith("The webhook endpoint could not be reached: ")


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("webhooks.create", "webhooks.test")
def test_other_machines_are_sent_nothing_unless_they_were_allowed(lab: Lab) -> None:
    found = error(send_sample(lab, create(lab, "https://example.com/hook")), 400)
    assert found["message"].endswith("start it with --allow-webhook-host example.com to send them there")


@pytest.mark.source("mocktune")
@pytest.mark.operation("webhooks.create", "webhooks.test")
def test_a_host_that_was_allowed_is_sent_to_over_http(own_server: Labs, receiver: Receiver) -> None:
    """0.0.0.0 leads to this machine, and is none of its names."""
    url = receiver.url.replace("127.0.0.1", "0.0.0.0")
    lab = own_server(allowed_webhook_hosts=frozenset({"0.0.0.0"}))
    assert send_sample(lab, create(lab, url)).json()["status_code"] == 200
    assert len(receiver.received) == 1
    refusing = own_server()
    assert error(post(refusing, "", {"name": "x", "url": url, "event_types": [DONE]}), 400)["param"] == "url"
