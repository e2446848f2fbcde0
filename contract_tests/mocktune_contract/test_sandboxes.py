"""An API key is a sandbox: its own files, jobs, models and clock."""

from __future__ import annotations

import base64
from typing import Any

import openai
import pytest

from mocktune_contract.lab import Lab, Labs, training_file

pytestmark = [pytest.mark.needs("sandboxes"), pytest.mark.source("mocktune")]

PLAIN = training_file("valid/plain.jsonl")


def file_ids(lab: Lab) -> list[str]:
    return [file.id for file in lab.client().files.list()]


@pytest.mark.needs("time")
@pytest.mark.shape
def test_two_keys_see_nothing_of_each_other(lab: Lab, labs: Labs) -> None:
    other = labs(f"{lab.key} other")
    job = lab.finished_job(PLAIN)
    lab.clock.advance(by="10m")
    model = job.fine_tuned_model or ""
    assert file_ids(other) == []
    assert other.client().fine_tuning.jobs.list().data == []
    assert not [each for each in other.client().models.list() if each.id.startswith("ft:")]
    client = other.client()
    for call in (
        lambda: client.files.retrieve(job.training_file),
        lambda: client.fine_tuning.jobs.retrieve(job.id),
        lambda: client.fine_tuning.jobs.list_events(job.id),
        lambda: client.models.retrieve(model),
        lambda: other.ask(model, "How long is a nautical mile?"),
    ):
        with pytest.raises(openai.NotFoundError):
            call()
    with pytest.raises(openai.BadRequestError):
        other.create_job(job.training_file)


@pytest.mark.needs("time")
@pytest.mark.shape
def test_two_keys_have_two_clocks(lab: Lab, labs: Labs) -> None:
    other = labs(f"{lab.key} other")
    before = other.clock.now()
    lab.clock.advance(by="1h")
    assert other.clock.now() == before
    assert lab.clock.now() == before + 3600


@pytest.mark.shape
def test_two_keys_get_different_ids_for_the_same_work(lab: Lab, labs: Labs) -> None:
    other = labs(f"{lab.key} other")
    assert lab.upload(PLAIN).id != other.upload(PLAIN).id
    assert lab.http.get("/models").headers["x-request-id"] != other.http.get("/models").headers["x-request-id"]


@pytest.mark.needs("time")
@pytest.mark.shape
def test_keys_of_one_name_share_a_sandbox(lab: Lab, labs: Labs) -> None:
    """``sk-mt-NAME--WHO``."""
    name = lab.key.removeprefix("sk-")
    ann, bob, eve = (labs(key=key) for key in (f"sk-mt-{name}--ann", f"sk-mt-{name}--bob", f"sk-mt-{name}x--ann"))
    file = ann.upload(PLAIN)
    ann.clock.advance(by="1m")
    assert file_ids(bob) == [file.id]
    assert bob.clock.now() == ann.clock.now()
    assert file_ids(eve) == []


@pytest.mark.needs("time")
def test_a_base_url_can_name_the_sandbox(lab: Lab, labs: Labs) -> None:
    """``/s/NAME/v1``, for clients whose keys rotate; its control plane moves along."""
    name = lab.key.removeprefix("sk-")
    url = f"{lab.root}/s/{name}/v1"
    today, tomorrow = labs(key="sk-today", base_url=url), labs(key="sk-tomorrow", base_url=url)
    file = today.upload(PLAIN)
    today.clock.advance(by="1m")
    assert file_ids(tomorrow) == [file.id]
    assert tomorrow.client().files.retrieve(file.id).status == "processed"
    assert file_ids(labs(key=f"sk-mt-{name}--ann")) == [file.id]
    assert file_ids(labs(key="sk-today")) == []


def test_a_sandbox_in_the_url_still_wants_a_key(lab: Lab) -> None:
    url = f"{lab.root}/s/name/v1/models"
    assert lab.keyless.get(url).status_code == 401
    assert lab.keyless.get(url, headers={"authorization": "Bearer sk-invalid-1"}).status_code == 401


@pytest.mark.parametrize(
    "key", ["sk-invalid", "sk-invalid-whatever", "x" * 513], ids=["reserved", "prefix", "too long"]
)
def test_a_key_that_can_be_none_is_refused(lab: Lab, key: str) -> None:
    answer = lab.keyless.get("/models", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert key not in answer.text


@pytest.mark.parametrize("key", ["x", "hello world", "sk-proj-" + "a" * 480, "EMPTY"])
def test_any_other_key_is_good(lab: Lab, key: str) -> None:
    answer = lab.keyless.get("/models", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f":{password}".encode()).decode()


def test_a_key_may_come_in_other_ways(lab: Lab) -> None:
    """Azure's ``api-key``; the password of basic authentication, as the real 401 says (OBS); any case of Bearer."""
    file = lab.upload(PLAIN)
    ways: list[dict[str, Any]] = [
        {"api-key": lab.key},
        {"authorization": basic(lab.key)},
        {"authorization": f"bearer {lab.key}"},
    ]
    for headers in ways:
        listed = lab.keyless.get("/files", headers=headers).json()["data"]
        assert [each["id"] for each in listed] == [file.id]


def test_the_admin_key_of_a_key_opens_its_sandbox(lab: Lab, labs: Labs) -> None:
    """``sk-admin-`` and the key without ``sk-``."""
    file = lab.upload(PLAIN)
    assert file_ids(labs(key="sk-admin-" + lab.key.removeprefix("sk-"))) == [file.id]


def test_organization_and_project_never_partition(lab: Lab) -> None:
    file = lab.upload(PLAIN)
    headers = {"openai-organization": "org-other", "openai-project": "proj_other"}
    assert [each["id"] for each in lab.http.get("/files", headers=headers).json()["data"]] == [file.id]
