"""Rules of faults that cannot do what they say are refused, with the field and the nearest name."""

from __future__ import annotations

from typing import Any

import pytest

from mocktune.domain.documents import ScenarioError, overlay
from mocktune.domain.fault_checks import check_rule, check_rules
from mocktune.domain.faults import FaultRule

RESET = "CONNECTION_RESET_BY_PEER"


def read(**rule: Any) -> FaultRule:
    read: FaultRule = overlay(FaultRule(), rule)
    check_rule(read)
    return read


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": RESET},
        {"answer": {}},
        {"delay": "1s"},
        {"webhook": "drop"},
        {"webhook": "delay", "delay": "3h", "operation": "fine_tuning.job.*"},
        {"operation": "fine_tuning.jobs.*", "at": "after_commit", "fault": "STALL", "delay": "3s"},
        {"at": "mid_body", "fault": "TRUNCATE"},
        {"at": "mid_body", "delay": "3s", "dribble": True},
        {"answer": {"status": 502, "body": "<html>"}, "delay": "3s", "dribble": True},
        {"answer": {"status": 302, "body": "", "headers": {"location": "/v1/models"}}},
        {"answer": {"status": 429, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT", "headers": {"x-flag": False}}},
        {"headers": {"x-run": "1"}, "body": {"method.type": "dpo"}, "job_status": "running", "delay": "1s"},
        {"after": "5s", "ttl": "6s", "delay": "1s"},
        {"delay": {"lognormal": {"median": "1s", "sigma": 1.0, "max": "10m"}}},
    ],
)  # fmt: skip
def test_rules_that_can_be(rule: dict[str, Any]) -> None:
    read(**rule)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "the rule: it must do something: give it 'fault', 'answer', 'delay' or 'webhook'"),
        ({"id": "a/b", "delay": "1s"}, "id: expected up to 100 letters"),
        ({"id": "x" * 101, "delay": "1s"}, "id: expected up to 100 letters"),
        ({"operation": "fine_tuning.job.create", "delay": "1s"}, "; did you mean 'fine_tuning.jobs.create'?"),
        ({"operation": "zzz*", "delay": "1s"}, "operation: there is no operation 'zzz*'; GET /_mocktune/capabilities"),
        ({"operation": "mocktune.clock.advance", "delay": "1s"}, "operation: there is no operation"),
        ({"fault": "RESET"}, "fault: 'RESET' is none of"),
        ({"falt": RESET}, "unknown key 'falt'; did you mean 'fault'?"),
        ({"job_status": "cancled", "delay": "1s"}, "there is no status 'cancled'; did you mean 'cancelled'?"),
        ({"headers": {"authorization": "Bearer x"}, "delay": "1s"}, "headers: authorization is no header to match"),
        ({"headers": {"a b": "x"}, "delay": "1s"}, "headers: 'a b' is no name of a header"),
        ({"body": {"a..b": 1}, "delay": "1s"}, "body: expected dotted paths"),
        ({"body": {".".join("a" * 17): 1}, "delay": "1s"}, "body: expected dotted paths of at most 16 names"),
        ({"fault": RESET, "answer": {}}, "answer: a connection that suffers CONNECTION_RESET_BY_PEER carries"),
        ({"at": "mid_body", "delay": "1s"}, "at: 'mid_body' needs a 'fault', or 'delay' with 'dribble'"),
        ({"at": "mid_body", "answer": {}}, "answer: the middle of a body is too late for another answer"),
        ({"at": "mid_body", "fault": "EMPTY_RESPONSE"}, "fault: EMPTY_RESPONSE leaves no room for half a body"),
        ({"at": "mid_body", "fault": "RANDOM_DATA_THEN_CLOSE"}, "fault: RANDOM_DATA_THEN_CLOSE leaves no room"),
        ({"dribble": True, "answer": {}}, "dribble: needs a 'delay'"),
        ({"dribble": True, "delay": "1s"}, "at: a body that dribbles is there after the handler"),
        ({"dribble": True, "delay": "1s", "at": "mid_body", "fault": "TRUNCATE"}, "dribble: a body that ends in"),
        ({"delay": "11m"}, "delay: an answer is held back for at most 10m"),
        ({"delay": {"uniform": ["1s", "11m"]}}, "delay: an answer is held back for at most 10m"),
        ({"delay": "1s", "after": "6s", "ttl": "6s"}, "ttl: the rule ends 6s after it was made, before"),
        ({"delay": "1s", "probability": 1.1}, "probability: expected a number from 0 to 1"),
        ({"delay": "1s", "times": 0}, "times: expected a whole number from 1 to"),
        ({"delay": "1s", "every_nth": 0}, "every_nth: expected a whole number from 1"),
        ({"answer": {"status": 600}}, "answer.status: expected a whole number from 200 to 599"),
        ({"answer": {"status": 200}}, "answer.body: an answer of status 200 needs one"),
        ({"answer": {"status": 204, "body": "x"}}, "answer.body: an answer of status 204 has none"),
        ({"answer": {"body": "x", "code": "y"}}, "answer.body: stands for the whole body"),
        ({"answer": {"retry_after": "1\r\nx: y"}}, "answer.retry_after: '1\\r\\nx: y' is no value of a header"),
        ({"answer": {"content_type": "a\nb"}}, "answer.content_type: 'a\\nb' is no value"),
        ({"answer": {"headers": {"x": "a\r\nb"}}}, "answer.headers: the value of x is none of a header"),
        ({"answer": {"headers": {"x": "\N{SNOWMAN}"}}}, "answer.headers: the value of x is none of a header"),
        ({"answer": {"headers": {"a:b": "1"}}}, "answer.headers: 'a:b' is no name of a header"),
        ({"answer": {"headers": {"Content-Length": "1"}}}, "answer.headers: Content-Length is the server's to set"),
        ({"webhook": "drop", "fault": RESET}, "fault: a rule with 'webhook' is about deliveries"),
        ({"webhook": "drop", "body": {"a": 1}}, "body: a rule with 'webhook' is about deliveries"),
        ({"webhook": "drop", "operation": "fine_tuning.jobs.create"}, "operation: there is no type of event"),
        ({"webhook": "delay"}, "delay: a delivery that is to be late needs one"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_are_refused_by_name(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        read(**rule)
    assert told in str(refused.value)


def test_the_error_of_a_list_names_the_rule() -> None:
    with pytest.raises(ScenarioError) as refused:
        check_rules([read(delay="1s"), FaultRule()], "faults")
    assert refused.value.key == "faults[1]"
    with pytest.raises(ScenarioError) as refused:
        check_rules([read(id="a", delay="1s"), read(id="a", delay="2s")], "faults")
    assert (refused.value.key, str(refused.value)) == ("faults[1].id", "faults[1].id: there is another rule 'a'")
