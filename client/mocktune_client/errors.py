"""What can go wrong with a tuning although every request was understood.

::

    TuningError
    ├─ FileFailed             a file ended in error, or was deleted, before it could be used
    ├─ JobFailed              the job ended in failed: ``code``, ``message`` and ``param`` say why
    ├─ JobCancelled           the job ended in cancelled
    ├─ ModelNotReady          the tuned model did not answer in time
    ├─ CreateOutcomeUnknown   the answer to create was lost and no job of that request was found
    ├─ ResultsUnavailable     no result file, or none that can be read
    ├─ UnreadableAnswer       the answer was not the API's JSON: something stands between
    └─ WaitTimeout            ``timeout_s`` is over and the file or job has not ended

A request that the service refuses stays the SDK's own error (``openai.APIError``). Every text ends with what to do
next. Each error is built from its facts, in order, and keeps them as ``args``: it can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob


class TuningError(Exception):
    """Base of everything this package raises on its own account."""


class FileFailed(TuningError):
    """``file`` is the file as last seen; ``details`` the service's reason, None where it gave none."""

    def __init__(self, file: FileObject) -> None:
        super().__init__(file)
        self.file = file
        self.details: str | None = getattr(file, "status_details", None)

    def __str__(self) -> str:
        status: str = self.file.status  # more can come than the SDK's type says
        if status == "deleted":
            return f"File {self.file.id} ({self.file.filename}) was deleted while it was waited for. Upload it again."
        return (
            f"File {self.file.id} ({self.file.filename}) could not be processed: "
            f"{self.details or 'the service gave no reason'}. Correct the file and upload it again."
        )


class _JobEnded(TuningError):
    def __init__(self, job: FineTuningJob) -> None:
        super().__init__(job)
        self.job = job
        # A healthy job's error is null, {} or an object of nulls; a failed one's may lack parts.
        self.code: str | None = getattr(job.error, "code", None)
        self.message: str | None = getattr(job.error, "message", None)
        self.param: str | None = getattr(job.error, "param", None)


class JobFailed(_JobEnded):
    """``job`` as it ended; ``code``, ``message`` and ``param`` of its error, each None where the service gave none."""

    def __str__(self) -> str:
        reason = self.message or "the service gave no reason"
        code = f" ({self.code})" if self.code else ""
        file = {"training_file": self.job.training_file, "validation_file": self.job.validation_file}.get(
            self.param or ""
        )
        if file:
            advice = f"Correct the file that was uploaded as {file}, upload it again and create a new job."
        else:
            advice = "Read the job's events; where the fault was the service's, create the job again."
        return f"Job {self.job.id} failed{code}: {reason.rstrip('.')}. {advice}"


class JobCancelled(_JobEnded):
    """``job`` as it ended; ``code`` and ``message`` are None unless the service gave a reason."""

    def __str__(self) -> str:
        reason = f": {self.message.rstrip('.')}" if self.message else ""
        return f"Job {self.job.id} was cancelled{reason}. Create a new job to train on."


class ModelNotReady(TuningError):
    """``model`` did not answer within ``timeout_s``; ``last_error`` is what it answered last, and the cause."""

    def __init__(self, model: str, timeout_s: float, last_error: Exception) -> None:
        super().__init__(model, timeout_s, last_error)
        self.model = model
        self.timeout_s = timeout_s
        self.last_error = last_error

    def __str__(self) -> str:
        return (
            f"Model {self.model} is not ready within {self.timeout_s:g} s; last answer: {self.last_error}. "
            "Wait longer; if it stays unknown, check its name and that this key's project may use it."
        )


class CreateOutcomeUnknown(TuningError):
    """Create was sent once, with ``marker`` in the job's metadata, and its answer was lost. ``looked_up``: the list of
    jobs was asked, for a while, and has no such job; else it could not be asked.
    """

    def __init__(self, key: str, marker: str, looked_up: bool) -> None:
        super().__init__(key, marker, looked_up)
        self.key = key
        self.marker = marker
        self.looked_up = looked_up

    def __str__(self) -> str:
        found = (
            "no job of that request was found; it may still appear"
            if self.looked_up
            else "the jobs could not be listed to look for it"
        )
        return (
            f"The answer to create was lost, and {found}. Before creating another one, and paying twice, list the jobs "
            f"whose metadata has {self.key}={self.marker}."
        )


class ResultsUnavailable(TuningError):
    """The results of job ``job_id`` cannot be had; ``reason`` says why and what to do."""

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(job_id, reason)
        self.job_id = job_id
        self.reason = reason

    def __str__(self) -> str:
        return f"No results of job {self.job_id}: {self.reason}"


class UnreadableAnswer(TuningError):
    """A successful answer that is not the API's JSON; ``beginning`` is how it starts."""

    def __init__(self, beginning: str) -> None:
        super().__init__(beginning)
        self.beginning = beginning

    def __str__(self) -> str:
        return (
            f"The answer is not the API's JSON; it begins {self.beginning!r}. "
            "Check base_url, and what stands between you and the service."
        )


class WaitTimeout(TuningError):
    """``subject``, such as ``Job ftjob-x``, has ``status`` (None: it could not be asked) when ``timeout_s`` is over."""

    def __init__(self, subject: str, status: str | None, timeout_s: float) -> None:
        super().__init__(subject, status, timeout_s)
        self.subject = subject
        self.status = status
        self.timeout_s = timeout_s

    def __str__(self) -> str:
        seen = f"is still {self.status!r}" if self.status else "could not be asked for its status"
        if self.status == "paused":
            advice = "Resume it, then wait again."
        else:
            advice = "It goes on without you: wait again with a longer timeout_s, or cancel it."
        return f"{self.subject} {seen} after {self.timeout_s:g} s. {advice}"
