"""Files of every purpose: what comes back is what was sent, and lists hold them all, those that jobs made too."""

from __future__ import annotations

from typing import Any

import pytest

from mocktune_contract.lab import Lab, training_file

pytestmark = pytest.mark.source("SPEC")

PLAIN = training_file("valid/plain.jsonl")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
"""A PNG of one pixel."""

OF_EVERY_PURPOSE = {
    "fine-tune": ("train.jsonl", PLAIN),
    "assistants": ("notes.md", b"# Notes\n"),
    "batch": ("batch.jsonl", b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'),
    "vision": ("pixel.png", PIXEL),
    "user_data": ("doc.pdf", b"%PDF-1.7\n"),
    "evals": ("evals.jsonl", b'{"item": {"question": "1 + 1"}}\n'),
}
"""A file of each purpose that may be uploaded for (contract 1.5)."""


def listed(lab: Lab, **query: Any) -> list[str]:
    return [file["id"] for file in lab.http.get("/files", params=query).raise_for_status().json()["data"]]


@pytest.mark.operation("files.content", "files.retrieve")
@pytest.mark.parametrize(
    "purpose",
    [
        pytest.param(each, marks=pytest.mark.observed_wire("a purpose the SDK's type lacks") if each == "evals" else ())
        for each in OF_EVERY_PURPOSE
    ],
)
def test_a_file_of_any_purpose_is_kept_as_it_was_sent(lab: Lab, purpose: str) -> None:
    filename, data = OF_EVERY_PURPOSE[purpose]
    uploaded = lab.upload(data, filename, purpose=purpose)
    assert (uploaded.purpose, uploaded.filename, uploaded.bytes) == (purpose, filename, len(data))
    assert lab.client().files.retrieve(uploaded.id).purpose == purpose
    assert lab.client().files.content(uploaded.id).read() == data
    lab.client().files.delete(uploaded.id) if purpose != "fine-tune" else None


@pytest.mark.needs("time")
@pytest.mark.source("RUBY")
@pytest.mark.operation("files.list")
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_lists_hold_files_of_every_purpose_and_those_that_jobs_made(lab: Lab, order: str) -> None:
    """OBS RUBY files_list: result files stand among the others, at the instant they were made."""
    before = [lab.upload(data, name, purpose=purpose).id for purpose, (name, data) in OF_EVERY_PURPOSE.items()]
    (result,) = lab.finished_job(PLAIN).result_files
    training = lab.client().files.list(limit=2).data[1].id
    after = lab.upload(PIXEL, "later.png", purpose="vision").id
    everything = [*before, training, result, after]
    if order == "desc":
        everything.reverse()
    assert listed(lab, order=order) == everything
    assert [file.id for file in lab.client().files.list(order=order, limit=2)] == everything  # type: ignore[arg-type]
    at = everything.index(result)
    assert listed(lab, order=order, after=result) == everything[at + 1 :]
    assert listed(lab, order=order, limit=1, after=everything[at - 1]) == [result]
    assert listed(lab, purpose="fine-tune-results") == [result]
    assert listed(lab, purpose="vision", order=order, after=result) == ([after] if order == "asc" else [before[3]])
    for purpose in ("assistants", "batch", "user_data", "evals"):
        assert listed(lab, purpose=purpose) == [before[list(OF_EVERY_PURPOSE).index(purpose)]]


@pytest.mark.needs("time")
@pytest.mark.operation("files.create", "files.list", "files.content")
@pytest.mark.parametrize("purpose", OF_EVERY_PURPOSE)
def test_a_file_of_any_purpose_expires_when_it_was_told_to(lab: Lab, purpose: Any) -> None:
    """SPEC: 30 days at most."""
    file = lab.client().files.create(
        file=OF_EVERY_PURPOSE[purpose], purpose=purpose, expires_after={"anchor": "created_at", "seconds": 2_592_000}
    )
    assert file.expires_at == file.created_at + 2_592_000
    lab.clock.advance(by="719h")
    assert listed(lab, purpose=purpose) == [file.id]
    lab.clock.advance(by="1h")
    assert listed(lab, purpose=purpose) == []
    assert lab.http.get(f"/files/{file.id}/content").status_code == 404


@pytest.mark.needs("time")
@pytest.mark.source("assumed")
@pytest.mark.operation("files.create", "fine_tuning.jobs.create")
def test_a_job_cannot_be_tuned_on_a_file_of_another_purpose(lab: Lab) -> None:
    """The job is created and fails when its files are validated, as with any other fault of a file."""
    job = lab.create_job(lab.upload(PLAIN, purpose="user_data").id)
    lab.clock.until(job.id, "terminal")
    assert lab.job(job.id).status == "failed"
