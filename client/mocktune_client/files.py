"""Training files: upload one, once, and wait until the service has processed it.

A file is stored as ``<stem>-<sha12>.jsonl``, so that whoever has the same bytes finds it and does not send them again.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from mocktune_client.errors import FileFailed
from mocktune_client.journal import FileNotes, Journal, locked
from mocktune_client.listing import whole_list
from mocktune_client.progress import Uploading, Which
from mocktune_client.sources import Source
from mocktune_client.steps import Emit, Sleep, Steps, ask, here
from mocktune_client.uploads import send_in_parts
from mocktune_client.waiting import Retrying, Timing, is_lost, is_temporary, patiently, poll

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import FileObject

ENDED = frozenset({"processed", "error", "deleted"})
USELESS = frozenset({"error", "failed", "deleting", "deleted"})
"""Statuses of a file that is not looked up again."""
FILES_PER_PAGE = 1000
DELETE_S = 60.0
"""How long a file that may not be deleted yet is tried to be."""
UPLOAD_PATIENCE_S = 60.0
"""A lost upload is sent again for so long: a file too many costs nothing, but each try may be a gigabyte."""


def upload(file: Path | str | bytes, timing: Timing, *, filename: str | None, timeout_s: float) -> Steps[FileObject]:
    """The processed file. Raises ``FileFailed``, ``WaitTimeout``; ``OSError`` where it cannot be read."""
    if isinstance(file, bytes):
        return (yield from _send(io.BytesIO(file), filename or "training.jsonl", timing, timeout_s))
    path = Path(file)
    with path.open("rb") as source:
        return (yield from _send(source, filename or path.name, timing, timeout_s))


def _send(source: IO[bytes], name: str, timing: Timing, timeout_s: float) -> Steps[FileObject]:
    # The open file is handed over, not its bytes: it is sent in pieces, and rewound when it is sent again.
    uploaded = yield from patiently(
        lambda client: client.files.create(file=(name, source), purpose="fine-tune"), timing, UPLOAD_PATIENCE_S
    )
    if uploaded.status in ENDED:
        return usable(uploaded)
    return (yield from wait_for_file(uploaded.id, timing, timeout_s=timeout_s))


def obtain(
    source: Source, which: Which, journal: Journal, scope: str, timing: Timing
) -> Steps[tuple[FileObject, bool]]:
    """The one file of these bytes, processed or not, and whether it was there before.

    Only one process of this machine is at it. Others that uploaded it at the same moment see the same files, and go
    on with the same one: the oldest.
    """
    name = f"file-{scope}-{source.sha256[:32]}"
    release = yield from locked(journal, name, f"file {source.label}", timing)
    try:
        notes = yield from here(lambda: journal.load(name, FileNotes))
        found = yield from _look_up(source, timing)
        reused = bool(found)
        if not found:
            sent = yield from _send_once(source, which, notes, lambda: journal.save(name, notes), timing)
            yield Emit(Uploading(which, source.name, source.size_bytes, source.size_bytes))
            found = yield from _look_up(source, timing)
            if all(each.id != sent.id for each in found):  # the list lags behind
                found.append(sent)
        kept = found[0]
        yield from _remove_others(kept, found[1:], notes, timing)
        yield from here(lambda: journal.save(name, FileNotes(mine=[kept.id])))
        return kept, reused
    finally:
        release()


def _look_up(source: Source, timing: Timing) -> Steps[list[FileObject]]:
    """The files of these bytes, oldest first. Where files cannot be listed, none is known."""
    import openai

    try:
        files = yield from whole_list(
            lambda client, cursor: client.files.list(purpose="fine-tune", **cursor), timing, limit=FILES_PER_PAGE
        )
    except openai.APIStatusError as error:
        if is_temporary(error):
            raise
        return []
    return [
        file
        for file in files
        if (file.filename or "").endswith(source.ending)
        and file.bytes in (source.size_bytes, None)
        and file.status not in USELESS
    ]


def _send_once(
    source: Source, which: Which, notes: FileNotes, save: Callable[[], None], timing: Timing
) -> Steps[FileObject]:
    """The new file, or the one that a try whose answer was lost has made."""
    import openai

    def look() -> Steps[FileObject | None]:
        found = yield from _look_up(source, timing)
        return found[0] if found else None

    if source.parts:
        try:
            return (yield from send_in_parts(source, which, notes, save, look, timing))
        except openai.APIStatusError as error:
            if error.status_code not in (404, 405, 501):  # not every service takes files in parts
                raise
    yield Emit(Uploading(which, source.name, 0, source.size_bytes))
    retrying = Retrying(timing, timing.patience_s)
    while True:
        notes.unanswered += 1
        yield from here(save)
        opened = yield from here(source.open)
        with opened:
            try:
                sent = yield from ask(partial(_create, source.name, opened))
                notes.unanswered -= 1
                notes.mine.append(sent.id)
                yield from here(save)
                return sent
            except Exception as error:
                lost = is_lost(error)
                if not lost:
                    notes.unanswered -= 1
                    yield from here(save)
                delay_s = retrying.next_delay_s(error) if is_temporary(error) else None
                if delay_s is None:
                    raise
        yield Sleep(delay_s)
        if lost and (found := (yield from look())) is not None:
            return found


def _create(name: str, content: BinaryIO, client: OpenAI) -> FileObject:
    return client.files.create(file=(name, content), purpose="fine-tune")


def _remove_others(kept: FileObject, others: list[FileObject], notes: FileNotes, timing: Timing) -> Steps[None]:
    """Deletes what this machine uploaded twice: files it knows as its own, and any where a try of its own was not
    answered. One that a job has named is left alone, and so is what cannot be deleted.
    """
    import openai

    ours = [file for file in others if notes.unanswered > 0 or file.id in notes.mine]
    if not ours:
        return
    with suppress(openai.APIError):
        jobs = yield from whole_list(
            lambda client, cursor: client.fine_tuning.jobs.list(**cursor), timing, limit=100, pages=1
        )
        named = {file for job in jobs for file in (job.training_file, job.validation_file)}
        for file in ours:
            if file.id not in named:
                yield from _delete(file.id, timing)


def _delete(file_id: str, timing: Timing) -> Steps[None]:
    import openai

    retrying = Retrying(timing, DELETE_S)
    while True:
        try:
            yield from patiently(lambda client: client.files.delete(file_id), timing)
            return
        except openai.NotFoundError:
            return
        except openai.ConflictError as error:  # it is still being processed [OBS]
            delay_s = retrying.next_delay_s(error)
            if delay_s is None:
                raise
        yield Sleep(delay_s)


def wait_for_file(file_id: str, timing: Timing, *, timeout_s: float) -> Steps[FileObject]:
    """The processed file. Raises ``FileFailed``, ``WaitTimeout``."""
    file = yield from poll(
        lambda client: client.files.retrieve(file_id), ENDED, timing, subject=f"File {file_id}", timeout_s=timeout_s
    )
    return usable(file)


def usable(file: FileObject) -> FileObject:
    """``file``, which has ended. Raises ``FileFailed`` unless it is processed."""
    if file.status != "processed":
        raise FileFailed(file)
    return file
