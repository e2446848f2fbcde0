"""What time brings: when a job has succeeded, its result file and its models exist; when a file expires, it is gone.

None of it is made by a background task: before a request looks at a sandbox at ``now``, whatever was due by ``now`` is
entered into its lists, in the order it was due. So the lists are the same however often they were looked at.
"""

from __future__ import annotations

from heapq import heappop, heappush

from mocktune.domain.clock import VirtualTime
from mocktune.domain.moments import Moment
from mocktune.domain.plan import earliest_end
from mocktune.domain.timeline import Timeline
from mocktune.service.datasets import Datasets
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.retention import end_upload, remove_file
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.timelines import timeline_of
from mocktune.service.upload_records import UploadRecord

Expected = JobRecord | FileRecord | UploadRecord

_RANK: dict[type, int] = {JobRecord: 0, FileRecord: 1, UploadRecord: 2}
"""What is due at one instant and has one ordinal is entered in this order: records cannot be compared."""


def expect_end(sandbox: Sandbox, job: JobRecord) -> None:
    """Remember that ``job`` may bring forth objects, not earlier than its scenario allows, and when that deletes its
    training file.
    """
    for signal in job.scenario.signals:
        if signal.do == "delete_file":
            at = VirtualTime(max(job.training.ready_at, job.created_at + Moment.parse(signal.at).after))
            _expect(sandbox, at, job.training)
    ready_at = max(job.training.ready_at, job.validation.ready_at if job.validation else VirtualTime(0))
    _expect(sandbox, earliest_end(job.created_at, ready_at, job.scenario, job.seed), job)


def expect_moved_end(sandbox: Sandbox, job: JobRecord) -> None:
    """Remember a job again that was paused or resumed: it may have been forgotten while it had no end, and where its
    scenario pauses it too, it may now end earlier.
    """
    assert job.timeline is not None  # it was paused or resumed
    at = job.timeline.succeeds_at
    if at is not None and not any(what is job and when <= at for when, _, what in sandbox.due):
        _expect(sandbox, at, job)


def expect_expiry(sandbox: Sandbox, file: FileRecord) -> None:
    """Remember when ``file`` will be gone, if it ever is."""
    if file.expires_at is not None:
        _expect(sandbox, file.expires_at, file)


def expect_upload_expiry(sandbox: Sandbox, upload: UploadRecord) -> None:
    """Remember when ``upload`` will expire, unless it ends before."""
    _expect(sandbox, upload.expires_at, upload)


def _expect(sandbox: Sandbox, at: VirtualTime, what: Expected) -> None:
    heappush(sandbox.due, (at, what.ordinal * len(_RANK) + _RANK[type(what)], what))


def nothing_due(visit: Visit) -> bool:
    sandbox = visit.sandbox
    if _heap_due(visit):
        return False
    return sandbox.outbox is None or not sandbox.outbox.ends_due(sandbox, visit.now)


def _heap_due(visit: Visit) -> bool:
    due = visit.sandbox.due
    return bool(due) and due[0][0] <= visit.now


async def settle(visit: Visit, datasets: Datasets) -> None:
    """Enter everything that was due by ``visit.now``, one after the other, in the order it was due."""
    due = visit.sandbox.due
    while _heap_due(visit):
        first = due[0]
        at, _, what = first
        if isinstance(what, FileRecord):
            heappop(due)
            if what.listed:
                await remove_file(visit.sandbox, what, at, datasets)
            continue
        if isinstance(what, UploadRecord):
            heappop(due)
            if what.ended is None:
                end_upload(visit.sandbox, what, "expired")
            continue
        timeline = await timeline_of(what, datasets)
        if due and due[0] is first:  # else another request settled it while this one waited for the plan
            heappop(due)
            _settle_job(visit.sandbox, what, timeline, at)
    if visit.sandbox.outbox is not None:
        await _announce(visit, datasets)


async def _announce(visit: Visit, datasets: Datasets) -> None:
    """Imported here: most sandboxes have no webhook endpoint."""
    from mocktune.service.announcing import announce

    await announce(visit, datasets)


def _settle_job(sandbox: Sandbox, job: JobRecord, timeline: Timeline, at: VirtualTime) -> None:
    succeeds_at = timeline.succeeds_at
    if succeeds_at is None or not timeline.succeeds:
        return
    if at < succeeds_at:
        _expect(sandbox, succeeds_at, job)
        return
    if job.models_left is None:
        _bring_forth(sandbox, job, timeline, succeeds_at)
    result_at = timeline.result_at
    if result_at is None or job.result_entered or job.scenario.result.missing != "no":
        return
    if at < result_at:
        _expect(sandbox, result_at, job)
    else:
        _enter_result(sandbox, job, result_at)


def _bring_forth(sandbox: Sandbox, job: JobRecord, timeline: Timeline, at: VirtualTime) -> None:
    training, window = timeline.plan.training, timeline.window
    assert training is not None
    assert window is not None  # a job that succeeds has both
    named = [(step, timeline.checkpoint_model(step)) for step in timeline.earlier_checkpoint_steps]
    named.append((training.curve.total_steps, timeline.fine_tuned_model))
    for step, name in named:
        sandbox.models.add(name, at, ModelRecord(name, at, job, window, step))
    job.models_left = len(named)


def _enter_result(sandbox: Sandbox, job: JobRecord, at: VirtualTime) -> None:
    result = FileRecord(
        id=job.result_file_id,
        ordinal=job.ordinal,
        purpose="fine-tune-results",
        filename="results.csv" if job.request.dialect == "azure" else "step_metrics.csv",
        created_at=at,
        ready_at=at,
        scripted_error=None,
        blob=None,
        result_of=job,
    )
    sandbox.files.add(result.id, at, result)
    job.result_entered = True
