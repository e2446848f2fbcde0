"""Webhooks that arrive: the official SDK takes every honest delivery and refuses every other one.

::

    POST /_mocktune/webhooks/endpoints {"url"}         {"id": "whe_…", "signing_secret": "whsec_…", …}
    what jobs do is then sent there                    {"object": "event", "type": "fine_tuning.job.succeeded", …}
    GET  /_mocktune/webhooks/deliveries                {"data": [{"id": "whd_…", "state": "delivered", "attempts": …}]}
    POST /_mocktune/webhooks/deliveries/whd_…/resend   the same, with one attempt more
    POST /_mocktune/events/trigger {"type", "job"}     {"deliveries": […]}
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from openai import InvalidWebhookSignatureError, OpenAI

from mocktune_contract.error_case import PLAIN
from mocktune_contract.lab import Lab, Labs
from mocktune_contract.receiver import Receiver

pytestmark = [pytest.mark.needs("deliveries", "mocktune"), pytest.mark.source("mocktune")]

SUCCEEDED, FAILED, CANCELLED = (f"fine_tuning.job.{status}" for status in ("succeeded", "failed", "cancelled"))
BAD = ("forged", "missing", "stale", "rotated")
SECRET = "whsec_bW9ja3R1bmU="


class Hooks:
    """The webhooks of a lab through its control plane."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._root = f"{lab.root}/_mocktune"

    def ask(self, method: str, path: str, **send: Any) -> Any:
        return self.lab.http.request(method, f"{self._root}/{path}", **send).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        return self.ask("POST", path, json=body)

    def endpoint(self, receiver: Receiver, **given: Any) -> Any:
        return self.post("webhooks/endpoints", url=receiver.url, **given)

    def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "webhooks/deliveries", params={"order": "asc", **query})["data"]
        return found

    def rule(self, **rule: Any) -> None:
        self.post("faults", **rule)

    def trigger(self, type: str = SUCCEEDED, **given: Any) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = self.post("events/trigger", type=type, **given)["deliveries"]
        return made

    def unwrap(self, headers: dict[str, str], body: bytes, secret: str = SECRET) -> Any:
        return self.lab.client().webhooks.unwrap(body, headers, secret=secret)


@pytest.fixture
def hooks(lab: Lab) -> Hooks:
    return Hooks(lab)


def a_whole_job(lab: Lab) -> str:
    job = lab.finished_job(PLAIN)
    lab.clock.advance("1m")
    return job.id


# -- what jobs do ------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time", "scenarios")
@pytest.mark.source("SDK, DOC")
@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_the_end_of_a_job_arrives_and_the_sdk_takes_it(status: str, hooks: Hooks, receiver: Receiver) -> None:
    lab = hooks.lab
    hooks.endpoint(receiver, secret=SECRET)
    if status == "failed":
        lab.http.put(f"{lab.root}/_mocktune/scenario", json={"set": {"job.outcome": "failed"}}).raise_for_status()
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    if status == "cancelled":
        lab.client().fine_tuning.jobs.cancel(job.id)
    lab.clock.advance("2h")
    assert hooks.post("webhooks/deliveries/wait-for-count", count=1, state="delivered")["reached"]
    ((headers, body),) = receiver.received
    event = hooks.unwrap(headers, body)
    assert (event.type, event.data.id) == (f"fine_tuning.job.{status}", job.id)
    assert type(event).__name__ == f"FineTuningJob{status.capitalize()}WebhookEvent"
    events = lab.raw_events(job.id)
    assert event.created_at == events[-1]["created_at"]


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
def test_an_endpoint_of_the_api_is_sent_events_too(lab: Lab, receiver: Receiver) -> None:
    hook = {"name": "hook", "url": receiver.url, "event_types": [SUCCEEDED]}
    endpoint = lab.http.post("/webhook_endpoints", json=hook).raise_for_status().json()
    job = a_whole_job(lab)
    ((headers, body),) = receiver.received
    assert Hooks(lab).unwrap(headers, body, endpoint["signing_secret"]).data.id == job


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
def test_a_rotated_secret_that_is_kept_goes_on_signing(lab: Lab, receiver: Receiver) -> None:
    hooks = Hooks(lab)
    endpoint = hooks.endpoint(receiver, secret=SECRET)
    new = lab.http.post(
        f"/webhook_endpoints/{endpoint['id']}/rotate_secret", json={"keep_old_secret_active_for_24_hours": True}
    ).json()["signing_secret"]
    a_whole_job(lab)
    ((headers, body),) = receiver.received
    for secret in (SECRET, new):
        assert hooks.unwrap(headers, body, secret).type == SUCCEEDED


