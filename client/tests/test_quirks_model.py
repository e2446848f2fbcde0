"""Quirks of what a job leaves behind: contract section 10, rows 4, 5, 10, 23, 27, 30 and 32."""

from __future__ import annotations

from typing import Any

import pytest
from openai import AzureOpenAI

from mocktune_client import ModelNotReady, PermissionRefused, Tuner
from mocktune_client.checkpoints import best_checkpoint
from mocktune_client.model_names import TunedName, base_of, file_name_of, tuned_name
from mocktune_client.progress import JobSeen, ModelReady, ModelUndeployed, Waiting

from .lab import MARV, MODEL, ONE_EPOCH, Lab, fixtures
from .quirks import CREATE, PROBE, Told, at_fault, failing, play, tune

server, lab = fixtures("job.step=500ms")

THREE_EPOCHS: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}


@pytest.mark.parametrize(
    ("scenario", "least_s"),
    [("cold-model-404", 180), ("cold-model-429", 300), ("cold-model-503", 300), ("cold-model-stall", 120)],
)
def test_quirk_04_succeeded_is_not_usable(lab: Lab, scenario: str, least_s: float) -> None:
    """Scenarios ``cold-model-404``, ``-429``, ``-503``, ``-stall``: asked again, with growing pauses, until then."""
    play(lab, scenario, **({"model.stall_for": "10ms"} if scenario == "cold-model-stall" else {}))
    job = lab.job(until="succeeded")
    told = Told()
    began = lab.now
    tuned = lab.tuner().follow_to_the_end(job, on=told.append)
    assert tuned.answers_as == tuned.model
    assert told[-1] == ModelReady(tuned.model)
    assert least_s <= lab.now - began < least_s + 40
    assert lab.count(PROBE) < 25
    assert at_fault(lab) == []


def test_quirk_04_a_model_that_never_comes_is_given_up(lab: Lab) -> None:
    """Scenario ``model-gone``: a 404 is retried for a bounded time."""
    play(lab, "model-gone")
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job(until="succeeded"))
    lab.advance(by="10m")
    error = failing(lambda: lab.tuner().wait_for_model(job.fine_tuned_model or ""))
    assert isinstance(error, ModelNotReady)
    assert "If it was deleted, or its base model was shut down, it does not come back: tune again" in str(error)
    assert lab.now == pytest.approx(900)


@pytest.mark.parametrize("scenario", ["realistic", "plain-result"])
def test_quirk_05_result_files_are_base64_here_and_plain_there(lab: Lab, scenario: str) -> None:
    """Scenarios ``realistic`` and ``plain-result``: either is a table."""
    play(lab, scenario)
    job = lab.unbroken.fine_tuning.jobs.retrieve(lab.job(until="succeeded"))
    lab.advance(by="1m")
    is_plain = lab.unbroken.files.content(job.result_files[0]).read().startswith(b"step,")
    assert is_plain is (scenario == "plain-result")
    results = lab.tuner().results(job)
    assert [row.step for row in results.rows] == list(range(1, 41))
    assert results.csv.startswith("step,train_loss,")


def test_quirk_10_checkpoint_names_have_their_own_id_and_the_last_is_the_model(lab: Lab) -> None:
    """Scenario ``overfits``: read from the list, when the job has ended; the best is not always the last."""
    play(lab, "overfits")
    file = lab.upload()
    job = (
        lab.tuner().create(model=MODEL, training_file=file, validation_file=file, suffix="marv", method=THREE_EPOCHS).id
    )
    lab.advance(until={"job": job, "status": "running"})
    assert lab.tuner().checkpoints(job) == ()
    assert lab.tuner().best_checkpoint(job) is None
    tuned = lab.tuner().follow_to_the_end(job)
    assert [each.step_number for each in tuned.checkpoints] == [40, 80, 120]
    names = [tuned_name(each.fine_tuned_model_checkpoint) for each in tuned.checkpoints]
    own = tuned_name(tuned.model)
    assert own is not None
    assert [name.step for name in names if name] == [40, 80, None]
    assert len({name.id for name in names if name}) == 3
    assert names[-1] == own
    best = lab.tuner().best_checkpoint(job)
    assert best is not None
    assert best.step_number == 40
    assert best == best_checkpoint(reversed(tuned.checkpoints))


