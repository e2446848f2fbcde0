"""What is to be said of a run, by how it ended, what it said and what its scenario expects.

::

    recover     exit code 0 within the virtual time        passed
                any other                                  gave_up
    give_up     another exit code, and the reason told     passed
                0                                          false_success
                the reason not told                        no_reason
    either      a finding                                  its code
                not at its end in time                     hung
"""

from __future__ import annotations

import json

import pytest
from rehearsal.runs_told import FAILED, SUCCEEDED, codes, entry, error, file, job, judged, run

from mocktune.rehearsal.telling import reasons_shown, says_why

MESSAGE = "The job failed due to a file format error. Example 6174 message contains an invalid token: <|fim_suffix|>."


def test_a_recover_scenario_is_passed_with_success() -> None:
    of = judged("recover", 0, SUCCEEDED)
    assert (of.passed, of.outcome) == (True, "recovered")


def test_who_fails_where_others_recover_gave_up() -> None:
    of = judged("recover", 1, SUCCEEDED, entry("files.content", status=500))
    assert (codes(of), of.outcome) == (["gave_up"], "gave_up")
    assert of.symptoms[0].text == "ended with 1 after files.content (500)"


def test_a_give_up_scenario_is_passed_by_who_fails_and_says_why() -> None:
    of = judged("give_up", 1, FAILED, err="job ftjob-1: It broke in the middle of it.")
    assert (codes(of), of.outcome) == ([], "gave_up")


def test_who_succeeds_where_nothing_did_took_a_failure_for_success() -> None:
    of = judged("give_up", 0, FAILED, out="It broke in the middle of it.")
    assert codes(of) == ["false_success"]
    assert of.symptoms[0].text == "ended with 0 in spite of a job that failed"


def test_who_fails_without_the_services_words_did_not_say_why() -> None:
    of = judged("give_up", 1, FAILED, err="something went wrong")
    assert codes(of) == ["no_reason"]
    assert "It broke in the middle of it." in of.symptoms[0].text


def test_more_virtual_time_than_allowed_is_too_late_in_either() -> None:
    assert codes(judged("recover", 0, SUCCEEDED, virtual_s=3600.0)) == []
    assert codes(judged("recover", 0, SUCCEEDED, virtual_s=3601.0)) == ["too_late"]
    assert codes(judged("give_up", 1, FAILED, err="server_error", virtual_s=3601.0)) == ["too_late"]
    assert codes(judged("recover", 0, SUCCEEDED, virtual_s=1e9, within=None)) == []


def test_who_is_not_done_in_time_hung_whatever_was_expected() -> None:
    for stopped in ("wall", "virtual"):
        of = judged("give_up", None, FAILED, stopped=stopped)
        assert (codes(of), of.outcome) == (["hung"], "hung")
    assert codes(judged("recover", None, SUCCEEDED, stopped="interrupted")) == ["broken_off"]


def test_who_asks_nothing_is_told_so_before_all_else() -> None:
    assert codes(judged("recover", 2)) == ["silent"]
    assert codes(judged("recover", 0)) == ["silent"]
    assert codes(judged("give_up", 1)) == ["silent"]
    assert codes(judged("recover", None, not_started="command not found: trian")) == ["not_started"]


def test_findings_count_beside_a_good_end() -> None:
    assert codes(judged("recover", 0, SUCCEEDED, findings=("MT03", "MT04"))) == ["MT03", "MT04"]


# -- saying why --------------------------------------------------------------------------------------------------------

BAD_LINE = entry("fine_tuning.jobs.retrieve", job("failed", code="invalid_file_format", message=MESSAGE))


@pytest.mark.parametrize(
    "told",
    [
        MESSAGE,
        MESSAGE.upper(),
        "invalid_file_format",
        "Error: code='invalid_file_format'",
        json.dumps({"error": {"message": MESSAGE}}),
        json.dumps(json.dumps({"message": MESSAGE})),
        "\n".join(MESSAGE[at : at + 20] for at in range(0, len(MESSAGE), 20)),
        "Traceback (most recent call last):\n  File …\nTrainingFailed: " + MESSAGE,
        f"\x1b[31m{MESSAGE}\x1b[0m",
        MESSAGE[:80] + "…",
    ],
)  # fmt: skip
def test_the_reason_is_found_however_it_was_written(told: str) -> None:
    assert codes(judged("give_up", 1, BAD_LINE, err=told)) == []
    assert codes(judged("give_up", 1, BAD_LINE, out=told)) == [], "on either stream"


@pytest.mark.parametrize("told", ["", "failed", "the job failed", "invalid", "Example 6174", "status: failed ftjob-1"])
def test_less_than_the_reason_is_none(told: str) -> None:
    assert codes(judged("give_up", 1, BAD_LINE, err=told)) == ["no_reason"]


@pytest.mark.parametrize(
    "told",
    [
        json.dumps("Größe falsch\nin Zeile 2"),
        "Gr\x1b[1mö\x1b[0mße falsch in \x1b[31mZeile 2",
        "GRÖSSE falsch\n\tin Zeile 2",
    ],
)
def test_escapes_and_colours_within_a_short_reason_do_not_hide_it(told: str) -> None:
    failed = entry("fine_tuning.jobs.retrieve", job("failed", code="x1", message="Größe falsch\nin Zeile 2"))
    assert codes(judged("give_up", 1, failed, err=told)) == []


def test_a_cancelled_job_is_told_by_that_word() -> None:
    cancelled = entry("fine_tuning.jobs.retrieve", job("cancelled"))
    assert codes(judged("give_up", 1, cancelled, err="the job was Cancelled")) == []
    assert codes(judged("give_up", 1, cancelled, err="the job was canceled")) == []
    assert codes(judged("give_up", 1, cancelled, err="the job did not succeed")) == ["no_reason"]


def test_of_a_file_its_details_are_the_reason() -> None:
    bad = entry("files.retrieve", file("error", "Example 1 cannot be parsed."))
    assert codes(judged("give_up", 1, bad, err="bad file: Example 1 cannot be parsed.")) == []
    assert codes(judged("give_up", 1, bad, err="the file ended in error")) == ["no_reason"]


def test_of_a_refused_request_code_or_message_are_the_reason() -> None:
    refused = entry("fine_tuning.jobs.create", error("insufficient_quota", "You exceeded your quota."), status=429)
    assert codes(judged("give_up", 1, refused, err="RateLimitError: insufficient_quota")) == []
    assert codes(judged("give_up", 1, refused, err="you exceeded your quota")) == []
    assert codes(judged("give_up", 1, refused, err="429")) == ["no_reason"]


def test_what_got_better_is_no_reason() -> None:
    refused = entry("files.retrieve", error("server_error", "The server had an error."), status=500)
    better = entry("files.retrieve", file("processed"))
    of = run("give_up", 1, refused, better, FAILED)
    assert [each.about for each in reasons_shown(of)] == ["a job that failed"]


def test_who_was_shown_no_reason_cannot_have_told_it() -> None:
    assert not says_why("anything", [])
    of = judged("give_up", 1, entry("files.create", file("uploaded")))
    assert of.symptoms[0].text == "failed before it was shown why it had to"


def test_an_answer_that_was_lost_showed_nothing() -> None:
    lost = entry("fine_tuning.jobs.retrieve", job("failed", code="server_error", message="It broke."), lost=True)
    assert reasons_shown(run("give_up", 1, lost)) == []
