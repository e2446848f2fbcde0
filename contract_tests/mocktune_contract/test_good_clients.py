"""Good clients, whatever they are written with, come to the end that a scenario promises them, and nothing is found to
be wrong with what they did.

::

    every good client x every scenario of the pack `core`    the outcome is the scenario's `[expect]`, told with a model
                                                             or a reason, within its virtual time; and
    GET /_mocktune/verdict                                   has no finding but those the scenario allows

    webhooks lost, doubled, late, out of order, forged       the client that waits for them comes to the same end

``pytest -m soak`` plays every other packaged scenario as well, some of which take seconds of wall time.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from mocktune_contract.good_clients.errand import Errand, SandboxTime
from mocktune_contract.good_clients.everyone import GOOD_CLIENTS
from mocktune_contract.good_clients.rules import Outcome
from mocktune_contract.lab import MODEL, Lab, Labs, chat_file

pytestmark = [pytest.mark.needs("scenarios", "journal", "tcp", "mocktune"), pytest.mark.source("mocktune")]

EXAMPLES = chat_file(*((f"What is {n} times {n}?", f"It is {n * n}, of course.") for n in range(12)))

CORE = [
    "realistic", "slow-file", "file-error", "bad-line", "long-queue", "fails-midway", "quota-at-create", "daily-cap",
    "cancelled-outside", "paused-outside", "plain-result", "late-events", "unknown-event", "unknown-status",
    "cold-model-404", "cold-model-429", "training-wound-down", "flaky-5xx", "rate-limited", "lost-create",
]  # fmt: skip
"""Named here because tests are counted before a server is asked."""

TOO_SHORT = {"quick"}
"""A life of ten seconds is over before who looks once a minute has looked twice."""

ENDED = {"recover": "recovered", "give_up": "gave_up"}

WEBHOOK_FAULTS = [
    {"webhook": "drop"}, {"webhook": "duplicate"}, {"webhook": "reorder"}, {"webhook": "delay", "delay": "40m"},
    {"webhook": "forged"}, {"webhook": "missing"}, {"webhook": "stale"}, {"webhook": "rotated"},
]  # fmt: skip


def control(lab: Lab, method: str, path: str, **body: Any) -> Any:
    answer = lab.http.request(method, f"{lab.root}/_mocktune/{path}", json=body or None)
    return answer.raise_for_status().json()


def send(client: str, lab: Lab, *, timeout_s: float = 10.0) -> tuple[Outcome, float]:
    """On its errand; the outcome, and the seconds of virtual time it took."""
    if client == "webhook_only" and urlsplit(lab.base_url).hostname not in ("127.0.0.1", "localhost", "::1"):
        pytest.skip("the target cannot reach a receiver on this machine")
    if client == "raw_requests":
        pytest.importorskip("requests")
    time = SandboxTime(lab.clock)
    outcome = GOOD_CLIENTS[client](Errand(lab.base_url, lab.key, EXAMPLES, MODEL, time, timeout_s))
    return outcome, time.elapsed_s


def check(client: str, lab: Lab, scenario: str, *, timeout_s: float = 10.0) -> None:
    control(lab, "PUT", "scenario", name=scenario)
    expect = control(lab, "GET", f"scenarios/{scenario}")["expect"]

    outcome, elapsed_s = send(client, lab, timeout_s=timeout_s)

    assert outcome.ended == ENDED[expect["outcome"]], outcome
    assert elapsed_s <= seconds(expect["within"])
    if outcome.ended == "recovered":
        assert outcome.model
        assert created(lab) == (3 if client == "three_jobs_at_once" else 1)
    else:
        assert outcome.reason
    assert findings(lab, *expect["allow"]) == []


def created(lab: Lab) -> int:
    """Jobs, known to the client or not."""
    found = control(lab, "POST", "requests/count", operation="fine_tuning.jobs.create", committed=True)
    return int(found["count"])


def findings(lab: Lab, *allowed: str) -> list[Any]:
    verdict = control(lab, "GET", f"verdict?allow={','.join(allowed)}")
    assert verdict["complete"]
    return [(each["code"], each["summary"], each["evidence"]) for each in verdict["findings"]]


def seconds(duration: str) -> float:
    """Of a text such as ``1h30m``."""
    from mocktune.domain.clock import SECOND, parse_duration

    return parse_duration(duration) / SECOND


@pytest.mark.parametrize("scenario", CORE)
@pytest.mark.parametrize("client", GOOD_CLIENTS)
def test_a_good_client_comes_to_the_expected_end_without_a_finding(lab: Lab, client: str, scenario: str) -> None:
    check(client, lab, scenario)


@pytest.mark.parametrize("fault", WEBHOOK_FAULTS, ids=lambda fault: fault["webhook"])
def test_who_waits_for_webhooks_gets_on_with_those_that_come(lab: Lab, fault: dict[str, str]) -> None:
    """And looks at the job once, however often it was told."""
    rule = {"operation": "fine_tuning.job.*", **fault}
    control(lab, "PUT", "scenario", document={"extends": "realistic", "faults": [rule]})
    outcome, _ = send("webhook_only", lab)
    assert outcome.ended == "recovered"
    assert control(lab, "POST", "requests/count", operation="fine_tuning.jobs.retrieve")["count"] == 1
    assert findings(lab) == []


def test_the_core_pack_is_what_is_played(lab: Lab) -> None:
    packs = {each["name"]: each["scenarios"] for each in control(lab, "GET", "scenarios")["packs"]}
    assert packs["core"] == CORE


@pytest.mark.soak
@pytest.mark.parametrize("client", GOOD_CLIENTS)
def test_a_good_client_comes_to_the_expected_end_of_every_scenario(labs: Labs, client: str) -> None:
    listed = control(labs(f"list {client}"), "GET", "scenarios")["scenarios"]
    for name in (each["name"] for each in listed if each["name"] not in TOO_SHORT.union(CORE)):
        check(client, labs(f"{client} {name}"), name, timeout_s=2)
