"""When bytes may go: a file's are kept while it is listed, and as long as a job or a model may still read them;
those of an upload's parts until it ends."""

from __future__ import annotations

from collections.abc import Collection

from mocktune.domain.clock import VirtualTime
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.timeline import Signal
from mocktune.domain.uploads import UploadStatus
from mocktune.service.datasets import Datasets
from mocktune.service.records import FileRecord, JobRecord
from mocktune.service.sandboxes import Sandbox
from mocktune.service.timelines import timeline_of
from mocktune.service.upload_records import UploadRecord


async def remove_file(sandbox: Sandbox, file: FileRecord, at: VirtualTime, datasets: Datasets) -> None:
    """Take a file off the list, at its deletion or its expiry.

    Jobs that have not validated it by then will fail (assumed, contract 8); later ones do not mind.
    """
    for job in file.jobs:
        timeline = await timeline_of(job, datasets)
        if timeline.status_at(at) is JobStatus.VALIDATING_FILES:
            job.timeline = timeline.with_signal(Signal(at, "delete_file", file.id))
    if file.listed:  # a second request may have been faster
        file.listed = False
        sandbox.files.remove(file.id)
    drop_unneeded(file)


def drop_unneeded(file: FileRecord) -> None:
    """Give back a file's bytes if nobody may ask for them any more."""
    if file.blob is None or file.listed or any(_may_read(job, file) for job in file.jobs):
        return
    file.blob.delete()
    file.blob = None


def end_upload(sandbox: Sandbox, upload: UploadRecord, status: UploadStatus, *, keep: Collection[str] = ()) -> None:
    """Complete, cancel or expire an upload; the bytes of its parts go, but for the parts in ``keep``."""
    pending = sandbox.ledger("pending_upload")
    if pending.get(upload.id) is not None:
        pending.remove(upload.id)
    upload.end(status, keep=keep)


def _may_read(job: JobRecord, file: FileRecord) -> bool:
    """A job reads both files to be planned; its models answer from the training file as long as one of them is left."""
    if job.timeline is None:
        return True
    return file is job.training and job.timeline.succeeds and job.models_left != 0
