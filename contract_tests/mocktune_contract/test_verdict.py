"""The verdict: a client that earns a finding gets it and nothing else, and one that does well gets none.

::

    {"clean": false, "complete": true, "incomplete": null, "requests": 9, "allowed": [],
     "findings": [{"code": "MT01", "title": "polls too fast", "summary": "…", "remedy": "…", "times": 1,
                   "evidence": [{"ordinal": 4, "id": "req_…", "at": 1768435200.0, "operation": "…", "status": 200,
                                 "what": "GET /v1/fine_tuning/jobs/ftjob-…"}, …],
                   "page": "docs/reference/verdict.md#mt01"}]}
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from mocktune_contract.lab import MODEL, Lab, Labs, training_file
from mocktune_contract.receiver import Receiver

pytestmark = [pytest.mark.needs("time", "journal"), pytest.mark.source("mocktune")]

PLAIN = training_file("valid/plain.jsonl")
CREATE = "fine_tuning.jobs.create"
RETRIEVE = "fine_tuning.jobs.retrieve"
HELLO: Any = [{"role": "user", "content": "How long is a nautical mile?"}]
QUOTA = {"status": 429, "type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded."}


def verdict(lab: Lab, **params: str) -> dict[str, Any]:
    answer: dict[str, Any] = lab.http.get(f"{lab.root}/_mocktune/verdict", params=params).raise_for_status().json()
    return answer


def codes(lab: Lab) -> list[str]:
    found = verdict(lab)
    assert found["clean"] is (not found["findings"])
    return [each["code"] for each in found["findings"]]


def break_(lab: Lab, operation: str, **rule: Any) -> None:
    """Make a rule of faults, which fires once unless ``times`` says otherwise."""
    body = {"operation": operation, "times": 1, **rule}
    lab.http.post(f"{lab.root}/_mocktune/faults", json=body).raise_for_status()


def created(lab: Lab, **parameters: Any) -> str:
    return lab.create_job(lab.upload_ready(PLAIN).id, **parameters).id


def body_of_create(lab: Lab) -> dict[str, Any]:
    return {"model": MODEL, "training_file": lab.upload_ready(PLAIN).id, "seed": 1}


def look(lab: Lab, job: str) -> httpx2.Response:
    return lab.http.get(f"/fine_tuning/jobs/{job}")


def succeeded(lab: Lab) -> tuple[str, str]:
    """A job whose end was seen, at that very instant, and its model."""
    job = lab.finished_job(PLAIN)
    assert job.fine_tuned_model is not None
    return job.id, job.fine_tuned_model


@pytest.fixture
def skipped_sleeps(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sleeps move the sandbox's clock instead, as they do under the pytest plugin."""
    monkeypatch.setattr("time.sleep", lambda seconds: lab.clock.advance(by=f"{seconds:.3f}s"))


# -- who earns a finding -----------------------------------------------------------------------------------------------


def polls_in_a_loop(lab: Lab) -> None:
    job = created(lab)
    for _ in range(7):
        lab.job(job)


def polls_a_file_in_a_loop(lab: Lab) -> None:
    file = lab.upload(PLAIN).id
    for _ in range(7):
        lab.client().files.retrieve(file)


def polls_every_half_second(lab: Lab) -> None:
    job = created(lab)
    for _ in range(7):
        lab.clock.advance(by="500ms")
        lab.job(job)


def stops_when_validation_is_over(lab: Lab) -> None:
    job = created(lab)
    while lab.job(job).status == "validating_files":
        lab.clock.advance(by="10s")


def looks_once_and_not_again(lab: Lab) -> None:
    job = created(lab)
    lab.clock.until(job, "running")
    assert lab.job(job).status == "running"
    lab.clock.until(job, "terminal")


def reads_one_page_of_events(lab: Lab) -> None:
    job, _ = succeeded(lab)
    page = lab.client().fine_tuning.jobs.list_events(job)
    assert page.has_more
    assert len(page.data) == 20


