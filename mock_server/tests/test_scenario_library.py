"""Every packaged scenario is what it says: what a client sees that goes through a life under it.

``SHOWS`` names, for each, what tells it from ``realistic``; the whole of it is in the golden transcripts.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

import pytest
from scripted_client import Client, Heard, asking, impatient, live

from mocktune import make_settings
from mocktune.domain.scenario import Scenario, read_scenario
from mocktune.domain.scenario_document import changed_fields
from mocktune.storage.scenario_files import (
    packaged_document,
    packaged_scenario,
    packs_of,
    parent_scenario,
    scenario_names,
    scenario_packs,
)

NAMES = [
    "quick", "realistic", "slow-file", "file-error", "bad-line", "bad-validation-line", "too-few-examples",
    "moderation-file", "moderation-lines", "moderation-model", "long-queue", "slow-training", "fails-queued",
    "fails-early", "fails-midway", "fails-final-validation", "quota-at-create", "quota-exceeded", "job-cap",
    "daily-cap", "cancelled-outside", "paused-outside", "loss-diverges", "loss-nan", "overfits", "plateaus",
    "late-result", "missing-result", "plain-result", "late-events", "unknown-event", "unknown-status",
    "cold-model-404", "cold-model-429", "cold-model-503", "cold-model-stall", "model-evicted", "model-gone",
    "training-wound-down", "flaky-5xx", "rate-limited", "long-retry-after", "lost-create", "slow-body",
    "truncated-body", "truncated-stream", "html-502", "skewed-clock",
]  # fmt: skip
"""They are API: names that other people's tests say."""

VALIDATING, QUEUED, RUNNING = "validating_files", "queued", "running"
TO_THE_END = (VALIDATING, QUEUED, RUNNING, "succeeded")
COLD, MINUTE = (404, 429, 200), 60.0
NOT_VALID = {"statuses": (VALIDATING, "failed"), "finished": False, "first_step": False}

