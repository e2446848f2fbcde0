"""What can go wrong with a tuning, as one tree.

::

    TuningError
    ├─ FileFailed             a file ended in error, or was deleted, before it could be used
    ├─ JobFailed              the job ended in failed: ``code``, ``message`` and ``param`` say why
    ├─ JobCancelled           the job ended in cancelled
    ├─ JobAlreadyEnded        a job that has ended was to be cancelled, paused or resumed
    ├─ JobNotInStatus         a job was to be paused that does not run
    ├─ ModelNotReady          the tuned model did not answer in time
    ├─ DeploymentNeeded       on Azure: the model is there and answers under no name yet
    ├─ DeploymentFailed       on Azure: a deployment was not made
    ├─ ModelUnnamed           the job succeeded and does not name its model
    ├─ CreateOutcomeUnknown   the answer to create was lost and no job of that request was found
    ├─ FileChanged            a file on this machine changed while it was being uploaded
    ├─ UploadLost             an upload is complete and its file is not to be found
    ├─ RequestInUse           another process of this machine is at the same request, and stays at it
    ├─ ResultsUnavailable     no result file, or none that can be read
    ├─ UnreadableAnswer       the answer was not the API's JSON: something stands between
    ├─ WaitTimeout            ``timeout_s`` is over and the file or job has not ended
    ├─ Refused                a request was refused; its kinds, such as QuotaExceeded, are in ``refusals.py``
    └─ Unreachable            no whole answer came

Every text ends with what to do next. Each error is built from its facts, in order, and keeps them as ``args``: it can
be pickled.
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
        return f"Job {self.job.id} failed{code}: {reason.rstrip('. ')}. {self.remedy()}"

    @property
    def file_id(self) -> str | None:
        """The file at fault; None where it is none."""
        files = {"training_file": self.job.training_file, "validation_file": self.job.validation_file}
        return files.get(self.param or "")

    def remedy(self) -> str:
        """What to do next, in a sentence or two."""
        code, reason = self.code or "", self.message or ""
        file = f"the file that was uploaded as {self.file_id}" if self.file_id else "the file"
        if code == "exceeded_quota" or "hard limit" in reason:
            return "The file is good: add credit, or raise the budget, then create the job again."
        if code == "unsafe_model":
            return (
                "The data is what made it so: take out the examples of the kind that is named, upload the file again "
                "and create a new job. The same file ends the same way."
            )
        if "lagged lines" in reason:
            return f"Take the lines that are named out of {file}, upload it again and create a new job."
        if code == "unsafe_file" or "moderation" in reason.lower():
            return (
                f"Ask the moderations endpoint about each example of {file}, take out those it flags, upload it again "
                "and create a new job. The same file ends the same way."
            )
        if "was deleted" in reason or "does not exist" in reason or "not found" in reason.lower():
            return "Upload the file again, and keep it until the job runs; then create a new job."
        if self.file_id:
            return (
                f"Correct {file} (mocktune check names every line at fault), upload it again and create a new job. "
                "The same file ends the same way."
            )
        if code in ("server_error", "internal_error", "") or "internal error" in reason:
            return "The fault was the service's, or is not told: read the job's last events, then create the job again."
        return "Read the job's last events, correct what the reason names, and create a new job."


class JobCancelled(_JobEnded):
    """``job`` as it ended; ``code`` and ``message`` are None unless the service gave a reason."""

    def __str__(self) -> str:
        reason = f": {self.message.rstrip('. ')}" if self.message else ""
        return (
            f"Job {self.job.id} was cancelled{reason}. Somebody with access to the project did that; "
            "create a new job to train on."
        )


class JobAlreadyEnded(TuningError):
    """``job`` has ended, and ``verb``, such as ``cancel``, came too late."""

    def __init__(self, verb: str, job: FineTuningJob) -> None:
        super().__init__(verb, job)
        self.verb = verb
        self.job = job

    def __str__(self) -> str:
        advice = {
            "succeeded": "Its model is there: delete that if nobody is to use it.",
            "failed": "Nothing is left to do; its error says why it failed.",
        }.get(self.job.status, "Create a new job to train on.")
        return f"Job {self.job.id} has ended as {self.job.status!r} and cannot be {_DONE[self.verb]}. {advice}"


class JobNotInStatus(TuningError):
    """``verb`` is not possible in the status that ``job`` has."""

    def __init__(self, verb: str, job: FineTuningJob) -> None:
        super().__init__(verb, job)
        self.verb = verb
        self.job = job

    def __str__(self) -> str:
        advice = {
            "pause": "Only a job that runs can be paused: wait until it does, or cancel it.",
            "resume": "It was not resumed: look at it again in a moment.",
        }.get(self.verb, "Look at it again in a moment, and try once more.")
        return f"Job {self.job.id} is {self.job.status!r} and cannot be {_DONE[self.verb]} now. {advice}"


_DONE = {"cancel": "cancelled", "pause": "paused", "resume": "resumed"}


class ModelNotReady(TuningError):
    """``model`` did not answer within ``timeout_s``; ``last_error`` is what it answered last, and the cause."""

    def __init__(self, model: str, timeout_s: float, last_error: Exception) -> None:
        super().__init__(model, timeout_s, last_error)
        self.model = model
        self.timeout_s = timeout_s
        self.last_error = last_error

    def __str__(self) -> str:
        advice = (
            "If it was deleted, or its base model was shut down, it does not come back: tune again. Else check its "
            "name and that this key's project may use it, and wait longer."
            if getattr(self.last_error, "status_code", None) == 404
            else "The model is kept: wait for it again later."
        )
        said = str(self.last_error).rstrip(". ")
        return f"Model {self.model} is not ready within {self.timeout_s:g} s; last answer: {said}. {advice}"


class DeploymentNeeded(TuningError):
    """On Azure, ``model`` is trained and kept, and has no deployment: nobody can ask it yet."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    def __str__(self) -> str:
        return (
            f"Model {self.model} has no deployment, and on Azure it answers under the name of one only. Create one, "
            "which is billed by the hour while it stands: Tuner.deploy, the portal, or az cognitiveservices account "
            f"deployment create --model-format OpenAI --model-name {self.model} --model-version 1 --sku-name standard "
            "--sku-capacity 1 --deployment-name NAME. Then wait for NAME."
        )


