"""From symptoms of runs to faults of the client: one cause is one fault, in however many runs it shows.

::

    MT02 in three runs, which fail because of it           one fault, MT02
    MT02, and MT09 in the same run                         one fault, MT02: the model it used was null
    gave_up without a finding, at one place                one fault for all runs that end there
    MT03 here, gave_up there                               two faults
"""

from __future__ import annotations

from rehearsal.runs_told import FAILED, SUCCEEDED, entry, error, job, judged

from mocktune.domain.verdict import BY_CODE
from mocktune.rehearsal.faults import ACCOUNTS_FOR, REMEDIES, TITLES, faults_of
from mocktune.rehearsal.judging import Judged


def found(*runs: Judged) -> list[tuple[str, list[str], list[str]]]:
    return [(each.code, each.scenarios, each.led_to) for each in faults_of(runs)]


def test_a_client_without_symptoms_has_no_faults() -> None:
    assert found(judged("recover", 0, SUCCEEDED)) == []


def test_a_finding_in_many_runs_is_one_fault() -> None:
    runs = [judged("recover", 0, SUCCEEDED, name=name, findings=("MT03",)) for name in ("a", "b", "c")]
    assert found(*runs) == [("MT03", ["a", "b", "c"], [])]


def test_a_finding_accounts_for_how_its_run_ended() -> None:
    running = entry("fine_tuning.jobs.retrieve", job("queued"))
    assert found(
        judged("recover", 1, running, name="a", findings=("MT02",)),
        judged("give_up", 1, running, name="b", findings=("MT02",)),
        judged("give_up", 0, running, name="c", findings=("MT02",)),
    ) == [
        ("MT02", ["a", "b", "c"],
         ["gives up on what can be survived", "fails without saying why", "takes a failure for success"]),
    ]  # fmt: skip


def test_a_finding_accounts_for_one_that_follows_from_it() -> None:
    of = judged("recover", 1, SUCCEEDED, findings=("MT02", "MT09"))
    assert found(of) == [("MT02", ["a-scenario"], ["gives up on what can be survived", "MT09"])]


def test_what_a_finding_cannot_account_for_is_a_fault_of_its_own() -> None:
    broken = entry("files.content")
    of = judged("recover", 1, broken, findings=("MT03",))
    assert [code for code, _, _ in found(of)] == ["MT03", "gave_up"]
    # What accounts for a failure in one run does not in another.
    runs = judged("recover", 1, broken, findings=("MT08",)), judged("recover", 1, broken)
    assert [code for code, _, _ in found(*runs)] == ["MT08", "gave_up"]


def test_failures_at_one_place_are_one_fault_and_at_two_places_two() -> None:
    here = entry("files.content")
    there = entry("fine_tuning.jobs.list_events")
    runs = [judged("recover", 1, SUCCEEDED, each, name=name) for name, each in (("a", here), ("b", here), ("c", there))]
    assert [scenarios for _, scenarios, _ in found(*runs)] == [["a", "b"], ["c"]]


def test_jobs_taken_for_success_are_one_fault_whether_failed_or_cancelled() -> None:
    cancelled = entry("fine_tuning.jobs.retrieve", job("cancelled"))
    refused = entry("fine_tuning.jobs.create", error("insufficient_quota"), status=429)
    assert [scenarios for _, scenarios, _ in found(
        judged("give_up", 0, FAILED, name="a"),
        judged("give_up", 0, cancelled, name="b"),
        judged("give_up", 0, refused, name="c"),
    )] == [["a", "b"], ["c"]]  # fmt: skip


def test_a_loop_without_end_and_without_pause_is_one_fault() -> None:
    of = judged("recover", None, SUCCEEDED, stopped="wall", findings=("MT01",))
    assert len(found(of)) == 1


def test_the_fault_of_most_scenarios_comes_first() -> None:
    runs = [judged("recover", 0, SUCCEEDED, name="a", findings=("MT01", "MT03")),
            judged("recover", 0, SUCCEEDED, name="b", findings=("MT03",))]  # fmt: skip
    assert [code for code, _, _ in found(*runs)] == ["MT03", "MT01"]


def test_the_tables_know_every_behaviour_and_no_other_code() -> None:
    assert TITLES.keys() == REMEDIES.keys()
    named = set(ACCOUNTS_FOR) | {each for accounted in ACCOUNTS_FOR.values() for each in accounted}
    assert named <= set(BY_CODE) | set(TITLES)
