"""Events: every one, once, oldest first, up to the last, however the service pages and stumbles."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mocktune_client import JobCancelled
from mocktune_client.events import SHORT_TAIL_S, StepSeen, step_of

from .lab import MARV, Lab, change, cut_connection, fixtures, html, sdk_http

EVENTS = "GET /fine_tuning/jobs/[^/]*/events"
RETRIEVE = "GET /fine_tuning/jobs/[^/]*"
FEW = b"".join(MARV.splitlines(keepends=True)[:9])
LAST = "The job has successfully completed"


server, lab = fixtures("job.step=500ms", "job.final_validation=5s")


def all_events(lab: Lab, job: str) -> list[str]:
    """The ids of every event the job will ever have, oldest first."""
    lab.advance(by="1h")
    return [event.id for event in lab.unbroken.fine_tuning.jobs.list_events(job, limit=1000).data][::-1]


@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_events_are_complete_in_order_and_without_duplicates(lab: Lab, page_size: int) -> None:
    job = lab.job()
    followed = [event.id for event in lab.tuner(page_size=page_size, poll_s=20).follow(job)]
    assert followed == all_events(lab, job)
    assert len(followed) > 40


def test_events_are_complete_from_an_asynchronous_client_too(lab: Lab) -> None:
    job = lab.job()

    async def follow() -> list[str]:
        async with lab.async_client as client:
            return [event.id async for event in lab.async_tuner(client, page_size=3, poll_s=10).follow(job)]

    assert asyncio.run(follow()) == all_events(lab, job)


def test_events_come_while_the_job_runs(lab: Lab) -> None:
    job = lab.job()
    for event in lab.tuner(poll_s=1).follow(job):
        now = lab.control.get("/_mocktune/clock").json()["now"]
        assert event.created_at <= now <= event.created_at + 4


def test_following_a_finished_job_gives_all_events_without_a_wait(lab: Lab) -> None:
    job = lab.job()
    expected = all_events(lab, job)
    assert [event.id for event in lab.tuner().follow(job)] == expected
    assert lab.slept == []


def test_the_tail_that_comes_after_the_status_turned_terminal_is_delivered(lab: Lab) -> None:
    job = lab.job(until="succeeded")
    messages = [event.message for event in lab.tuner(poll_s=1).follow(job)]
    assert messages[-1] == LAST
    assert "New fine-tuned model created" in messages[-2]
    assert 8 <= lab.now < 11
    assert lab.count(RETRIEVE) == 1


def test_a_tail_with_an_unknown_text_ends_by_quiet(lab: Lab) -> None:
    def rename(page: Any) -> None:
        for event in page["data"]:
            event["message"] = event["message"].replace(LAST, "Finished")

    lab.breaks(EVENTS, change(rename))
    job = lab.job(until="succeeded")
    messages = [event.message for event in lab.tuner(poll_s=1, tail_s=20).follow(job)]
    assert messages[-1] == "Finished"
    assert 28 <= lab.now < 31


def test_an_event_that_was_late_in_the_list_is_delivered_by_the_last_full_read(lab: Lab) -> None:
    """A list that lags may show newer events first; the page it belongs to is then not asked for again."""
    job = lab.job(until="running")
    late = lab.unbroken.fine_tuning.jobs.list_events(job).data[1].id

    def hide(page: Any) -> None:
        page["data"] = [event for event in page["data"] if event["id"] != late]

    lab.breaks(EVENTS, change(hide), times=2)
    followed = [event.id for event in lab.tuner(page_size=3, poll_s=10).follow(job)]
    expected = all_events(lab, job)
    assert sorted(followed) == sorted(expected)
    assert followed.index(late) > expected.index(late)


def test_a_look_without_news_costs_one_page(lab: Lab) -> None:
    job = lab.job()
    pages = -(-len(all_events(lab, job)) // 10)
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="running")), times=8)
    list(lab.tuner(page_size=10).follow(job))
    assert lab.count(EVENTS) == pages + 7 + pages


def test_pages_that_overlap_bring_no_duplicates(lab: Lab) -> None:
    """As a server does whose ``after`` includes the named event."""
    listed: dict[str, Any] = {}

    def overlap(response: sdk_http.Response) -> sdk_http.Response:
        page = response.json()
        listed.update((event["id"], event) for event in page["data"])
        after = response.request.url.params.get("after")
        page["data"][:0] = [listed[after]] if after else []
        return sdk_http.Response(200, json=page)

    lab.breaks(EVENTS, overlap)
    job = lab.job(until="running")
    assert [event.id for event in lab.tuner(page_size=3, poll_s=10).follow(job)] == all_events(lab, job)


def test_an_old_event_at_the_front_of_a_page_hides_none_behind_it(lab: Lab) -> None:
    job = lab.job(until="running")
    pinned = lab.unbroken.fine_tuning.jobs.list_events(job).data[-1].to_dict()
    lab.breaks(EVENTS, change(lambda page: page.update(data=[pinned, *page["data"]])))
    assert [event.id for event in lab.tuner(page_size=3, poll_s=10).follow(job)] == all_events(lab, job)


def test_a_server_that_ignores_the_cursor_does_not_trap_the_reader(lab: Lab) -> None:
    job = lab.job()
    lab.advance(by="1h")
    first = lab.unbroken.fine_tuning.jobs.list_events(job, limit=3).to_dict()
    lab.breaks(EVENTS, change(lambda page: page.update(first)))
    assert len(list(lab.tuner(page_size=3).follow(job))) == 3


def test_a_page_without_has_more_is_no_end(lab: Lab) -> None:
    job = lab.job()
    expected = all_events(lab, job)
    lab.breaks(EVENTS, change(lambda page: page.pop("has_more")))
    assert [event.id for event in lab.tuner(page_size=20).follow(job)] == expected


def test_unknown_types_levels_and_statuses_are_passed_on(lab: Lab) -> None:
    def strange(page: Any) -> None:
        for event in page["data"]:
            if event["type"] == "metrics":
                event.update(type="moderation_checks", level="notice", data=None)

    lab.breaks(EVENTS, change(strange))
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="moderating")), times=3)
    job = lab.job()
    followed = list(lab.tuner(poll_s=20).follow(job))
    assert sum(event.type == "moderation_checks" for event in followed) == 40  # type: ignore[comparison-overlap]
    assert [event.id for event in followed] == all_events(lab, job)


def test_outages_lose_no_event(lab: Lab) -> None:
    job = lab.job()
    for breaking in (html(502), cut_connection, html(200)):
        lab.breaks(EVENTS, breaking, times=2)
        lab.breaks(RETRIEVE, breaking, times=2)
    assert [event.id for event in lab.tuner(page_size=3, poll_s=20).follow(job)] == all_events(lab, job)


def test_a_failed_job_ends_with_its_error_event(lab: Lab) -> None:
    job = lab.job(FEW)
    followed = list(lab.tuner().follow(job))
    assert followed[-1].level == "error"
    assert lab.now < 60


def test_an_error_event_read_just_before_the_status_needs_no_quiet(lab: Lab) -> None:
    job = lab.job(FEW, until="failed")
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="validating_files")), times=1)
    assert list(lab.tuner(poll_s=1).follow(job))[-1].level == "error"
    assert lab.now < 2


def test_a_cancelled_job_ends_with_its_event(lab: Lab) -> None:
    job = lab.job(until="running")
    lab.unbroken.fine_tuning.jobs.cancel(job)
    assert "cancelled" in list(lab.tuner().follow(job))[-1].message
    assert lab.now == 0


def test_a_failed_job_without_its_error_event_is_told_after_a_minute_of_quiet(lab: Lab) -> None:
    """Who waits for a failure is not kept for as long as the last events of a success may take."""
    job = lab.job(FEW, until="failed")
    lab.breaks(EVENTS, change(lambda page: [each.update(level="info") for each in page["data"]]))
    list(lab.tuner(poll_s=1).follow(job))
    assert lab.now == pytest.approx(SHORT_TAIL_S, abs=2)


def test_a_job_that_is_canceled_with_one_l_has_ended(lab: Lab) -> None:
    """As Azure's references spell it [DOC]."""
    job = lab.job(until="running")
    lab.unbroken.fine_tuning.jobs.cancel(job)
    lab.breaks(RETRIEVE, change(lambda job: job.update(status="canceled")))
    lab.breaks(
        EVENTS, change(lambda page: page["data"][0].update(message=page["data"][0]["message"].replace("ll", "l")))
    )
    assert "canceled" in list(lab.tuner().follow(job))[-1].message
    assert lab.now == 0
    with pytest.raises(JobCancelled):
        lab.tuner().wait(job)