def creates_again_when_the_answer_is_lost(lab: Lab) -> None:
    """With the retries of the SDK's default: 0.5 s of a skipped sleep."""
    body = body_of_create(lab)
    break_(lab, CREATE, at="after_commit", fault="CONNECTION_RESET_BY_PEER")
    lab.client().with_options(max_retries=2).fine_tuning.jobs.create(**body)
    assert len(lab.client().fine_tuning.jobs.list().data) == 2


def creates_again_after_a_502(lab: Lab) -> None:
    """What a proxy answers when it has lost patience: the job is there."""
    body = body_of_create(lab)
    break_(lab, CREATE, at="after_commit", answer={"status": 502, "body": "<html>Bad gateway</html>"})
    assert lab.http.post("/fine_tuning/jobs", json=body).status_code == 502
    assert lab.http.post("/fine_tuning/jobs", json=body).status_code == 200


def asks_again_without_quota(lab: Lab) -> None:
    body = body_of_create(lab)
    break_(lab, CREATE, answer=QUOTA, times=10)
    for _ in range(2):
        lab.clock.advance(by="1m")
        with pytest.raises(openai.RateLimitError):
            lab.client().fine_tuning.jobs.create(**body)


def sends_an_invalid_request_again(lab: Lab) -> None:
    for _ in range(2):
        with pytest.raises(openai.BadRequestError):
            lab.create_job("file-none")


def comes_back_too_early(lab: Lab) -> None:
    job = created(lab)
    break_(lab, RETRIEVE, answer={"status": 429, "retry_after": "30"})
    assert look(lab, job).status_code == 429
    lab.clock.advance(by="10s")
    assert look(lab, job).status_code == 200


def asks_a_fresh_model_in_a_loop(lab: Lab) -> None:
    _, model = succeeded(lab)
    for _ in range(7):
        with pytest.raises(openai.NotFoundError):
            lab.ask(model, *HELLO)
    lab.clock.advance(by="10m")
    lab.ask(model, *HELLO)


def gives_up_on_an_unknown_model(lab: Lab) -> None:
    _, model = succeeded(lab)
    with pytest.raises(openai.NotFoundError):
        lab.ask(model, *HELLO)


def gives_up_on_a_loading_model(lab: Lab) -> None:
    _, model = succeeded(lab)
    lab.clock.advance(by="30s")
    with pytest.raises(openai.RateLimitError):
        lab.ask(model, *HELLO)


def reads_the_file_none(lab: Lab) -> None:
    assert lab.http.get("/files/None/content").status_code == 404


def asks_the_model_null(lab: Lab) -> None:
    assert lab.http.post("/chat/completions", json={"model": None, "messages": HELLO}).status_code == 400


def trains_on_undefined(lab: Lab) -> None:
    assert lab.http.post("/fine_tuning/jobs", json={"model": MODEL, "training_file": "undefined"}).status_code == 400


def asks_for_checkpoints_while_training(lab: Lab) -> None:
    job = created(lab)
    lab.clock.until(job, "running")
    assert lab.client().fine_tuning.jobs.checkpoints.list(job).data == []
    lab.clock.until(job, "succeeded")
    lab.job(job)


def gives_up_at_the_first_500(lab: Lab) -> None:
    job = created(lab)
    break_(lab, RETRIEVE, answer={"status": 500})
    with pytest.raises(openai.InternalServerError):
        lab.job(job)


def gives_up_when_a_connection_breaks(lab: Lab) -> None:
    job = created(lab)
    break_(lab, RETRIEVE, fault="CONNECTION_RESET_BY_PEER")
    with pytest.raises(openai.APIConnectionError):
        lab.job(job)