SHOWS: dict[str, dict[str, Any]] = {
    "quick": {"statuses": TO_THE_END, "chats": (429, 200), "over_by": (9, 11)},
    "realistic": {"statuses": TO_THE_END, "chats": COLD, "result": "base64", "over_by": (5 * MINUTE, 6 * MINUTE)},
    "slow-file": {"statuses": TO_THE_END, "validated_by": (12 * MINUTE, 14 * MINUTE)},
    "file-error": {**NOT_VALID, "file": "error", "code": "invalid_training_file"},
    "bad-line": {**NOT_VALID, "file": "processed", "code": "invalid_file_format", "param": "training_file"},
    "bad-validation-line": {**NOT_VALID, "code": "invalid_file_format", "param": "validation_file"},
    "too-few-examples": {**NOT_VALID, "code": "invalid_n_examples", "param": "training_file"},
    "moderation-file": {**NOT_VALID, "code": "unsafe_file", "param": "training_file"},
    "moderation-lines": {**NOT_VALID, "code": "invalid_training_file", "param": "training_file"},
    "moderation-model": {"statuses": (*TO_THE_END[:3], "failed"), "last_step": True, "types": {"moderation_checks"}},
    "long-queue": {"statuses": TO_THE_END, "over_by": (5 * 60 * MINUTE, 6 * 60 * MINUTE)},
    "slow-training": {"statuses": TO_THE_END, "over_by": (40 * MINUTE, 60 * MINUTE)},
    "fails-queued": {"statuses": (VALIDATING, QUEUED, "failed"), "code": "server_error", "first_step": False},
    "fails-early": {"statuses": (*TO_THE_END[:3], "failed"), "first_step": True, "over_by": (51, 65)},
    "fails-midway": {"statuses": (*TO_THE_END[:3], "failed"), "over_by": (3 * MINUTE, 4 * MINUTE), "finished": True},
    "fails-final-validation": {"statuses": (*TO_THE_END[:3], "failed"), "last_step": True},
    "quota-at-create": {"creates": (429,), "create_code": "insufficient_quota"},
    "quota-exceeded": {"creates": (200,), **NOT_VALID, "code": "exceeded_quota"},
    "job-cap": {"creates": (429, 200), "create_code": "rate_limit_exceeded", "statuses": TO_THE_END},
    "daily-cap": {"creates": (429,), "create_code": "daily_rate_limit_exceeded"},
    "cancelled-outside": {"statuses": (*TO_THE_END[:3], "cancelled"), "last_step": False},
    "paused-outside": {"statuses": (*TO_THE_END[:3], "paused", QUEUED, RUNNING, "succeeded")},
    "loss-diverges": {"statuses": TO_THE_END, "trend": "up"},
    "loss-nan": {"statuses": TO_THE_END, "trend": "nan"},
    "overfits": {"statuses": TO_THE_END, "trend": "down", "checkpoint_losses": "up"},
    "plateaus": {"statuses": TO_THE_END, "trend": "flat"},
    "late-result": {"statuses": TO_THE_END, "results_at_once": 0, "result": "base64"},
    "missing-result": {"statuses": TO_THE_END, "results_at_once": 0, "result": None},
    "plain-result": {"statuses": TO_THE_END, "results_at_once": 1, "result": "plain"},
    "late-events": {"statuses": TO_THE_END, "last_event_after": 5 * MINUTE},
    "unknown-event": {"statuses": TO_THE_END, "types": {"moderation_checks", "capacity_notice"}},
    "unknown-status": {"statuses": (VALIDATING, "preparing", RUNNING, "succeeded")},
    "cold-model-404": {"chats": (404, 200), "cold_for": (2.5 * MINUTE, 4 * MINUTE)},
    "cold-model-429": {"chats": (429, 200), "cold_for": (4.5 * MINUTE, 6 * MINUTE)},
    "cold-model-503": {"chats": (503, 200), "cold_for": (4.5 * MINUTE, 6 * MINUTE)},
    "cold-model-stall": {"chats": (503, 200), "cold_for": (1.5 * MINUTE, 3 * MINUTE)},
    "model-evicted": {"chats": (429, 200), "later_chats": (429, 200)},
    "model-gone": {"chats": (404, 429, 404), "later_chats": (404,)},
    "training-wound-down": {"creates": (403,), "create_code": "training_not_available"},
    "flaky-5xx": {"statuses": TO_THE_END, "polls": {200, 500, 503}},
    "rate-limited": {"statuses": (VALIDATING, RUNNING, "succeeded"), "polls": {200, 429}, "waits": "20"},
    "long-retry-after": {"polls": {200, 503}, "waits": "180"},
    "lost-create": {"creates": (0,), "jobs": 1, "statuses": TO_THE_END},
    "slow-body": {"statuses": TO_THE_END, "broken": 0, "slow": {"files.content", "fine_tuning.jobs.list_events"}},
    "truncated-body": {"statuses": TO_THE_END, "broken": 2, "polls": {200}, "result": "base64"},
    "truncated-stream": {"statuses": TO_THE_END, "broken": 1, "streams_ended": (False, True)},
    "html-502": {"statuses": TO_THE_END, "polls": {200, 502}, "page": True},
    "skewed-clock": {"statuses": TO_THE_END, "ahead": 7 * MINUTE},
}
"""By ``Seen``'s properties."""


