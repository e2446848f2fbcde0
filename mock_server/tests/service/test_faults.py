"""The rules of a sandbox: their order, their counters, their windows, and who may take them away."""

from __future__ import annotations

from typing import Any

import pytest

from mocktune.domain.clock import SECOND, VirtualTime, WallTime
from mocktune.domain.documents import Duration, overlay
from mocktune.domain.errors import ConflictError, InvalidRequestError
from mocktune.domain.faults import MAX_JOB_RULES, MAX_RULES, FaultRule, FaultSubject
from mocktune.domain.scenario import Scenario
from mocktune.service.faults import FaultBook

LIST = FaultSubject("files.list")
START, WALL = VirtualTime(1_000 * SECOND), WallTime(5_000 * SECOND)


def rule(**given: Any) -> FaultRule:
    made: FaultRule = overlay(FaultRule(fault="EMPTY_RESPONSE"), given)
    return made


def book(*rules: FaultRule) -> FaultBook:
    made = FaultBook((), 7)
    made.add(rules, now=START, wall=WALL)
    return made


def decide(
    of: FaultBook, subject: FaultSubject = LIST, after: float = 0, wall_after: float = 0
) -> tuple[str, list[str]]:
    """The id of the rule that fires, and the reasons of the others."""
    now, wall = VirtualTime(START + round(after * SECOND)), WallTime(WALL + round(wall_after * SECOND))
    fired, decisions = of.decide(subject, now, wall)
    assert [each.rule_id for each in decisions if each.fired] == ([] if fired is None else [fired.id])
    return "" if fired is None else fired.id, [each.reason for each in decisions if not each.fired]


def counters(of: FaultBook) -> dict[str, tuple[int, int]]:
    return {each.rule.id: (each.matched, each.fired) for each in of.kept}


# -- order and counters ------------------------------------------------------------------------------------------------


def test_the_first_rule_that_fires_wins_and_later_ones_count_nothing() -> None:
    of = book(rule(id="once", times=1), rule(id="always"))
    assert [decide(of)[0] for _ in range(3)] == ["once", "always", "always"]
    assert counters(of) == {"once": (3, 1), "always": (2, 2)}


def test_a_rule_that_does_not_fire_changes_nothing_but_its_own_match_counter() -> None:
    of = book(rule(id="never", probability=0.0), rule(id="elsewhere", operation="files.create"))
    for _ in range(3):
        assert decide(of)[0] == ""
    assert counters(of) == {"never": (3, 0), "elsewhere": (0, 0)}


def test_a_rule_about_another_operation_says_nothing() -> None:
    assert decide(book(rule(operation="files.create"))) == ("", [])


def test_a_request_that_is_no_match_is_not_counted_and_told_why() -> None:
    of = book(rule(id="run", headers={"x-run": "1"}, skip_first=1))
    assert decide(of) == ("", ["headers: x-run is missing"])
    subject = FaultSubject("files.list", {"x-run": "1"})
    assert decide(of, subject) == ("", ["skip_first: match 1 of the first 1"])
    assert decide(of, subject) == ("run", [])


def test_requests_are_not_deliveries() -> None:
    of = book(rule(id="hook", fault=None, webhook="drop"), rule(id="answer", operation="*"))
    assert decide(of)[0] == "answer"
    delivery = FaultSubject("fine_tuning.job.succeeded", webhook=True)
    assert decide(of, delivery)[0] == "hook"
    assert counters(of) == {"hook": (1, 1), "answer": (1, 1)}


def test_a_delivery_is_told_its_drawn_delay() -> None:
    late = FaultRule(webhook="delay", delay=Duration.parse({"uniform": ["1m", "9m"]}))
    fired, _ = book(late).decide(FaultSubject("fine_tuning.job.failed", webhook=True), START, WALL)
    assert fired is not None
    assert fired.delay is not None
    assert fired.delay.high is None
    assert 60 * SECOND < fired.delay.low < 540 * SECOND


def test_equal_books_fire_at_the_same_moments() -> None:
    flaky = rule(id="flaky", probability=0.5)
    runs = [[decide(of)[0] for _ in range(50)] for of in (book(flaky), book(flaky))]
    assert runs[0] == runs[1]
    assert {"", "flaky"} == set(runs[0])


# -- windows -----------------------------------------------------------------------------------------------------------


def test_a_rule_lives_from_after_to_ttl_and_counts_only_then() -> None:
    of = book(rule(id="window", after="5s", ttl="9s", skip_first=1))
    assert decide(of, after=4.9) == ("", ["after: the rule is 4.9s old"])
    assert decide(of, after=5) == ("", ["skip_first: match 1 of the first 1"])
    assert decide(of, after=8.9) == ("window", [])
    assert decide(of, after=9) == ("", ["ttl: the rule is 9s old"])
    assert counters(of) == {"window": (2, 1)}


def test_a_frozen_clock_does_not_keep_a_rule_alive_beyond_its_ttl_of_wall_time() -> None:
    of = book(rule(id="brief", ttl_wall="2s"))
    assert decide(of, wall_after=1.9)[0] == "brief"
    assert decide(of, wall_after=2) == ("", ["ttl_wall: the rule is 2s old"])


