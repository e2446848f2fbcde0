"""Quirks of creating a job: contract section 10, rows 1, 6, 7, 8, 26, 28, 29 and 31."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from mocktune import make_settings, running_server
from mocktune.server import RunningServer
from mocktune_client import (
    DailyLimitReached,
    ModelLimits,
    ModelNotTunable,
    QuotaExceeded,
    RequestInvalid,
    TrainingNotAvailable,
)
from mocktune_client.jobs import MARKER_KEY

from .lab import MARV, MODEL, Lab, fixtures, lose_answer
from .quirks import CREATE, FILES, UPLOAD, Told, at_fault, failing, play, tune

server, lab = fixtures("job.step=500ms")


def bodies(lab: Lab, operation: str) -> list[Any]:
    """The bodies of what is sent from now on."""
    sent: list[Any] = []

    def look(response: Any) -> Any:
        sent.append(json.loads(response.request.content))
        return response

    lab.breaks(operation, look)
    return sent


def test_quirk_01_create_is_refused_for_most_organizations_though_uploads_succeed(lab: Lab) -> None:
    """Scenario ``training-wound-down``: a preflight tells it before anything is uploaded; tune in one try."""
    play(lab, "training-wound-down")
    error = failing(lambda: lab.tuner().preflight(MODEL))
    assert isinstance(error, TrainingNotAvailable)
    assert lab.count(UPLOAD) == 0
    error = failing(lambda: tune(lab))
    assert isinstance(error, TrainingNotAvailable)
    assert "winding down" in str(error)
    assert "use a key of an organization that may still train, or another service" in str(error)
    assert (lab.count(UPLOAD), lab.count(CREATE)) == (1, 2)


def test_quirk_01_a_large_file_is_not_uploaded_for_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenario ``training-wound-down``: who is to send much asks first."""
    play(lab, "training-wound-down")
    monkeypatch.setattr("mocktune_client.tuning.LARGE_BYTES", len(MARV))
    assert isinstance(failing(lambda: tune(lab)), TrainingNotAvailable)
    assert (lab.count("POST /(files|uploads)"), lab.count(CREATE)) == (0, 1)
    assert at_fault(lab) == []


def test_quirk_06_hyperparameters_are_null_for_dpo(lab: Lab) -> None:
    """Scenario ``realistic``: nothing is read from where a typed client trips."""
    told = Told()
    pairs = (FILES / "valid" / "preference.jsonl").read_bytes()
    method: Any = {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 1, "beta": 0.1}}}
    lab.breaks(CREATE, lose_answer, times=1)  # a job that is looked for is compared with what was asked
    tuned = tune(lab, told, pairs, method=method)
    assert tuned.job.hyperparameters is None
    assert tuned.job.method is not None
    assert tuned.results is not None
    assert told.statuses[-1] == "succeeded"
    assert lab.tuner().tune(pairs, model=MODEL, suffix="marv", method=method).job.id == tuned.job.id
    assert lab.count(CREATE) == 1


def test_quirk_07_the_sdk_retries_create_without_a_key_so_two_jobs_are_paid(lab: Lab) -> None:
    """Scenario ``lost-create``: the job is looked for by its metadata, and there is one."""
    play(lab, "lost-create")
    told = Told()
    tuned = tune(lab, told)
    assert [job.id for job in lab.unbroken.fine_tuning.jobs.list()] == [tuned.job.id]
    assert lab.count(CREATE) == 1
    assert at_fault(lab) == []


def test_quirk_07_nor_are_hopeless_429s_retried(lab: Lab) -> None:
    """Scenario ``quota-at-create``."""
    play(lab, "quota-at-create")
    error = failing(lambda: tune(lab))
    assert isinstance(error, QuotaExceeded)
    assert "Waiting does not help: add credit" in str(error)
    assert lab.count(CREATE) == 1
    assert at_fault(lab) == []


def test_quirk_08_daily_and_active_caps_differ_per_model(lab: Lab) -> None:
    """Scenarios ``daily-cap`` and ``job-cap``: the first is no use waiting for, the second is."""
    play(lab, "daily-cap")
    limits = {each.model: each for each in lab.tuner().limits() or ()}
    assert limits["gpt-4o-mini-2024-07-18"] == ModelLimits("gpt-4o-mini-2024-07-18", 0, 5, 24, 24)
    assert limits["gpt-4o-2024-08-06"].max_jobs_per_day == 8
    error = failing(lambda: tune(lab))
    assert isinstance(error, DailyLimitReached)
    assert "after midnight UTC" in str(error)
    assert lab.count(CREATE) == 1
    error = failing(lambda: lab.tuner().preflight(MODEL))
    assert isinstance(error, DailyLimitReached)
    assert at_fault(lab) == []

    play(lab, "job-cap")
    ahead = lab.tuner().preflight(MODEL)
    assert [warning.caution for warning in ahead.warnings] == ["no_free_place"]
    began = lab.now
    assert tune(lab).job.status == "succeeded"
    assert lab.now - began > 40 * 60


