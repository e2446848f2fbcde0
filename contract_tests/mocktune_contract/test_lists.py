"""Lists of jobs, files and models: order, cursors and filters.

::

    jobs    {"object": "list", "data": [...], "has_more"}                          newest first
    files   {"object": "list", "data": [...], "has_more", "first_id", "last_id"}   newest first, or order=asc
    models  {"object": "list", "data": [...]}                                      not paged
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from mocktune_contract.lab import MODEL, Lab, training_file

pytestmark = [pytest.mark.needs("sandboxes"), pytest.mark.source("RUBY, SPEC")]

PLAIN = training_file("valid/plain.jsonl")


def get(lab: Lab, path: str, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = lab.http.get(path, params=query).raise_for_status().json()
    return answer


def ids(listing: dict[str, Any]) -> list[str]:
    return [each["id"] for each in listing["data"]]


# -- jobs --------------------------------------------------------------------------------------------------------------


@pytest.mark.operation("fine_tuning.jobs.list")
def test_an_empty_list_of_jobs(lab: Lab) -> None:
    """Contract 2.8: no first and last id."""
    assert get(lab, "/fine_tuning/jobs") == {"object": "list", "data": [], "has_more": False}


@pytest.mark.source("RUBY, PINOLO")
@pytest.mark.operation("fine_tuning.jobs.list")
def test_jobs_are_listed_newest_first_twenty_a_page(lab: Lab) -> None:
    """OBS RUBY finetunes_list, PINOLO; also for jobs of one second."""
    file = lab.upload(PLAIN)
    created = [lab.create_job(file.id).id for _ in range(23)]
    first = get(lab, "/fine_tuning/jobs")
    assert list(first) == ["object", "data", "has_more"]
    assert ids(first) == created[:2:-1]
    assert first["has_more"] is True
    rest = get(lab, "/fine_tuning/jobs", after=ids(first)[-1])
    assert (ids(rest), rest["has_more"]) == (created[2::-1], False)
    assert [job.id for job in lab.client().fine_tuning.jobs.list(limit=4)] == created[::-1]


@pytest.mark.operation("fine_tuning.jobs.list")
@pytest.mark.shape
def test_a_listed_job_is_the_job(lab: Lab) -> None:
    job = lab.create_job(lab.upload(PLAIN).id, metadata={"run": "a"})
    assert get(lab, "/fine_tuning/jobs")["data"] == [lab.raw_job(job.id)]


@pytest.mark.source("SDK")
@pytest.mark.operation("fine_tuning.jobs.list")
def test_jobs_are_found_by_their_metadata(lab: Lab) -> None:
    """SDK job_list_params: ``metadata[k]=v`` pairs, all of them; an empty value is a value; no pair filters nothing."""
    file, client = lab.upload(PLAIN), lab.client()
    none = lab.create_job(file.id).id
    one = lab.create_job(file.id, metadata={"run": "a b", "team": "x"}).id
    two = lab.create_job(file.id, metadata={"run": "a b", "team": ""}).id

    def found(metadata: dict[str, str]) -> list[str]:
        return [job.id for job in client.fine_tuning.jobs.list(metadata=metadata, limit=1)]

    assert found({"run": "a b"}) == [two, one]
    assert found({"run": "a b", "team": "x"}) == [one]
    # By hand: older SDKs leave a pair with an empty value out.
    assert [job["id"] for job in lab.http.get("/fine_tuning/jobs?metadata[team]=").json()["data"]] == [two]
    assert found({"run": "a"}) == []
    assert found({"walk": "a b"}) == []
    assert found({}) == [two, one, none]


@pytest.mark.source("SDK")
@pytest.mark.operation("fine_tuning.jobs.list")
def test_jobs_without_metadata_are_found_by_the_literal_null(lab: Lab) -> None:
    """SDK job_list_params: ``metadata=null``."""
    file = lab.upload(PLAIN)
    none = lab.create_job(file.id).id
    lab.create_job(file.id, metadata={"run": "a"})
    assert ids(get(lab, "/fine_tuning/jobs", metadata="null")) == [none]


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("RUBY")
@pytest.mark.operation("files.retrieve")
@pytest.mark.shape
def test_a_file_is_shown_as_recorded(lab: Lab) -> None:
    """OBS RUBY batches_create_input, 2025: the keys and their order, with the null of ``expires_at``."""
    file = lab.upload(PLAIN, "pip.jsonl")
    raw = get(lab, f"/files/{file.id}")
    assert re.fullmatch("file-[A-Za-z0-9]{22}", file.id)
    assert list(raw.items()) == list(
        {
            "object": "file",
            "id": file.id,
            "purpose": "fine-tune",
            "filename": "pip.jsonl",
            "bytes": len(PLAIN),
            "created_at": int(lab.clock.now()),
            "expires_at": None,
            "status": "uploaded",
            "status_details": None,
        }.items()
    )


@pytest.mark.source("assumed")
@pytest.mark.operation("files.create")
def test_files_of_other_purposes_are_ready_at_once(lab: Lab) -> None:
    """Contract 1.5: six purposes may be uploaded for; only training files are processed (assumed)."""
    for purpose in ("assistants", "batch", "user_data", "vision", "evals"):
        assert lab.upload(b"anything at all", "notes.txt", purpose=purpose).status == "processed"


@pytest.mark.operation("files.content")
def test_the_content_of_a_file_is_what_was_uploaded(lab: Lab) -> None:
    file = lab.upload(PLAIN)
    assert lab.client().files.content(file.id).read() == PLAIN


@pytest.mark.operation("files.list")
def test_files_are_listed_newest_first_or_oldest_first_in_pages(lab: Lab) -> None:
    """Contract 1.5: first and last id, ``after`` excluded, a filter on the purpose."""
    created = [
        lab.upload(PLAIN, f"{n}.jsonl", purpose=purpose).id
        for n, purpose in enumerate(["fine-tune", "batch", "fine-tune", "fine-tune", "batch"])
    ]
    newest = get(lab, "/files")
    assert ids(newest) == created[::-1]
    assert list(newest) == ["object", "data", "has_more", "first_id", "last_id"]
    assert (newest["first_id"], newest["last_id"], newest["has_more"]) == (created[4], created[0], False)
    assert ids(get(lab, "/files", order="asc")) == created
    assert ids(get(lab, "/files", order="asc", after=created[2])) == created[3:]
    page = get(lab, "/files", limit=2, after=created[3])
    assert (ids(page), page["has_more"]) == ([created[2], created[1]], True)
    assert ids(get(lab, "/files", purpose="fine-tune")) == [created[3], created[2], created[0]]
    assert get(lab, "/files", purpose="fine-tune", limit=3)["has_more"] is False
    assert ids(get(lab, "/files", purpose="nothing")) == []
    assert [file.id for file in lab.client().files.list(limit=2)] == created[::-1]


@pytest.mark.needs("time")
@pytest.mark.source("SPEC")
@pytest.mark.operation("files.list", "files.retrieve", "files.create")
def test_a_file_expires_when_it_was_told_to(lab: Lab) -> None:
    """SPEC: ``expires_after``, 3600 s at least."""
    client = lab.client()
    file = client.files.create(
        file=("pip.jsonl", PLAIN), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert file.expires_at == file.created_at + 3600
    lab.clock.advance(by="59m59s")
    assert client.files.retrieve(file.id).status == "processed"
    lab.clock.advance(by="1s")
    assert lab.http.get(f"/files/{file.id}").status_code == 404
    assert ids(get(lab, "/files")) == []


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.mark.source("SEED")
@pytest.mark.operation("models.list")
def test_every_base_model_is_listed(lab: Lab) -> None:
    """SEED: six tunable models; contract 2.6 for the object. They are not paged."""
    listing = get(lab, "/models")
    assert list(listing) == ["object", "data"]
    assert {
        "gpt-4o-2024-08-06", MODEL, "gpt-4-0613", "gpt-3.5-turbo-0125", "gpt-3.5-turbo-1106", "gpt-3.5-turbo-0613",
    } <= set(ids(listing))  # fmt: skip
    for model in listing["data"]:
        assert get(lab, f"/models/{model['id']}") == model
        assert model["object"] == "model"
        assert {"id", "object", "created", "owned_by"} <= set(model)


@pytest.mark.source("SEED")
@pytest.mark.operation("fine_tuning.jobs.create", "files.create")
@pytest.mark.parametrize(
    "model",
    ["gpt-4o-2024-08-06", MODEL, "gpt-4-0613", "gpt-3.5-turbo-0125", "gpt-3.5-turbo-1106", "gpt-3.5-turbo-0613"],
)
def test_the_six_models_of_the_source_article_can_be_tuned(lab: Lab, model: str) -> None:
    """SEED."""
    assert lab.create_job(lab.upload(PLAIN).id, model=model).model == model
