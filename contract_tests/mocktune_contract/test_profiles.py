"""The profile ``today``: a server as it answers on 2026-11-22, and later by the sandbox's own clock.

DEPDOC gives the dates. What a shut model is answered with is assumed (contract 11, doubt 6): the same as an unknown.
"""

from __future__ import annotations

from typing import Any

import openai
import pytest

from mocktune_contract.lab import MODEL, Lab, Labs, training_file

pytestmark = pytest.mark.source("DEPDOC")

PLAIN = training_file("valid/plain.jsonl")
KNOWN = "org-known"
TODAY: dict[str, Any] = {"profile": "today", "known_organizations": frozenset({KNOWN})}


def known(lab: Lab) -> openai.OpenAI:
    """The SDK as somebody of an organization that may still train."""
    return lab.client().copy(organization=KNOWN)


def tuned(lab: Lab, model: str) -> str:
    """The name of a model tuned from ``model`` that answers."""
    file = lab.upload_ready(PLAIN).id
    job = known(lab).fine_tuning.jobs.create(model=model, training_file=file)
    lab.clock.until(job.id, "succeeded")
    lab.clock.advance(by="10m")
    name = lab.job(job.id).fine_tuned_model
    assert name is not None
    return name


def not_found(lab: Lab, model: str) -> None:
    """Chat and retrieve know nothing of ``model``."""
    for call in (lambda: lab.ask(model, "Hello"), lambda: lab.client().models.retrieve(model)):
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.code == "model_not_found"
        assert caught.value.body == {
            "message": f"The model `{model}` does not exist or you do not have access to it.",
            "type": "invalid_request_error",
            "param": None,
            "code": "model_not_found",
        }


# -- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("mocktune")
def test_a_frozen_clock_starts_on_the_day_of_the_profile(own_server: Labs) -> None:
    lab = own_server(**TODAY)
    assert lab.clock.now() == 1_795_305_600  # 2026-11-22T00:00:00Z
    lab.clock.freeze()
    assert lab.clock.now() == 1_795_305_600


# -- models ------------------------------------------------------------------------------------------------------------


@pytest.mark.source("SPEC")
@pytest.mark.operation("models.list")
def test_only_living_models_are_listed_and_show_when_they_end(own_server: Labs) -> None:
    """SPEC: shutdown_date."""
    listed = {each.id: each.shutdown_date for each in own_server(**TODAY).client().models.list()}
    assert listed == dict.fromkeys(
        (
            "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14",
            "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini",
        ),
        "2027-01-14",
    )  # fmt: skip


@pytest.mark.needs("mocktune")
@pytest.mark.source("mocktune")
@pytest.mark.operation("models.list")
def test_classic_keeps_every_model_alive(lab: Lab) -> None:
    listed = {each.id: each.shutdown_date for each in lab.client().models.list()}
    assert listed.keys() >= {"gpt-3.5-turbo-0613", "gpt-4-0613", "o4-mini-2025-04-16", "babbage-002"}
    assert set(listed.values()) == {None}
    assert lab.says("gpt-3.5-turbo-0125", "Hello")


@pytest.mark.operation("models.retrieve")
@pytest.mark.parametrize("model", ["gpt-3.5-turbo-0125", "gpt-4", "o4-mini-2025-04-16"])
def test_a_shut_model_is_not_found(own_server: Labs, model: str) -> None:
    not_found(own_server(**TODAY), model)


@pytest.mark.needs("time")
@pytest.mark.operation("fine_tuning.jobs.create", "models.list", "models.retrieve")
def test_a_tuned_model_ends_with_its_family_not_with_its_base_model(own_server: Labs) -> None:
    lab = own_server(scenario=("clock.start=2026-09-27", "limits.caps=off", "limits.moderation=off"), **TODAY)
    name = tuned(lab, "gpt-3.5-turbo-1106")
    lab.clock.advance(to="2026-09-28T00:00:00Z")
    not_found(lab, "gpt-3.5-turbo-1106")
    assert lab.says(name, "Hello")
    assert lab.client().models.retrieve(name).shutdown_date == "2026-10-23"
    lab.clock.advance(to="2026-10-22T23:59:59Z")
    assert lab.says(name, "Hello")
    lab.clock.advance(by="1s")
    not_found(lab, name)
    assert name not in {each.id for each in lab.client().models.list()}


# -- creates -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs("time")
@pytest.mark.source("OBS")
@pytest.mark.operation("fine_tuning.jobs.create")
@pytest.mark.parametrize("organization", [None, "org-other"])
def test_an_organization_the_server_was_not_told_of_cannot_train(own_server: Labs, organization: str | None) -> None:
    """OBS: the common answer since July 2026; the upload succeeds."""
    lab = own_server(**TODAY)
    file = lab.upload_ready(PLAIN).id
    with pytest.raises(openai.PermissionDeniedError) as caught:
        lab.client().copy(organization=organization).fine_tuning.jobs.create(model=MODEL, training_file=file)
    assert caught.value.code == "training_not_available"


@pytest.mark.needs("time")
@pytest.mark.operation("fine_tuning.jobs.create")
def test_a_known_organization_trains_until_the_platform_ends(own_server: Labs) -> None:
    """DEPDOC: 2027-01-06 is the last day on which active customers can create jobs."""
    lab = own_server(scenario=("clock.start=2027-01-06T22:00:00Z",), **TODAY)
    file = lab.upload_ready(PLAIN).id
    jobs = known(lab).fine_tuning.jobs
    running = jobs.create(model=MODEL, training_file=file)
    lab.clock.advance(to="2027-01-07T00:00:00Z")
    with pytest.raises(openai.PermissionDeniedError) as caught:
        jobs.create(model=MODEL, training_file=file)
    assert caught.value.code == "training_not_available"
    assert lab.job(running.id).status == "succeeded"


@pytest.mark.needs("time")
@pytest.mark.operation("fine_tuning.jobs.create")
@pytest.mark.parametrize("model", ["gpt-3.5-turbo", "gpt-4.1-nano-2025-04-14", "babbage-002"])
def test_a_model_that_is_shut_or_no_longer_tuned_is_not_available(own_server: Labs, model: str) -> None:
    lab = own_server(**TODAY)
    file = lab.upload_ready(PLAIN).id
    with pytest.raises(openai.BadRequestError) as caught:
        known(lab).fine_tuning.jobs.create(model=model, training_file=file)
    assert caught.value.body == {
        "message": f"Model {model} is not available for fine-tuning or does not exist.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_available",
    }


@pytest.mark.needs("time")
@pytest.mark.operation("fine_tuning.jobs.create")
def test_the_caps_are_on(own_server: Labs) -> None:
    lab = own_server(**TODAY)
    file = lab.upload_ready(PLAIN).id
    jobs = known(lab).fine_tuning.jobs
    for _ in range(3):
        jobs.create(model="gpt-4o", training_file=file)
    with pytest.raises(openai.RateLimitError, match="maximum of 3 active requests"):
        jobs.create(model="gpt-4o", training_file=file)
