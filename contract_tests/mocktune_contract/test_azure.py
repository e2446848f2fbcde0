"""The Azure dialect: the same objects under other paths, with other ids, errors and result files.

::

    /openai/files, /openai/fine_tuning/jobs …  ?api-version=…, api-key: …
    {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist. …"}}
    gpt-4o-mini-2024-07-18.ft-6823a2984202e7bb3bfb56ef38389b92-pip       no model answers before it is deployed
    /openai/deployments/{name}/chat/completions                          nor by its own name
    /openai/v1/…                                                         the plain SDK's paths, models are deployments

Sources are Azure's references [DOC] and its users' issues [OBS] (contract 5.5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI

from mocktune_contract.lab import MODEL, Lab, training_file

pytestmark = [pytest.mark.needs("sandboxes", "azure"), pytest.mark.source("DOC Azure")]

PLAIN = training_file("valid/plain.jsonl")
QUESTION, ANSWER = "How long is a nautical mile?", "1,852 metres, every one of them wet."
VERSION = "2024-10-21"
ACCOUNT = "/subscriptions/sub/resourceGroups/group/providers/Microsoft.CognitiveServices/accounts/account"
NOT_DEPLOYED = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)
DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource."
)


@pytest.fixture
def azure(lab: Lab) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(
        azure_endpoint=lab.root, api_key=lab.key, api_version=VERSION, max_retries=0, http_client=lab.sdk_http()
    ) as client:
        yield client


@pytest.fixture
def rest(lab: Lab) -> httpx2.Client:
    """Raw HTTP with the key in Azure's header, and an api-version."""
    return lab.open(base_url=lab.root, headers={"api-key": lab.key}, params={"api-version": VERSION})


def said(error: openai.APIStatusError) -> dict[str, Any]:
    body: dict[str, Any] = error.response.json()
    return body


def tuned(lab: Lab, azure: AzureOpenAI, suffix: str = "pip", model: str = MODEL, data: bytes = PLAIN) -> str:
    """A model that was tuned through the dialect and is ready."""
    file = azure.files.create(file=("plain.jsonl", data), purpose="fine-tune")
    job = azure.fine_tuning.jobs.create(model=model, training_file=file.id, suffix=suffix)
    lab.clock.until(job.id, "succeeded")
    lab.clock.advance(by="10m")
    return azure.fine_tuning.jobs.retrieve(job.id).fine_tuned_model or ""


def deploy(rest: httpx2.Client, name: str, model: str) -> dict[str, Any]:
    """By the resource manager's path, as the portal and the ``az`` tool do."""
    body = {
        "sku": {"name": "standard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": model, "version": "1"}},
    }
    answer = rest.put(f"{ACCOUNT}/deployments/{name}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def reply(client: OpenAI, model: str) -> str | None:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": QUESTION}])
    return answer.choices[0].message.content


