"""From effects to progress: what the steps of a tuning do is told as they do it, and they need not know.

Steps ask for files, jobs and events and sleep between their tries. ``told`` watches what comes back: an object whose
look is new is a ``FileSeen`` or ``JobSeen``, an emitted event an ``EventSeen``, and an error that is followed by a
sleep is one that is waited out.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from mocktune_client.progress import EventSeen, FileSeen, JobSeen, Waiting, Which
from mocktune_client.steps import Effect, Emit, Sleep, Steps

if TYPE_CHECKING:
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob

T = TypeVar("T")


class Looks:
    """What was told of files and jobs, so that a look without news is not told again."""

    def __init__(self) -> None:
        self._told: dict[object, object] = {}
        self._reused: set[str] = set()

    def reuse(self, file_id: str) -> None:
        """From now on the file is told as one that was there before."""
        self._reused.add(file_id)

    def file(self, file: FileObject, which: Which) -> Steps[None]:
        """Tells a file whose status is new."""
        if self._told.get((which, file.id)) != file.status:
            self._told[which, file.id] = file.status
            yield Emit(FileSeen(which, file, file.id in self._reused))

    def job(self, job: FineTuningJob) -> Steps[None]:
        """Tells a job of which anything is new."""
        if self._told.get(job.id) != job:
            self._told[job.id] = job
            yield Emit(JobSeen(job))


def told(steps: Steps[T], subject: str, looks: Looks | None = None, *, which: Which = "training") -> Steps[T]:
    """``steps``, telling what they see; without ``looks`` only the errors that are waited out.

    ``subject`` is what they are about, such as ``job ftjob-x``.
    """
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

    reply: Any = None
    error: Exception | None = None
    with closing(steps):
        while True:
            try:
                effect: Effect = steps.send(reply) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]  # a StopIteration's value has no type
            if isinstance(effect, Emit) and isinstance(effect.value, FineTuningJobEvent):
                effect = Emit(EventSeen(effect.value))
            elif isinstance(effect, Sleep) and error is not None:
                yield Emit(Waiting(subject, error, effect.seconds))
            try:
                reply, error = (yield effect), None
            except Exception as caught:
                reply, error = None, caught
            if looks is not None and isinstance(reply, FineTuningJob):
                yield from looks.job(reply)
            elif looks is not None and isinstance(reply, FileObject):
                yield from looks.file(reply, which)