@pytest.mark.parametrize("kind", ["map", "list"])
def test_quirk_26_graders_of_a_multi_grader_are_a_map_and_have_no_name(lab: Lab, kind: str) -> None:
    """Scenario ``realistic``: a method is passed on as it is given, whatever the SDK's types say."""
    exact = {
        "type": "string_check",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference_answer}}",
        "operation": "eq",
    }
    named = {"name": "exact", **exact}
    grader = {
        "type": "multi",
        "graders": {"exact": named} if kind == "map" else [named],
        "calculate_output": "exact",
    }
    examples = (FILES / "valid" / "reinforcement.jsonl").read_bytes()
    sent = bodies(lab, CREATE)
    method: Any = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"n_epochs": 1}}}
    file = lab.upload(examples)
    job = lab.tuner().create(model="o4-mini-2025-04-16", training_file=file, validation_file=file, method=method)
    assert sent[0]["method"] == method  # without a name, and as a map or a list
    assert job.to_dict(warnings=False)["method"]["reinforcement"]["grader"]["graders"]  # type: ignore[index]
    assert lab.tuner().wait(job.id).status == "succeeded"


def test_quirk_28_a_null_suffix_is_refused_by_older_validators(lab: Lab) -> None:
    """Scenario ``realistic``: what is not given is not sent; a suffix that is too long is named in the error."""
    sent = bodies(lab, CREATE)
    tune(lab, suffix=None, method=None)
    assert sent[0].keys() == {"model", "training_file", "metadata"}
    error = failing(lambda: tune(lab, suffix="m" * 65))
    assert isinstance(error, RequestInvalid)
    assert error.param == "suffix"
    assert "maximum length 64" in str(error)
    assert str(error).endswith("Correct suffix, then send the request again.")


def test_quirk_29_a_filter_of_null_metadata_is_not_a_filter_left_out(lab: Lab) -> None:
    """Scenario ``lost-create``: jobs are looked for by one pair, never by ``metadata=null``."""
    file = lab.upload()
    unmarked = lab.unbroken.fine_tuning.jobs.create(model=MODEL, training_file=file).id
    play(lab, "lost-create")
    asked: list[Any] = []

    def look(response: Any) -> Any:
        asked.append(dict(response.request.url.params))
        return response

    lab.breaks("GET /fine_tuning/jobs", look)
    found = lab.tuner().create(model=MODEL, training_file=file)
    assert found.id != unmarked
    assert asked
    assert all(query.get(f"metadata[{MARKER_KEY}]") and "metadata" not in query for query in asked)


@pytest.fixture(scope="module")
def today() -> Iterator[RunningServer]:
    """The world of November 2026, in which this organization may still train."""
    settings = make_settings(
        "realistic", clock="frozen", seed=42, profile="today", known_organizations=frozenset({"org-kept"})
    )
    with running_server(settings) as server:
        yield server


def test_quirk_31_models_are_shut_by_date(today: RunningServer) -> None:
    """Profile ``today``: warned of from ``shutdown_date``; a model that is gone is refused with the names to use."""
    day = date(2026, 11, 22)
    with closing(Lab(today)) as lab:
        lab.client = lab.client.with_options(organization="org-kept")
        ahead = lab.tuner().preflight(MODEL, today=day)
        assert [each.caution for each in ahead.warnings] == ["training_ends", "model_ends"]
        assert str(ahead.warnings[0]) == (
            "New training on gpt-4o-mini-2024-07-18 ends on 2027-01-07, in 46 days. Plan for another model."
        )
        assert "are gone on 2027-01-14, in 53 days. Keep the data" in str(ahead.warnings[1])
        gone = lab.tuner().preflight("gpt-4.1-nano", today=day)
        assert [each.caution for each in gone.warnings] == ["not_listed", "training_ends", "model_ends"]
        assert "gpt-4o-mini-2024-07-18" in str(gone.warnings[0])
        assert "are gone since 2026-10-23" in str(gone.warnings[2])
        error = failing(lambda: lab.tuner().create(model="gpt-4.1-nano", training_file=lab.upload()))
        assert isinstance(error, ModelNotTunable)
        assert "/fine_tuning/model_limits names those it may" in str(error)


def test_quirk_31_a_service_that_names_no_date_is_believed(lab: Lab) -> None:
    """Scenario ``realistic``: in the world of the recordings models live on."""
    assert lab.tuner().preflight(MODEL, today=date(2026, 11, 22)).warnings == ()