# -- the whole life ----------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_a_fine_tune_lives_from_upload_to_a_deployments_answer(
    lab: Lab, azure: AzureOpenAI, rest: httpx2.Client
) -> None:
    file = azure.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
    assert re.fullmatch("file-[0-9a-f]{32}", file.id)
    assert file.status == "pending"  # type: ignore[comparison-overlap]  # outside the SDK's type
    lab.clock.advance(by="2s")
    assert azure.files.retrieve(file.id).status == "processed"
    assert [each.id for each in azure.files.list()] == [file.id]

    job = azure.fine_tuning.jobs.create(model=MODEL, training_file=file.id, suffix="pip")
    assert re.fullmatch("ftjob-[0-9a-f]{32}", job.id)
    seen = [str(job.status)]
    for status in ("queued", "running", "succeeded"):
        lab.clock.until(job.id, status)
        seen.append(str(azure.fine_tuning.jobs.retrieve(job.id).status))
    assert seen == ["pending", "pending", "running", "succeeded"]
    lab.clock.advance(by="10m")

    job = azure.fine_tuning.jobs.retrieve(job.id)
    model = job.fine_tuned_model or ""
    assert re.fullmatch(re.escape(MODEL) + r"\.ft-[0-9a-f]{32}-pip", model)
    events = list(azure.fine_tuning.jobs.list_events(job.id, limit=7))
    assert len(events) == len({event.id for event in events}) == 4 + 96 + 4
    assert events[0].message == "The job has successfully completed"
    assert events[1].message == f"New fine-tuned model created: {model}"
    checkpoints = list(azure.fine_tuning.jobs.checkpoints.list(job.id, limit=1))
    assert [each.step_number for each in checkpoints] == [96, 84, 72]
    assert checkpoints[0].fine_tuned_model_checkpoint == model

    results = azure.files.retrieve(job.result_files[0])
    assert results.filename == "results.csv"
    content = azure.files.content(results.id).read()
    assert content.startswith(b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,")
    assert len(content) == results.bytes

    for name in (model, "pip"):
        with pytest.raises(openai.NotFoundError) as absent:
            reply(azure, name)
        assert said(absent.value) == {"error": {"code": "DeploymentNotFound", "message": NOT_DEPLOYED}}
    deploy(rest, "pip", model)
    assert reply(azure, "pip") == ANSWER
    with pytest.raises(openai.NotFoundError):
        reply(azure, model)


@pytest.mark.needs("time")
@pytest.mark.anyio
async def test_a_fine_tune_lives_asynchronously(lab: Lab, rest: httpx2.Client) -> None:
    async with AsyncAzureOpenAI(
        azure_endpoint=lab.root, api_key=lab.key, api_version=VERSION, max_retries=0, http_client=lab.async_sdk_http()
    ) as azure:
        file = await azure.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
        job = await azure.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
        lab.clock.until(job.id, "succeeded")
        lab.clock.advance(by="10m")
        job = await azure.fine_tuning.jobs.retrieve(job.id)
        assert re.fullmatch(re.escape(MODEL) + r"\.ft-[0-9a-f]{32}", job.fine_tuned_model or "")
        assert len([event async for event in azure.fine_tuning.jobs.list_events(job.id, limit=50)]) == 104
        assert len([each async for each in azure.fine_tuning.jobs.checkpoints.list(job.id)]) == 3
        assert (await azure.files.content(job.result_files[0])).read().startswith(b"step,")
        deploy(rest, "async", job.fine_tuned_model or "")
        text = ""
        async for chunk in await azure.chat.completions.create(
            model="async", messages=[{"role": "user", "content": QUESTION}], stream=True
        ):
            text += chunk.choices[0].delta.content or ""
        assert text == ANSWER


@pytest.mark.needs("time")
def test_a_job_fails_and_is_cancelled_as_elsewhere(lab: Lab, azure: AzureOpenAI) -> None:
    small = azure.files.create(file=("seven.jsonl", training_file("invalid/seven_examples.jsonl")), purpose="fine-tune")
    failing = azure.fine_tuning.jobs.create(model=MODEL, training_file=small.id)
    good = azure.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
    stopped = azure.fine_tuning.jobs.create(model=MODEL, training_file=good.id)
    lab.clock.until(failing.id, "failed")
    error = azure.fine_tuning.jobs.retrieve(failing.id).error
    assert error is not None
    assert error.code == "invalid_n_examples"
    assert azure.fine_tuning.jobs.cancel(stopped.id).status == "cancelled"
    assert azure.files.delete(good.id).deleted


def test_a_create_answers_201(lab: Lab, rest: httpx2.Client, azure: AzureOpenAI) -> None:
    """Contract 5.5: older api-versions."""
    file = azure.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
    answer = rest.post("/openai/fine_tuning/jobs", json={"model": MODEL, "training_file": file.id})
    assert answer.status_code == 201
    on_v1 = rest.post("/openai/v1/fine_tuning/jobs", json={"model": MODEL, "training_file": file.id})
    assert on_v1.json()["status"] == "pending"


@pytest.mark.needs("time")
def test_a_tuned_model_is_tuned_again(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    first = tuned(lab, azure)
    second = tuned(lab, azure, "again", model=first)
    assert re.fullmatch(re.escape(MODEL) + r"\.ft-[0-9a-f]{32}-again", second)
    assert second != first
    assert {first, second} <= {model.id for model in azure.models.list()}
    deploy(rest, "again", second)
    assert reply(azure, "again") == ANSWER


def test_an_upload_in_parts_becomes_a_file(lab: Lab, azure: AzureOpenAI) -> None:
    upload = azure.uploads.create(
        filename="parts.jsonl", purpose="fine-tune", bytes=len(PLAIN), mime_type="application/jsonl"
    )
    half = len(PLAIN) // 2
    parts = [azure.uploads.parts.create(upload.id, data=data).id for data in (PLAIN[:half], PLAIN[half:])]
    file = azure.uploads.complete(upload.id, part_ids=parts).file
    assert file is not None
    assert re.fullmatch("file-[0-9a-f]{32}", file.id)
    assert file.status == "pending"  # type: ignore[comparison-overlap]  # outside the SDK's type


# -- deployments -------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
def test_a_deployment_of_the_resource_manager(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    """DOC: Deployments - Create Or Update, Get, List, Delete."""
    model = tuned(lab, azure)
    made = deploy(rest, "pip", model)
    assert made == {
        "id": f"{ACCOUNT}/deployments/pip",
        "name": "pip",
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "sku": {"name": "standard", "capacity": 1},
        "properties": {
            "model": {"format": "OpenAI", "name": model, "version": "1"},
            "provisioningState": "Succeeded",
        },
    }
    assert rest.get(f"{ACCOUNT}/deployments/pip").json() == made
    assert rest.get(f"{ACCOUNT}/deployments").json() == {"value": [made]}
    assert rest.delete(f"{ACCOUNT}/deployments/pip").status_code == 204
    gone = rest.get(f"{ACCOUNT}/deployments/pip")
    assert gone.status_code == 404
    assert gone.json()["error"]["code"] == "ResourceNotFound"
    with pytest.raises(openai.NotFoundError):
        reply(azure, "pip")


@pytest.mark.source("DOC")
def test_a_deployment_of_the_data_plane(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    """DOC: the preview versions of 2022 and 2023."""
    answer = rest.post("/openai/deployments", json={"model": MODEL, "scale_settings": {"scale_type": "standard"}})
    assert answer.status_code == 201
    made = answer.json()
    assert re.fullmatch("deployment-[0-9a-f]{32}", made["id"])
    assert {name: made[name] for name in ("object", "model", "status", "owner")} == {
        "object": "deployment",
        "model": MODEL,
        "status": "succeeded",
        "owner": "organization-owner",
    }
    assert rest.get(f"/openai/deployments/{made['id']}").json() == made
    assert rest.get("/openai/deployments").json() == {"object": "list", "data": [made]}
    assert reply(azure, made["id"])
    assert rest.delete(f"/openai/deployments/{made['id']}").status_code == 204
    assert rest.get("/openai/deployments").json()["data"] == []


def test_both_planes_see_the_same_deployments(rest: httpx2.Client) -> None:
    deploy(rest, "base", MODEL)
    assert rest.get("/openai/deployments/base").json()["model"] == MODEL
    rest.delete("/openai/deployments/base")
    assert rest.get(f"{ACCOUNT}/deployments").json() == {"value": []}


def test_a_deployment_is_replaced_by_another_of_its_name(rest: httpx2.Client, azure: AzureOpenAI) -> None:
    deploy(rest, "one", "gpt-4o-2024-08-06")
    deploy(rest, "one", MODEL)
    assert azure.chat.completions.create(model="one", messages=[{"role": "user", "content": "Hi"}]).model == MODEL


@pytest.mark.needs("time")
@pytest.mark.source("OBS, assumed")
def test_a_deployment_answers_once_its_model_is_loaded(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    """OBS for the words; that the model's time of loading is what it waits for is assumed."""
    file = azure.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
    job = azure.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
    lab.clock.until(job.id, "succeeded")
    lab.clock.advance(by="20s")
    made = deploy(rest, "soon", azure.fine_tuning.jobs.retrieve(job.id).fine_tuned_model or "")
    assert made["properties"]["provisioningState"] == "Creating"
    with pytest.raises(openai.NotFoundError, match="please wait a moment and try again"):
        reply(azure, "soon")
    lab.clock.advance(by="90s")
    assert rest.get(f"{ACCOUNT}/deployments/soon").json()["properties"]["provisioningState"] == "Succeeded"
    assert reply(azure, "soon") == ANSWER


def test_a_deployment_wants_a_model_that_is_known(rest: httpx2.Client) -> None:
    answer = rest.post("/openai/deployments", json={"model": "gpt-nothing"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "DeploymentModelNotSupported"


# -- answers by deployment ---------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_a_deployment_streams(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    deploy(rest, "pip", tuned(lab, azure))
    chunks = list(
        azure.chat.completions.create(
            model="pip",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
    assert chunks[-1].usage is not None


@pytest.mark.needs("time")
def test_a_client_of_one_deployment(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    """``azure_deployment=``: whatever the request names as its model, that deployment answers; other routes go on."""
    model = tuned(lab, azure)
    deploy(rest, "pip", model)
    with AzureOpenAI(
        azure_endpoint=lab.root, azure_deployment="pip", api_key=lab.key, api_version=VERSION, max_retries=0,
        http_client=lab.sdk_http(),
    ) as client:  # fmt: skip
        answer = client.chat.completions.create(model="ignored", messages=[{"role": "user", "content": QUESTION}])
        assert (answer.choices[0].message.content, answer.model) == (ANSWER, model)
        assert client.files.list().data


def test_a_completion_by_deployment(azure: AzureOpenAI, rest: httpx2.Client) -> None:
    with pytest.raises(openai.NotFoundError) as absent:
        azure.completions.create(model="old", prompt="Ahoy")
    assert said(absent.value)["error"]["code"] == "DeploymentNotFound"
    deploy(rest, "old", "davinci-002")
    answer = azure.completions.create(model="old", prompt="Ahoy")
    assert answer.model == "davinci-002"
    assert answer.choices[0].text


@pytest.mark.needs("time")
def test_a_response_by_deployment(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    """On this route the deployment is the model of the body."""
    with pytest.raises(openai.NotFoundError) as absent:
        azure.responses.create(model="pip", input=QUESTION)
    assert said(absent.value)["error"]["code"] == "DeploymentNotFound"
    deploy(rest, "pip", tuned(lab, azure))
    made = azure.responses.create(model="pip", input=QUESTION)
    assert made.output_text == ANSWER
    assert azure.responses.retrieve(made.id).output_text == ANSWER


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
@pytest.mark.parametrize("base", ["/openai/v1", "/openai/v1/"])
def test_the_plain_sdk_on_azures_v1(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client, base: str) -> None:
    """DOC: the v1 API of 2025, without an api-version and with a bearer token; models are deployments there too."""
    deploy(rest, "pip", tuned(lab, azure))
    with OpenAI(base_url=lab.root + base, api_key=lab.key, max_retries=0, http_client=lab.sdk_http()) as client:
        assert reply(client, "pip") == ANSWER
        assert client.responses.create(model="pip", input=QUESTION).output_text == ANSWER
        streamed = [event.type for event in client.responses.create(model="pip", input=QUESTION, stream=True)]
        assert streamed[0] == "response.created"
        assert streamed[-1] == "response.completed"
        assert len(list(client.fine_tuning.jobs.list())) == 1
        with pytest.raises(openai.NotFoundError) as absent:
            reply(client, MODEL)
        assert said(absent.value)["error"]["code"] == "DeploymentNotFound"


# -- both dialects in one sandbox --------------------------------------------------------------------------------------


@pytest.mark.needs("time")
def test_each_dialect_sees_the_others_objects(lab: Lab, azure: AzureOpenAI, rest: httpx2.Client) -> None:
    """One sandbox: what was made in a dialect keeps its ids, and is read in the words of who asks."""
    plain = lab.client()
    ours = lab.upload(PLAIN)
    theirs = azure.files.create(file=("azure.jsonl", PLAIN), purpose="fine-tune")
    assert [each.status for each in plain.files.list()] == ["uploaded", "uploaded"]
    assert [str(each.status) for each in azure.files.list()] == ["pending", "pending"]
    jobs = [
        plain.fine_tuning.jobs.create(model=MODEL, training_file=theirs.id),
        azure.fine_tuning.jobs.create(model=MODEL, training_file=ours.id),
    ]
    assert {each.id for each in plain.fine_tuning.jobs.list()} == {job.id for job in jobs}
    assert {each.id for each in azure.fine_tuning.jobs.list()} == {job.id for job in jobs}
    for job in jobs:
        assert plain.fine_tuning.jobs.retrieve(job.id).status == "validating_files"
        assert str(azure.fine_tuning.jobs.retrieve(job.id).status) == "pending"
    for job in jobs:
        lab.clock.until(job.id, "succeeded")
    lab.clock.advance(by="10m")

    names = [plain.fine_tuning.jobs.retrieve(job.id).fine_tuned_model or "" for job in jobs]
    assert [azure.fine_tuning.jobs.retrieve(job.id).fine_tuned_model for job in jobs] == names
    assert names[0].startswith(f"ft:{MODEL}:")
    assert names[1].startswith(f"{MODEL}.ft-")
    for number, name in enumerate(names):
        assert reply(plain, name) == ANSWER
        deploy(rest, f"d{number}", name)
        assert reply(azure, f"d{number}") == ANSWER
    files = [plain.fine_tuning.jobs.retrieve(job.id).result_files[0] for job in jobs]
    assert [plain.files.retrieve(id).filename for id in files] == ["step_metrics.csv", "results.csv"]


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/openai/files/file-none", 404, {"code": "404", "message": "No such File object: file-none"}),
        (
            "/openai/fine_tuning/jobs/ftjob-none",
            404,
            {"code": "fine_tune_not_found", "message": "Could not find fine tune: ftjob-none"},
        ),
        ("/openai/nothing", 404, {"code": "404", "message": "Resource not found"}),
        ("/openai/files/a/b", 404, {"code": "404", "message": "Resource not found"}),
        ("/openai/v1/nothing", 404, {"code": "404", "message": "Resource not found"}),
        ("/openai/deployments/none/embeddings", 404, {"code": "404", "message": "Resource not found"}),
    ],
)
def test_an_error_is_a_code_and_a_message(rest: httpx2.Client, path: str, status: int, error: dict[str, str]) -> None:
    """Contract 5.5: neither type nor param."""
    answer = rest.get(path)
    assert answer.status_code == status
    assert answer.text == json.dumps({"error": error}, indent=2) + "\n"


@pytest.mark.source("OBS")
@pytest.mark.parametrize(
    "path", ["/openai/files", "/openai/fine_tuning/jobs", "/openai/deployments", "/openai/models?api-version="]
)
def test_a_request_without_an_api_version_finds_nothing(lab: Lab, path: str) -> None:
    """OBS: users who forget it are told so."""
    answer = lab.open().get(lab.root + path, headers={"api-key": lab.key})
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": "404", "message": "Resource not found"}}


@pytest.mark.source("OBS")
@pytest.mark.parametrize("headers", [{}, {"api-key": "sk-invalid-key"}, {"authorization": "Bearer sk-invalid-key"}])
@pytest.mark.parametrize("path", ["/openai/files?api-version=1", "/openai/v1/files", f"{ACCOUNT}/deployments"])
def test_a_key_that_is_not_taken_is_told_in_azures_words(lab: Lab, path: str, headers: dict[str, str]) -> None:
    """OBS: openai-python, Azure issues."""
    answer = lab.open().get(lab.root + path, headers=headers, params={"api-version": "1"})
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": "401", "message": DENIED}}


def test_the_sdk_raises_what_it_raises_elsewhere(lab: Lab, azure: AzureOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as denied:
        azure.copy(api_key="sk-invalid-key").files.list()
    assert (denied.value.code, denied.value.type, denied.value.param) == ("401", None, None)
    with pytest.raises(openai.BadRequestError) as refused:
        azure.fine_tuning.jobs.create(model="gpt-5", training_file="file-none")
    assert refused.value.code == "model_not_available"
    with pytest.raises(openai.BadRequestError) as bad:
        azure.fine_tuning.jobs.create(model=MODEL, training_file="file-none")
    assert said(bad.value) == {"error": {"code": "400", "message": "invalid training_file: file-none"}}


def test_a_bearer_token_is_a_key_too(lab: Lab) -> None:
    """``azure_ad_token``: Entra ID's tokens name the sandbox like a key."""
    with AzureOpenAI(
        azure_endpoint=lab.root, azure_ad_token=lab.key, api_version=VERSION, max_retries=0, http_client=lab.sdk_http()
    ) as client:
        file = client.files.create(file=("plain.jsonl", PLAIN), purpose="fine-tune")
    assert [each.id for each in lab.client().files.list()] == [file.id]