EARNING: list[tuple[str, Callable[[Lab], None]]] = [
    ("MT01", polls_in_a_loop),
    ("MT01", polls_a_file_in_a_loop),
    ("MT01", polls_every_half_second),
    ("MT02", stops_when_validation_is_over),
    ("MT02", looks_once_and_not_again),
    ("MT03", reads_one_page_of_events),
    ("MT04", creates_again_when_the_answer_is_lost),
    ("MT04", creates_again_after_a_502),
    ("MT05", asks_again_without_quota),
    ("MT05", sends_an_invalid_request_again),
    ("MT06", comes_back_too_early),
    ("MT07", asks_a_fresh_model_in_a_loop),
    ("MT08", gives_up_on_an_unknown_model),
    ("MT08", gives_up_on_a_loading_model),
    ("MT09", reads_the_file_none),
    ("MT09", asks_the_model_null),
    ("MT09", trains_on_undefined),
    ("MT10", asks_for_checkpoints_while_training),
    ("MT13", gives_up_at_the_first_500),
    ("MT13", gives_up_when_a_connection_breaks),
]


@pytest.mark.needs("faults")
@pytest.mark.usefixtures("skipped_sleeps")
@pytest.mark.parametrize(("code", "client"), EARNING, ids=[client.__name__ for _, client in EARNING])
def test_a_client_that_earns_a_finding_gets_it_and_nothing_else(
    lab: Lab, code: str, client: Callable[[Lab], None]
) -> None:
    client(lab)
    found = verdict(lab)
    assert [each["code"] for each in found["findings"]] == [code]
    assert found["findings"][0]["evidence"]
    assert verdict(lab, allow=code) == {**found, "clean": True, "findings": [], "allowed": [code]}


# -- who does well -----------------------------------------------------------------------------------------------------


def uses_it_as_it_is_meant(lab: Lab) -> None:
    """From the upload to an answer, with every page of everything on the way."""
    file = lab.upload(PLAIN)
    while (file := lab.client().files.retrieve(file.id)).status != "processed":
        lab.clock.advance(by="5s")
    job = lab.create_job(file.id)
    while (job := lab.job(job.id)).status not in ("succeeded", "failed", "cancelled"):
        lab.clock.advance(by="10s")
    for limit in (20, 100):
        assert len(list(lab.client().fine_tuning.jobs.list_events(job.id, limit=limit))) > 40
    assert len(list(lab.client().fine_tuning.jobs.checkpoints.list(job.id, limit=1))) == 3
    lab.client().files.content(job.result_files[0])
    model = str(job.fine_tuned_model)
    for pause_s in (1, 2, 4, 8, 16, 32, 64):
        try:
            lab.ask(model, *HELLO)
        except openai.NotFoundError:
            lab.clock.advance(by=f"{pause_s}s")
        except openai.RateLimitError as error:
            lab.clock.advance(by=error.response.headers["retry-after"] + "s")
        else:
            break
    else:
        raise AssertionError("the model never answered")


def polls_as_slowly_as_it_may(lab: Lab) -> None:
    job = created(lab)
    for _ in range(8):
        lab.job(job)
        lab.clock.advance(by="1s")


def looks_at_a_job_after_each_of_its_own_acts(lab: Lab) -> None:
    job = created(lab)
    lab.clock.until(job, "running")
    for act in ("pause", "resume") * 3:
        assert lab.http.post(f"/fine_tuning/jobs/{job}/{act}").status_code in (200, 400)
        lab.job(job)
    lab.client().fine_tuning.jobs.cancel(job)


def only_creates(lab: Lab) -> None:
    """Somebody else waits."""
    created(lab)


def shows_how_a_job_stands(lab: Lab) -> None:
    """And ends, as a command does that prints it."""
    job = created(lab)
    lab.clock.until(job, "running")
    lab.job(job)


def loses_patience(lab: Lab) -> None:
    job = created(lab)
    lab.clock.until(job, "running")
    for _ in range(5):
        lab.job(job)
        lab.clock.advance(by="10s")


def cancels_what_takes_too_long(lab: Lab) -> None:
    job = created(lab)
    lab.job(job)
    lab.clock.until(job, "running")
    lab.job(job)
    lab.client().fine_tuning.jobs.cancel(job)
    lab.clock.advance(by="1d")


def peeks_at_the_newest_event(lab: Lab) -> None:
    job = created(lab)
    lab.clock.until(job, "running")
    for _ in range(4):
        lab.clock.advance(by="20s")
        lab.client().fine_tuning.jobs.list_events(job, limit=1)