@pytest.mark.needs("time")
def test_an_advance_goes_on_when_the_receiver_has_answered(hooks: Hooks, receiver: Receiver) -> None:
    """And lists what it was told."""
    hooks.endpoint(receiver)
    job = hooks.lab.finished_job(PLAIN)
    assert receiver.received == []
    fired = hooks.lab.clock.advance("1m")["fired"]
    assert len(receiver.received) == 1
    (delivery,) = hooks.deliveries()
    told = [(each["id"], each["status"], each["job"], each["at"]) for each in fired if each["kind"] == "delivery"]
    assert told == [(delivery["id"], "delivered", job.id, delivery["due_at"])]


@pytest.mark.needs("time")
def test_a_receiver_may_ask_the_server_while_an_advance_waits_for_it(hooks: Hooks, receiver: Receiver) -> None:
    """It sees the job at the instant of its event, though the advance goes on further."""
    lab, seen = hooks.lab, []

    def look(body: bytes) -> None:
        now = lab.clock.now()
        seen.append((now, lab.raw_job(job.id)["status"], lab.raw_events(job.id)[-1]["created_at"]))

    receiver.on_request = look
    hooks.endpoint(receiver)
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    lab.clock.advance("30d")
    ((now, status, last),) = seen
    assert (status, int(now)) == ("succeeded", last)


@pytest.mark.needs("time")
def test_a_moving_clock_delivers_while_nobody_asks(labs: Labs, receiver: Receiver, request: Any) -> None:
    lab = labs(request.node.nodeid)
    hooks = Hooks(lab)
    hooks.endpoint(receiver)
    lab.create_job(lab.upload_ready(PLAIN).id)
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"clock": "x10000"}).raise_for_status()
    assert receiver.arrived.wait(10)


@pytest.mark.needs("time")
def test_an_endpoint_is_enough_to_be_told_of_a_job_that_runs(hooks: Hooks, receiver: Receiver) -> None:
    """Also when nothing is asked for any more."""
    lab = hooks.lab
    job = lab.create_job(lab.upload_ready(PLAIN).id)
    lab.clock.until(job.id, "running")
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"clock": "x1000"}).raise_for_status()
    hooks.endpoint(receiver)
    assert receiver.arrived.wait(10)


# -- attempts ----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
@pytest.mark.parametrize("status", [302, 400, 500, 503])
def test_what_is_not_taken_is_sent_again_with_the_same_id(status: int, hooks: Hooks, receiver: Receiver) -> None:
    receiver.status = status
    hooks.endpoint(receiver, secret=SECRET)
    hooks.lab.finished_job(PLAIN)
    hooks.lab.clock.advance("20s")
    receiver.status = 200
    hooks.lab.clock.advance("1h")
    (delivery,) = hooks.deliveries()
    assert [each["status_code"] for each in delivery["attempts"]] == [status, status, 200]
    instants = [each["at"] for each in delivery["attempts"]]
    assert [at - instants[0] for at in instants] == [0, 5, 305]
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    for headers, body in receiver.received:
        assert hooks.unwrap(headers, body).type == SUCCEEDED


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
def test_410_is_the_end_for_an_endpoint_which_stays_listed(hooks: Hooks, receiver: Receiver) -> None:
    receiver.status = 410
    endpoint = hooks.endpoint(receiver)
    a_whole_job(hooks.lab)
    assert hooks.trigger() == []
    (listed,) = hooks.ask("GET", "webhooks/endpoints")["endpoints"]
    assert (listed["id"], listed["disabled_at"]) == (endpoint["id"], hooks.deliveries()[0]["due_at"])
    assert hooks.lab.http.get(f"/webhook_endpoints/{endpoint['id']}").status_code == 200


@pytest.mark.needs("time")
def test_the_log_shows_what_was_sent(hooks: Hooks, receiver: Receiver) -> None:
    hooks.endpoint(receiver)
    job = a_whole_job(hooks.lab)
    ((headers, body),) = receiver.received
    (delivery,) = hooks.deliveries()
    (attempt,) = delivery["attempts"]
    assert attempt["headers"].items() <= headers.items()
    assert delivery["body"].encode() == body
    assert (delivery["job"], delivery["event_type"], delivery["state"]) == (job, SUCCEEDED, "delivered")
    assert hooks.ask("GET", f"webhooks/deliveries/{delivery['id']}") == delivery


