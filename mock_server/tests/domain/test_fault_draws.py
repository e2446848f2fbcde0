"""Whether a rule of faults fires: a pure function of its seed, the number of the match, and how often it fired."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.clock import SECOND
from mocktune.domain.documents import Duration
from mocktune.domain.fault_draws import drawn_for, names_operation, rule_seed, value_at, why_it_passes, why_no_match
from mocktune.domain.faults import MAX_DELAY, FaultRule, FaultSubject

CHI_SQUARE_20 = (5.92, 45.31)
"""Between which 99.8 % of sums of 20 squared deviations lie."""


def pattern(rule: FaultRule, seed: int, matches: int) -> list[bool]:
    """At which of ``matches`` matches the rule fires."""
    fired, found = 0, []
    for ordinal in range(1, matches + 1):
        fires = not why_it_passes(rule, seed, ordinal, fired)
        fired += fires
        found.append(fires)
    return found


# -- counting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "fires_at"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"skip_first": 3}, [4, 5, 6, 7, 8]),
        ({"times": 2}, [1, 2]),
        ({"every_nth": 3}, [3, 6]),
        ({"skip_first": 2, "every_nth": 3}, [5, 8]),
        ({"skip_first": 1, "every_nth": 2, "times": 2}, [3, 5]),
        ({"probability": 0.0}, []),
    ],
)
def test_limits_count_matches(limits: dict[str, Any], fires_at: list[int]) -> None:
    fires = pattern(FaultRule(**limits), 7, 8)
    assert [ordinal for ordinal, each in enumerate(fires, 1) if each] == fires_at


@pytest.mark.parametrize(
    ("limits", "ordinal", "fired", "why"),
    [
        ({"times": 2}, 5, 2, "times: fired 2 of 2"),
        ({"skip_first": 3}, 2, 0, "skip_first: match 2 of the first 3"),
        ({"skip_first": 3, "every_nth": 2}, 4, 0, "every_nth: match 1, fires every 2"),
        ({"probability": 0.0}, 1, 0, "probability: drew 0.305, fires below 0"),
    ],
)
def test_every_no_says_why(limits: dict[str, Any], ordinal: int, fired: int, why: str) -> None:
    assert why_it_passes(FaultRule(**limits), 7, ordinal, fired) == why


# -- draws -------------------------------------------------------------------------------------------------------------


def test_rates_over_20_seeds_pass_a_chi_square_test() -> None:
    """10,000 draws at probability 0.3 a seed: neither further from 3,000 than chance has it, nor nearer."""
    rule, draws, statistic = FaultRule(probability=0.3), 10_000, 0.0
    for sandbox in range(20):
        seed = rule_seed(sandbox, "flaky")
        fired = sum(not why_it_passes(rule, seed, ordinal, 0) for ordinal in range(1, draws + 1))
        statistic += (fired - 3000) ** 2 / 3000 + (fired - 3000) ** 2 / 7000
    low, high = CHI_SQUARE_20
    assert low < statistic < high


def test_a_draw_tells_nothing_of_the_next() -> None:
    fires = pattern(FaultRule(probability=0.3), rule_seed(1, "flaky"), 20_000)
    twice = sum(first and second for first, second in pairwise(fires))
    assert abs(twice - 1800) < 4 * (20_000 * 0.09 * 0.91) ** 0.5


def test_equal_seeds_fire_at_the_same_matches_and_others_do_not() -> None:
    rule = FaultRule(probability=0.5)
    first = pattern(rule, rule_seed(1, "flaky"), 64)
    assert pattern(rule, rule_seed(1, "flaky"), 64) == first
    assert pattern(rule, rule_seed(2, "flaky"), 64) != first
    assert pattern(rule, rule_seed(1, "flakier"), 64) != first


def test_another_limit_shifts_no_draw() -> None:
    """Whether match 40 fires is decided by its number, not by what came of the 39 before."""
    seed = rule_seed(1, "flaky")
    plain = pattern(FaultRule(probability=0.5), seed, 64)
    skipped = pattern(FaultRule(probability=0.5, skip_first=10), seed, 64)
    assert skipped[10:] == plain[10:]


def test_delays_are_drawn_by_the_match_and_bounded() -> None:
    rule = FaultRule(delay=Duration.parse({"uniform": ["1s", "9s"]}))
    delays = [drawn_for(rule, 3, ordinal).delay for ordinal in range(1, 50)]
    assert all(each is not None and SECOND <= each <= 9 * SECOND for each in delays)
    assert len(set(delays)) == len(delays)
    wild = FaultRule(delay=Duration.parse({"lognormal": {"median": "9m", "sigma": 5}}))
    assert max(drawn_for(wild, 3, ordinal).delay or 0 for ordinal in range(1, 50)) == MAX_DELAY
    late = FaultRule(webhook="delay", delay=Duration.parse("3h"))
    assert drawn_for(late, 3, 1).delay == 3 * 3600 * SECOND  # of deliveries: virtual time


# -- matching ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "operation", "named"),
    [
        ("files.list", "files.list", True),
        ("files.list", "files.lists", False),
        ("*", "files.list", True),
        ("files.*", "files.list", True),
        ("*.list", "files.list", True),
        ("f*.l*t", "files.list", True),
        ("fine_tuning.*.list*", "fine_tuning.jobs.list_events", True),
        ("files.*", "file.list", False),
        ("files.*list", "files.list", True),
        ("files.li*ist", "files.list", False),
        ("**", "files.list", True),
        ("*x*", "files.list", False),
    ],
)
def test_globs_name_operations(glob: str, operation: str, named: bool) -> None:
    assert names_operation(glob, operation) is named


@given(st.text("ab.*", max_size=12), st.text("ab.", max_size=12))
def test_a_glob_is_what_a_shell_takes_it_for(glob: str, operation: str) -> None:
    from fnmatch import fnmatchcase

    assert names_operation(glob, operation) is fnmatchcase(operation, glob)


def test_a_long_glob_takes_no_time() -> None:
    assert not names_operation("*a" * 2000 + "b", "a" * 4000)


BODY = {"model": "gpt", "method": {"type": "dpo"}, "messages": [{"role": "user"}], "n": 1, "stream": True, "seed": None}


@pytest.mark.parametrize(
    ("matchers", "why"),
    [
        ({"model": "gpt"}, ""),
        ({"method.type": "dpo", "messages.0.role": "user"}, ""),
        ({"n": 1.0, "stream": True}, ""),
        ({"seed": None, "suffix": None}, ""),
        ({"model": "other"}, "body: model is 'gpt'"),
        ({"n": True}, "body: n is 1"),
        ({"stream": 1}, "body: stream is True"),
        ({"messages.1.role": "user"}, "body: messages.1.role is missing"),
        ({"messages.role": "user"}, "body: messages.role is missing"),
        ({"method": "dpo"}, "body: method is an object"),
        ({"model.x": 1}, "body: model.x is missing"),
    ],
)
def test_fields_of_a_body_are_equal_as_json(matchers: dict[str, Any], why: str) -> None:
    assert why_no_match(FaultRule(body=matchers), FaultSubject("chat.completions.create", body=BODY)) == why


@pytest.mark.parametrize("body", [None, [], "text", 3])
def test_a_body_without_fields_matches_no_field(body: object) -> None:
    assert why_no_match(FaultRule(body={"model": "gpt"}), FaultSubject("files.create", body=body)) != ""


def test_a_path_is_followed_so_deep_and_no_deeper() -> None:
    body: object = "bottom"
    for _ in range(17):
        body = {"a": body}
    assert value_at(body, ".".join("a" * 17)) != "bottom"


def test_headers_are_named_in_any_case_and_compared_as_text() -> None:
    subject = FaultSubject("files.list", {"x-stainless-retry-count": "0", "x-flag": "true"})
    assert (
        why_no_match(FaultRule(headers={"X-Stainless-Retry-Count": 0, "X-Flag": True, "x-none": None}), subject) == ""
    )
    assert why_no_match(FaultRule(headers={"X-Flag": "no"}), subject) == "headers: X-Flag is 'true'"
    assert why_no_match(FaultRule(headers={"X-Other": "no"}), subject) == "headers: X-Other is missing"


def test_the_job_of_the_path_has_a_status() -> None:
    rule = FaultRule(job_status="running")
    assert why_no_match(rule, FaultSubject("fine_tuning.jobs.retrieve", job_status="running")) == ""
    assert why_no_match(rule, FaultSubject("files.list")) == "job_status: is that of no job"
