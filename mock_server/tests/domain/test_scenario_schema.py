"""The published schema takes what the reader takes, and refuses what it refuses, key by key."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from mocktune.domain.documents import ScenarioError
from mocktune.domain.scenario import Scenario, read_scenario, with_settings
from mocktune.domain.scenario_document import scenario_document
from mocktune.domain.scenario_schema import scenario_schema
from mocktune.storage.scenario_files import load_scenario, scenario_names

VALIDATOR = jsonschema.Draft202012Validator(scenario_schema())

WHOLE: dict[str, Any] = {
    "$schema": "http://127.0.0.1:4141/_mocktune/schemas/scenario",
    "schema": 1,
    "extends": "realistic",
    "summary": "All there is",
    "files": {"processing": {"uniform": ["5s", "20s"]}, "outcome": "error", "status_details": None},
    "job": {
        "queued": {"lognormal": {"median": "40s", "sigma": 0.6, "max": "10m"}},
        "training": None,
        "outcome": "failed",
        "failure": {"phase": "safety", "progress": 1, "code": "x", "message": "y", "param": None},
        "estimated_finish": True,
        "wire": {"initial_status": "queued", "status": "preparing", "instead_of": "paused", "shown_for": "2m",
                 "no_error": "nulls"},
    },
    "model": {"loading_as": "stall", "stall_for": "10m", "idle_for": "5m", "gone_at": None},
    "metrics": {"shape": "nan"},
    "limits": {"quota_usd": 5, "caps": "observed"},
    "events": {
        "after_terminal": "30s", "safety": True,
        "extra": [{"type": "notice", "level": "warn", "message": "m", "data": {"n": 1, "t": "x"}, "at": "40%+10m"}],
    },
    "result": {"delay": "5s", "missing": "dangling", "encoding": "plain"},
    "clock": {"start": "2026-01-15T00:00:00Z", "skew": "-90s"},
    "expect": {"outcome": "give_up", "within": "2h", "allow": ["MT03"]},
    "signals": [{"at": "40%", "do": "pause"}, {"at": "40%+10m", "do": "resume"}, {"at": "90s", "do": "delete_file"}],
    "faults": [{"operation": "fine_tuning.jobs.create", "answer": {"status": 503, "headers": {"x": "y"}}, "times": 1}],
}  # fmt: skip


def changed(path: str, value: object) -> dict[str, Any]:
    document = copy.deepcopy(WHOLE)
    *parents, last = path.split(".")
    inner: Any = document
    for key in parents:
        inner = inner[int(key) if key.isdigit() else key]
    inner[last] = value
    return document


def readable(document: dict[str, Any]) -> bool:
    try:
        read_scenario("x", document)
    except ScenarioError:
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("name", scenario_names())
def test_every_packaged_scenario_is_valid_as_it_is_written_and_as_it_is_read(name: str) -> None:
    text = files("mocktune").joinpath("scenarios", f"{name}.toml").read_text("utf-8")
    VALIDATOR.validate(tomllib.loads(text))
    VALIDATOR.validate(scenario_document(load_scenario(name)))


def test_a_document_with_everything_in_it_is_valid_and_can_be_read() -> None:
    VALIDATOR.validate(WHOLE)
    scenario = read_scenario("x", WHOLE)
    document = scenario_document(scenario)
    VALIDATOR.validate(document)
    assert read_scenario(document.pop("name"), document) == scenario
    VALIDATOR.validate({})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("modle", {}), ("job.step_time", "2s"), ("job.failure.phase", "training"), ("job.failure.progress", 1.5),
        ("job.failure", None), ("job.estimated_finish", "yes"), ("job.queued", 5), ("job.queued", "soon"),
        ("job.queued", {"uniform": ["5s"]}), ("job.queued", {"uniform": ["1s", "2s"], "more": 1}),
        ("job.queued", {"lognormal": {"median": "4s"}}), ("job.queued", None), ("job.wire.status", 3),
        ("job.wire.no_error", None), ("model.loading_as", "stal"), ("metrics.shape", "nana"),
        ("limits.quota_usd", -1), ("limits.quota_usd", "5"), ("limits.caps", None), ("events.extra", {}),
        ("events.extra.0.at", "half"), ("events.extra.0.level", "debug"), ("events.extra.0.data", {"x": [1]}),
        ("events.extra.0.when", "1s"), ("result.missing", True), ("clock.skew", "90"), ("clock.skew", -90),
        ("clock.start", -1), ("expect.allow", "MT03"), ("expect.allow", [3]), ("signals.0.at", "-40%"),
        ("signals.0.do", "stop"), ("signals.0.at", 40), ("faults.0.answer.status", 99), ("faults.0.times", 0),
        ("faults.0.fault", "EXPLODE"), ("schema", 2), ("files.status_details", "x" * 5000), ("summary", ["x"]),
        ("signals", [{"at": "1s", "do": "cancel"}] * 65),
    ],
)  # fmt: skip
def test_what_the_reader_refuses_the_schema_refuses(path: str, value: object) -> None:
    document = changed(path, value)
    assert not readable(document)
    assert not VALIDATOR.is_valid(document)


def keys(part: Any, prefix: str = "") -> Iterator[str]:
    for each in fields(part):
        if each.name != "name":
            yield prefix + each.name
            value = getattr(part, each.name)
            if is_dataclass(value) and not hasattr(value, "low"):
                yield from keys(value, f"{prefix}{each.name}.")


@pytest.mark.parametrize("path", [key for key in keys(Scenario()) if "." in key])
def test_no_field_takes_just_anything(path: str) -> None:
    """An object nobody knows, in the place of each field."""
    document: dict[str, Any] = {}
    inner = document
    *parents, last = path.split(".")
    for key in parents:
        inner = inner.setdefault(key, {})
    inner[last] = {"never": {"heard": "of"}}
    assert not VALIDATOR.is_valid(document)
    assert not readable(document)


@pytest.mark.parametrize(
    ("document", "key", "says"),
    [
        ({"signals": [{"at": "9s", "do": "resume"}]}, "signals[0].do", "no pause before it"),
        ({"signals": [{"at": "9s", "do": "pause"}, {"at": "8s", "do": "resume"}, {"at": "7s", "do": "resume"}]},
         "signals[2].do", "no pause before it"),
        ({"signals": [{"at": "9s", "do": "cancel"}, {"at": "40%", "do": "delete_file"}]}, "signals[1].at",
         "a time after the job's creation"),
        ({"signals": [{"at": "soon"}]}, "signals[0].at", "'soon' is no duration"),
        ({"signals": [{"at": "140%"}]}, "signals[0].at", "a training has 100%"),
        ({"events": {"extra": [{"type": ""}]}}, "events.extra[0].type", "an event has a type"),
        ({"job": {"wire": {"status": ""}}}, "job.wire.status", "expected a text, or null"),
        ({"model": {"stall_for": "11m"}}, "model.stall_for", "at most 10m"),
        ({"model": {"stall_for": {"uniform": ["1s", "11m"]}}}, "model.stall_for", "at most 10m"),
        ({"model": {"stall_for": {"lognormal": {"median": "1s", "sigma": 5}}}}, "model.stall_for", "at most 10m"),
        ({"clock": {"skew": "4000d"}}, "clock.skew", "ten years"),
        ({"clock": {"skew": "late"}}, "clock.skew", "is no duration"),
    ],
)  # fmt: skip
def test_fields_that_do_not_go_together_are_told_with_their_key(document: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario("x", document)
    assert str(caught.value).startswith(f"{key}: ")
    assert says in str(caught.value)
    assert caught.value.key == key


def test_an_instant_may_be_a_date_of_toml() -> None:
    document = tomllib.loads("clock.start = 2026-01-15T00:00:00Z")
    assert read_scenario("x", document).clock.start == 1_768_435_200_000_000


def test_a_failure_may_be_written_of_a_job_that_succeeds() -> None:
    scenario = read_scenario("x", {"job": {"outcome": "succeeded", "failure": {"phase": "safety"}}})
    assert scenario.job.failure.phase == "safety"


def test_new_fields_are_set_from_text_too() -> None:
    changed_ = with_settings(Scenario(), ["clock.skew=-90s", "model.idle_for=5m", "job.wire.status=preparing"])
    assert changed_.clock.ahead == -90_000_000
    assert changed_.model.idle_for is not None
    assert changed_.job.wire.status == "preparing"