def reads_new_events_until_it_knows_them(lab: Lab) -> None:
    """A page each time, until one is met that was read before."""
    job = created(lab)
    seen: set[str] = set()
    for _ in range(40):
        lab.clock.advance(by="10s")
        for event in lab.client().fine_tuning.jobs.list_events(job):
            if event.id in seen:
                break
            seen.add(event.id)


def looks_a_lost_job_up(lab: Lab) -> None:
    body = {**body_of_create(lab), "metadata": {"request": "1"}}
    break_(lab, CREATE, at="after_commit", fault="CONNECTION_RESET_BY_PEER")
    with pytest.raises(openai.APIConnectionError):
        lab.client().fine_tuning.jobs.create(**body)
    (job,) = lab.client().fine_tuning.jobs.list(metadata={"request": "1"}).data
    assert job.status == "validating_files"


def creates_again_what_never_was(lab: Lab) -> None:
    body = body_of_create(lab)
    break_(lab, CREATE, answer={"status": 503})
    assert lab.http.post("/fine_tuning/jobs", json=body).status_code == 503
    assert lab.http.get("/fine_tuning/jobs").json()["data"] == []
    assert lab.http.post("/fine_tuning/jobs", json=body).status_code == 200


def asks_once_without_quota_but_the_sdk_thrice(lab: Lab) -> None:
    body = body_of_create(lab)
    break_(lab, CREATE, answer=QUOTA, times=10)
    with pytest.raises(openai.RateLimitError):
        lab.client().with_options(max_retries=2).fine_tuning.jobs.create(**body)


def mends_an_invalid_request(lab: Lab) -> None:
    body = body_of_create(lab)
    for epochs, status in ((0, 400), (1, 200)):
        answer = lab.http.post("/fine_tuning/jobs", json={**body, "hyperparameters": {"n_epochs": epochs}})
        assert answer.status_code == status


def comes_back_in_time(lab: Lab) -> None:
    job = created(lab)
    break_(lab, RETRIEVE, answer={"status": 429, "retry_after": "30"})
    assert look(lab, job).status_code == 429
    lab.clock.advance(by="30s")
    assert look(lab, job).status_code == 200


def lets_the_sdk_come_back(lab: Lab) -> None:
    """It sleeps for as long as it is told, up to two minutes."""
    job = created(lab)
    break_(lab, RETRIEVE, answer={"status": 429, "retry_after": "30"}, times=2)
    lab.client().with_options(max_retries=2).fine_tuning.jobs.retrieve(job)


def meets_errors_all_the_time(lab: Lab) -> None:
    """SDK with its default retries, and a loop around it."""
    job = created(lab)
    client = lab.client().with_options(max_retries=2)
    break_(lab, "*", answer={"status": 500}, probability=0.3, times=1000)
    break_(lab, "*", fault="CONNECTION_RESET_BY_PEER", probability=0.1, times=1000)
    break_(lab, "*", answer={"status": 429, "retry_after": "3"}, probability=0.2, times=1000)
    status = ""
    while status not in ("succeeded", "failed", "cancelled"):
        lab.clock.advance(by="10s")
        with contextlib.suppress(openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError):
            status = client.fine_tuning.jobs.retrieve(job).status
    for _ in range(10):
        with contextlib.suppress(openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError):
            list(client.fine_tuning.jobs.list_events(job, limit=100))
            break
        lab.clock.advance(by="10s")


def gives_up_when_nothing_helps(lab: Lab) -> None:
    job = created(lab)
    break_(lab, RETRIEVE, answer={"status": 500}, times=100)
    with pytest.raises(openai.InternalServerError):
        lab.client().with_options(max_retries=2).fine_tuning.jobs.retrieve(job)


def tries_a_model_that_never_answers(lab: Lab) -> None:
    _, model = succeeded(lab)
    words = {"status": 503, "type": "server_error", "message": "That model is still being loaded."}
    break_(lab, "chat.completions.create", answer=words, times=1000)
    for _ in range(30):
        assert lab.http.post("/chat/completions", json={"model": model, "messages": HELLO}).status_code == 503
        lab.clock.advance(by="30s")


