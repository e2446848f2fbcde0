"""A scenario written down and read again is the same scenario."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import scenario

from mocktune.domain.scenario import read_scenario
from mocktune.domain.scenario_document import scenario_document


@pytest.mark.parametrize("name", ["quick", "realistic"])
def test_shipped_scenarios_survive_being_written_down(name: str) -> None:
    document = scenario_document(scenario(name))
    assert read_scenario(document.pop("name"), document) == scenario(name)


def test_a_document_says_everything_whatever_it_is_read_on_top_of() -> None:
    other = scenario("quick", "limits.quota_usd=5", "files.status_details=Bad.", "job.failure.param=x", "clock.start=9")
    document = scenario_document(scenario("realistic"))
    assert read_scenario(document.pop("name"), document, other) == scenario("realistic")


@given(st.integers(0, 10**12), st.sampled_from(["files.processing", "job.step", "model.absent_for"]))
def test_durations_survive_to_the_microsecond(microseconds: int, field: str) -> None:
    seconds, fraction = divmod(microseconds, 10**6)
    given_ = scenario("realistic", f"{field}={seconds}.{fraction:06d}s", "job.failure.code=a", "clock.start=1768435200")
    document = scenario_document(given_)
    assert read_scenario(document.pop("name"), document) == given_


def test_distributions_survive() -> None:
    parts = {
        "job": {
            "queued": {"lognormal": {"median": "40s", "sigma": 0.6, "max": "10m"}},
            "validating": {"uniform": ["5s", "20s"]},
            "step": {"lognormal": {"median": "1.5s", "sigma": 0.1}},
        }
    }
    given_ = read_scenario("own", parts)
    document = scenario_document(given_)
    assert read_scenario(document.pop("name"), document) == given_