@dataclass(frozen=True)
class Seen:
    """What a client heard in a life."""

    scenario: Scenario
    client: Client
    began: float

    def of(self, request: str) -> list[Heard]:
        return [heard for asked, _, heard in self.client.heard if asked.startswith(request)]

    @cached_property
    def polls_heard(self) -> list[tuple[float, Heard]]:
        return [(at, heard) for asked, at, heard in self.client.heard if self.is_poll(asked)]

    @staticmethod
    def is_poll(asked: str) -> bool:
        method, _, path = asked.partition(" /v1/fine_tuning/jobs/")
        return method == "GET" and path != "" and "/" not in path

    @property
    def polled(self) -> list[tuple[float, Any]]:
        return [(at, heard.json) for at, heard in self.polls_heard if heard.ok]

    @property
    def job(self) -> Any:
        return self.polled[-1][1]

    @property
    def statuses(self) -> tuple[str, ...]:
        return tuple(status for status, _ in groupby(job["status"] for _, job in self.polled))

    @property
    def polls(self) -> set[int]:
        return {heard.status for _, heard in self.polls_heard}

    @property
    def waits(self) -> str:
        return next(heard.headers["retry-after"] for _, heard in self.polls_heard if "retry-after" in heard.headers)

    @property
    def page(self) -> bool:
        return any(heard.body.startswith(b"<html>") for _, heard in self.polls_heard)

    def first(self, *statuses: str) -> float:
        return next(at for at, job in self.polled if job["status"] in statuses)

    @property
    def over_by(self) -> float:
        return self.first("succeeded", "failed", "cancelled")

    @property
    def validated_by(self) -> float:
        return self.first("queued")

    @property
    def finished(self) -> bool:
        return self.job["finished_at"] is not None

    @property
    def code(self) -> str:
        return str(self.job["error"]["code"])

    @property
    def param(self) -> str:
        return str(self.job["error"]["param"])

    @property
    def results_at_once(self) -> int:
        return len(next(job for _, job in self.polled if job["status"] == "succeeded")["result_files"])

    @property
    def file(self) -> str:
        return str(next(heard for heard in self.of("GET /v1/files/")).json["status"])

    @property
    def creates(self) -> tuple[int, ...]:
        return tuple(status for status, _ in groupby(heard.status for heard in self.of("POST /v1/fine_tuning/jobs")))

    @property
    def create_code(self) -> str:
        return str(self.of("POST /v1/fine_tuning/jobs")[0].json["error"]["code"])

    @property
    def jobs(self) -> int:
        (listed,) = self.of("GET /v1/fine_tuning/jobs?")
        return len(listed.json["data"])

    # -- events and results ----------------------------------------------------------------------------------------

    @property
    def events(self) -> list[Any]:
        """Of all pages that were read."""
        pages = [heard.json["data"] for asked, _, heard in self.client.heard if "/events" in asked and heard.ok]
        return [event for page in pages for event in page]

    @property
    def steps(self) -> list[int]:
        return [event["data"]["step"] for event in self.events if event["type"] == "metrics"]

    @property
    def first_step(self) -> bool:
        return bool(self.steps)

    @property
    def last_step(self) -> bool:
        return 96 in self.steps

    @property
    def types(self) -> set[str]:
        return {event["type"] for event in self.events} - {"message", "metrics"}

    @property
    def last_event_after(self) -> float:
        return float(max(event["created_at"] for event in self.events) - self.job["finished_at"])

    @cached_property
    def content(self) -> bytes | None:
        return next((heard.body for asked, _, heard in self.client.heard if "/content" in asked and heard.ok), None)

    @property
    def result(self) -> str | None:
        if self.content is None:
            return None
        return "plain" if self.content.startswith(b"step,") else "base64"

    @property
    def trend(self) -> str:
        """How the training loss goes from the first tenth of the steps to the last."""
        assert self.content is not None
        text = self.content if self.result == "plain" else base64.b64decode(self.content)
        losses = [line.split(",")[1] for line in text.decode().splitlines()[1:]]
        if "nan" in losses:
            return "nan"
        begins, ends = (sum(map(float, part)) / len(part) for part in (losses[:9], losses[-9:]))
        return "up" if ends > 1.3 * begins else "down" if ends < 0.75 * begins else "flat"

    @property
    def checkpoint_losses(self) -> str:
        (listed,) = [heard for asked, _, heard in self.client.heard if "/checkpoints" in asked]
        last, *_, first = [each["metrics"]["full_valid_loss"] for each in listed.json["data"]]
        return "up" if last > first else "down"

    # -- the model and the connection ------------------------------------------------------------------------------

    @property
    def chatted(self) -> list[tuple[float, Heard]]:
        return [(at, heard) for asked, at, heard in self.client.heard if "/chat/" in asked]

    @property
    def left_alone_at(self) -> float:
        """The hour in which nothing was asked."""
        pairs = pairwise(self.client.heard)
        return next(at for (_, before, _), (asked, at, _) in pairs if at - before >= 3600 and "/chat/" in asked)

    def _statuses_of_chats(self, *, later: bool) -> tuple[int, ...]:
        pause = self.left_alone_at
        return tuple(s for s, _ in groupby(heard.status for at, heard in self.chatted if (at >= pause) is later))

    @property
    def chats(self) -> tuple[int, ...]:
        return self._statuses_of_chats(later=False)

    @property
    def later_chats(self) -> tuple[int, ...]:
        return self._statuses_of_chats(later=True)

    @property
    def cold_for(self) -> float:
        return next(at for at, heard in self.chatted if heard.ok) - self.over_by

    @property
    def streams_ended(self) -> tuple[bool, ...]:
        streams = [heard for _, heard in self.chatted if "event-stream" in heard.headers.get("content-type", "")]
        return tuple(b"data: [DONE]" in heard.body for heard in streams)

    @property
    def broken(self) -> int:
        return sum(heard.broken for _, _, heard in self.client.heard)

    @property
    def slow(self) -> set[str]:
        """What was held back, as its rules say: here without waiting for it."""
        return {rule.operation for rule in self.scenario.faults if rule.dribble}

    @property
    def ahead(self) -> float:
        return float(self.of("POST /v1/files")[0].json["created_at"] - self.began)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_a_scenario_is_what_it_says(name: str) -> None:
    scenario = impatient(packaged_scenario(name))
    settings = make_settings(clock="frozen", seed=42)
    async with asking(replace(settings, scenario=scenario)) as client:
        await live(client)
    seen = Seen(scenario, client, began=1_768_435_200.0)
    for what, expected in SHOWS[name].items():
        found = getattr(seen, what)
        if isinstance(expected, tuple) and isinstance(found, float):
            assert expected[0] <= found <= expected[1], f"{what}: {found}"
        else:
            assert found == expected, what


