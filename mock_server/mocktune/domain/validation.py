"""What a job's validation phase finds out about its files.

Layer (V): nothing here is answered at create; a fault turns into a failed job with ``error`` and an error event. Only
the first fault is told, training file before validation file. The order within a file (purpose, syntax, format, lines,
number of examples) is assumed: no recording shows two faults at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.formats.defects import Defect, Which
from mocktune.domain.models import BaseModel
from mocktune.domain.objects import JobError
from mocktune.domain.report import FileReport

MIN_EXAMPLES = 10
"""Of a training file [OBS CN1229]; for validation files no minimum is known, so none is applied."""

_FORMAT_NAMES = {"chat": "fine-tune-chat", "prompt_completion": "fine-tune-prompt-completion"}


@dataclass(frozen=True, slots=True)
class FileOutlook:
    """What a job knows of one of its files: when it is ready, and how it turned out.

    ``report`` is None for a file that was never read as a dataset, such as one of another purpose. ``status_details``
    is the text of a file that ended in ``error``. ``deleted_at`` is when the file went, if it did.
    """

    id: str
    purpose: str
    ready_at: VirtualTime
    report: FileReport | None
    status_details: str | None = None
    deleted_at: VirtualTime | None = None

    @property
    def failed(self) -> bool:
        return self.status_details is not None


def first_fault(
    model: BaseModel, training: FileOutlook, validation: FileOutlook | None, by: VirtualTime
) -> JobError | None:
    """The error a job fails validation with at the instant ``by``, or None where both files are good."""
    which: Which = "training"
    defect = _defect(model, training, by) or _too_few(training)
    if defect is None and validation is not None:
        which, defect = "validation", _defect(model, validation, by)
    if defect is None:
        return None
    return JobError(defect.code_for(which), defect.message_for(which), f"{which}_file")


def _defect(model: BaseModel, file: FileOutlook, by: VirtualTime) -> Defect | None:
    if file.deleted_at is not None and file.deleted_at <= by:
        return Defect("file_deleted", f"File '{file.id}' was deleted before it was validated.")
    if file.purpose != "fine-tune":
        return Defect("wrong_purpose", f"File '{file.id}' has purpose '{file.purpose}', but must have 'fine-tune'.")
    if file.failed:
        return Defect("not_json", str(file.status_details))
    report = file.report
    if report is None:
        return Defect(
            "unexpected_format", "Unexpected file format, expected either prompt/completion pairs or chat messages."
        )
    if report.format in _FORMAT_NAMES and report.format != model.dataset_format:
        return Defect(
            "wrong_model",
            f"Invalid file format. Input file {file.id} is in the {_FORMAT_NAMES[report.format]} format, but the "
            f"specified model needs the {_FORMAT_NAMES[model.dataset_format]} format (provided model={model.id}).",
        )
    return report.defect


def _too_few(file: FileOutlook) -> Defect | None:
    # OBS CN1229, Dec 2024; the sentence has no prefix.
    count = file.report.examples if file.report else 0
    if count >= MIN_EXAMPLES:
        return None
    return Defect(
        "too_few_examples", f"Training file has {count} example(s), but must have at least {MIN_EXAMPLES} examples"
    )
