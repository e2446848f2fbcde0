"""Rules of faults through the control plane, and what they make of answers.

::

    POST /_mocktune/faults {"operation": "files.list", "answer": {"status": 503}, "times": 1}
    {"id": "fault-1", "operation": "files.list", "answer": {"status": 503}, "times": 1, "source": "control",
     "job": null, "made_at": 1768435200.0, "matched": 0, "fired": 0, "remaining": 1}
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import httpx2
import openai
import pytest
from asking import Answer, App
from jsonschema import Draft202012Validator
from support import dataset

from mocktune.domain.faults import FaultKind, FaultRule
from mocktune.domain.journal import Entry
from mocktune.domain.scenario import read_scenario
from mocktune.service.faults import ensure_book

RULES = "/_mocktune/faults"
JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def app() -> Iterator[App]:
    app = App(scenario="quick")
    yield app
    app.close()


def inject(app: App, **rule: Any) -> Answer:
    answer = app.post(RULES, rule)
    assert answer.status == 200, answer.body
    return answer


def journal(app: App) -> list[Entry]:
    return app.services.sandboxes.open(app.key, app.wall.wall()).journal.entries()


def told(app: App) -> list[tuple[str, bool, str]]:
    """What the rules said of the last request."""
    return [(each.rule_id, each.fired, each.reason) for each in journal(app)[-1].faults]


def a_job(app: App) -> str:
    file = app.upload(dataset())["id"]
    app.advance("1m")
    job: str = app.post(JOBS, {"model": "gpt-4o-mini-2024-07-18", "training_file": file})["id"]
    return job


# -- the control plane -------------------------------------------------------------------------------------------------


def test_a_rule_is_answered_with_its_id_and_its_counters(app: App) -> None:
    given = {"operation": "files.list", "answer": {"status": 503}, "times": 1}
    rest = {"source": "control", "job": None, "made_at": 1768435200.0}
    assert inject(app, **given).json() == {
        "id": "fault-1", **given, **rest, "matched": 0, "fired": 0, "remaining": 1,
    }  # fmt: skip
    assert [app.get("/v1/files").status for _ in range(2)] == [503, 200]
    shown = {"id": "fault-1", **given, **rest, "matched": 2, "fired": 1, "remaining": 0}
    assert app.get(f"{RULES}/fault-1").json() == shown
    assert app.get(RULES).json() == {"faults": [shown]}


def test_a_list_of_rules_is_added_whole_or_not_at_all(app: App) -> None:
    added = app.post(RULES, [{"delay": "1s"}, {"id": "mine", "delay": "2s"}])
    assert [each["id"] for each in added["faults"]] == ["fault-1", "mine"]
    assert app.post(RULES, [{"delay": "1s"}, {"id": "mine", "delay": "2s"}]).status == 409
    assert app.post(RULES, [{"delay": "1s"}, {}])["error"]["param"] == "[1]"
    assert len(app.get(RULES)["faults"]) == 2


def test_what_is_wrong_with_a_rule_is_said_in_the_envelope(app: App) -> None:
    answer = app.post(RULES, {"operation": "file.list", "answer": {"statu": 503}})
    assert answer.status == 400
    assert answer["error"] == {
        "message": "unknown key 'answer.statu'; did you mean 'answer.status'?",
        "type": "invalid_request_error",
        "param": "answer.statu",
        "code": "invalid_fault",
    }


def test_a_rule_is_deleted_and_a_sandbox_without_rules_pays_for_none(app: App) -> None:
    inject(app, answer={})
    assert app.delete(f"{RULES}/fault-1").json() == {"id": "fault-1", "deleted": True}
    assert app.get("/v1/files").status == 200
    assert app.services.sandboxes.open(app.key, app.wall.wall()).faults is None
    for method in ("GET", "DELETE"):
        assert app.ask(method, f"{RULES}/fault-1")["error"]["code"] == "fault_not_found"


def test_all_rules_are_deleted_but_for_those_of_the_scenario() -> None:
    app = App(scenario="lost-create")
    assert [each["source"] for each in app.get(RULES)["faults"]] == ["scenario"]
    inject(app, delay="1s")
    assert app.delete(RULES).json() == {"deleted": 1}
    assert [each["id"] for each in app.get(RULES)["faults"]] == ["lost-create"]
    assert app.delete(RULES + "?all=maybe").status == 400
    assert app.delete(RULES + "?all=true").json() == {"deleted": 1}
    assert app.get(RULES).json() == {"faults": []}
    app.close()


def test_rules_are_of_one_sandbox(app: App) -> None:
    inject(app, answer={})
    assert app.get("/v1/files", key="sk-other").status == 200
    assert app.get(RULES, key="sk-other").json() == {"faults": []}


def test_the_schema_takes_what_is_taken(app: App) -> None:
    schema = app.get("/_mocktune/schemas/fault").json()
    Draft202012Validator.check_schema(schema)
    is_valid = Draft202012Validator(schema).is_valid
    rule = {"operation": "files.*", "headers": {"x": 1}, "delay": {"uniform": ["1s", "2s"]}, "answer": {"status": 429}}
    assert is_valid(rule)
    inject(app, **rule)
    assert not is_valid({**rule, "falt": 1})
    assert not is_valid({**rule, "at": "later"})
    assert set(schema["properties"]) == set(FaultRule.__dataclass_fields__)


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 429, 500, 502, 503, 599])
def test_an_answer_has_its_status_and_the_apis_envelope(app: App, status: int) -> None:
    inject(app, answer={"status": status, "code": "mine", "param": "model"})
    answer = app.get("/v1/files")
    assert answer.status == status
    assert list(answer["error"]) == ["message", "type", "param", "code"]
    assert (answer["error"]["param"], answer["error"]["code"]) == ("model", "mine")
    assert answer.headers["x-mocktune-fault"] == "fault-1"
    assert answer.headers["x-request-id"].startswith("req_")
    assert ("www-authenticate" in answer.headers) is (status == 401)


def test_retry_after_is_literal_on_a_fast_clock_too(app: App) -> None:
    app.ask("PUT", "/_mocktune/clock", {"clock": "x600"})
    inject(app, answer={"status": 429, "retry_after": "20", "headers": {"x-should-retry": False}})
    answer = app.get("/v1/files")
    assert answer.headers["retry-after"] == "20"
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after-ms" not in answer.headers


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Bad gateway", "text/html; charset=utf-8"),
        ('{"error": "quota"}', "application/json"),
        ("upstream connect error", "text/plain; charset=utf-8"),
        ("", "text/plain; charset=utf-8"),
    ],
)
def test_a_body_is_sent_as_it_is(app: App, body: str, content_type: str) -> None:
    inject(app, answer={"status": 502, "body": body})
    answer = app.get("/v1/files")
    assert (answer.status, answer.body.decode(), answer.headers["content-type"]) == (502, body, content_type)
    assert answer.headers["content-length"] == str(len(body))


def test_a_content_type_is_sent_as_it_is(app: App) -> None:
    inject(app, answer={"status": 502, "body": "[]", "content_type": "text/vnd.nonsense"})
    assert app.get("/v1/files").headers["content-type"] == "text/vnd.nonsense"


def test_an_answer_may_be_no_error(app: App) -> None:
    inject(app, id="empty", operation="files.list", answer={"status": 204, "body": ""})
    answer = app.get("/v1/files")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("status", [418, 502, 503])
def test_azure_is_answered_in_its_own_envelope(app: App, status: int) -> None:
    inject(app, answer={"status": status, "message": "Busy."})
    answer = app.get("/openai/files?api-version=1")
    assert (answer.status, answer.json()) == (status, {"error": {"code": str(status), "message": "Busy."}})


# -- points ------------------------------------------------------------------------------------------------------------


def test_what_came_before_the_handler_did_not_happen_and_what_came_after_did(app: App) -> None:
    inject(app, operation="files.create", at="before_handler", answer={"status": 500}, times=1)
    assert app.upload(dataset()).status == 500
    assert app.get("/v1/files")["data"] == []
    assert journal(app)[0].committed is False
    inject(app, operation="files.create", at="after_commit", answer={"status": 500}, times=1)
    assert app.upload(dataset()).status == 500
    assert len(app.get("/v1/files")["data"]) == 1
    entry = journal(app)[2]
    assert (entry.committed, entry.lost, entry.status) == (True, False, 500)


def test_a_refused_request_is_no_match_for_what_comes_after_its_effect(app: App) -> None:
    inject(app, operation="files.retrieve", at="after_commit", answer={"status": 500})
    assert app.get("/v1/files/file-none").status == 404
    assert app.get(f"{RULES}/fault-1")["matched"] == 0


def test_the_answer_to_a_refused_request_may_break_too(app: App) -> None:
    inject(app, operation="files.retrieve", at="mid_body", fault="TRUNCATE")
    with pytest.raises(ConnectionResetError):
        app.get("/v1/files/file-none")
    assert app.came[0]["status"] == 404
    assert journal(app)[-1].status == 404


def test_a_rule_that_only_holds_back_is_followed_by_rules_of_later_points(app: App) -> None:
    inject(app, id="slow", delay="1ms")
    inject(app, id="late", at="after_commit", answer={"status": 500})
    assert app.get("/v1/files").status == 500
    assert told(app) == [("slow", True, ""), ("late", True, "")]


def test_an_answer_is_held_back_before_it_is_given(app: App) -> None:
    inject(app, delay="60ms", answer={"status": 503})
    begun = time.monotonic()
    assert app.get("/v1/files").status == 503
    assert time.monotonic() - begun > 0.055


def test_a_rule_that_fired_ends_its_point(app: App) -> None:
    app.post(
        RULES, [{"id": "first", "answer": {"status": 500}, "times": 1}, {"id": "second", "answer": {"status": 502}}]
    )
    assert [app.get("/v1/files").status for _ in range(2)] == [500, 502]
    assert told(app) == [("first", False, "times: fired 1 of 1"), ("second", True, "")]


# -- matchers ----------------------------------------------------------------------------------------------------------


def test_a_field_of_the_body_decides(app: App) -> None:
    inject(app, operation="chat.completions.create", body={"stream": True, "messages.0.role": "user"}, answer={})
    chat = {"model": "gpt-4o-mini-2024-07-18", "messages": [{"role": "user", "content": "Hi"}]}
    assert app.post("/v1/chat/completions", chat).status == 200
    assert told(app) == [("fault-1", False, "body: stream is missing")]
    assert app.post("/v1/chat/completions", {**chat, "stream": True}).status == 500


def test_a_body_that_is_no_json_is_its_routes_business(app: App) -> None:
    inject(app, operation="chat.completions.create", body={"stream": True}, answer={"status": 418})
    answer = app.ask("POST", "/v1/chat/completions", b"{nonsense")
    assert (answer.status, answer["error"]["message"][:40]) == (400, "We could not parse the JSON body of your")


def test_a_header_decides(app: App) -> None:
    inject(app, operation="files.list", headers={"X-Stainless-Retry-Count": 0}, answer={"status": 500})
    assert app.ask("GET", "/v1/files", x_stainless_retry_count="0").status == 500
    assert app.ask("GET", "/v1/files", x_stainless_retry_count="1").status == 200


def test_the_status_of_the_job_decides(app: App) -> None:
    job = a_job(app)
    inject(app, operation="fine_tuning.jobs.*", job_status="running", answer={"status": 500})
    assert app.get(f"{JOBS}/{job}").status == 200
    assert told(app) == [("fault-1", False, "job_status: is validating_files")]
    app.post("/_mocktune/clock/advance", {"until": {"job": job, "status": "running"}})
    assert app.get(f"{JOBS}/{job}/events").status == 500
    assert app.get(JOBS).status == 200  # which names no job
    assert app.get(f"{JOBS}/ftjob-none").status == 404


def test_a_job_that_has_rules_of_its_own_meets_them_alone(app: App) -> None:
    first, second = a_job(app), a_job(app)
    sandbox = app.services.sandboxes.open(app.key, app.wall.wall())
    book = ensure_book(sandbox)
    book.add(read_scenario("s", {"faults": [{"id": "down", "fault": "EMPTY_RESPONSE"}]}).faults, job_id=first)
    assert app.get(f"{JOBS}/{second}").status == 200
    with pytest.raises(ConnectionResetError):
        app.get(f"{JOBS}/{first}")
    (shown,) = app.get(RULES)["faults"]
    assert (shown["id"], shown["source"], shown["job"]) == (f"down@{first}", "job", first)


def test_a_request_that_was_lost_is_found_by_what_it_said(app: App) -> None:
    inject(app, fault="CONNECTION_RESET_BY_PEER")
    with pytest.raises(ConnectionResetError):
        app.post(JOBS, {"model": "gpt-4o-mini-2024-07-18", "training_file": "file-1"})
    assert json.loads(journal(app)[-1].request_body)["training_file"] == "file-1"


def test_a_refusal_that_no_rule_touches_is_answered_as_ever(app: App) -> None:
    """Held back, too, where it is to be: a model that stalls while it loads."""
    app.ask(
        "PUT", "/_mocktune/scenario", {"name": "quick", "set": {"model.loading_as": "stall", "model.stall_for": "60ms"}}
    )
    job = a_job(app)
    app.post("/_mocktune/clock/advance", {"until": {"job": job, "status": "succeeded"}})
    model = app.get(f"{JOBS}/{job}")["fine_tuned_model"]
    inject(app, operation="chat.*", at="mid_body", fault="TRUNCATE", probability=0.0)
    begun = time.monotonic()
    answer = app.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "Hi"}]})
    assert answer.status == 503
    assert time.monotonic() - begun > 0.055


# -- windows and draws -------------------------------------------------------------------------------------------------


def test_a_window_is_of_virtual_time_since_the_rule_was_made(app: App) -> None:
    app.advance("1h")
    inject(app, after="5m", ttl="10m", answer={})
    assert app.get("/v1/files").status == 200
    assert told(app) == [("fault-1", False, "after: the rule is 0s old")]
    app.advance("5m")
    assert app.get("/v1/files").status == 500
    app.advance("5m")
    assert app.get("/v1/files").status == 200


def test_the_windows_of_a_scenario_begin_with_the_sandbox_and_anew_with_its_clock() -> None:
    """A first advance belongs to the window; a clock that is set to another year before anything happened does not."""
    document = {"faults": [{"id": "late", "after": "5m", "ttl": "10m", "answer": {"status": 500}}]}

    def at_once(app: App) -> None:
        sandboxes = app.services.sandboxes
        sandboxes.defaults = replace(sandboxes.defaults, scenario=read_scenario("windows", document))

    def by_hand(app: App) -> None:
        app.ask("PUT", "/_mocktune/scenario", {"document": document})
        app.ask("PUT", "/_mocktune/clock", {"clock": "frozen", "start": 1_900_000_000})

    def with_another_start(app: App) -> None:
        inject(app, **document["faults"][0])
        app.ask("PUT", "/_mocktune/scenario", {"document": {"clock": {"start": 1_900_000_000}}})

    for begin in (at_once, by_hand, with_another_start):
        app = App(scenario="quick")
        begin(app)
        app.advance("5m")
        assert app.get("/v1/files").status == 500, begin
        app.advance("5m")
        assert app.get("/v1/files").status == 200, begin
        app.close()


def test_a_wall_window_ends_on_a_frozen_clock(app: App) -> None:
    inject(app, ttl_wall="2s", answer={})
    assert app.get("/v1/files").status == 500
    app.wall.now = type(app.wall.now)(app.wall.now + 2_000_000)
    assert app.get("/v1/files").status == 200


def test_equal_seeds_and_keys_meet_the_same_faults_at_the_same_moments() -> None:
    def run() -> tuple[list[int], list[tuple[str, bool, str]]]:
        app = App(scenario="quick")
        app.post(
            RULES, [{"id": "a", "probability": 0.3, "answer": {}}, {"probability": 0.3, "answer": {"status": 503}}]
        )
        statuses = [app.get("/v1/files").status for _ in range(60)]
        decisions = [(each.rule_id, each.fired, each.reason) for entry in journal(app) for each in entry.faults]
        app.close()
        return statuses, decisions

    first, second = run(), run()
    assert first == second
    assert set(first[0]) == {200, 500, 503}


def test_requests_at_once_take_their_turns_at_a_rule(app: App) -> None:
    """A limit of 5 is 5, however many requests are on their way at the same time."""
    inject(app, body={"model": "x"}, times=5, answer={"status": 503})

    async def crowd() -> list[int]:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(app.send("POST", "/v1/chat/completions", {"model": "x"})) for _ in range(40)]
        return [each.result().status for each in asked]

    statuses = app.run(crowd())
    assert (statuses.count(503), len(statuses)) == (5, 40)
    assert (app.get(f"{RULES}/fault-1")["matched"], app.get(f"{RULES}/fault-1")["fired"]) == (40, 5)


# -- in process --------------------------------------------------------------------------------------------------------


async def _ask_in_process(app: App) -> Any:
    """As a test does that has no server: the SDK on the application itself."""
    transport = httpx2.ASGITransport(app=app.app)
    async with (
        httpx2.AsyncClient(transport=transport) as http,
        openai.AsyncOpenAI(base_url="http://localhost/v1", api_key=app.key, max_retries=0, http_client=http) as client,
    ):
        return await client.models.list()


@pytest.mark.parametrize("at", ["before_handler", "after_commit", "mid_body"])
@pytest.mark.parametrize("fault", get_args(FaultKind))
def test_without_a_connection_the_sdk_sees_a_connection_error(app: App, fault: str, at: str) -> None:
    if at == "mid_body" and fault in ("EMPTY_RESPONSE", "RANDOM_DATA_THEN_CLOSE"):
        at = "after_commit"
    inject(app, id="broken", at=at, fault=fault)
    expected = openai.APITimeoutError if fault == "STALL" else openai.APIConnectionError
    with pytest.raises(expected) as broken:
        app.run(_ask_in_process(app))
    assert str(broken.value.__cause__) == f"{fault}, injected by the fault rule 'broken'"
    assert journal(app)[-1].lost is True


def test_without_a_connection_half_of_a_body_is_sent_before_it_breaks(app: App) -> None:
    whole = app.get("/v1/models").body
    inject(app, at="mid_body", fault="CONNECTION_RESET_BY_PEER")
    with pytest.raises(ConnectionResetError):
        app.get("/v1/models")
    assert app.came[0]["type"] == "http.response.start"
    assert b"".join(each["body"] for each in app.came[1:]) == whole[: len(whole) // 2]


def test_without_a_connection_a_stall_lasts_as_long_as_its_delay(app: App) -> None:
    inject(app, fault="STALL", delay="60ms")
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        app.get("/v1/models")
    assert time.monotonic() - begun > 0.055


def test_a_dribbling_answer_is_whole(app: App) -> None:
    whole = json.loads(app.get("/v1/models").body)
    inject(app, at="mid_body", delay="20ms", dribble=True)
    assert app.get("/v1/models").json() == whole
    assert len(app.came) > 10