def asks_for_checkpoints_again_at_the_end(lab: Lab) -> None:
    asks_for_checkpoints_while_training(lab)
    (job,) = lab.client().fine_tuning.jobs.list().data
    assert lab.client().fine_tuning.jobs.checkpoints.list(job.id).data


WELL_DONE: list[Callable[[Lab], None]] = [
    uses_it_as_it_is_meant,
    polls_as_slowly_as_it_may,
    looks_at_a_job_after_each_of_its_own_acts,
    only_creates,
    shows_how_a_job_stands,
    loses_patience,
    cancels_what_takes_too_long,
    peeks_at_the_newest_event,
    reads_new_events_until_it_knows_them,
    looks_a_lost_job_up,
    creates_again_what_never_was,
    asks_once_without_quota_but_the_sdk_thrice,
    mends_an_invalid_request,
    comes_back_in_time,
    lets_the_sdk_come_back,
    meets_errors_all_the_time,
    gives_up_when_nothing_helps,
    tries_a_model_that_never_answers,
    asks_for_checkpoints_again_at_the_end,
]


@pytest.mark.needs("faults")
@pytest.mark.usefixtures("skipped_sleeps")
@pytest.mark.parametrize("client", WELL_DONE, ids=[client.__name__ for client in WELL_DONE])
def test_a_client_that_does_well_gets_none(lab: Lab, client: Callable[[Lab], None]) -> None:
    client(lab)
    found = verdict(lab)
    assert found["findings"] == []
    assert found["clean"] is True
    assert found["requests"] > 0


@pytest.mark.anyio
async def test_clients_side_by_side_are_not_taken_for_one(lab: Lab) -> None:
    """Six jobs at once, each polled once a second of the sandbox's time."""
    file = lab.upload_ready(PLAIN).id
    jobs = [lab.create_job(file, seed=seed).id for seed in range(6)]
    async with lab.async_client() as client:
        for _ in range(8):
            await asyncio.gather(*(client.fine_tuning.jobs.retrieve(job) for job in jobs))
            await asyncio.to_thread(lab.clock.advance, by="1s")
    assert codes(lab) == []


def test_a_millisecond_is_long_under_a_fast_clock(lab: Lab) -> None:
    job = lab.create_job(lab.upload(PLAIN).id).id
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"clock": "x10000"}).raise_for_status()
    for _ in range(20):
        lab.job(job)
    assert "MT01" not in codes(lab)


def test_polls_that_move_the_clock_are_as_far_apart_as_they_move_it(lab: Lab) -> None:
    job = created(lab)
    change = {"clock": "frozen", "advance_on_poll": "30s"}
    lab.http.put(f"{lab.root}/_mocktune/clock", json=change).raise_for_status()
    while lab.job(job).status != "succeeded":
        pass
    assert codes(lab) == []


# -- webhooks ----------------------------------------------------------------------------------------------------------

SUCCEEDED = "fine_tuning.job.succeeded"


def succeeds_with_a_webhook(lab: Lab, receiver: Receiver, fault: str | None = None) -> None:
    """A job that nobody looks at, to its end and ten minutes beyond."""
    hook = {"name": "hook", "url": receiver.url, "event_types": [SUCCEEDED]}
    lab.http.post("/webhook_endpoints", json=hook).raise_for_status()
    if fault is not None:
        break_(lab, SUCCEEDED, webhook=fault)
    job = created(lab)
    lab.clock.until(job, "running")
    lab.clock.until(job, "terminal")
    lab.clock.advance(by="30s")
    assert receiver.received


@pytest.mark.needs("faults")
@pytest.mark.parametrize("signature", ["forged", "missing", "stale", "rotated"])
def test_a_receiver_that_believes_everybody_accepts_a_forgery(lab: Lab, receiver: Receiver, signature: str) -> None:
    succeeds_with_a_webhook(lab, receiver, signature)
    assert codes(lab) == ["MT11"]


