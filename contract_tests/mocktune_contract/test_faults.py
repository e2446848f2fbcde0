"""Injected faults as clients meet them: through the official SDK and raw HTTP, over a real connection."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from mocktune_contract.good_clients.sdk_errors import http
from mocktune_contract.lab import MODEL, Lab, Labs, training_file

pytestmark = [pytest.mark.needs("faults", "mocktune"), pytest.mark.source("mocktune")]

PLAIN = training_file("valid/plain.jsonl")
KINDS = (
    "CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE", "MALFORMED_RESPONSE_CHUNK", "RANDOM_DATA_THEN_CLOSE", "TRUNCATE",
)  # fmt: skip


def inject(lab: Lab, **rule: Any) -> str:
    """The id of a new rule."""
    made: str = lab.http.post(f"{lab.root}/_mocktune/faults", json=rule).raise_for_status().json()["id"]
    return made


def counted(lab: Lab, id: str) -> tuple[int, int]:
    rule = lab.http.get(f"{lab.root}/_mocktune/faults/{id}").raise_for_status().json()
    return rule["matched"], rule["fired"]


@pytest.mark.parametrize("at", ["before_handler", "after_commit"])
@pytest.mark.parametrize("fault", KINDS)
def test_the_sdk_reports_a_broken_connection(lab: Lab, fault: str, at: str) -> None:
    rule = inject(lab, operation="models.list", fault=fault, at=at, times=1)
    with pytest.raises(openai.APIConnectionError):
        lab.client().models.list()
    assert counted(lab, rule) == (1, 1)
    assert MODEL in [model.id for model in lab.client().models.list()]


@pytest.mark.needs("tcp")
def test_the_sdk_reports_a_stall_as_a_time_out(lab: Lab) -> None:
    inject(lab, operation="models.list", fault="STALL")
    with pytest.raises(openai.APITimeoutError):
        lab.client().with_options(timeout=0.05).models.list()


def test_a_stream_that_breaks_in_its_middle_gave_its_first_events(lab: Lab) -> None:
    inject(lab, operation="chat.completions.create", body={"stream": True}, at="mid_body", fault="TRUNCATE")
    chunks: list[Any] = []
    # Before version 3, the SDK lets the errors of its HTTP library through in the midst of a stream.
    with pytest.raises((openai.APIConnectionError, http.HTTPError)):
        chunks.extend(lab.ask(MODEL, "Tell me of the sea.", stream=True))
    assert len(chunks) > 1
    assert {choice.finish_reason for chunk in chunks for choice in chunk.choices} == {None}
    assert lab.says(MODEL, "Tell me of the sea.") != ""


def test_retries_of_the_sdk_get_over_faults_that_pass(lab: Lab) -> None:
    rule = inject(
        lab, operation="files.list", times=2,
        answer={"status": 503, "headers": {"retry-after-ms": 1}},
    )  # fmt: skip
    assert list(lab.client().with_options(max_retries=2).files.list()) == []
    assert counted(lab, rule) == (3, 2)


@pytest.mark.needs("time")
def test_a_create_whose_answer_is_lost_and_that_is_retried_makes_two_jobs(lab: Lab) -> None:
    file = lab.upload_ready(PLAIN).id
    inject(lab, operation="fine_tuning.jobs.create", at="after_commit", fault="CONNECTION_RESET_BY_PEER", times=1)
    jobs = lab.client().with_options(max_retries=1).fine_tuning.jobs
    told = jobs.create(model=MODEL, training_file=file)
    there = [job.id for job in jobs.list()]
    assert len(there) == 2
    assert told.id in there


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError), (401, openai.AuthenticationError), (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError), (409, openai.ConflictError), (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError), (500, openai.InternalServerError), (503, openai.InternalServerError),
    ],
)  # fmt: skip
def test_an_injected_status_is_the_sdks_own_error(lab: Lab, status: int, error: type[openai.APIStatusError]) -> None:
    inject(lab, operation="files.list", answer={"status": status, "code": "why", "message": "Because."})
    with pytest.raises(error) as refused:
        lab.client().files.list()
    assert (refused.value.status_code, refused.value.code) == (status, "why")
    assert "Because." in str(refused.value)


def test_a_gateways_html_is_a_status_error_without_a_code(lab: Lab) -> None:
    inject(lab, operation="files.list", answer={"status": 502, "body": "<html><h1>502 Bad Gateway</h1></html>"})
    with pytest.raises(openai.InternalServerError) as refused:
        lab.client().files.list()
    assert refused.value.code is None
    assert refused.value.response.headers["content-type"].startswith("text/html")


@pytest.mark.needs("time")
def test_faults_change_nothing_of_what_becomes_of_a_job(lab: Lab, own_server: Labs) -> None:
    """A client that asks again after each of them sees the life that another one sees without."""

    def life(of: Lab) -> dict[str, Any]:
        jobs = of.client().with_options(max_retries=5).fine_tuning.jobs
        file = of.upload_ready(PLAIN).id
        job = jobs.create(model=MODEL, training_file=file).id
        of.clock.until(job, "succeeded")
        of.clock.advance(by="1m")
        return {
            "job": jobs.retrieve(job).to_dict(),
            "events": [event.to_dict() for event in jobs.list_events(job, limit=20)],
            "checkpoints": [checkpoint.to_dict() for checkpoint in jobs.checkpoints.list(job)],
        }

    rough = own_server(max_sandboxes=9_999)  # the same key under the same seed, on another server
    again = {"status": 500, "headers": {"retry-after-ms": 1}}
    rule = inject(rough, operation="fine_tuning.jobs.*", every_nth=2, answer=again)
    inject(rough, operation="files.*", delay="1ms")
    assert life(lab) == life(rough)
    assert counted(rough, rule)[1] > 3


def test_a_slow_answer_is_slow_and_whole(lab: Lab) -> None:
    whole = lab.http.get("/models").content
    inject(lab, operation="models.list", at="mid_body", delay="50ms", dribble=True)
    assert lab.http.get("/models").content == whole
