"""The journal of a sandbox: every request and its answer, to be listed, counted, waited for and verified.

::

    {"object": "request", "ordinal": 3, "id": "req_…", "operation": "fine_tuning.jobs.create", "method": "POST",
     "path": "/v1/fine_tuning/jobs", "query": {}, "headers": {"user-agent": "…"}, "at": 1768435200.0, …,
     "status": 200, "retry_after": null, "committed": true, "lost": false, "faults": [],
     "request":  {"form": "json", "content": {"model": "…"}, "bytes": 71, "cut": false},
     "response": {"form": "json", "content": {"object": "fine_tuning.job", …}, "bytes": 1312, "cut": false}}
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import httpx2
import pytest

from mocktune_contract.lab import MODEL, Lab, Labs, training_file

pytestmark = [pytest.mark.needs("journal", "mocktune"), pytest.mark.source("mocktune")]

PLAIN = training_file("valid/plain.jsonl")
HELLO = [{"role": "user", "content": "Hello"}]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def journal(lab: Lab, **params: Any) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = listed(lab, **params)["data"]
    return data


def listed(lab: Lab, **params: Any) -> dict[str, Any]:
    page: dict[str, Any] = lab.http.get(f"{lab.root}/_mocktune/requests", params=params).raise_for_status().json()
    return page


def asked(lab: Lab, action: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (
        lab.http.post(f"{lab.root}/_mocktune/requests/{action}", json=body).raise_for_status().json()
    )
    return answer


def break_(lab: Lab, operation: str, **rule: Any) -> None:
    body = {"operation": operation, "times": 1, **rule}
    lab.http.post(f"{lab.root}/_mocktune/faults", json=body).raise_for_status()


# -- an entry ----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_an_entry_tells_the_request_and_its_answer(lab: Lab) -> None:
    file = lab.upload(PLAIN)
    job = lab.create_job(file.id, seed=1)
    newest, upload = journal(lab)
    assert newest["operation"] == "fine_tuning.jobs.create"
    assert (newest["method"], newest["path"], newest["query"]) == ("POST", "/v1/fine_tuning/jobs", {})
    assert newest["status"] == 200
    assert newest["committed"] is True
    assert newest["lost"] is False
    assert newest["request"]["content"] == {"model": MODEL, "training_file": file.id, "seed": 1}
    assert newest["response"]["content"]["id"] == job.id
    assert newest["response"]["form"] == "json"
    assert newest["at"] == newest["answered_at"] == lab.clock.now()
    assert newest["answered_wall"] >= newest["wall"]
    assert newest["headers"]["x-stainless-lang"] == "python"
    assert upload["operation"] == "files.create"
    assert upload["request"]["form"] == "none"
    assert upload["request"]["bytes"] > len(PLAIN)


def test_an_entry_is_found_by_its_request_id(lab: Lab) -> None:
    answer = lab.http.get("/models/none")
    entry = lab.http.get(f"{lab.root}/_mocktune/requests/{answer.headers['x-request-id']}").json()
    assert entry["id"] == answer.headers["x-request-id"]
    assert entry["status"] == 404
    assert entry["committed"] is False
    assert entry["response"]["content"] == answer.json()


def test_a_request_is_in_the_journal_before_its_answer_arrives(lab: Lab) -> None:
    for count in range(1, 20):
        lab.http.get("/models")
        assert asked(lab, "count")["count"] == count


@pytest.mark.shape
def test_bodies_are_shown_as_what_they_are(lab: Lab) -> None:
    lab.http.post("/chat/completions", content=b"{no json", headers={"content-type": "application/json"})
    lab.http.post("/chat/completions", content=b"\xff\xfe", headers={"content-type": "application/json"})
    binary, text = journal(lab)
    assert (text["request"]["form"], text["request"]["content"]) == ("text", "{no json")
    assert (binary["request"]["form"], binary["request"]["content"]) == ("base64", "//4=")


def test_a_stream_is_in_the_journal_without_its_text(lab: Lab) -> None:
    body = {"model": MODEL, "messages": HELLO, "stream": True}
    assert lab.http.post("/chat/completions", json=body).text.endswith("data: [DONE]\n\n")
    (entry,) = journal(lab)
    assert (entry["status"], entry["response"]["bytes"], entry["response"]["form"]) == (200, 0, "none")
    assert entry["request"]["content"]["stream"] is True


def test_an_unknown_url_is_an_entry_without_an_operation(lab: Lab) -> None:
    lab.http.get("/nothing", params={"a": "b c"})
    (entry,) = journal(lab)
    assert (entry["operation"], entry["path"], entry["query"]) == ("", "/v1/nothing", {"a": "b c"})


@pytest.mark.needs("time")
def test_the_control_plane_is_not_in_the_journal(lab: Lab) -> None:
    lab.clock.now()
    lab.http.get(f"{lab.root}/_mocktune/requests")
    assert journal(lab) == []


@pytest.mark.needs("faults")
def test_what_a_fault_did_is_in_the_journal(lab: Lab) -> None:
    break_(lab, "models.list", id="lose-it", at="after_commit", fault="EMPTY_RESPONSE")
    with pytest.raises(httpx2.TransportError):
        lab.http.get("/models")
    (entry,) = journal(lab)
    assert (entry["status"], entry["lost"], entry["committed"]) == (0, True, True)
    assert [(each["rule_id"], each["fired"]) for each in entry["faults"]] == [("lose-it", True)]


@pytest.mark.needs("faults")
def test_a_body_that_a_fault_left_unread_is_in_the_journal(lab: Lab) -> None:
    """Requests are told apart by it."""
    break_(lab, "chat.completions.create", answer={"status": 503})
    body = {"model": MODEL, "messages": HELLO}
    assert lab.http.post("/chat/completions", json=body).status_code == 503
    (entry,) = journal(lab)
    assert entry["request"]["content"] == body


# -- what is kept back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sk-proj-abcdefghij0123456789", "a key of another form", "sk-!#~.+key"])
def test_no_credential_is_ever_kept(labs: Labs, key: str) -> None:
    lab = labs(key=key)
    other = "sk-live-ABCDEFGHIJKLMNOP"
    http = lab.open(base_url=lab.base_url, headers={b"authorization": b"Bearer " + key.encode("latin-1")})
    with http:
        http.get(f"/models/{other}", params={"after": "x", "api-key": "k1-secret", "token": "t1-secret", "key": "k2-x"})
        http.get("/models", headers={"user-agent": f"tool/1 {other}", "idempotency-key": "sk-idem-1"})
        http.get("/models", headers={"api-key": "sk-azure-123"})
        told = f"my keys are {key} and {other}, the secret {SECRET}."
        http.post("/chat/completions", json={"model": MODEL, "messages": [{"role": "user", "content": told}]})
        http.post("/fine_tuning/jobs", json={"model": other, "training_file": SECRET, "metadata": {"k": key}})
        text = http.get(f"{lab.root}/_mocktune/requests", params={"limit": 100}).text
    for secret in (other, SECRET, "k1-secret", "t1-secret", "k2-x", "sk-azure", "sk-idem", key):
        assert secret not in text
        assert json.dumps(secret)[1:-1] not in text
    assert "sk-***" in text
    assert "whsec_***" in text


def test_signing_secrets_are_not_kept(lab: Lab) -> None:
    hook = {"name": "hook", "url": "https://example.com/hook", "event_types": ["fine_tuning.job.succeeded"]}
    secret = lab.http.post("/webhook_endpoints", json=hook).raise_for_status().json()["signing_secret"]
    (entry,) = journal(lab)
    assert entry["response"]["content"]["signing_secret"] == "whsec_***"
    assert secret not in json.dumps(entry)


def test_a_long_body_is_cut(lab: Lab) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x" * 300_000}]}
    lab.http.post("/chat/completions", json=body)
    (entry,) = journal(lab)
    assert entry["request"]["bytes"] > 300_000
    assert entry["request"]["cut"] is True
    assert len(entry["request"]["content"]) == 256 * 1024


# -- lists -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def some(lab: Lab) -> Lab:
    """Five requests: an upload, a job, two looks at it, and one at none."""
    job = lab.create_job(lab.upload(PLAIN).id)
    lab.job(job.id)
    lab.http.get(f"/fine_tuning/jobs/{job.id}/events")
    lab.http.get("/fine_tuning/jobs/ftjob-none")
    return lab


def operations(entries: list[dict[str, Any]]) -> list[str]:
    return [each["operation"].removeprefix("fine_tuning.jobs.") for each in entries]


def test_requests_are_listed_newest_first_in_pages(some: Lab) -> None:
    first = listed(some, limit=2)
    assert first["has_more"] is True
    assert operations(first["data"]) == ["retrieve", "list_events"]
    assert first["last_id"] == first["data"][-1]["id"]
    rest = listed(some, after=first["last_id"])
    assert rest["has_more"] is False
    assert operations(rest["data"]) == ["retrieve", "create", "files.create"]
    assert rest["dropped"] == 0


def test_filters_narrow_a_list(some: Lab) -> None:
    job = journal(some)[1]["path"].split("/")[4]
    file = journal(some, operation="files.create")[0]["response"]["content"]["id"]
    assert operations(journal(some, operation="fine_tuning.jobs.retrieve")) == ["retrieve", "retrieve"]
    assert operations(journal(some, operation="*.list_events")) == ["list_events"]
    assert operations(journal(some, resource=job)) == ["list_events", "retrieve", "create"]
    assert operations(journal(some, resource=file)) == ["list_events", "retrieve", "create", "files.create"][1:]
    assert operations(journal(some, method="post")) == ["create", "files.create"]
    assert operations(journal(some, status="4xx")) == operations(journal(some, status="404")) == ["retrieve"]
    since = journal(some, operation="fine_tuning.jobs.create")[0]["ordinal"]
    assert operations(journal(some, since=since)) == ["retrieve", "list_events", "retrieve"]
    assert operations(journal(some, operation="fine_tuning.jobs.retrieve", status="200")) == ["retrieve"]


def test_what_is_found_by_a_body_is_what_a_list_would_show(some: Lab) -> None:
    found = asked(some, "find", operation="fine_tuning.jobs.create", body={"model": MODEL})
    assert operations(found["data"]) == ["create"]
    assert asked(some, "find", body={"model": "gpt-4"})["data"] == []
    assert asked(some, "find", committed=False)["data"] == journal(some, status="404")
    assert asked(some, "count", status=404) == {"count": 1, "dropped": 0}


def test_requests_can_be_forgotten(some: Lab) -> None:
    assert some.http.delete(f"{some.root}/_mocktune/requests").json() == {"deleted": 5}
    assert journal(some) == []
    some.http.get("/models")
    (entry,) = journal(some)
    assert entry["ordinal"] > 5


@pytest.mark.needs("sandboxes")
def test_the_journal_of_one_sandbox_knows_nothing_of_another(some: Lab, labs: Labs) -> None:
    assert journal(labs("somebody else's journal")) == []


# -- waiting and verifying ---------------------------------------------------------------------------------------------


def test_waiting_ends_with_the_request_that_was_waited_for(lab: Lab, labs: Labs) -> None:
    """Not with the next look at the journal: there is none."""
    answered: list[tuple[float, dict[str, Any]]] = []
    waiting = labs(key=lab.key)

    def wait() -> None:
        told = asked(waiting, "wait-for-count", operation="models.list", count=2, timeout_s=30)
        answered.append((time.monotonic(), told))

    lab.http.get("/models")
    thread = threading.Thread(target=wait)
    thread.start()
    lab.http.get("/files")
    asked(lab, "count")
    assert not answered
    lab.http.get("/models")
    thread.join(10)
    ((_, told),) = answered
    assert told == {"count": 2, "reached": True, "dropped": 0}


def test_waiting_ends_in_time(lab: Lab) -> None:
    began = time.monotonic()
    assert asked(lab, "wait-for-count", count=1, timeout_s=0.02) == {"count": 0, "reached": False, "dropped": 0}
    assert time.monotonic() - began < 5
    lab.http.get("/models")
    assert asked(lab, "wait-for-count", count=1, timeout_s=0)["reached"] is True


@pytest.mark.parametrize(
    ("expected", "verified", "told"),
    [
        ({}, True, "at least 1"),
        ({"count": 2}, True, "exactly 2"),
        ({"count": 1}, False, "exactly 1"),
        ({"at_least": 3}, False, "at least 3"),
        ({"at_most": 2}, True, "at most 2"),
        ({"at_most": 0}, False, "exactly 0"),
        ({"at_least": 1, "at_most": 4}, True, "from 1 to 4"),
    ],
)
def test_a_verification_counts(some: Lab, expected: dict[str, int], verified: bool, told: str) -> None:
    answer = asked(some, "verify", operation="fine_tuning.jobs.retrieve", **expected)
    assert (answer["verified"], answer["count"], answer["expected"]) == (verified, 2, told)


def test_a_verification_that_fails_names_the_nearest_requests(some: Lab) -> None:
    answer = asked(some, "verify", operation="fine_tuning.jobs.create", body={"model": MODEL, "suffix": "pip"})
    assert answer["verified"] is False
    nearest = answer["near_misses"][0]
    assert operations([nearest["entry"]]) == ["create"]
    assert nearest["differs"] == [{"what": "body.suffix", "wanted": '"pip"', "found": ""}]
    assert len(answer["near_misses"]) == 3


def test_a_verification_that_finds_too_many_names_no_near_misses(some: Lab) -> None:
    answer = asked(some, "verify", operation="fine_tuning.jobs.retrieve", count=0)
    assert (answer["verified"], answer["count"], answer["near_misses"]) == (False, 2, [])