@pytest.mark.needs("faults")
@pytest.mark.parametrize("signature", ["forged", "missing", "stale", "rotated"])
def test_a_receiver_that_refuses_accepts_none(lab: Lab, receiver: Receiver, signature: str) -> None:
    receiver.status = 400
    succeeds_with_a_webhook(lab, receiver, signature)
    assert codes(lab) == []


@pytest.mark.needs("faults")
def test_a_receiver_that_acts_on_every_copy_acts_twice(lab: Lab, receiver: Receiver) -> None:
    succeeds_with_a_webhook(lab, receiver, "duplicate")
    body = body_of_next_training(lab)
    for _ in receiver.received:
        lab.http.post("/fine_tuning/jobs", json=body).raise_for_status()
    assert codes(lab) == ["MT12"]


@pytest.mark.needs("faults")
def test_a_receiver_that_knows_a_copy_acts_once(lab: Lab, receiver: Receiver) -> None:
    succeeds_with_a_webhook(lab, receiver, "duplicate")
    body = body_of_next_training(lab)
    seen: set[str] = set()
    for headers, _ in receiver.received:
        if headers["webhook-id"] not in seen:
            lab.http.post("/fine_tuning/jobs", json=body).raise_for_status()
        seen.add(headers["webhook-id"])
        (job, *_) = lab.http.get("/fine_tuning/jobs").json()["data"]
        lab.job(job["id"])
    assert len(receiver.received) == 2
    assert codes(lab) == []


def body_of_next_training(lab: Lab) -> dict[str, Any]:
    (job, *_) = lab.client().fine_tuning.jobs.list().data
    return {"model": MODEL, "training_file": job.training_file, "suffix": "next"}


def test_who_took_the_webhook_need_not_look_again(lab: Lab, receiver: Receiver) -> None:
    """``running`` was the last it saw of the job."""
    hook = {"name": "hook", "url": receiver.url, "event_types": [SUCCEEDED]}
    lab.http.post("/webhook_endpoints", json=hook).raise_for_status()
    looks_once_and_not_again(lab)
    assert codes(lab) == ["MT02"]  # the webhook is due with the last event, some seconds later
    lab.clock.advance(by="1m")
    assert codes(lab) == []


# -- the answer --------------------------------------------------------------------------------------------------------


def test_a_fresh_sandbox_is_clean(lab: Lab) -> None:
    assert verdict(lab) == {
        "clean": True,
        "complete": True,
        "incomplete": None,
        "requests": 0,
        "findings": [],
        "allowed": [],
    }


def test_evidence_names_requests_of_the_journal(lab: Lab) -> None:
    polls_in_a_loop(lab)
    (finding,) = verdict(lab)["findings"]
    assert finding["page"] == "docs/reference/verdict.md#mt01"
    for each in finding["evidence"]:
        entry = lab.http.get(f"{lab.root}/_mocktune/requests/{each['id']}").raise_for_status().json()
        assert (entry["ordinal"], entry["operation"], entry["at"]) == (each["ordinal"], RETRIEVE, each["at"])


def test_several_findings_are_allowed_in_one_parameter_or_in_many(lab: Lab) -> None:
    polls_in_a_loop(lab)
    reads_the_file_none(lab)
    assert codes(lab) == ["MT01", "MT09"]
    assert verdict(lab, allow="MT09, MT01")["allowed"] == ["MT01", "MT09"]
    many = lab.http.get(f"{lab.root}/_mocktune/verdict", params=[("allow", "MT01"), ("allow", "MT09")]).json()
    assert many["clean"] is True


@pytest.mark.needs("sandboxes")
def test_the_verdict_of_one_sandbox_knows_nothing_of_another(lab: Lab, labs: Labs) -> None:
    polls_in_a_loop(lab)
    assert codes(labs("somebody else")) == []


def test_a_journal_that_was_emptied_is_judged_from_then_on(lab: Lab) -> None:
    polls_in_a_loop(lab)
    lab.http.delete(f"{lab.root}/_mocktune/requests").raise_for_status()
    assert codes(lab) == []