def test_rules_of_a_scenario_are_made_when_the_sandbox_is() -> None:
    scenario = Scenario(faults=(rule(id="late", after="5s"),))
    of = FaultBook.of(scenario, 7, START, WALL)
    assert of is not None
    assert decide(of, after=5)[0] == "late"


def test_a_rule_that_was_told_no_instant_is_made_when_it_is_first_asked() -> None:
    of = FaultBook.of(Scenario(faults=(rule(id="late", after="5s"),)), 7)
    assert of is not None
    assert decide(of, after=100) == ("", ["after: the rule is 0s old"])
    assert decide(of, after=105)[0] == "late"


@pytest.mark.parametrize("restart", [-100, 10_000])
def test_a_clock_that_is_started_anew_takes_its_rules_along(restart: int) -> None:
    of = book(rule(id="window", after="5s", ttl="9s"))
    of.begin(VirtualTime(START + restart * SECOND), WALL)
    assert decide(of, after=restart)[0] == ""
    assert decide(of, after=restart + 5)[0] == "window"


def test_a_delivery_that_was_due_before_the_rule_was_made_makes_it_no_older() -> None:
    of = book(
        rule(id="window", fault=None, webhook="drop", after="5s", ttl="9s"), rule(id="any", fault=None, webhook="drop")
    )
    late = FaultSubject("fine_tuning.job.failed", webhook=True)
    assert decide(of, late, after=-100) == ("any", ["after: the rule is 0s old"])
    assert decide(of, late, after=4.9)[0] == "any"
    assert decide(of, late, after=5)[0] == "window"


# -- the rules there are -----------------------------------------------------------------------------------------------


def test_rules_without_an_id_are_numbered_on() -> None:
    of = book(rule(), rule(id="fault-3"), rule())
    of.remove("fault-1")
    of.add([rule()])
    assert list(counters(of)) == ["fault-3", "fault-2", "fault-4"]


def test_two_rules_of_one_id_are_refused_and_none_of_their_list_is_added() -> None:
    of = book(rule(id="a"))
    with pytest.raises(ConflictError, match="has a fault rule 'a' already"):
        of.add([rule(id="b"), rule(id="a")])
    with pytest.raises(ConflictError):
        of.add([rule(id="c"), rule(id="c")])
    assert list(counters(of)) == ["a"]


def test_a_sandbox_holds_so_many_rules_and_no_more() -> None:
    of = book(*[rule()] * (MAX_RULES - 1))
    with pytest.raises(InvalidRequestError, match="at most 100 fault rules; this one has 99"):
        of.add([rule(), rule()])
    of.add([rule()])
    assert len(of.rules) == MAX_RULES


def test_another_scenario_replaces_the_rules_of_the_former_and_nobody_elses() -> None:
    of = FaultBook.of(Scenario(faults=(rule(id="old"), rule(id="both"))), 7, START, WALL)
    assert of is not None
    of.add([rule(id="by-hand")])
    decide(of)
    of.replace_scenario(Scenario(faults=(rule(id="both"), rule(id="by-hand"), rule())), START, WALL)
    assert counters(of) == {"both": (0, 0), "by-hand@scenario": (0, 0), "scenario-3": (0, 0), "by-hand": (0, 0)}


def test_a_reset_leaves_the_scenarios_rules_unless_it_is_told_to_take_all() -> None:
    of = FaultBook.of(Scenario(faults=(rule(id="scenario"),)), 7)
    assert of is not None
    of.add([rule(), rule()])
    of.add([rule()], job_id="ftjob-1")
    assert of.reset() == 3
    assert list(counters(of)) == ["scenario"]
    assert of.reset(all=True) == 1
    assert of.rules == ()


# -- of single jobs ----------------------------------------------------------------------------------------------------


def test_rules_of_a_job_fire_for_that_job_alone() -> None:
    of = book()
    for job in ("ftjob-1", "ftjob-2"):
        of.add([rule(id="lost", times=1), rule()], job_id=job)
    assert decide(of, FaultSubject("fine_tuning.jobs.retrieve")) == ("", [])
    for job in ("ftjob-1", "ftjob-2"):
        subject = FaultSubject("fine_tuning.jobs.retrieve", job_id=job)
        assert [decide(of, subject)[0] for _ in range(2)] == [f"lost@{job}", f"fault-1@{job}"]


def test_rules_of_jobs_do_not_take_the_room_of_others_and_give_theirs_back_when_they_are_spent() -> None:
    of = book(*[rule(operation="files.create")] * MAX_RULES)
    for job in range(MAX_JOB_RULES):
        of.add([rule(times=1)], job_id=f"ftjob-{job}")
    with pytest.raises(InvalidRequestError, match="at most 1000 fault rules of jobs; this one has 1000"):
        of.add([rule()], job_id="ftjob-new")
    decide(of, FaultSubject("fine_tuning.jobs.retrieve", job_id="ftjob-7"))
    of.add([rule(id="fits")], job_id="ftjob-new")
    assert of.get("fits@ftjob-new") is not None
    assert of.get("fault-1@ftjob-7") is None
