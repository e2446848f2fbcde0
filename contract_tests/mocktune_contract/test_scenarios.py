"""The scenario of a sandbox: read, changed for what comes later, checked; and the packaged ones.

Asked over HTTP as any language would::

    GET  /_mocktune/scenario                 what is played here: name, summary, catches, document
    PUT  /_mocktune/scenario                 {"name": "cold-model-429", "set": {"model.absent_for": "20s"}}
                                             {"document": {"extends": "realistic", …}} · {"set": ["job.step=1s"]}
    GET  /_mocktune/scenarios[/{name}]       which there are, and what each is for
    POST /_mocktune/scenarios/check          the body of a PUT -> {"ok": false, "problem": "…", "key": "model.absnt"}
"""

from __future__ import annotations

from typing import Any

import pytest

from mocktune_contract.error_case import PLAIN
from mocktune_contract.lab import Lab, Labs

pytestmark = [pytest.mark.needs("scenarios", "mocktune"), pytest.mark.source("mocktune")]


def asked(lab: Lab, path: str, method: str = "GET", **body: Any) -> Any:
    answer = lab.http.request(method, f"{lab.root}/_mocktune/{path}", json=body if method != "GET" else None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def put(lab: Lab, **change: Any) -> Any:
    return asked(lab, "scenario", "PUT", **change)


def test_a_sandbox_begins_with_the_scenario_of_its_server(lab: Lab) -> None:
    present = asked(lab, "scenario")
    assert (present["name"], present["document"]["job"]["validating"]) == ("realistic", "45s")
    assert present["summary"]
    assert present["catches"]


@pytest.mark.needs("time")
def test_another_scenario_is_for_what_is_created_later(lab: Lab) -> None:
    file = lab.upload_ready(PLAIN).id
    before = lab.create_job(file).id
    assert put(lab, name="fails-midway")["name"] == "fails-midway"
    after = lab.create_job(file).id
    lab.clock.advance("2h")
    assert lab.job(before).status == "succeeded"
    assert lab.job(after).status == "failed"


@pytest.mark.needs("sandboxes")
def test_a_scenario_is_one_sandbox_s_own(lab: Lab, labs: Labs) -> None:
    put(lab, name="fails-midway")
    assert asked(labs(f"beside {lab.key}", base_url=lab.base_url), "scenario")["name"] == "realistic"


@pytest.mark.parametrize(
    "settings",
    [
        {"model.absent_for": "20s", "limits.quota_usd": 5, "job.training": {"uniform": ["1s", "2s"]}},
        ["model.absent_for=20s", "limits.quota_usd=5"],
    ],
    ids=["values", "texts"],
)
def test_single_fields_are_set_on_top_of_a_named_scenario(lab: Lab, settings: Any) -> None:
    present = put(lab, name="cold-model-429", set=settings)
    document = present["document"]
    assert present["name"] == "cold-model-429"
    assert (present["summary"], present["catches"][:9]) == ("A new model loads for five minutes: 429", "A client ")
    assert (document["model"]["absent_for"], document["model"]["loading_for"]) == ("20s", "5m")
    assert document["limits"]["quota_usd"] == 5
    assert (document["job"]["training"] is None) is isinstance(settings, list)


def test_settings_alone_change_the_present_scenario(lab: Lab) -> None:
    put(lab, name="cold-model-503")
    present = put(lab, set={"model.absent_for": "20s"})
    assert present["name"] == "cold-model-503"
    assert (present["document"]["model"]["loading_as"], present["document"]["model"]["absent_for"]) == (
        "unavailable", "20s",
    )  # fmt: skip


@pytest.mark.needs("time")
def test_a_document_of_one_s_own_extends_a_packaged_one(lab: Lab) -> None:
    job = {"outcome": "failed", "failure": {"phase": "queued", "code": "ours"}}
    present = put(lab, document={"schema": 1, "name": "ours", "extends": "cold-model-404", "job": job})
    assert present["name"] == "ours"
    assert present["document"]["model"]["absent_for"] == "3m"
    done = lab.finished_job(PLAIN, status="failed")
    assert done.error
    assert done.error.code == "ours"


def test_what_the_profile_of_the_server_sets_holds_for_every_scenario(own_server: Labs) -> None:
    """What is set by hand wins."""
    lab = own_server(profile="today")
    assert put(lab, name="quick")["document"]["limits"]["caps"] == "observed"
    assert put(lab, document={"extends": "quick"})["document"]["limits"]["moderation"] == "observed"
    assert put(lab, name="quick", set={"limits.caps": "off"})["document"]["limits"]["caps"] == "off"
    assert put(lab, set={"job.step": "1s"})["document"]["limits"]["caps"] == "off"


def test_the_document_that_is_read_can_be_put_back(lab: Lab) -> None:
    """A client that keeps a scenario and restores it later."""
    mine = put(lab, name="paused-outside", set={"limits.caps": "observed"})
    put(lab, name="quick")
    again = put(lab, document=mine["document"])
    assert again == {**mine, "name": "paused-outside"}


@pytest.mark.needs("time")
def test_a_used_sandbox_keeps_its_time_whatever_the_scenario_says(lab: Lab) -> None:
    start = {"clock": {"start": "2030-01-01T00:00:00Z"}}
    put(lab, document=start)
    assert lab.clock.now() == 1_893_456_000.0
    put(lab, name="skewed-clock")
    assert lab.clock.now() == 1_768_435_200.0 + 7 * 60
    put(lab, name="realistic")
    assert lab.clock.now() == 1_768_435_200.0
    put(lab, document=start)
    lab.upload(PLAIN)
    put(lab, document={"clock": {"start": "2031-01-01T00:00:00Z"}})
    assert lab.clock.now() == 1_893_456_000.0


@pytest.mark.needs("faults")
def test_the_rules_of_a_scenario_go_with_it_and_those_made_by_hand_stay(lab: Lab) -> None:
    rule = {"id": "mine", "operation": "models.delete", "answer": {"status": 500}}
    lab.http.post(f"{lab.root}/_mocktune/faults", json=rule).raise_for_status()
    put(lab, name="lost-create")
    assert rules_of(lab) == ["lost-create", "mine"]
    put(lab, name="html-502")
    assert rules_of(lab) == ["bad-gateway", "mine"]
    put(lab, name="realistic")
    assert rules_of(lab) == ["mine"]


def rules_of(lab: Lab) -> list[str]:
    return [each["id"] for each in asked(lab, "faults")["faults"]]


def test_the_list_tells_of_every_scenario_what_it_is_for(lab: Lab) -> None:
    listed = asked(lab, "scenarios")
    packs = {each["name"]: each["scenarios"] for each in listed["packs"]}
    assert sorted(packs["all"]) == [each["name"] for each in listed["scenarios"]]
    for each in listed["scenarios"]:
        assert each["summary"]
        assert each["catches"]
        assert each["packs"] == [name for name, scenarios in packs.items() if each["name"] in scenarios]
        assert each["expect"]["outcome"] in ("recover", "give_up")


def test_one_scenario_is_told_whole(lab: Lab) -> None:
    whole = asked(lab, "scenarios/fails-midway")
    assert (whole["extends"], whole["packs"]) == ("realistic", ["core", "all"])
    assert whole["changes"] == {
        "job.outcome": "failed", "job.failure.progress": 0.62, "expect.outcome": "give_up",
    }  # fmt: skip
    assert whole["document"]["job"]["validating"] == "45s"


@pytest.mark.parametrize(
    ("change", "problem", "key"),
    [
        ({"name": "quick", "set": ["model.absent_for=2s"]}, None, None),
        ({"document": {"extends": "realistic", "job": {"step": "1s"}}}, None, None),
        ({"document": {"job": {"stp": "1s"}}}, "unknown key 'job.stp'; did you mean 'job.step'?", "job.stp"),
        ({"document": {"signals": [{"at": "40%", "do": "cancl"}]}}, "did you mean 'cancel'?", "signals[0].do"),
        ({"document": {"faults": [{"operation": "files.creat", "fault": "STALL"}]}}, "files.create", None),
        ({"document": {"schema": 2}}, "schema must be 1", None),
        ({"name": "quik"}, "unknown scenario 'quik'; did you mean 'quick'?", "name"),
    ],
)
def test_a_document_is_checked_and_nothing_is_changed(
    lab: Lab, change: dict[str, Any], problem: str | None, key: str | None
) -> None:
    told = asked(lab, "scenarios/check", "POST", **change)
    assert told["ok"] is (problem is None)
    assert (problem or "") in (told["problem"] or "")
    assert key is None or told["key"] == key
    assert asked(lab, "scenario")["name"] == "realistic"


def test_the_schema_that_is_published_is_that_of_documents(lab: Lab) -> None:
    assert "scenario" in asked(lab, "schemas")["schemas"]
    schema = asked(lab, "schemas/scenario")
    assert {"job", "model", "faults", "catches"} <= set(schema["properties"])


@pytest.mark.needs("time")
def test_jobs_of_other_projects_count_for_the_caps_while_they_run(lab: Lab) -> None:
    """As many as the cap, for the time the scenario names since it began; /fine_tuning/model_limits tells of them."""
    lab.clock.advance("1h")
    put(lab, name="job-cap")
    file = lab.upload_ready(PLAIN).id
    assert limits_of(lab) == (5, 0)
    assert refusal(lab, file) == (
        "This fine-tune request has been rate-limited. Your organization has reached the maximum of 5 active requests "
        "(5 running, 0 pending) for the model 'gpt-4o-mini-2024-07-18'."
    )
    lab.clock.advance("38m59s")  # and a minute for the file
    assert limits_of(lab) == (5, 0)
    lab.clock.advance("1s")
    assert limits_of(lab) == (0, 0)
    assert lab.create_job(file).status == "validating_files"


@pytest.mark.needs("time")
def test_jobs_of_other_projects_count_for_the_day_they_were_made_on(lab: Lab) -> None:
    put(lab, name="daily-cap")
    file = lab.upload_ready(PLAIN).id
    assert limits_of(lab) == (0, 24)
    assert "maximum of 24 fine-tuning requests per day" in refusal(lab, file)
    lab.clock.advance("23h")
    assert "maximum of 24 fine-tuning requests per day" in refusal(lab, file)
    lab.clock.advance("1h")
    assert limits_of(lab) == (0, 0)
    assert lab.create_job(file).status == "validating_files"


def limits_of(lab: Lab) -> tuple[int, int]:
    rows = lab.http.get("/fine_tuning/model_limits").raise_for_status().json()["data"]
    (row,) = [each for each in rows if each["id"] == "gpt-4o-mini-2024-07-18"]
    return row["curr_pending_jobs"], row["jobs_so_far_today"]


def refusal(lab: Lab, file: str) -> str:
    answer = lab.http.post("/fine_tuning/jobs", json={"model": "gpt-4o-mini", "training_file": file})
    assert answer.status_code == 429
    message: str = answer.json()["error"]["message"]
    return message
