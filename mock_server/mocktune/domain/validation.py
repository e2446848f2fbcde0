"""What a job's validation phase finds out about its files.

Layer (V): nothing here is answered at create; a fault turns into a failed job with ``error`` and an error event. Only
the first fault is told, training file before validation file. The order within a file (purpose, syntax, format, lines,
number of examples, images, moderation) is assumed: no recording shows two faults at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.formats import check_example
from mocktune.domain.formats.defects import Defect, Which
from mocktune.domain.models import BaseModel, Method
from mocktune.domain.objects import JobError
from mocktune.domain.report import FileFormat, FileReport, Screening

MIN_EXAMPLES = 10
"""Of a training file [OBS CN1229]; for validation files no minimum is known, so none is applied."""

MAX_REINFORCEMENT_EXAMPLES: dict[Which, int] = {"training": 50_000, "validation": 1_000}
"""RFTDOC; how the service says so is assumed."""
MAX_VISION_EXAMPLES = 50_000
"""Examples with images in one file (VISDOC); how the service says so is assumed."""

TOO_MANY_FLAGGED = 0.1
LISTED_LINES = 100
"""Moderation names the flagged lines of a file while they are at most so many, and at most that share of its examples;
beyond, it blocks the file as a whole. Both numbers are assumed: each answer is recorded, the border between them not.
"""

_FORMAT_NAMES: dict[FileFormat, str] = {
    "chat": "fine-tune-chat",  # OBS CN1229; the other names follow it
    "preference": "fine-tune-preference",
    "prompt_completion": "fine-tune-prompt-completion",
}
_METHODS: dict[FileFormat, Method] = {"chat": "supervised", "preference": "dpo", "prompt_completion": "supervised"}


@dataclass(frozen=True, slots=True)
class FileOutlook:
    """What a job knows of one of its files: when it is ready, and how it turned out.

    ``report`` is None for a file that was never read as a dataset, such as one of another purpose. ``status_details``
    is the text of a file that ended in ``error``. ``deleted_at`` is when the file went, if it did. ``screening`` is
    what moderation says of it, where the job's scenario has any.
    """

    id: str
    purpose: str
    ready_at: VirtualTime
    report: FileReport | None
    status_details: str | None = None
    deleted_at: VirtualTime | None = None
    screening: Screening | None = None

    @property
    def failed(self) -> bool:
        return self.status_details is not None


def needed_format(model: BaseModel, method: Method) -> FileFormat:
    """The format that a job's files must have."""
    if method == "supervised":
        return model.dataset_format
    return "preference" if method == "dpo" else "reinforcement"


def first_fault(
    model: BaseModel,
    training: FileOutlook,
    validation: FileOutlook | None,
    *,
    by: VirtualTime,
    method: Method = "supervised",
) -> JobError | None:
    """The error a job fails validation with at the instant ``by``, or None where both files are good."""
    which: Which = "training"
    defect = _defect(model, training, which, by, method)
    if defect is None and validation is not None:
        which = "validation"
        defect = _defect(model, validation, which, by, method)
    if defect is None:
        return None
    return JobError(defect.code_for(which), defect.message_for(which), f"{which}_file")


def _defect(model: BaseModel, file: FileOutlook, which: Which, by: VirtualTime, method: Method) -> Defect | None:
    if file.deleted_at is not None and file.deleted_at <= by:
        return Defect("file_deleted", f"File '{file.id}' was deleted before it was validated.")
    if file.purpose != "fine-tune":
        return Defect("wrong_purpose", f"File '{file.id}' has purpose '{file.purpose}', but must have 'fine-tune'.")
    if file.failed:
        return Defect("not_json", str(file.status_details))
    report = file.report
    if report is None:
        return check_example("unknown", None, 1)
    return (
        _wrong_format(model, file.id, report.format, method)
        or report.defect
        or _wrong_number(report, which, method)
        or _wrong_images(model, file.id, report)
        or _flagged(file.screening, which)
    )


def defects_of_whole(model: BaseModel, name: str, report: FileReport, which: Which, method: Method) -> Iterator[Defect]:
    """Every defect that lies in no line of a file that a text calls ``name``: its format, the number of its examples,
    its images."""
    found = (
        _wrong_format(model, name, report.format, method),
        _wrong_number(report, which, method),
        _wrong_images(model, name, report),
    )
    yield from (defect for defect in found if defect is not None)


def _wrong_format(model: BaseModel, id: str, format: FileFormat, method: Method) -> Defect | None:
    needed = needed_format(model, method)
    name = _FORMAT_NAMES.get(format)
    if name is None or format == needed:
        return None
    if _METHODS[format] != method:
        # OBS CN1229 for chat under dpo, with the blank at its end.
        return Defect(
            "wrong_method",
            f"Invalid file format. Input file {id} is in the {name} format, but the specified fine-tuning job is not "
            f"using '{_METHODS[format]}' as the training method (provided method={method}). ",
        )
    return Defect(
        "wrong_model",
        f"Invalid file format. Input file {id} is in the {name} format, but the specified model needs the "
        f"{_FORMAT_NAMES[needed]} format (provided model={model.id}).",
    )


def _wrong_number(report: FileReport, which: Which, method: Method) -> Defect | None:
    # OBS CN1229, Dec 2024; the sentence has no prefix. The largest numbers are told like it (assumed).
    count, kind, bound, most = report.examples, "too_few_examples", "least", MIN_EXAMPLES
    if which == "validation" or count >= MIN_EXAMPLES:
        kind, bound, most = "too_many_examples", "most", MAX_REINFORCEMENT_EXAMPLES[which]
        if method != "reinforcement" or count <= most:
            return None
    return Defect(kind, f"{which.capitalize()} file has {count} example(s), but must have at {bound} {most} examples")


def _wrong_images(model: BaseModel, id: str, report: FileReport) -> Defect | None:
    if report.images and not model.vision:
        said = "contains images, but the specified model does not support vision fine-tuning"
        return Defect("no_vision", f"Invalid file format. Input file {id} {said} (provided model={model.id}).")
    if report.vision_examples > MAX_VISION_EXAMPLES:
        said = f"has {report.vision_examples} example(s) with images, but must have at most {MAX_VISION_EXAMPLES}"
        return Defect("too_many_examples", f"Input file {id} {said}")
    return None


def _flagged(screening: Screening | None, which: Which) -> Defect | None:
    """Contract 3.7 rows 11, 11b and 11c [OBS]; a training file that is blocked has the newer code ``unsafe_file``."""
    if screening is None or not screening.flagged:
        return None
    if screening.flagged <= min(LISTED_LINES, TOO_MANY_FLAGGED * screening.examples):
        return Defect(
            "flagged_lines",
            "This file failed moderation safety checks. The OpenAI Moderation API identifies fine tuning examples that "
            "violate our content policies. To fine tune on this data, please try removing the flagged lines and "
            f"uploading the file again. Flagged lines: {', '.join(map(str, screening.flagged_lines))}",
        )
    if which == "validation":
        return Defect(
            "flagged_validation_file",
            "This training file was blocked by our moderation system because it contains too many examples that "
            "violate OpenAI's usage policies.",
        )
    return Defect(
        "flagged_training_file",
        "This training file was blocked because too many examples were flagged by our moderation API for containing "
        f"content that violates OpenAI's usage policies in the following categories: {', '.join(screening.categories)}."
        " Use the free OpenAI Moderation API to identify these examples and remove them from your training data. See "
        "https://platform.openai.com/docs/guides/moderation for more information.",
    )
