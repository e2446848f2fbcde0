"""What can be wrong with a training file, and the exact words a failed job says it in.

Layer (V) of the service: the upload and the create succeed, then validation fails the job. One table holds the code and
the sentence each defect is wrapped in; ``confidence`` is ``recorded`` where a real message was seen, ``assumed`` where
only the shape is known. Sources: CN1229, PY0225, LLMCOMP #59 and the 2025 recordings (docs/explanation/sources.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Prefix = Literal["invalid", "format", "unsafe", "none"]
Which = Literal["training", "validation"]


@dataclass(frozen=True, slots=True)
class DefectKind:
    """``code`` of ``job.error``, the sentence before the detail, and how sure we are of both."""

    code: str
    prefix: Prefix
    confidence: Literal["recorded", "assumed"]


KINDS: dict[str, DefectKind] = {
    "not_json": DefectKind("invalid_training_file", "invalid", "assumed"),
    "extra_key": DefectKind("invalid_file_format", "format", "recorded"),
    "missing_messages": DefectKind("invalid_file_format", "format", "recorded"),
    "missing_role": DefectKind("invalid_training_file", "invalid", "recorded"),
    "special_token": DefectKind("invalid_file_format", "format", "recorded"),
    "unexpected_format": DefectKind("invalid_training_file", "invalid", "recorded"),
    "wrong_method": DefectKind("invalid_training_file", "invalid", "recorded"),
    "wrong_model": DefectKind("invalid_training_file", "invalid", "assumed"),
    "no_vision": DefectKind("invalid_training_file", "invalid", "assumed"),
    "too_few_examples": DefectKind("invalid_n_examples", "none", "recorded"),
    "too_many_examples": DefectKind("invalid_n_examples", "none", "assumed"),
    "bad_message": DefectKind("invalid_file_format", "format", "assumed"),
    "wrong_purpose": DefectKind("invalid_training_file", "invalid", "assumed"),
    "file_deleted": DefectKind("invalid_training_file", "invalid", "assumed"),
    "flagged_lines": DefectKind("invalid_training_file", "invalid", "recorded"),
    "flagged_training_file": DefectKind("unsafe_file", "unsafe", "recorded"),
    "flagged_validation_file": DefectKind("invalid_training_file", "invalid", "recorded"),
}
"""Every kind of defect. ``bad_message`` covers the rules no real text was found for (contract row 15). Of the two codes
seen for a training file that was blocked, the newer one is given."""

_FAULTS: dict[Prefix, str] = {
    "invalid": "an invalid {} file",
    "format": "a file format error in the {} file",
    "unsafe": "an unsafe {} file",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """The first thing wrong with a file. ``detail`` is the sentence that follows the prefix; ``line`` is 1-based.

    The detail of a defect in a line begins with ``Invalid file format. Example`` and the line's number.
    """

    kind: str
    detail: str
    line: int | None = None

    @property
    def code(self) -> str:
        return KINDS[self.kind].code

    def code_for(self, which: Which) -> str:
        """``job.error.code`` when the defect is in the training or the validation file."""
        return self.code.replace("training", which)

    def message_for(self, which: Which) -> str:
        """``job.error.message``: the prefix names the file that is at fault (OBS community 699409 for validation)."""
        prefix = KINDS[self.kind].prefix
        if prefix == "none":
            return self.detail
        return f"The job failed due to {_FAULTS[prefix].format(which)}. {self.detail}"

    def moved(self, lines: int) -> Defect:
        """The same defect that many lines further down: where a part of a file was read by itself."""
        if self.line is None or not lines:
            return self
        begins = f"Invalid file format. Example {self.line}"
        detail = self.detail
        if detail.startswith(begins):
            detail = f"Invalid file format. Example {self.line + lines}{detail[len(begins) :]}"
        return Defect(self.kind, detail, self.line + lines)
