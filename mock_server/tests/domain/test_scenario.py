"""Scenarios are data: what is unknown is refused by name, what is drawn is drawn from the seed."""

from __future__ import annotations

from typing import Any

import pytest

from mocktune.domain.clock import SECOND, ClockError
from mocktune.domain.documents import Duration, ScenarioError
from mocktune.domain.scenario import LimitsPart, Scenario, read_scenario, with_settings
from mocktune.storage.scenario_files import load_scenario, scenario_names


def test_every_packaged_scenario_has_a_summary() -> None:
    assert {"quick", "realistic"} <= set(scenario_names())
    assert all(load_scenario(name).summary for name in scenario_names())


def test_quick_is_over_in_about_ten_seconds_whatever_the_data() -> None:
    quick = load_scenario("quick")
    assert quick.job.training is not None
    parts = (quick.files.processing, quick.job.validating, quick.job.queued, quick.job.training)
    parts += (quick.job.final_validation, quick.events.completed_after)
    assert 8 * SECOND <= sum(part.drawn(0, "any") for part in parts) <= 11 * SECOND
    assert quick.model.absent_for.drawn(0, "any") == 0
    assert quick.model.loading_for.drawn(0, "any") == 800_000


def test_an_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'realistic'"):
        load_scenario("realistc")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"modle": {}}, "unknown key 'modle'; did you mean 'model'"),
        ({"model": {"absent": "2s"}}, "unknown key 'model.absent'; did you mean 'model.absent_for'"),
        ({"model": {"loading_as": "stal"}}, "model.loading_as: 'stal' is none of"),
        ({"job": {"failure": {"progress": 2}}}, "job.failure.progress: expected a number from 0 to 1"),
        ({"job": {"queued": 5}}, "job.queued: a duration is text"),
        ({"job": {"queued": "soon"}}, "job.queued: 'soon' is no duration"),
        ({"job": "fast"}, "job: expected a table"),
        ({"schema": 2}, "schema must be 1"),
        ({"clock": {"start": "yesterday"}}, "clock.start: 'yesterday' is no instant"),
        ({"files": {"status_details": 3}}, "files.status_details: expected a text"),
        ({"name": "x"}, "unknown key 'name'"),
        ({"limits": {"cap": "off"}}, "unknown key 'limits.cap'; did you mean 'limits.caps'"),
        ({"limits": {"caps": "observe"}}, "'observe' is none of 'off', 'observed'; did you mean 'observed'"),
        ({"limits": {"org": "wounddown"}}, "did you mean 'wound_down'"),
        ({"limits": {"caps": None}}, "limits.caps: None is none of"),
        ({"limits": {"quota_usd": -1}}, "limits.quota_usd: expected a number from 0 to 1e+12, or null, got -1"),
        ({"limits": {"quota_usd": True}}, "limits.quota_usd: expected a number"),
        ({"limits": {"quota_usd": "5"}}, "limits.quota_usd: expected a number"),
        ({"limits": {"quota_usd": float("nan")}}, "limits.quota_usd: expected a number"),
        ({"limits": {"quota_usd": 10**400}}, "limits.quota_usd: expected a number"),
        ({"job": {"queued": None}}, "job.queued: a duration is text"),
    ],
)
def test_what_a_scenario_cannot_say_is_refused_by_name(document: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario("mine", document)
    assert says in str(caught.value)


def test_a_child_that_sets_the_step_gives_up_its_parents_fixed_training() -> None:
    child = read_scenario("child", {"job": {"step": "2s"}}, load_scenario("quick"))
    assert child.job.training is None
    assert child.job.queued == load_scenario("quick").job.queued


def test_single_fields_are_set_from_text() -> None:
    changed = with_settings(Scenario(), ["model.absent_for=20s", "job.failure.progress=0.25", "result.encoding=plain"])
    assert changed.model.absent_for == Duration(20 * SECOND)
    assert (changed.job.failure.progress, changed.result.encoding) == (0.25, "plain")


@pytest.mark.parametrize(("text", "value"), [("5", 5.0), ("0", 0.0), ("12.5", 12.5), ("null", None)])
def test_a_budget_is_set_from_text_and_taken_away_with_null(text: str, value: float | None) -> None:
    before = with_settings(Scenario(), ["limits.quota_usd=7"])
    assert with_settings(before, [f"limits.quota_usd={text}"]).limits.quota_usd == value


def test_null_takes_away_any_field_that_may_be_null() -> None:
    changed = with_settings(load_scenario("quick"), ["job.training=null", "clock.start=null"])
    assert (changed.job.training, changed.clock.start) == (None, None)


def test_nothing_is_limited_unless_a_scenario_says_so() -> None:
    assert {load_scenario(name).limits for name in ("quick", "realistic")} == {LimitsPart()}
    assert LimitsPart() == LimitsPart(caps="off", quota_usd=None, org="active", moderation="off")
    assert with_settings(Scenario(), ["limits.caps=observed"]).limits.caps == "observed"


@pytest.mark.parametrize("setting", ["model", "model.absent_for", "job=2", "=", "model.=3s"])
def test_a_setting_without_a_field_is_refused(setting: str) -> None:
    with pytest.raises(ScenarioError):
        with_settings(Scenario(), [setting])


def test_drawn_durations_follow_the_seed_and_keep_their_bounds() -> None:
    uniform = Duration.parse({"uniform": ["5s", "20s"]})
    lognormal = Duration.parse({"lognormal": {"median": "40s", "sigma": 0.6, "max": "1m"}})
    drawn = [uniform.drawn(seed, "queued") for seed in range(500)]
    assert all(5 * SECOND <= each <= 20 * SECOND for each in drawn)
    assert len(set(drawn)) > 400
    assert drawn[7] == uniform.drawn(7, "queued") != uniform.drawn(7, "validating")
    logs = sorted(lognormal.drawn(seed, "queued") for seed in range(501))
    assert logs[-1] == 60 * SECOND
    assert 33 * SECOND < logs[250] < 48 * SECOND


@pytest.mark.parametrize(
    "value",
    [5, None, {}, {"uniform": ["5s"]}, {"uniform": ["9s", "5s"]}, {"lognormal": {"median": "4s"}},
     {"lognormal": {"median": "4s", "sigma": True}}, {"uniform": ["1s", "2s"], "more": 1},
     {"lognormal": {"median": "4s", "sigma": 1, "min": "1s"}}],
)  # fmt: skip
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ClockError):
        Duration.parse(value)
