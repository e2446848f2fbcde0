"""A test owns time: the clock goes where it is told to, stops where something comes, and moves on its own for polls."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from mocktune_contract.lab import Lab, Labs, training_file
from mocktune_contract.receiver import Receiver

pytestmark = [pytest.mark.needs("time", "sandboxes"), pytest.mark.source("mocktune")]

PLAIN = training_file("valid/plain.jsonl")
HOUR = 3600


def advance(lab: Lab, **how: Any) -> httpx2.Response:
    return lab.http.post(f"{lab.root}/_mocktune/clock/advance", json=how)


def test_an_advance_lists_what_it_came_by(lab: Lab) -> None:
    file = lab.upload(PLAIN)
    job = lab.create_job(file.id)
    moved = lab.clock.advance(by="1h")
    assert moved["fired_dropped"] == 0
    seen = [(each["kind"], each["id"], each["status"], each["job"]) for each in moved["fired"]]
    model = lab.raw_job(job.id)["fine_tuned_model"]
    assert seen == [
        ("file", file.id, "processed", None),
        ("job", job.id, "queued", job.id),
        ("job", job.id, "running", job.id),
        ("job", job.id, "succeeded", job.id),
        ("model", model, "loading", job.id),
        ("model", model, "ready", job.id),
    ]
    assert [each["at"] for each in moved["fired"]] == sorted(each["at"] for each in moved["fired"])


def test_until_waits_for_files_jobs_shares_of_their_steps_and_models(lab: Lab) -> None:
    file = lab.upload(PLAIN)
    assert lab.clock.advance(until={"file": file.id, "status": "processed"})["reached"]
    assert lab.client().files.retrieve(file.id).status == "processed"
    job = lab.create_job(file.id)
    for status in ("running@40%", "running"):
        assert lab.clock.advance(until={"job": job.id, "status": status})["reached"]
    steps = [event["data"] for event in lab.raw_events(job.id) if event["type"] == "metrics"]
    assert steps[-1]["step"] == -(-steps[-1]["total_steps"] * 2 // 5)
    assert lab.clock.advance(until={"job": job.id, "status": "terminal"})["reached"]
    model = lab.raw_job(job.id)["fine_tuned_model"]
    assert lab.clock.advance(until={"model": model, "status": "ready"})["reached"]
    assert lab.says(model, "How long is a nautical mile?")


def test_until_stops_at_any_end(lab: Lab) -> None:
    job = lab.create_job(lab.upload(training_file("invalid/preference_nine_examples.jsonl")).id)
    moved = lab.clock.advance(until={"job": job.id, "status": "succeeded"})
    assert not moved["reached"]
    assert lab.job(job.id).status == "failed"


def test_a_bound_stops_the_clock_and_says_where_it_stands(lab: Lab) -> None:
    before = lab.clock.now()
    job = lab.create_job(lab.upload(PLAIN).id)
    refused = advance(lab, until={"job": job.id, "status": "succeeded"}, max_virtual="60s")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "clock_bound_reached")
    assert f"2 of them to job {job.id}" in error["message"]
    assert lab.clock.now() == before + 60
    assert lab.job(job.id).status == "running", "what was due has happened"
    assert lab.clock.advance(until={"job": job.id, "status": "succeeded"})["reached"]


def test_a_tight_poller_sees_a_whole_life_when_its_polls_move_the_clock(lab: Lab) -> None:
    """Without a sleep, and without a call to the control plane in its loop."""
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"advance_on_poll": "next"}).raise_for_status()
    client = lab.client()
    file = lab.upload(PLAIN)
    while client.files.retrieve(file.id).status == "uploaded":
        pass
    job = lab.create_job(file.id)
    seen = [job.status]
    while job.status not in ("succeeded", "failed", "cancelled"):
        job = client.fine_tuning.jobs.retrieve(job.id)
        seen.append(job.status)
    assert list(dict.fromkeys(seen)) == ["validating_files", "queued", "running", "succeeded"]
    assert len(seen) < 25
    assert job.fine_tuned_model is not None
    while lab.events(job.id)[-1].message != "The job has successfully completed":
        pass
    asked = {"model": job.fine_tuned_model, "messages": [{"role": "user", "content": "Hi?"}]}
    answers = [lab.http.post("/chat/completions", json=asked).status_code for _ in range(4)]
    assert answers[-1] == 200
    assert answers == sorted(answers, reverse=True)
    now = lab.clock.now()
    client.fine_tuning.jobs.retrieve(job.id)
    assert lab.clock.now() == now


CUTS = [
    (),
    (1,),
    (47, 51, 300),
    (100, 101, 102, 103),
    tuple(range(10, 700, 90)),
]


@pytest.mark.needs("deliveries")
def test_in_how_many_advances_time_is_gone_makes_no_difference(labs: Labs, lab: Lab, receiver: Receiver) -> None:
    """To jobs, events, and every attempt of every delivery, which is refused twice here."""

    def life(cuts: tuple[int, ...]) -> Any:
        receiver.status = 503
        own = labs(f"{lab.key} {cuts}", base_url=lab.base_url)
        hook = {
            "name": "h",
            "url": receiver.url,
            "event_types": ["fine_tuning.job.succeeded", "fine_tuning.job.failed"],
        }
        own.http.post("/webhook_endpoints", json=hook).raise_for_status()
        for name in ("valid/plain.jsonl", "invalid/preference_nine_examples.jsonl"):
            own.create_job(own.upload(training_file(name)).id)
        fired = []
        for begin, end in zip((0, *cuts), (*cuts, 2 * HOUR), strict=True):
            fired += own.clock.advance(by=f"{end - begin}s")["fired"]
        sent = own.http.get(f"{own.root}/_mocktune/webhooks/deliveries?limit=100").raise_for_status().json()["data"]
        attempts = [(each["event_type"], each["state"], [a["at"] for a in each["attempts"]]) for each in sent]
        return [(each["at"], each["kind"], each["status"]) for each in fired], attempts

    lives = [life(cuts) for cuts in CUTS]
    fired, attempts = lives[0]
    assert all(each == lives[0] for each in lives)
    assert len(attempts) == 2
    assert [len(instants) for _, _, instants in attempts] == [4, 4], "at 0 s, 5 s, 5 min and 30 min"
    assert sum(kind == "delivery" for _, kind, _ in fired) == 8


# -- clients that wait for a clock nobody moves ------------------------------------------------------------------------


def guard(lab: Lab, most: int | None) -> dict[str, Any]:
    answer = lab.http.put(f"{lab.root}/_mocktune/clock", json={"clock": "frozen", "max_frozen_reads": most})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def looks(lab: Lab, path: str, times: int) -> list[int]:
    return [lab.http.get(path).status_code for _ in range(times)]


def test_reads_of_what_is_unfinished_are_refused_when_a_frozen_clock_stands_too_long(lab: Lab) -> None:
    job = f"/fine_tuning/jobs/{lab.create_job(lab.upload(PLAIN).id).id}"
    assert looks(lab, job, 60) == [200] * 60  # off unless it is asked for
    assert guard(lab, 3)["max_frozen_reads"] == 3
    assert looks(lab, job, 5) == [200, 200, 200, 400, 400]
    refused = lab.http.get(job).json()["error"]
    assert refused["code"] == "clock_frozen"
    assert "the clock is frozen and nobody advances it" in refused["message"].lower()
    lab.clock.advance(by="1s")
    assert looks(lab, job, 4) == [200, 200, 200, 400]
    assert lab.http.get(f"{lab.root}/_mocktune/clock").json()["refused_reads"] == 4
    lab.clock.advance(until={"job": job.rpartition("/")[2], "status": "terminal"})
    assert looks(lab, job, 9) == [200] * 9  # finished
    assert guard(lab, None)["max_frozen_reads"] is None


def test_each_thing_that_is_asked_is_counted_for_itself(lab: Lab) -> None:
    file = lab.upload(PLAIN)
    job = lab.create_job(file.id)
    guard(lab, 2)
    events = f"/fine_tuning/jobs/{job.id}/events"
    pages = [f"{events}?limit={limit}" for limit in range(1, 9)]
    assert [lab.http.get(page).status_code for page in pages] == [200] * 8
    assert looks(lab, f"/files/{file.id}", 3) == [200, 200, 400]
    assert looks(lab, f"/fine_tuning/jobs/{job.id}", 3) == [200, 200, 400]
    assert looks(lab, events, 3) == [200, 200, 400]
    assert looks(lab, "/fine_tuning/jobs", 3) == [200, 200, 400]
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"advance_on_poll": "1s"})
    assert looks(lab, f"/fine_tuning/jobs/{job.id}", 9) == [200] * 9  # reads move the clock


@pytest.mark.needs("scenarios")
def test_a_model_that_is_not_ready_is_not_asked_for_ever(lab: Lab) -> None:
    model = lab.http.post(f"{lab.root}/_mocktune/state/models", json={"state": "loading"}).json()["id"]
    guard(lab, 2)
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    answers = [lab.http.post("/chat/completions", json=body).json()["error"]["code"] for _ in range(4)]
    assert answers[2:] == ["clock_frozen"] * 2 != answers[:2]


# -- what happened -----------------------------------------------------------------------------------------------------


def timeline(lab: Lab) -> dict[str, Any]:
    said: dict[str, Any] = lab.http.get(f"{lab.root}/_mocktune/timeline").json()
    return said


@pytest.mark.needs("mocktune")
def test_the_timeline_tells_what_happened_in_order_and_what_it_cost(lab: Lab) -> None:
    assert timeline(lab)["happened"] == []
    file = lab.upload(PLAIN)
    job = lab.create_job(file.id)
    at_once = [("file", file.id, "uploaded"), ("job", job.id, "validating_files")]
    assert [(each["kind"], each["id"], each["status"]) for each in timeline(lab)["happened"]] == at_once
    moved = lab.clock.advance(by="1h")
    told = timeline(lab)
    came = [(each["kind"], each["id"], each["status"]) for each in moved["fired"]]
    assert [(each["kind"], each["id"], each["status"]) for each in told["happened"]] == at_once + came
    assert told["elapsed"] == told["now"] - told["started"]
    assert told["trained_tokens"] == lab.raw_job(job.id)["trained_tokens"]
    assert told["cost_usd"] == pytest.approx(told["trained_tokens"] * 3.0 / 1_000_000)
    assert timeline(lab) == told  # asking changes nothing