def test_events_without_an_id_a_message_or_a_time_are_delivered_once(lab: Lab) -> None:
    def bare(page: Any) -> None:
        for number, event in enumerate(page["data"]):
            if event["type"] == "metrics":
                event.update(id=None, created_at=None)
            elif number == 0:
                event.update(message=None)

    job = lab.job()
    expected = all_events(lab, job)
    lab.breaks(EVENTS, change(bare))
    followed = list(lab.tuner(tail_s=5).follow(job))
    assert len(followed) == len(expected)
    assert sum(event.id is None for event in followed) == 40


def test_a_step_is_read_from_data_or_words_and_from_nothing_else(lab: Lab) -> None:
    job = lab.job()
    all_events(lab, job)
    events = lab.unbroken.fine_tuning.jobs.list_events(job, limit=1000).data[::-1]
    assert [step_of(each) for each in events if step_of(each)] == [StepSeen(step, 40) for step in range(1, 41)]
    for message, data, step in [
        ("Step 12/300: training loss=1.23", None, StepSeen(12, 300)),
        (None, {"step": 3, "total_steps": 9}, StepSeen(3, 9)),
        ("Step 1/2", {"step": "3", "total_steps": 9}, StepSeen(1, 2)),
        ("Checkpoint created at step 60 with Snapshot ID: x", {}, None),
        (None, None, None),
    ]:
        assert step_of(events[0].model_copy(update={"message": message, "data": data})) == step
