"""Headers as recorded (contract 6.1), those of the network in front of the real service left out."""

from __future__ import annotations

import re

import httpx2
import pytest

from mocktune_contract.lab import MODEL, Lab, training_file

pytestmark = pytest.mark.source("RUBY")

PLAIN = training_file("valid/plain.jsonl")
RATE_LIMITS = {f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")}
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def rate_limits(answer: httpx2.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("x-ratelimit-")}


@pytest.mark.operation("models.list", "files.list", "fine_tuning.jobs.list")
@pytest.mark.shape
def test_every_answer_carries_the_recorded_headers(lab: Lab) -> None:
    """OBS RUBY; an error carries them like any answer."""
    for path in ("/models", "/files", "/fine_tuning/jobs", "/files/file-none", "/no/such/url"):
        headers = lab.http.get(path).headers
        assert headers["content-type"] == "application/json"
        assert headers["openai-version"] == "2020-10-01"
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["access-control-expose-headers"] == "X-Request-ID"
        assert headers["openai-organization"]
        assert re.fullmatch(r"\d+", headers["openai-processing-ms"])
        assert re.fullmatch("req_[0-9a-f]{32}", headers["x-request-id"])


@pytest.mark.operation("models.list")
@pytest.mark.shape
def test_each_request_has_an_id_of_its_own(lab: Lab) -> None:
    """OBS RUBY."""
    ids = [lab.http.get("/models").headers["x-request-id"] for _ in range(5)]
    assert len(set(ids)) == 5


@pytest.mark.source("SDK")
@pytest.mark.operation("models.list", "models.retrieve")
@pytest.mark.shape
def test_the_sdk_finds_the_request_id(lab: Lab) -> None:
    """SDK: ``obj._request_id`` and ``.with_raw_response``."""
    client = lab.client()
    assert re.fullmatch("req_[0-9a-f]{32}", client.models.retrieve(MODEL)._request_id or "")
    raw = client.models.with_raw_response.list()
    assert re.fullmatch("req_[0-9a-f]{32}", raw.headers["x-request-id"])
    assert MODEL in [model.id for model in raw.parse().data]


@pytest.mark.needs("sandboxes")
@pytest.mark.operation("models.list")
def test_organization_and_project_are_echoed(lab: Lab) -> None:
    """Contract 6.1; that any value is accepted is mocktune's choice."""
    plain = lab.http.get("/models").headers
    assert "openai-project" not in plain
    named = lab.http.get("/models", headers={"OpenAI-Organization": "org-x", "OpenAI-Project": "proj_y"}).headers
    assert (named["openai-organization"], named["openai-project"]) == ("org-x", "proj_y")


@pytest.mark.operation("models.retrieve")
@pytest.mark.shape
def test_json_is_indented_by_two_spaces(lab: Lab) -> None:
    """OBS RUBY: answers are pretty-printed, errors too."""
    assert lab.http.get(f"/models/{MODEL}").text.startswith('{\n  "id": "')
    assert lab.http.get("/files/file-none").text.startswith('{\n  "error": {\n    "message": "')


@pytest.mark.operation("chat.completions.create")
@pytest.mark.shape
def test_chat_answers_carry_rate_limits(lab: Lab) -> None:
    """OBS RUBY: six headers, resets as durations such as 8.64s and 6m0s."""
    for body in (HELLO, {**HELLO, "stream": True}):
        answer = lab.http.post("/chat/completions", json=body)
        assert rate_limits(answer) >= RATE_LIMITS
        for name in RATE_LIMITS:
            pattern = r"(\d+h)?(\d+m)?[\d.]+m?s" if "-reset-" in name else r"\d+"
            assert re.fullmatch(pattern, answer.headers[name]), name


@pytest.mark.operation("models.list", "files.list", "fine_tuning.jobs.list")
@pytest.mark.shape
def test_fine_tuning_and_file_answers_carry_no_rate_limits(lab: Lab) -> None:
    """OBS RUBY: in no recording."""
    for path in ("/files", "/fine_tuning/jobs", "/models"):
        assert rate_limits(lab.http.get(path)) == set()


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
@pytest.mark.operation("chat.completions.create")
def test_a_loading_model_says_when_to_come_back_in_seconds_and_milliseconds(lab: Lab) -> None:
    """Contract 6.1; under a frozen clock the virtual seconds that are left (docs/explanation/time.md)."""
    job = lab.finished_job(PLAIN)
    body = {**HELLO, "model": job.fine_tuned_model}
    for waited, left in (("20s", "90"), ("60s", "30"), ("29500ms", "1")):
        lab.clock.advance(by=waited)
        answer = lab.http.post("/chat/completions", json=body)
        assert answer.status_code == 429
        assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == (left, f"{left}000")
    lab.clock.advance(by="500ms")
    assert lab.http.post("/chat/completions", json=body).status_code == 200


@pytest.mark.needs("time")
@pytest.mark.operation("files.content")
@pytest.mark.shape
def test_the_content_of_a_file_is_a_download_under_its_name(lab: Lab) -> None:
    """OBS RUBY."""
    uploaded = lab.upload(PLAIN, "pip v1.jsonl").id
    (result,) = lab.finished_job(PLAIN).result_files
    for file_id, name in ((uploaded, "pip v1.jsonl"), (result, "step_metrics.csv")):
        headers = lab.http.get(f"/files/{file_id}/content").headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"] == f'attachment; filename="{name}"'
        assert re.fullmatch("req_[0-9a-f]{32}", headers["x-request-id"])
