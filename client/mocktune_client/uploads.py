"""Large files: uploaded in parts, each noted when it has arrived, so that a killed upload goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from mocktune_client.errors import UploadLost
from mocktune_client.journal import FileNotes
from mocktune_client.progress import Uploading, Which
from mocktune_client.sources import Source
from mocktune_client.steps import Emit, Sleep, Steps, ask, here
from mocktune_client.waiting import Retrying, Timing, is_temporary, patiently

if TYPE_CHECKING:
    from openai.types import FileObject

LIFETIME_S = 3600.0
"""An upload that was not completed expires an hour after its creation [SPEC]."""
STARTS = 5
"""Times an upload is begun anew because it expired on the way."""


LATE_S = 30.0
"""How long the file of an upload that seems to be complete is looked for; lists may lag behind."""

Look: TypeAlias = Callable[[], Steps["FileObject | None"]]


def send_in_parts(
    source: Source, which: Which, notes: FileNotes, save: Callable[[], None], look: Look, timing: Timing
) -> Steps[FileObject]:
    """The new file. An upload cannot be looked up [SPEC]: what is known of one that was begun is what was noted.

    One that is refused may have expired, and is begun anew, unless it is too young for that. ``look`` finds the file
    of an upload whose completion was answered to nobody.
    """
    import openai

    for left in reversed(range(STARTS)):
        resumed = notes.upload_id is not None and notes.part_bytes == source.part_bytes
        began = timing.now()
        try:
            if not resumed:
                yield from _begin(source, notes, save, timing)
            yield from _send_parts(source, which, notes, save, timing)
            return (yield from _complete(source, notes, look, timing, uncertain=resumed))
        except (openai.BadRequestError, openai.NotFoundError, openai.ConflictError):
            begun = notes.upload_id is not None
            notes.begin_upload(None)
            yield from here(save)
            if not (left and begun and (resumed or timing.now() - began >= LIFETIME_S)):
                raise
    raise AssertionError("the last start returns or raises")


def _begin(source: Source, notes: FileNotes, save: Callable[[], None], timing: Timing) -> Steps[None]:
    begun = yield from patiently(
        lambda client: client.uploads.create(
            bytes=source.size_bytes, filename=source.name, mime_type="application/jsonl", purpose="fine-tune"
        ),
        timing,
    )
    notes.begin_upload(begun.id, source.part_bytes)
    yield from here(save)


def _send_parts(
    source: Source, which: Which, notes: FileNotes, save: Callable[[], None], timing: Timing
) -> Steps[None]:
    upload_id = notes.upload_id
    assert upload_id is not None

    def sent() -> Uploading:
        sizes = (min(source.part_bytes, source.size_bytes - index * source.part_bytes) for index in notes.parts)
        return Uploading(which, source.name, sum(sizes), source.size_bytes)

    yield Emit(sent())
    for index in range(len(source.parts)):
        if index in notes.parts:
            continue
        data = yield from here(partial(source.part, index))
        # A part whose answer is lost is sent again: parts that completion does not name are dropped [SPEC].
        part = yield from patiently(
            lambda client, data=data: client.uploads.parts.create(upload_id, data=data),  # type: ignore[misc]
            timing,
        )
        notes.parts[index] = part.id
        yield from here(save)
        yield Emit(sent())


def _complete(source: Source, notes: FileNotes, look: Look, timing: Timing, *, uncertain: bool) -> Steps[FileObject]:
    """``uncertain``: it may be complete already, and refuse to be completed again."""
    import openai

    upload_id = notes.upload_id
    assert upload_id is not None
    part_ids = [notes.parts[index] for index in range(len(source.parts))]
    retrying = Retrying(timing, timing.patience_s)
    while True:
        refused: Exception | None = None
        try:
            done = yield from ask(lambda client: client.uploads.complete(upload_id, part_ids=part_ids, md5=source.md5))
            if done.file is not None:
                return done.file
        except (openai.BadRequestError, openai.NotFoundError, openai.ConflictError) as error:
            if not uncertain:
                raise
            refused = error
        except Exception as error:
            delay_s = retrying.next_delay_s(error) if is_temporary(error) else None
            if delay_s is None:
                raise
            uncertain = True
            yield Sleep(delay_s)
            continue
        late = Retrying(timing, LATE_S)
        while (found := (yield from look())) is None:
            delay_s = late.next_delay_s()
            if delay_s is None:
                raise refused or UploadLost(source.label, upload_id)
            yield Sleep(delay_s)
        return found
