"""What a check says of a training file: findings, statistics and prices, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from mocktune.domain.models import Encoding, Method
from mocktune.domain.objects import JobError
from mocktune.domain.report import FileFormat

Severity: TypeAlias = Literal["error", "warning"]

MAX_FINDINGS = 1_000
"""Kept of each severity of a file; all are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a file.

    ``rule`` is a stable name such as ``missing_role`` or ``duplicate_example``. ``line`` is 1-based, None for what
    concerns the file. ``message`` says what is wrong: an error in the service's own words, which may quote keys of the
    file as they are. ``excerpt`` is the offending text, at most 120 characters and one line of what can be printed,
    ``remedy`` how to mend it. ``other`` names another place that belongs to it, such as the line that a duplicate
    repeats: a file and a 1-based line. ``code`` is what ``job.error.code`` would be if the service came to tell this
    error; None for a warning.
    """

    severity: Severity
    rule: str
    path: str
    line: int | None
    message: str
    excerpt: str | None
    remedy: str
    other: tuple[str, int] | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """A number of every good example: its extremes, mean and quantiles, and a histogram of ``(low, high, count)``, both
    ends included. Quantiles of numbers from 8,192 on may be too small by one part in 4,096."""

    count: int
    min: int
    max: int
    mean: float
    median: float
    p5: float
    p95: float
    buckets: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class FileStatistics:
    """``examples`` counts all lines that are a JSON object, ``faulty_examples`` those of them that have an error:
    everything else is of the good ones. ``missing_system`` and ``missing_user`` count examples. ``first_example`` is
    the first line that is an object. Tokens are those of ``encoding``, as the service bills them before it cuts;
    ``assistant_tokens`` are what is learned. ``sha256`` is of the file's bytes, in hexadecimal.
    """

    examples: int
    first_example: Mapping[str, Any] | None
    missing_system: int
    missing_user: int
    encoding: Encoding
    messages_per_example: Distribution | None
    total_tokens_per_example: Distribution | None
    assistant_tokens_per_example: Distribution | None
    total_tokens: int
    assistant_tokens: int
    images: int
    sha256: str
    faulty_examples: int = 0


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What training on the file would cost on one model.

    ``billed_tokens`` are those of one epoch of the good examples after they were cut at the model's training context;
    ``truncated_examples`` counts those that are cut. ``usd`` is None where time is billed, at ``usd_per_hour``.
    ``assumed_price`` marks a price that nobody confirmed. ``ends`` is the first day on which new training is over.
    """

    model: str
    method: Method
    n_epochs: int
    billed_tokens: int
    trained_tokens: int
    truncated_examples: int
    usd: float | None
    usd_per_hour: float | None
    assumed_price: bool
    ends: str | None


@dataclass(frozen=True, slots=True)
class FileReport:
    """``findings`` are errors, then warnings, each by line. Of errors of the whole file that of its format comes first,
    and those of the number of examples and of images behind those of lines: as the service looks."""

    path: str
    size_bytes: int
    format: FileFormat
    statistics: FileStatistics
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    """By rule, also of findings beyond ``MAX_FINDINGS``."""
    errors: int = 0
    warnings: int = 0
    job_error: JobError | None = None
    """What a job over this file fails with: of all errors the service tells only the first."""


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The whole check. ``prices`` has every model the file fits, the asked one first; ``priced_on`` is the date of the
    price table. ``errors`` and ``warnings`` count all findings of both files."""

    method: Method
    training: FileReport
    validation: FileReport | None
    prices: tuple[ModelPrice, ...]
    priced_on: str
    errors: int
    warnings: int

    @property
    def job_error(self) -> JobError | None:
        """What a job over these files fails with."""
        return self.training.job_error or (self.validation.job_error if self.validation else None)