def test_quirk_23_checkpoints_have_a_rate_limit_of_their_own(lab: Lab) -> None:
    """Scenario ``rate-limited``: a checkpoint that meets it is waited for, as long as it says."""
    tuned = tune(lab, method=THREE_EPOCHS)
    play(lab, "rate-limited")
    checkpoint = tuned.checkpoints[0].fine_tuned_model_checkpoint
    lab.slept.clear()
    assert lab.tuner().wait_for_model(checkpoint) == checkpoint
    assert lab.slept == [10]


def test_quirk_27_permissions_want_the_admin_key_and_the_sdk_sends_the_other(lab: Lab) -> None:
    """Scenario ``realistic``: sharing takes the admin key, and this one call alone is made with it."""
    tuned = tune(lab, method=THREE_EPOCHS)
    checkpoint = tuned.checkpoints[0].fine_tuned_model_checkpoint
    keys: list[str] = []

    def look(response: Any) -> Any:
        keys.append(response.request.headers["authorization"])
        return response

    lab.breaks(".*", look)
    admin_key = "sk-admin-" + lab.key.removeprefix("sk-")
    [permission] = lab.tuner().share(checkpoint, ["proj_other"], admin_key=admin_key)
    assert permission.project_id == "proj_other"
    assert len(lab.tuner().checkpoints(tuned.job.id)) == 3
    assert keys == [f"Bearer {admin_key}", f"Bearer {lab.key}"]
    error = failing(lambda: lab.tuner().share(checkpoint, ["proj_other"], admin_key=lab.key))
    assert isinstance(error, PermissionRefused)
    assert "Give the key the permission that is named" in str(error)


def test_quirk_30_azure_has_deployments_statuses_csv_and_other_codes(lab: Lab) -> None:
    """Scenario ``realistic`` in Azure's dialect: the same code; ``test_azure.py`` has the rest."""
    with AzureOpenAI(
        azure_endpoint=lab.server.root, api_key=lab.key, api_version="2024-10-21", http_client=lab.http
    ) as client:
        told = Told()
        tuner = Tuner(client, sleep=lab.sleep, now=lambda: lab.now)
        tuned = tuner.tune(MARV, model=MODEL, suffix="marv", method=ONE_EPOCH, on=told.append)
    assert told.statuses == ["pending", "running", "succeeded"]
    assert tuned.results is not None
    assert isinstance(told[-1], ModelUndeployed)
    assert tuned_name(tuned.model) == TunedName("gpt-4o-mini-2024-07-18", None, "marv", tuned.model.split("-")[-2])
    assert not [each for each in told if isinstance(each, Waiting)]


def test_quirk_32_an_empty_suffix_gives_two_colons_which_windows_takes_none_of(lab: Lab) -> None:
    """Scenario ``realistic``: names are taken apart and made file names by one function each."""
    told = Told()
    tuned = tune(lab, told, suffix=None)
    assert "::" in tuned.model
    name = tuned_name(tuned.model)
    assert name is not None
    assert (name.base, name.suffix, name.step) == ("gpt-4o-mini-2024-07-18", None, None)
    assert name.organization
    assert tuned.model.endswith(f"::{name.id}")
    assert tuned_name(f"{tuned.model}:ckpt-step-60") == TunedName(name.base, name.organization, None, name.id, 60)
    assert base_of(tuned.model) == base_of("gpt-4o-mini") == name.base
    assert file_name_of(tuned.model) == tuned.model.replace(":", "%3A")
    assert file_name_of('a<b>:"/\\|?*%c. ') == "a%3Cb%3E%3A%22%2F%5C%7C%3F%2A%25c"
    others = ("gpt-4o", "ft:", "ft:a:b:c", "ft::o:s:i", "ft:a:o:s:", "ft:a:o:s:i:step-1", "ft:a:o:s:i:ckpt-step-1:x")
    assert [each for each in others if tuned_name(each)] == []
    # The whole name is what is sent on, and trained again.
    again = tune(lab, model=tuned.model)
    assert again.job.model == tuned.model
    assert lab.count(CREATE) == 2
    assert {each.job.model for each in told if isinstance(each, JobSeen)} == {name.base}