@pytest.mark.needs("time")
def test_deliveries_are_found_by_what_they_are_and_paged(hooks: Hooks, receiver: Receiver) -> None:
    one = hooks.endpoint(receiver, event_types=[SUCCEEDED, "batch.completed"])["id"]
    two = hooks.endpoint(receiver)["id"]
    job = a_whole_job(hooks.lab)
    hooks.trigger("batch.completed")
    receiver.status = 500
    hooks.trigger(FAILED, signature="forged")

    def found(**query: Any) -> list[tuple[str, str]]:
        return [(each["event_type"].rpartition(".")[2], each["endpoint"]) for each in hooks.deliveries(**query)]

    everything = [("succeeded", one), ("succeeded", two), ("completed", one), ("failed", two)]
    assert found() == everything
    assert found(order="desc") == everything[::-1]
    assert found(job=job) == everything[:2]
    assert found(endpoint=two) == [everything[1], everything[3]]
    assert found(event_type="batch.completed") == [everything[2]]
    assert found(state="failed") == found(signature="forged") == [everything[3]]
    page = hooks.ask("GET", "webhooks/deliveries", params={"limit": 3})
    assert page["has_more"]
    rest = hooks.ask("GET", "webhooks/deliveries", params={"after": page["last_id"]})
    assert [each["id"] for each in page["data"] + rest["data"]] == [each["id"] for each in hooks.deliveries()][::-1]


def test_a_delivery_is_sent_again_on_demand(hooks: Hooks, receiver: Receiver) -> None:
    hooks.endpoint(receiver, secret=SECRET)
    (delivery,) = hooks.trigger()
    again = hooks.post(f"webhooks/deliveries/{delivery['id']}/resend")
    assert [each["kind"] for each in again["attempts"]] == ["scheduled", "resend"]
    (first, _), (second, body) = receiver.received
    assert first["webhook-id"] == second["webhook-id"]
    assert hooks.unwrap(second, body).type == SUCCEEDED


def test_waiting_for_deliveries_is_bounded(hooks: Hooks, receiver: Receiver) -> None:
    hooks.endpoint(receiver)
    assert hooks.post("webhooks/deliveries/wait-for-count", count=1, timeout_s=0.01) == {
        "count": 0, "reached": False, "dropped": 0,
    }  # fmt: skip


def test_waiting_ends_when_the_delivery_is_there(hooks: Hooks, receiver: Receiver, labs: Labs) -> None:
    hooks.endpoint(receiver)
    waited: list[Any] = []
    asking = Hooks(labs(key=hooks.lab.key))

    def wait() -> None:
        waited.append(asking.post("webhooks/deliveries/wait-for-count", count=1, state="delivered", timeout_s=30))

    waiting = threading.Thread(target=wait)
    waiting.start()
    hooks.trigger()
    waiting.join(30)
    assert waited == [{"count": 1, "reached": True, "dropped": 0}]


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time", "faults")
@pytest.mark.source("SDK, DOC")
@pytest.mark.parametrize("signature", BAD)
def test_the_sdk_refuses_what_is_not_honest_and_takes_the_honest_delivery_behind_it(
    signature: str, hooks: Hooks, receiver: Receiver
) -> None:
    hooks.endpoint(receiver, secret=SECRET)
    hooks.rule(operation="fine_tuning.job.*", webhook=signature)
    a_whole_job(hooks.lab)
    bad, good = receiver.received
    with pytest.raises(ValueError, match=r".") as refused:
        hooks.unwrap(*bad)
    assert isinstance(refused.value, InvalidWebhookSignatureError) or signature == "missing"
    assert hooks.unwrap(*good).type == SUCCEEDED
    assert [each["signature"] for each in hooks.deliveries()] == [signature, "good"]


@pytest.mark.parametrize("signature", ["good", *BAD])
def test_an_event_is_triggered_with_the_signature_that_is_asked_for(
    signature: str, hooks: Hooks, receiver: Receiver
) -> None:
    endpoint = hooks.endpoint(receiver)
    (delivery,) = hooks.trigger(signature=signature)
    assert delivery["signature"] == signature
    ((headers, body),) = receiver.received
    if signature == "good":
        assert hooks.unwrap(headers, body, endpoint["signing_secret"]).type == SUCCEEDED
    else:
        with pytest.raises(ValueError, match=r"."):
            hooks.unwrap(headers, body, endpoint["signing_secret"])


@pytest.mark.needs("time", "faults")
def test_a_dropped_delivery_does_not_arrive(hooks: Hooks, receiver: Receiver) -> None:
    hooks.endpoint(receiver)
    hooks.rule(webhook="drop", id="lost")
    a_whole_job(hooks.lab)
    assert receiver.received == []
    (delivery,) = hooks.deliveries()
    assert (delivery["state"], delivery["fault"]) == ("dropped", "drop")
    assert delivery["faults"] == [{"rule_id": "lost", "fired": True, "reason": ""}]


@pytest.mark.needs("time", "faults")
def test_a_duplicate_arrives_twice_with_one_id(hooks: Hooks, receiver: Receiver) -> None:
    hooks.endpoint(receiver)
    hooks.rule(webhook="duplicate")
    a_whole_job(hooks.lab)
    (first, body), (second, again) = receiver.received
    assert (first["webhook-id"], body) == (second["webhook-id"], again)


