"""The same tuner in Azure's dialect: other statuses, errors, result files, and models that answer as deployments."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI, OpenAI

from mocktune_client import (
    AsyncTuner,
    AzureAccount,
    DeploymentFailed,
    DeploymentMissing,
    DeploymentNeeded,
    JobFailed,
    KeyRefused,
    Tuned,
    Tuner,
)
from mocktune_client.azure import is_models_own_name
from mocktune_client.progress import ModelReady, ModelUndeployed, Progress

from .lab import MARV, MODEL, ONE_EPOCH, AsyncBreakableTransport, Lab, answer, change, fixtures, refuse, sdk_http

VERSION = "2024-10-21"
RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
DEPLOYMENT = RESOURCE + "/deployments/[^/]*"
PROBE = "POST /openai/deployments/[^/]*/chat/completions"
FEW = b"".join(MARV.splitlines(keepends=True)[:9])

server, lab = fixtures("job.step=500ms")


@pytest.fixture
def azure(lab: Lab) -> Iterator[AzureOpenAI]:
    with AzureOpenAI(
        azure_endpoint=lab.server.root, api_key=lab.key, api_version=VERSION, http_client=lab.http
    ) as client:
        yield client


@pytest.fixture
def newer(lab: Lab) -> Iterator[OpenAI]:
    """The surface without an api-version, which the plain client speaks to."""
    with OpenAI(base_url=f"{lab.server.root}/openai/v1/", api_key=lab.key, http_client=lab.http) as client:
        yield client


def tuner(lab: Lab, client: OpenAI) -> Tuner:
    return Tuner(client, sleep=lab.sleep, now=lambda: lab.now)


def account(lab: Lab) -> AzureAccount:
    return AzureAccount(RESOURCE, token=lab.key, management_url=lab.server.root)


def ask(client: OpenAI, model: str) -> str | None:
    messages: Any = [{"role": "user", "content": "What's the capital of France?"}]
    return client.chat.completions.create(model=model, messages=messages).choices[0].message.content


def whole(tuned: Tuned) -> None:
    assert re.fullmatch(re.escape("gpt-4o-mini-2024-07-18") + r"\.ft-[0-9a-f]{32}-marv", tuned.model)
    assert tuned.results is not None
    assert len(tuned.results.rows) == 40
    assert [each.fine_tuned_model_checkpoint for each in tuned.checkpoints][-1] == tuned.model


@pytest.mark.parametrize("surface", ["azure", "newer"])
def test_the_same_code_tunes_on_azure_and_says_how_to_deploy(
    lab: Lab, surface: str, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(surface)
    told: list[Progress] = []
    tuned = tuner(lab, client).tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH, on=told.append)
    whole(tuned)
    assert tuned.answers_as is None
    undeployed = told[-1]
    assert isinstance(undeployed, ModelUndeployed)
    assert undeployed.model == tuned.model
    assert f"--model-name {tuned.model} " in undeployed.advice
    with pytest.raises(DeploymentNeeded, match=r"answers under the name of one only. Create one"):
        tuner(lab, client).wait_for_model(tuned.model)
    # The same call again goes on with the same job, and sends nothing twice.
    assert tuner(lab, client).tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH).job.id == tuned.job.id
    assert lab.count("POST /openai(/v1)?/fine_tuning/jobs") == 1
    assert lab.count("POST /openai(/v1)?/files") == 1


def test_a_deployment_is_made_once_waited_for_and_answers_as_trained(lab: Lab, azure: AzureOpenAI) -> None:
    at = tuner(lab, azure)
    tuned = at.tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH, wait_for_model=False)
    keys: list[tuple[str | None, str]] = []

    def look(response: sdk_http.Response) -> sdk_http.Response:
        sent = response.request.headers
        keys.append((sent.get("api-key"), sent["authorization"]))
        return response

    lab.breaks(f"(PUT|GET) {DEPLOYMENT}", look)
    began = lab.now
    for _ in range(2):
        at.deploy(tuned.model, "marv", account(lab))
    assert 80 < lab.now - began < 180  # a model whose name is not known yet, then one that loads
    assert at.wait_for_model("marv") == "marv"
    assert at.wait_for_model(tuned.model) == "marv"  # its deployment is found
    assert ask(azure, "marv")
    assert set(keys) == {(None, f"Bearer {lab.key}")}  # the resource manager never gets the service's key
    told: list[Progress] = []
    again = at.tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH, on=told.append)
    assert (again.answers_as, told[-1]) == ("marv", ModelReady("marv"))


def test_a_deployment_that_was_just_made_is_waited_for(lab: Lab, azure: AzureOpenAI) -> None:
    tuned = tuner(lab, azure).tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH, wait_for_model=False)
    lab.advance(by="30s")
    lab.breaks(f"PUT {DEPLOYMENT}", change(lambda made: made["properties"].update(provisioningState="Succeeded")))
    began = lab.now
    tuner(lab, azure).deploy(tuned.model, "marv", account(lab))
    assert tuner(lab, azure).wait_for_model("marv") == "marv"
    assert 70 < lab.now - began < 100
    assert lab.count(PROBE) > 3


def test_a_name_that_no_deployment_has_is_refused_at_once_and_where_they_are_not_listed_after_a_while(
    lab: Lab, azure: AzureOpenAI
) -> None:
    with pytest.raises(DeploymentMissing, match="create one of the model"):
        tuner(lab, azure).wait_for_model("typo")
    assert lab.slept == []
    lab.breaks("GET /openai/deployments", refuse(404, "404", "Resource not found"))
    with pytest.raises(Exception, match="typo is not ready within 300 s"):
        tuner(lab, azure).wait_for_model("typo", timeout_s=300)
    assert lab.now == pytest.approx(300)


def test_a_deployment_that_fails_is_told(lab: Lab, azure: AzureOpenAI) -> None:
    lab.breaks(f"PUT {DEPLOYMENT}", answer(201, {"properties": {"provisioningState": "Creating"}}))
    lab.breaks(f"GET {DEPLOYMENT}", answer(200, {"properties": {"provisioningState": "Failed"}}))
    with pytest.raises(DeploymentFailed, match=r"ended as 'failed'. Look at the resource's quota") as caught:
        tuner(lab, azure).deploy("gpt-4o-mini", "marv", account(lab))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_an_account_does_not_show_its_token() -> None:
    assert "secret" not in repr(AzureAccount(RESOURCE, token="secret"))


def test_statuses_and_errors_are_those_of_the_dialect(lab: Lab, azure: AzureOpenAI) -> None:
    at = tuner(lab, azure)
    with pytest.raises(JobFailed, match="Correct the file that was uploaded as file-"):
        at.tune(FEW, model=MODEL)
    job = azure.fine_tuning.jobs.create(model=MODEL, training_file=at.upload(MARV, filename="marv.jsonl").id)
    assert job.status == "pending"  # type: ignore[comparison-overlap]  # in no SDK's types
    lab.advance(until={"job": job.id, "status": "running"})
    assert at.pause(job.id).status == "paused"  # type: ignore[comparison-overlap]
    lab.breaks(
        "POST /openai/fine_tuning/jobs/[^/]*/cancel", change(lambda job: job.update(status="canceled"))
    )  # as Azure's references spell it
    assert at.cancel(job.id).status == "canceled"  # type: ignore[comparison-overlap]
    lab.breaks(".*", refuse(401, "401", "Access denied due to invalid subscription key."))
    with pytest.raises(KeyRefused, match=r"AZURE_OPENAI_API_KEY"):
        at.checkpoints(job.id)


def test_an_asynchronous_client_completes_on_azure_too(lab: Lab) -> None:
    async def tune() -> tuple[Tuned, str]:
        async with (
            sdk_http.AsyncClient(transport=AsyncBreakableTransport(lab)) as http,
            AsyncAzureOpenAI(
                azure_endpoint=lab.server.root, api_key=lab.key, api_version=VERSION, http_client=http
            ) as client,
        ):
            at = AsyncTuner(client, sleep=lab.sleep_async, now=lambda: lab.now)
            tuned = await at.tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH)
            await at.deploy(tuned.model, "marv", account(lab))
            return tuned, await at.wait_for_model(tuned.model)

    tuned, name = asyncio.run(tune())
    whole(tuned)
    assert name == "marv"


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("gpt-4o-mini-2024-07-18.ft-6823a2984202e7bb3bfb56ef38389b92-pip", True),
        ("gpt-4o-mini-2024-07-18.ft-6823a2984202e7bb3bfb56ef38389b92", True),
        ("ft:gpt-4o-mini-2024-07-18:acme::x", False),
        ("gpt-4o-mini", False),
        ("my.ft-deployment", False),
    ],
)
def test_a_models_own_name_is_told_from_a_deployments(name: str, own: bool) -> None:
    assert is_models_own_name(name) is own
