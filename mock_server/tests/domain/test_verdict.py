"""The predicates of the verdict on journals told in a line: where each begins, and what it spares.

The contract test ``test_verdict.py`` has a client for each; here are the instants, and what looks alike.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from conduct import FIRED, JOB, MODEL, Story, error

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.findings.conduct import JobFacts
from mocktune.domain.verdict import BY_CODE, FINDINGS, MAX_EVIDENCE, judge

LONG_AGO, NEVER = VirtualTime(0), None
OVER = JobFacts(LONG_AGO, LONG_AGO, LONG_AGO)
UNDER_WAY = JobFacts(VirtualTime(10**15))


# -- MT01 --------------------------------------------------------------------------------------------------------------


def polled(*pauses: tuple[float, float]) -> Story:
    story = Story().poll()
    for virtual_s, wall_s in pauses:
        story.wait(virtual_s, wall_s).poll()
    return story


@pytest.mark.parametrize(
    ("pauses", "codes"),
    [
        ([(0.5, 0.5)] * 5, ["MT01"]),
        ([(0.5, 0.5)] * 4, []),
        ([(1.0, 0.0)] * 9, []),  # a skipped sleep of a second
        ([(0.0, 0.0)] * 9, ["MT01"]),  # a clock that stands, and a client that does not wait
        ([(0.0, 1.0)] * 9, []),  # a clock that stands, and a client that does
        ([(300.0, 0.5)] * 9, []),  # a fast clock
        ([(0.5, 0.5)] * 4 + [(5, 5)] + [(0.5, 0.5)] * 4, []),
    ],
)
def test_five_early_polls_in_a_row_are_too_many(pauses: list[tuple[float, float]], codes: list[str]) -> None:
    assert polled(*pauses).codes() == codes


def test_polls_of_two_jobs_are_two_rhythms() -> None:
    story = Story()
    for _ in range(10):
        story.poll(job="ftjob-a").wait(0.6).poll(job="ftjob-b").wait(0.6)
    assert story.codes() == []


def test_looking_at_what_has_ended_is_no_poll() -> None:
    story = Story().poll()
    for _ in range(10):
        story.poll("succeeded")
    assert story.codes() == []


def test_repeats_after_errors_are_no_polls() -> None:
    story = Story()
    for _ in range(10):
        story.poll().poll(status=500, answer=error(type="server_error")).wait(2)
    story.poll()
    assert story.codes() == []


def test_an_error_in_the_midst_of_a_loop_does_not_excuse_it() -> None:
    story = Story()
    for _ in range(4):
        story.poll()
    story.poll(status=500, answer=error(type="server_error"))
    for _ in range(3):
        story.poll()
    assert story.codes() == ["MT01"]


def test_what_was_finished_in_between_is_not_one_loop() -> None:
    story = Story()
    for seen in ("running", "succeeded", "running"):
        jobs = [{"object": "fine_tuning.job", "id": "ftjob-x", "status": seen}]
        for _ in range(4):
            story.ask("fine_tuning.jobs.list", path="/v1/fine_tuning/jobs", answer={"object": "list", "data": jobs})
    assert story.codes() == []


def test_a_model_that_is_looked_up_in_a_loop_is_polled() -> None:
    story = Story().named()
    for _ in range(6):
        story.ask("models.retrieve", path=f"/v1/models/{MODEL}", status=404, answer=error("model_not_found"))
    assert "MT01" in story.codes()


def test_events_of_a_running_job_are_polled_too() -> None:
    story = Story().poll()
    for _ in range(7):
        story.events(1)
    assert story.codes() == ["MT01"]
    ended = Story().poll("failed")
    for _ in range(7):
        ended.events(1)
    assert ended.codes() == []


# -- MT02 --------------------------------------------------------------------------------------------------------------


def test_who_stops_at_the_first_sight_of_a_status_took_it_for_the_end() -> None:
    assert Story().poll("queued").wait(10).poll("running").codes(job=UNDER_WAY) == ["MT02"]
    assert Story().poll("queued").wait(10).poll("running").wait(10).poll("running").codes(job=UNDER_WAY) == []
    assert Story().poll("running").codes(job=UNDER_WAY) == []


def test_a_job_that_has_ended_should_have_been_looked_at_again() -> None:
    assert Story().poll("running").codes(job=OVER) == ["MT02"]
    assert Story().poll("running").wait(10).poll("running").codes(job=OVER) == ["MT02"]
    assert Story().poll("paused").codes(job=OVER) == ["MT02"]


def test_a_status_nobody_knows_is_not_terminal() -> None:
    assert Story().poll("running").wait(10).poll("checking").codes(job=UNDER_WAY) == ["MT02"]


def test_a_paused_job_may_be_left_alone() -> None:
    assert Story().poll("running").wait(10).poll("paused").codes(job=UNDER_WAY) == []


def test_who_looked_for_an_hour_lost_patience() -> None:
    story = Story().poll("queued")
    for _ in range(60):
        story.wait(61).poll("queued")
    assert story.codes(job=OVER) == []
    assert story.wait(61).poll("running").codes(job=UNDER_WAY) == []


def test_who_cancelled_a_job_need_not_look_again() -> None:
    story = Story().poll("running")
    story.ask("fine_tuning.jobs.cancel", "POST", f"/v1/fine_tuning/jobs/{JOB}/cancel", lost=True, faults=FIRED)
    assert "MT02" not in story.codes(job=OVER)


def test_a_list_shows_an_end_as_well() -> None:
    job = {"object": "fine_tuning.job", "id": JOB, "status": "failed"}
    story = Story().poll("running")
    story.ask("fine_tuning.jobs.list", path="/v1/fine_tuning/jobs", answer={"object": "list", "data": [job]})
    assert story.codes(job=OVER) == []


def test_an_end_that_was_lost_on_its_way_was_not_shown() -> None:
    """The last poll failed: that is another finding."""
    story = Story().poll("running").wait(10).poll("succeeded", lost=True, faults=FIRED)
    assert story.codes(job=OVER) == ["MT13"]


@pytest.mark.parametrize(
    ("statuses", "signature", "codes"),
    [
        ((200,), "good", []),
        ((500, 204), "good", []),
        ((500,), "good", ["MT02"]),
        ((None,), "good", ["MT02"]),
        ((200,), "forged", ["MT02", "MT11"]),
    ],
)
def test_a_webhook_that_was_taken_tells_the_end(
    statuses: tuple[int | None, ...], signature: str, codes: list[str]
) -> None:
    assert Story().poll("running").delivery(*statuses, signature=signature).codes(job=OVER) == codes


def test_of_a_client_that_has_ended_any_last_look_that_is_no_end_is_enough() -> None:
    assert Story().poll("queued").codes(done=False) == []
    assert Story().poll("queued").codes(done=True) == ["MT02"]
    assert Story().poll().poll("paused").codes(done=True) == ["MT02"]
    assert Story().poll().poll("failed").codes(done=True) == []
    assert Story().create().codes(done=True) == [], "who never looked did not stop looking"
    assert Story().poll().wait(3600).poll().codes(done=True) == [], "who lost patience"


# -- MT03 --------------------------------------------------------------------------------------------------------------

PAGE = tuple(range(40, 20, -1))


def test_the_first_page_is_not_all() -> None:
    assert Story().events(*PAGE, has_more=True).codes() == ["MT03"]
    assert Story().events(*PAGE, has_more=False).codes() == []
    assert Story().events(*PAGE, has_more=True, query="limit=20").codes() == ["MT03"]


@pytest.mark.parametrize("query", ["limit=10", "limit=19", "after=ftevent-60", "after=ftevent-60&limit=100"])
def test_a_peek_and_a_later_page_are_no_first_page(query: str) -> None:
    assert Story().events(*PAGE, has_more=True, query=query).codes() == []


def test_going_on_is_enough_even_if_the_next_page_was_lost() -> None:
    story = Story().events(*PAGE, has_more=True)
    story.events(query="after=ftevent-21", lost=True, faults=FIRED).wait(5)
    story.events(*range(20, 0, -1), query="after=ftevent-21")
    assert story.codes() == []


def test_a_page_that_meets_what_is_known_is_enough() -> None:
    assert Story().events(22, 21).wait(60).events(*PAGE, has_more=True).codes() == []


def test_a_longer_page_shows_what_stands_behind() -> None:
    story = Story().events(*PAGE, has_more=True).wait(5).events(*range(40, 0, -1), query="limit=100")
    assert story.codes() == []


def test_reading_the_first_page_again_shows_nothing_new() -> None:
    assert Story().events(*PAGE, has_more=True).wait(5).events(*PAGE, has_more=True).codes() == ["MT03"]


# -- MT04 --------------------------------------------------------------------------------------------------------------

LOST = {"committed": True, "lost": True, "status": 0, "faults": FIRED}


def test_two_jobs_from_one_wish() -> None:
    assert Story().create(**LOST).create().codes() == ["MT04"]
    assert Story().create(**LOST).create(retry=1).codes() == ["MT04"]
    assert Story().create(committed=True, status=502).create().codes() == ["MT04"]


def test_another_wish_is_another_job() -> None:
    assert Story().create(**LOST).create(body={"suffix": "b"}).ask("fine_tuning.jobs.list").codes() == []


def test_what_was_never_created_may_be_created_again() -> None:
    assert Story().create(lost=True, status=0, committed=False, faults=FIRED).create().codes() == []
    assert Story().create(committed=False, status=500).create().codes() == []


def test_a_lost_job_that_was_seen_at_its_end_may_be_followed_by_another() -> None:
    story = Story().create(**LOST)
    story.poll("cancelled", shown={"created_at": story.at // SECOND})
    assert story.create().codes() == []


def test_another_job_on_the_same_file_is_not_the_lost_one() -> None:
    story = Story().create(**LOST)
    created_at = story.at // SECOND
    assert story.poll("succeeded", shown={"created_at": created_at - 60}).create().codes() == ["MT04"]
    too_late = Story().create(**LOST).create().poll("cancelled", shown={"created_at": created_at})
    assert too_late.codes() == ["MT04"]


# -- MT05 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (429, error("insufficient_quota", type="insufficient_quota")),
        (429, error("daily_rate_limit_exceeded")),
        (403, error("training_not_available")),
        (403, error()),
        (400, error("unknown_parameter", param="foo")),
        (400, error(param="training_file")),
        (422, error("invalid_value")),
    ],
)
def test_what_was_refused_for_good_is_refused_again(status: int, answer: object) -> None:
    refused = {"status": status, "answer": answer}
    assert Story().create(**refused).wait(60).create(**refused).codes() == ["MT05"]
    assert Story().create(**refused).create(**refused, retry=1).create(**refused, retry=2).codes() == []
    assert Story().create(**refused).wait(60).create().codes() == []
    assert Story().create(**refused).wait(60).create(**refused, body={"suffix": "b"}).codes() == []
    assert Story().create(**refused).wait(86_400).create(**refused).codes() == []


def test_a_fresh_request_after_the_retries_of_an_sdk_counts() -> None:
    refused = {"status": 429, "answer": error("insufficient_quota")}
    story = Story().create(**refused).create(**refused, retry=1).create(**refused, retry=2).wait(60)
    assert story.create(**refused).codes() == ["MT05"]


@pytest.mark.parametrize(("status", "answer"), [(404, error("fine_tune_not_found")), (400, error()), (409, error())])
def test_what_may_be_otherwise_a_moment_later_may_be_tried_again(status: int, answer: object) -> None:
    story = Story().create(status=status, answer=answer).wait(5).create(status=status, answer=answer)
    assert story.codes() == []


def test_requests_sent_at_once_are_no_repeats() -> None:
    refused = {"status": 403, "answer": error("training_not_available")}
    story = Story()
    for connection in range(1, 6):
        story.create(**refused, connection=connection)
    assert story.codes() == []
    assert story.create(**refused, connection=5).codes() == ["MT05"]


# -- MT06 --------------------------------------------------------------------------------------------------------------


def limited(story: Story, **wait: str) -> Story:
    return story.poll(status=429, answer=error(type="requests"), **(wait or {"retry_after": "10"}))


def test_coming_back_early_is_seen_on_both_clocks() -> None:
    assert limited(Story()).wait(5).poll().codes() == ["MT06"]
    assert limited(Story()).wait(10).poll().codes() == []
    assert limited(Story(0.0)).wait(10, 0).poll().codes() == []  # a skipped sleep
    assert limited(Story(0.0)).wait(0, 10).poll().codes() == []  # a real one
    assert limited(Story(0.0)).wait(5, 5).poll().codes() == ["MT06"]


def test_seconds_are_a_clients_own_under_a_fast_clock() -> None:
    """Half a second of waiting is five minutes there, and no ten seconds to whoever waits."""
    assert limited(Story(600.0)).wait(300, 0.5).poll().codes() == ["MT06"]
    assert limited(Story(600.0)).wait(6000, 10).poll().codes() == []
    assert limited(Story(600.0)).wait(6000, 0).poll().codes() == []  # advanced by as much
    assert limited(Story(600.0)).wait(5, 10).poll().codes() == []  # slowed down meanwhile


@pytest.mark.parametrize(
    ("wait", "waits_s"),
    [
        ({"retry_after": "2", "retry_after_ms": "1200"}, 1.2),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after_ms": "800"}, 0.8),
    ],
)
def test_milliseconds_are_read_first(wait: dict[str, str], waits_s: float) -> None:
    assert limited(Story(), **wait).wait(waits_s).poll().codes() == []
    assert limited(Story(), **wait).wait(waits_s * 0.9).poll().codes() == ["MT06"]


def test_a_wait_may_be_a_date() -> None:
    story = Story()
    date = formatdate(story.wall // SECOND + 30, usegmt=True)
    assert limited(story, retry_after=date).wait(5).poll().codes() == ["MT06"]
    story = Story()
    assert limited(story, retry_after=date).wait(31).poll().codes() == []


@pytest.mark.parametrize(
    "text", ["soon", "-1", "1e9", "Thu, 99 Nov 2026", "9" * 40, "", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_a_wait_that_is_none_asks_for_nothing(text: str) -> None:
    assert limited(Story(), retry_after=text).wait(0.1).poll().codes() == []


def test_an_sdk_that_comes_back_on_its_own_is_not_its_caller() -> None:
    story = limited(Story()).wait(0.5).poll(retry=1, status=429, answer=error(type="requests"), retry_after="10")
    assert story.wait(5).poll().codes() == ["MT06"]
    assert limited(Story()).wait(0.5).poll(retry=1).codes() == []


def test_what_is_hopeless_is_not_to_be_waited_for() -> None:
    refused = {"status": 429, "answer": error("insufficient_quota"), "retry_after": "30"}
    assert Story().create(**refused).wait(1).create(**refused).codes() == ["MT05"]


# -- MT07 and MT08 -----------------------------------------------------------------------------------------------------


def test_a_fresh_model_is_not_to_be_asked_in_a_loop() -> None:
    story = Story().named()
    for _ in range(6):
        story.unknown()
    assert story.wait(600).chat().codes() == ["MT07"]


def test_growing_pauses_are_backing_off() -> None:
    story = Story().named()
    for doubled in range(12):
        story.unknown().wait(0.1 * 2**doubled)
    assert story.chat().codes() == []


def test_workers_side_by_side_ask_each_on_their_own() -> None:
    story = Story().named()
    for worker in range(20):
        story.unknown(text=f"question {worker}", connection=worker)
    story.wait(30)
    for worker in range(20):
        story.chat(text=f"question {worker}", connection=worker)
    assert story.codes() == []


def test_the_retries_of_an_sdk_are_not_a_loop() -> None:
    story = Story()
    for _ in range(2):
        for retry in range(3):
            story.wait(0.3).loading(status=503, retry=retry)
    assert story.wait(30).chat().codes() == []


def test_who_is_told_when_to_come_back_is_judged_by_that() -> None:
    story = Story()
    for _ in range(6):
        story.loading(retry_after="60")
    assert story.wait(60).chat().codes() == ["MT06"]


def test_the_last_word_of_a_model_should_be_an_answer() -> None:
    assert Story().named().unknown().codes() == ["MT08"]
    assert Story().loading().codes() == ["MT08"]
    assert Story().chat().wait(3600).loading().codes() == ["MT08"]  # unloaded meanwhile
    assert Story().loading().wait(60).chat().codes() == []
    looked_up = (
        Story().named().ask("models.retrieve", path=f"/v1/models/{MODEL}", status=404, answer=error("model_not_found"))
    )
    assert looked_up.codes() == ["MT08"]


def test_a_model_nobody_named_is_no_cold_one() -> None:
    assert Story().unknown().codes() == []
    lost = Story().poll("succeeded", shown={"fine_tuned_model": MODEL}, lost=True, faults=FIRED).wait(5)
    assert lost.unknown().poll("succeeded").codes() == []


def test_a_model_that_is_gone_is_no_cold_one() -> None:
    assert Story().named().chat().wait(60).unknown().codes() == []
    deleted = Story().named().ask("models.delete", "DELETE", f"/v1/models/{MODEL}")
    assert deleted.unknown().codes() == []


def test_ten_minutes_of_trying_are_enough() -> None:
    story = Story().loading()
    for _ in range(20):
        story.wait(30).loading()
    assert story.codes() == []


# -- MT09 and MT10 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("null", ["None", "null", "undefined", "nil"])
def test_no_id_is_called_null(null: str) -> None:
    assert Story().ask("files.retrieve", path=f"/v1/files/{null}", status=404).codes() == ["MT09"]
    assert Story().events(query=f"after={null}", status=400, answer=error(param="after")).codes() == ["MT09"]
    assert Story().create(body={"training_file": null}, status=400, answer=error(param="training_file")).codes() == [
        "MT09"
    ]
    assert Story().create(body={"suffix": null, "metadata": {"run": null}}).codes() == []


def test_a_null_is_fine_where_nothing_need_be_given() -> None:
    assert Story().create(body={"validation_file": None, "suffix": None}).codes() == []
    assert Story().create(body={"model": None}, status=400, answer=error(param="model")).codes() == ["MT09"]


def checkpoints(story: Story, *found: str) -> Story:
    path = f"/v1/fine_tuning/jobs/{JOB}/checkpoints"
    data = [{"object": "fine_tuning.job.checkpoint", "fine_tuned_model_checkpoint": each} for each in found]
    return story.ask("fine_tuning.jobs.checkpoints.list", path=path, answer={"object": "list", "data": data})


def test_results_that_were_asked_for_too_early_should_be_asked_for_again() -> None:
    early = checkpoints(Story().poll()).wait(600).poll("succeeded")
    assert early.codes(job=OVER) == ["MT10"]
    assert early.codes(job=JobFacts(LONG_AGO, NEVER, NEVER)) == []
    assert checkpoints(early, "ft:x:ckpt-step-10").codes(job=OVER) == []


def test_a_result_file_may_be_late() -> None:
    story = Story().named().ask("files.content", path="/v1/files/file-result/content", status=404)
    assert story.codes(job=OVER) == ["MT10"]
    assert story.codes(job=JobFacts(LONG_AGO, LONG_AGO, NEVER)) == []
    assert story.wait(60).ask("files.content", path="/v1/files/file-result/content").codes(job=OVER) == []


def test_a_list_of_result_files_may_be_empty_as_yet() -> None:
    empty = {"object": "list", "data": []}
    story = (
        Story().poll("succeeded").ask("files.list", path="/v1/files", query="purpose=fine-tune-results", answer=empty)
    )
    assert story.codes(job=OVER) == ["MT10"]
    assert Story().poll("succeeded").ask("files.list", path="/v1/files", answer=empty).codes(job=OVER) == []


# -- MT11 and MT12 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", ["forged", "missing", "stale", "rotated"])
def test_a_bad_signature_is_to_be_refused(signature: str) -> None:
    assert Story().delivery(200, signature=signature).codes() == ["MT11"]
    assert Story().delivery(400, signature=signature).codes() == []
    assert Story().delivery(None, signature=signature).codes() == []


def test_a_webhook_may_come_twice() -> None:
    assert Story().delivery(200).create().delivery(200).create().codes() == ["MT12"]
    assert Story().delivery(200, 200).create().create().codes() == ["MT12"]
    assert Story().delivery(200).create().delivery(200).codes() == []
    assert Story().delivery(200).delivery(200).create().create(body={"suffix": "b"}).codes() == []


def test_what_comes_of_one_delivery_alone_is_not_done_twice() -> None:
    assert Story().delivery(200).create().create().codes() == []
    assert Story().delivery(500).create().delivery(200).create().codes() == []  # it asked for the second
    assert Story().delivery(200, endpoint="whe_1").create().delivery(200, endpoint="whe_2").create().codes() == []
    assert Story().delivery(200).create().delivery(200).wait(61).create().codes() == []
    assert Story().delivery(200).create().delivery(200).wait(61, 0.1).create().codes() == []
    assert Story().delivery(200).wait(61, 0.1).create().delivery(200).create().codes() == []
    assert Story().create().delivery(200, 200).create().codes() == []
    assert Story().delivery(200).chat().delivery(200).chat().codes() == []
    assert Story().delivery(200).poll("succeeded").delivery(200).poll("succeeded").codes() == []


def test_one_act_that_was_sent_again_is_one_act() -> None:
    assert Story().delivery(200, 200).create().create(retry=1).codes() == []
    assert Story().delivery(200, 200).create(connection=1).create(connection=2).codes() == []
    assert Story().delivery(200, 200).create(**LOST).create().codes() == ["MT04"]


# -- MT13 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 500, "answer": error(type="server_error")},
        {"status": 502, "answer": b"<html>Bad gateway</html>"},
        {"status": 408},
        {"status": 429, "answer": error("rate_limit_exceeded", type="requests")},
        {"status": 0, "lost": True, "faults": FIRED},
        {"status": 200, "lost": True, "faults": FIRED},
    ],
)
def test_what_passes_is_to_be_tried_again(failure: dict[str, object]) -> None:
    assert Story().poll(**failure).codes() == ["MT13"]
    assert Story().poll(**failure).wait(5).poll(**failure).codes() == []
    assert Story().poll(**failure).poll(**failure, retry=1).codes() == []
    assert Story().poll(**failure).wait(5).poll("succeeded").codes() == []
    assert Story().poll(**failure).wait(5).events(1).codes() == []  # it still cares for the job


def test_an_sdk_that_tried_again_tried_again() -> None:
    """Though its first attempt failed otherwise."""
    server_error = error(type="server_error")
    assert Story().poll(status=409, answer=error()).poll(status=500, answer=server_error, retry=1).codes() == []


def test_a_create_that_failed_may_be_looked_up_instead() -> None:
    assert Story().create(status=500).codes() == ["MT13"]
    assert Story().create(status=500).ask("fine_tuning.jobs.list", path="/v1/fine_tuning/jobs").codes() == []


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 429, "answer": error("insufficient_quota", type="insufficient_quota")},
        {"status": 429, "answer": error("rate_limit_exceeded")},  # a cap of jobs
        {"status": 503, "answer": error(type="server_error"), "retry_after": "300"},
        {"status": 0, "lost": True},  # the client left
        {"status": 404, "answer": error()},
        {"status": 409, "answer": error()},
    ],
)
def test_giving_up_may_be_right(failure: dict[str, object]) -> None:
    assert Story().create(**failure).codes() == []


# -- the table ---------------------------------------------------------------------------------------------------------


def test_codes_count_from_one_and_are_found_by_name() -> None:
    assert [kind.code for kind in FINDINGS] == [f"MT{number:02}" for number in range(1, len(FINDINGS) + 1)]
    assert list(BY_CODE.values()) == list(FINDINGS)


def test_a_finding_that_was_earned_often_is_told_once() -> None:
    story = Story()
    for number in range(30):
        story.ask("files.retrieve", path="/v1/files/None", status=404).wait(number)
    (finding,) = judge(story.conduct()).findings
    assert finding.times == 30
    assert finding.summary.endswith("(and 29 more like it)")
    assert len(finding.evidence) == MAX_EVIDENCE


def test_what_is_allowed_is_left_out_and_named() -> None:
    verdict = judge(Story().poll(status=500).conduct(), allow=("MT13", "MT01"))
    assert verdict.clean
    assert verdict.allowed == ("MT13",)


def test_a_journal_with_gaps_makes_the_verdict_incomplete() -> None:
    assert judge(Story().conduct(), dropped=3).complete is False
    assert judge(Story().conduct()).complete is True


# -- MT14 --------------------------------------------------------------------------------------------------------------


def looked_at(status: str, *, id: str = "file-1", **more: Any) -> dict[str, Any]:
    return {"path": f"/v1/files/{id}", "answer": {"object": "file", "id": id, "status": status}, **more}


def test_who_never_looked_at_the_file_that_failed_its_job_is_told() -> None:
    story = Story().create().poll("failed")
    assert story.codes(failed_files=("file-1",)) == ["MT14"]
    assert story.codes(failed_files=()) == []
    assert story.codes(failed_files=("file-2",)) == []
    assert Story().create(body={"validation_file": "file-2"}).codes(failed_files=("file-2",)) == ["MT14"]


def test_who_was_shown_that_the_file_ended_in_error_looked_at_it() -> None:
    def codes(*looks: dict[str, Any]) -> list[str]:
        story = Story().create()
        for each in looks:
            story.ask("files.retrieve", **each)
        return story.codes(failed_files=("file-1",))

    assert codes(looked_at("error")) == []
    assert codes(looked_at("uploaded")) == ["MT14"]
    assert codes(looked_at("error", id="file-2")) == ["MT14"]
    assert codes(looked_at("error", lost=True)) == ["MT14"]
    listed = {"object": "list", "data": [{"object": "file", "id": "file-1", "status": "error"}]}
    assert Story().create().ask("files.list", path="/v1/files", answer=listed).codes(failed_files=("file-1",)) == []


def test_a_create_that_was_refused_created_nothing_on_the_file() -> None:
    refused = Story().create(status=400, answer=error(param="training_file"))
    assert refused.codes(failed_files=("file-1",)) == []