# -- the files ---------------------------------------------------------------------------------------------------------


def test_the_names_are_those_that_were_promised() -> None:
    assert sorted(NAMES) == list(scenario_names()) == sorted(SHOWS)


def test_core_is_about_twenty_scenarios_and_chaos_is_about_the_network() -> None:
    core, chaos, everything = scenario_packs()
    assert (core.name, chaos.name, everything.name) == ("core", "chaos", "all")
    assert 18 <= len(core.scenarios) <= 22
    assert sorted(everything.scenarios) == list(scenario_names())
    assert set(core.scenarios) | set(chaos.scenarios) <= set(everything.scenarios)
    for pack in (core, chaos, everything):
        assert len(set(pack.scenarios)) == len(pack.scenarios)
    faulty = {name for name in scenario_names() if packaged_scenario(name).faults}
    assert faulty <= set(chaos.scenarios)
    assert packs_of("lost-create") == ["core", "chaos", "all"]


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_tells_what_it_is_for(name: str) -> None:
    """A summary that fits a line of 80 columns beside the longest name, the bug it catches, and what is expected."""
    scenario, document = packaged_scenario(name), packaged_document(name)
    longest = max(map(len, scenario_names()))
    assert 20 <= len(scenario.summary) <= 80 - 4 - longest
    assert scenario.catches.startswith("A client ")
    assert scenario.catches.endswith(".")
    assert scenario.catches.isprintable()
    assert scenario.expect.within is not None
    assert set(document["expect"]) - {"allow"} == {"outcome", "within"}
    assert document["schema"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_is_realistic_but_for_what_it_is_about(name: str) -> None:
    parent = parent_scenario(name)
    assert (parent.name if parent else None) == (None if name in ("quick", "realistic") else "realistic")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_told_to_differ_makes_the_scenario_out_of_its_parent(name: str) -> None:
    scenario, parent = packaged_scenario(name), parent_scenario(name)
    document: dict[str, Any] = {}
    for path, value in changed_fields(scenario, parent or Scenario()).items():
        *parts, last = path.split(".")
        inner = document
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = value
    again = read_scenario(name, json.loads(json.dumps(document)), parent)
    assert replace(again, summary=scenario.summary, catches=scenario.catches) == scenario


def test_a_failure_of_validation_is_told_in_the_words_of_the_service() -> None:
    """The recorded ones, as jobs with such files get them (contract 3.7)."""
    for name, words in {
        "too-few-examples": "Training file has 7 example(s), but must have at least 10 examples",
        "bad-line": "message contains an invalid token: <|fim_suffix|>.",
        "bad-validation-line": "in the validation file. Invalid file format. Example 12 is missing key 'messages'",
        "moderation-file": "in the following categories: hate. Use the free OpenAI Moderation API to identify",
        "moderation-lines": "Flagged lines: 4, 13, 14",
    }.items():
        message = packaged_scenario(name).job.failure.message
        assert words in message
        assert "\n" not in message