class DeploymentFailed(TuningError):
    """On Azure, the deployment ``name`` of ``model`` ended in ``state``."""

    def __init__(self, name: str, model: str, state: str) -> None:
        super().__init__(name, model, state)
        self.name = name
        self.model = model
        self.state = state

    def __str__(self) -> str:
        return (
            f"Deployment {self.name} of {self.model} ended as {self.state!r}. Look at the resource's quota of "
            "deployments and at its activity log, then deploy again: the model itself is kept."
        )


class ModelUnnamed(TuningError):
    """``job`` has succeeded and goes on without the name of its model."""

    def __init__(self, job: FineTuningJob) -> None:
        super().__init__(job)
        self.job = job

    def __str__(self) -> str:
        return (
            f"Job {self.job.id} succeeded and does not name its model. Look at the job again later, "
            "or for the newest tuned model in the list of models."
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


class FileChanged(TuningError):
    """The file at ``path`` is no longer what it was when its upload began."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} changed while it was being uploaded. Let nobody write to it, and start again."


class UploadLost(TuningError):
    """The service says that ``upload_id``, of the file ``label``, is complete, and has no file of it."""

    def __init__(self, label: str, upload_id: str) -> None:
        super().__init__(label, upload_id)
        self.label = label
        self.upload_id = upload_id

    def __str__(self) -> str:
        return (
            f"Upload {self.upload_id} of {self.label} is complete, but its file is not to be found. "
            "Start again: it is looked for once more, and sent if it is not there."
        )


class RequestInUse(TuningError):
    """Another process of this machine is at ``subject``, such as ``file train.jsonl``; two would do it twice."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject

    def __str__(self) -> str:
        return (
            f"Another process of this machine is busy with the same {self.subject}. Wait until it is done, "
            "or end it, and start again."
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
        elif self.subject.startswith("File"):
            advice = "Files of many megabytes take minutes: wait again with a longer timeout_s."
        else:
            advice = "It goes on without you: wait again with a longer timeout_s, or cancel it."
        return f"{self.subject} {seen} after {self.timeout_s:g} s. {advice}"
