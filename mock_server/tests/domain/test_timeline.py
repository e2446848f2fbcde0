"""A job's future is decided at its creation; time only uncovers it.

created -> (files ready) validating -> resolved -> validated -> started -> steps -> finished -> tail
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import FINISH, GOOD, T0, at, inputs, outlook

from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.formats.defects import Defect
from mocktune.domain.hyperparameters import Requested
from mocktune.domain.lifecycle import JobStatus, may_follow
from mocktune.domain.objects import JobRequest
from mocktune.domain.plan import earliest_end
from mocktune.domain.timeline import Signal, Timeline, normalised_suffix
from mocktune.domain.validation import FileOutlook


def messages(timeline: Timeline, now: VirtualTime) -> list[str]:
    return [timeline.event(index, now).message for index in range(timeline.event_count(now))]


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (0, "validating_files"),
        (46.999, "validating_files"),
        (47, "queued"),
        (51, "running"),
        (FINISH - 0.001, "running"),
        (FINISH, "succeeded"),
        (10**7, "succeeded"),
    ],
)
def test_a_job_moves_along_the_recorded_durations(seconds: float, status: str) -> None:
    assert Timeline(inputs()).status_at(at(seconds)) == status


def test_a_job_waits_for_a_file_that_is_still_processing() -> None:
    slow = Timeline(inputs(training=outlook(ready=1000)))
    assert slow.status_at(at(1044)) is JobStatus.VALIDATING_FILES
    assert slow.status_at(at(1045)) is JobStatus.QUEUED
    assert messages(slow, at(999)) == ["Created fine-tuning job: ftjob-1"]
    assert slow.event(1, at(1000)).created_at == at(1000)


def test_auto_turns_into_numbers_while_the_files_are_validated() -> None:
    timeline = Timeline(inputs())
    assert timeline.hyperparameters_at(at(2)) is None
    resolved = timeline.hyperparameters_at(at(2 + 45 / 2))
    assert resolved is not None
    assert (resolved.n_epochs, resolved.batch_size, resolved.learning_rate_multiplier) == (8, 1, 1.8)
    assert timeline.status_at(at(2 + 45 / 2)) is JobStatus.VALIDATING_FILES


def test_the_events_of_a_whole_life_come_in_the_recorded_order_and_words() -> None:
    timeline = Timeline(inputs())
    told = messages(timeline, at(10**6))
    model = timeline.fine_tuned_model
    assert told[:4] == [
        "Created fine-tuning job: ftjob-1",
        "Validating training file: file-A",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    assert [text.partition(":")[0] for text in told[4:100]] == [f"Step {step}/96" for step in range(1, 97)]
    assert told[100:] == [
        f"Checkpoint created at step 72 with Snapshot ID: {timeline.checkpoint_model(72)}",
        f"Checkpoint created at step 84 with Snapshot ID: {timeline.checkpoint_model(84)}",
        f"New fine-tuned model created: {model}",
        "The job has successfully completed",
    ]


def test_only_the_start_event_has_null_data() -> None:
    timeline = Timeline(inputs())
    bare = [index for index in range(104) if timeline.event(index, at(10**6)).bare]
    assert bare == [3]


def test_the_tail_follows_after_the_job_has_succeeded() -> None:
    timeline = Timeline(inputs())
    assert [timeline.event_count(at(FINISH + s)) for s in (0, 1.999, 2, 7.999, 8)] == [100, 100, 103, 103, 104]


def test_a_checkpoint_has_an_id_of_its_own_and_the_last_one_is_the_model() -> None:
    timeline = Timeline(inputs())
    checkpoints = timeline.checkpoints_at(at(FINISH))
    assert [each.metrics.step for each in checkpoints] == [96, 84, 72]
    assert checkpoints[0].model == timeline.fine_tuned_model
    model_ids = [each.model.split(":")[4] for each in checkpoints]
    assert len(set(model_ids)) == 3
    assert [each.model.endswith(f":ckpt-step-{each.metrics.step}") for each in checkpoints] == [False, True, True]
    assert checkpoints[1].created_at < checkpoints[0].created_at < at(FINISH + 1)


def test_checkpoints_are_not_to_be_seen_before_the_end() -> None:
    assert Timeline(inputs()).checkpoints_at(at(FINISH - 0.001)) == []


@pytest.mark.parametrize(("epochs", "steps"), [(1, []), (2, [12]), (3, [12, 24]), (4, [24, 36])])
def test_only_the_last_three_epochs_keep_a_checkpoint(epochs: int, steps: list[int]) -> None:
    request = JobRequest("gpt-4o-mini-2024-07-18", "file-A", hyperparameters=Requested(n_epochs=epochs))
    assert list(Timeline(inputs(request=request)).earlier_checkpoint_steps) == steps


def test_a_name_is_built_from_snapshot_organization_suffix_and_id() -> None:
    parts = Timeline(inputs()).fine_tuned_model.split(":")
    assert parts[:4] == ["ft", "gpt-4o-mini-2024-07-18", "mocktune", "marv"]
    assert len(parts[4]) == 8
    bare = Timeline(inputs(request=JobRequest("gpt-4o-mini-2024-07-18", "file-A")))
    assert "::" in bare.fine_tuned_model


@pytest.mark.parametrize(("suffix", "shown"), [("Marv v1", "marv-v1"), ("a_b-C", "a_b-c"), ("é!", "--"), (None, "")])
def test_a_suffix_is_shown_in_lower_case_with_dashes(suffix: str | None, shown: str) -> None:
    assert normalised_suffix(suffix) == shown


def test_a_validation_file_adds_its_name_and_the_full_validation() -> None:
    timeline = Timeline(inputs(validation=outlook("file-B", ready=0)))
    assert timeline.event(1, at(3)).message == "Validating training file: file-A and validation file: file-B"
    assert timeline.plan.finished_at == at(FINISH + 50)
    assert "full validation loss=" in timeline.event(4 + 95, at(10**6)).message


BROKEN = replace(GOOD, defect=Defect("extra_key", 'Invalid file format. Example 1 contains an extra "weight".', 1))


@pytest.mark.parametrize(
    ("training", "validation", "code", "param", "message"),
    [
        (outlook(report=replace(GOOD, examples=7)), None, "invalid_n_examples", "training_file",
         "Training file has 7 example(s), but must have at least 10 examples"),
        (outlook(report=BROKEN), None, "invalid_file_format", "training_file",
         "The job failed due to a file format error in the training file. "
         'Invalid file format. Example 1 contains an extra "weight".'),
        (outlook(), outlook("file-B", report=BROKEN), "invalid_file_format", "validation_file",
         "The job failed due to a file format error in the validation file. "
         'Invalid file format. Example 1 contains an extra "weight".'),
        (outlook(purpose="assistants", report=None), None, "invalid_training_file", "training_file", "purpose"),
        (outlook(), outlook("file-B", purpose="batch", report=None), "invalid_validation_file", "validation_file",
         "The job failed due to an invalid validation file."),
        (outlook(status_details="line 3 is bad"), None, "invalid_training_file", "training_file", "line 3 is bad"),
        (outlook(deleted_at=at(46)), None, "invalid_training_file", "training_file", "was deleted"),
        (outlook(report=replace(GOOD, format="prompt_completion")), None, "invalid_training_file", "training_file",
         "is in the fine-tune-prompt-completion format"),
    ],
)  # fmt: skip
def test_a_bad_file_fails_the_job_when_validation_ends(
    training: FileOutlook, validation: FileOutlook | None, code: str, param: str, message: str
) -> None:
    timeline = Timeline(inputs(training=training, validation=validation))
    assert timeline.status_at(at(46.9)) is JobStatus.VALIDATING_FILES
    assert timeline.error_at(at(46.9)) is None
    error = timeline.error_at(at(47))
    assert error is not None
    assert (error.code, error.param) == (code, param)
    assert message in error.message
    assert timeline.finished_at(at(10**6)) is None
    assert timeline.hyperparameters_at(at(10**6)) is None
    last = timeline.event(timeline.event_count(at(47)) - 1, at(47))
    assert (last.level, last.message) == ("error", error.message)
    assert timeline.event_count(at(10**6)) == 3


def test_a_file_deleted_after_validation_does_not_matter() -> None:
    assert Timeline(inputs(training=outlook(deleted_at=at(47.1)))).status_at(at(10**6)) is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("phase", "when", "finished", "events"),
    [
        ("validating_files", 2 + 45 * 0.5, False, 3),
        ("queued", 47 + 4 * 0.5, True, 4),
        ("running", 51 + 240 * 0.5, True, None),
    ],
)
def test_a_scripted_failure_comes_in_its_phase(phase: str, when: float, finished: bool, events: int | None) -> None:
    failing = ("job.outcome=failed", f"job.failure.phase={phase}", "job.failure.code=server_error")
    timeline = Timeline(inputs(*failing))
    assert timeline.status_at(at(when - 0.001)) == phase
    assert timeline.status_at(at(when)) is JobStatus.FAILED
    assert (timeline.finished_at(at(10**6)) is not None) is finished
    count = timeline.event_count(at(10**6))
    assert timeline.event(count - 1, at(10**6)).level == "error"
    if events:
        assert count == events
    else:
        assert 4 + 46 <= count - 1 <= 4 + 49
    assert timeline.checkpoints_at(at(10**6)) == []


@given(st.floats(0, FINISH - 0.01))
def test_a_cancel_ends_the_job_at_once_and_adds_one_event(seconds: float) -> None:
    before, now = Timeline(inputs()), at(seconds)
    after = before.with_signal(Signal(now, "cancel"))
    assert after.status_at(now) is JobStatus.CANCELLED
    assert after.finished_at(now) == now
    seen = [before.event(index, now) for index in range(before.event_count(now))]
    assert [after.event(index, at(10**6)) for index in range(len(seen))] == seen
    assert after.event_count(at(10**6)) == len(seen) + 1
    assert after.event(len(seen), now).message == "The job has been cancelled"
    assert after.checkpoints_at(at(10**6)) == []


moments = st.lists(st.floats(0, FINISH + 200), min_size=2, max_size=12).map(sorted)
scenarios = st.sampled_from(
    [
        (),
        ("job.training=0s", "job.queued=0s", "job.validating=0s"),
        ("job.outcome=failed",),
        ("job.outcome=failed", "job.failure.phase=queued"),
        ("job.step=10ms", "events.completed_after=0s"),
    ]
)


@given(moments, scenarios, st.integers(0, 2**60), st.one_of(st.none(), st.floats(0, FINISH - 1)))
@settings(max_examples=150)
def test_events_only_append_and_statuses_move_along_the_table(
    seconds: list[float], changes: tuple[str, ...], seed: int, cancel: float | None
) -> None:
    timeline = Timeline(inputs(*changes, seed=seed))
    if cancel is not None and not timeline.status_at(at(cancel)).terminal:
        timeline = timeline.with_signal(Signal(at(cancel), "cancel"))
    for earlier, later in pairwise(at(each) for each in seconds):
        assert may_follow(timeline.status_at(earlier), timeline.status_at(later))
        known = timeline.event_count(earlier)
        assert known <= timeline.event_count(later)
        assert timeline.event(known - 1, earlier) == timeline.event(known - 1, later)
    now = at(seconds[-1])
    times = [timeline.event(index, now).created_at for index in range(timeline.event_count(now))]
    assert times == sorted(times)
    assert all(each <= now for each in times)
    with pytest.raises(IndexError):
        timeline.event(len(times), now)


@given(st.integers(0, 2**60), st.integers(1, 5000), st.integers(0, 10**10))
def test_counting_ended_steps_agrees_with_when_each_step_ends(seed: int, epochs: int, elapsed: int) -> None:
    request = JobRequest("gpt-4o-mini-2024-07-18", "file-A", hyperparameters=Requested(n_epochs=epochs))
    training = Timeline(inputs(request=request, seed=seed, name="quick")).plan.training
    assert training is not None
    now = VirtualTime(training.starts + elapsed % (training.lasts + SECOND))
    ended = training.steps_ended(now)
    assert ended == 0 or training.step_ends(ended) <= now
    assert ended == training.curve.total_steps or training.step_ends(ended + 1) > now


@given(st.integers(0, 2**60), scenarios)
def test_the_earliest_end_is_never_after_the_real_one(seed: int, changes: tuple[str, ...]) -> None:
    given_inputs = inputs(*changes, seed=seed)
    finished_at = Timeline(given_inputs).plan.finished_at
    if finished_at is not None:
        ready = given_inputs.training.ready_at
        assert earliest_end(given_inputs.created_at, ready, given_inputs.scenario, seed) <= finished_at


def test_between_two_landmarks_only_steps_change() -> None:
    timeline = Timeline(inputs(validation=outlook("file-B")))
    for earlier, later in pairwise([T0, *timeline.landmarks(), at(10**6)]):
        just_before = VirtualTime(max(earlier, later - 1))
        assert timeline.status_at(earlier) is timeline.status_at(just_before)
        assert timeline.hyperparameters_at(earlier) == timeline.hyperparameters_at(just_before)
        assert len(timeline.checkpoints_at(earlier)) == len(timeline.checkpoints_at(just_before))
    tenths = [each for each in timeline.landmarks() if timeline.status_at(each) is JobStatus.RUNNING]
    assert len(tenths) == 11  # the start, nine tenths, and the end of training before the full validation


def test_the_rows_of_a_long_result_are_thinned_but_end_with_the_last_step() -> None:
    timeline = Timeline(inputs())
    assert [int(row.split(",")[0]) for row in list(timeline.result_rows(1000))[1:]] == list(range(1, 97))
    thinned = [int(row.split(",")[0]) for row in list(timeline.result_rows(20))[1:]]
    assert thinned[:3] == [5, 10, 15]
    assert thinned[-1] == 96
    assert len(thinned) <= 20