# -- listeners ---------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_a_listener_fetches_what_the_server_cannot_bring(hooks: Hooks, labs: Labs) -> None:
    listener = hooks.post("webhooks/listeners", event_types=[SUCCEEDED])
    path = f"webhooks/listeners/{listener['id']}"
    assert (listener["object"], listener["url"]) == ("webhook_listener", None)
    assert hooks.lab.http.get("/webhook_endpoints").json()["data"] == []
    carrier, carried = Hooks(labs(key=hooks.lab.key)), []

    def carry() -> None:
        for status in (500, 200):
            parcel = carrier.post(f"{path}/next", timeout_s=30)["parcel"]
            carried.append((parcel["headers"], parcel["body"].encode()))
            carrier.post(f"{path}/result", id=parcel["id"], status_code=status)

    carrying = threading.Thread(target=carry)
    carrying.start()
    hooks.lab.finished_job(PLAIN)
    hooks.lab.clock.advance("1m")
    carrying.join(30)
    (delivery,) = hooks.deliveries()
    assert [each["status_code"] for each in delivery["attempts"]] == [500, 200]
    for headers, body in carried:
        assert hooks.unwrap(headers, body, listener["signing_secret"]).type == SUCCEEDED


def test_a_listener_that_waits_in_vain_is_told_so(hooks: Hooks) -> None:
    path = f"webhooks/listeners/{hooks.post('webhooks/listeners')['id']}"
    assert hooks.post(f"{path}/next", timeout_s=0.01) == {"parcel": None}
    assert hooks.post(f"{path}/result", id="parcel-9", status_code=200) == {"id": "parcel-9", "reported": False}
    assert hooks.ask("DELETE", path)["deleted"]
    assert hooks.ask("GET", "webhooks/endpoints") == {"endpoints": []}


# -- safety ------------------------------------------------------------------------------------------------------------


def test_nothing_is_taken_by_a_get(hooks: Hooks) -> None:
    listener = hooks.post("webhooks/listeners")["id"]
    for path in ("events/trigger", f"webhooks/listeners/{listener}/next", "webhooks/deliveries/wait-for-count"):
        answer = hooks.lab.http.get(f"{hooks.lab.root}/_mocktune/{path}")
        assert answer.status_code in (404, 405), path


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://10.0.0.1/", "https://metadata.google.internal/"])
def test_other_machines_are_sent_nothing(url: str, hooks: Hooks) -> None:
    """Plain http to them is refused at once; https may be subscribed, as it may in reality, and fails."""
    answer = hooks.lab.http.post(f"{hooks.lab.root}/_mocktune/webhooks/endpoints", json={"url": url})
    if url.startswith("http:"):
        assert answer.status_code == 400
        return
    (delivery,) = hooks.trigger()
    assert delivery["attempts"][0]["status_code"] is None
    assert "--allow-webhook-host" in delivery["attempts"][0]["failure"]


@pytest.mark.needs("time")
def test_names_and_metadata_add_no_header(hooks: Hooks, receiver: Receiver) -> None:
    evil = "x\r\nx-evil: 1"
    hooks.endpoint(receiver, name=evil)
    lab = hooks.lab
    job = lab.create_job(lab.upload_ready(PLAIN).id, metadata={"name": evil}, suffix="x evil")
    lab.client().fine_tuning.jobs.cancel(job.id)
    assert hooks.post("webhooks/deliveries/wait-for-count", state="delivered")["reached"]
    ((headers, body),) = receiver.received
    assert "x-evil" not in headers
    assert b"evil" not in body


@pytest.mark.needs("sandboxes")
def test_sandboxes_do_not_hear_of_each_other(hooks: Hooks, receiver: Receiver, labs: Labs) -> None:
    endpoint = hooks.endpoint(receiver)
    (delivery,) = hooks.trigger()
    other = labs("somebody else")
    assert Hooks(other).deliveries() == []
    assert Hooks(other).trigger() == []
    for method, path in (
        ("GET", f"webhooks/deliveries/{delivery['id']}"),
        ("POST", f"webhooks/deliveries/{delivery['id']}/resend"),
        ("DELETE", f"webhooks/endpoints/{endpoint['id']}"),
    ):
        assert other.http.request(method, f"{other.root}/_mocktune/{path}").status_code == 404


@pytest.mark.source("SDK, DOC")
def test_the_secret_of_the_environment_is_enough(hooks: Hooks, receiver: Receiver, monkeypatch: Any) -> None:
    """What ``mocktune listen`` prints is what the SDK reads."""
    hooks.endpoint(receiver, secret=SECRET)
    hooks.trigger()
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    ((headers, body),) = receiver.received
    with OpenAI(api_key="unused") as client:
        assert client.webhooks.unwrap(body, headers).type == SUCCEEDED
