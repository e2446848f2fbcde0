"""The result file of a job: its metrics as a table."""

from __future__ import annotations

import base64
import binascii
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocktune_client.errors import ResultsUnavailable
from mocktune_client.steps import Sleep, Steps
from mocktune_client.waiting import Retrying, Timing, patiently

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

LATE_S = 180.0
"""How long a succeeded job's result file may be missing before it counts as missing."""

_BEGINNING = b"step,"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One training step. Losses are in nats, accuracies parts of 1; None where the cell is empty."""

    step: int
    train_loss: float | None
    train_accuracy: float | None
    valid_loss: float | None
    valid_mean_token_accuracy: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """``rows`` in the file's order, and ``csv``, its whole decoded text, with any columns that rows do not have."""

    rows: list[ResultRow]
    csv: str


def fetch_results(job: FineTuningJob | str, timing: Timing) -> Steps[Results]:
    """The results of a succeeded job, given as its id or as an object, however old. Raises ``ResultsUnavailable``."""
    if isinstance(job, str):
        job_id, result_files = job, []
    else:
        job_id, result_files = job.id, job.result_files
    file_id = result_files[0] if result_files else (yield from _result_file(job_id, timing))
    return read_results(job_id, (yield from _content(job_id, file_id, timing)))


def read_results(job_id: str, content: bytes) -> Results:
    """The table in ``content``, which is CSV or, on the original service, base64 of it [OBS]."""
    text = _decoded(job_id, content)
    lines = csv.DictReader(text.splitlines())
    try:
        return Results([_row(line) for line in lines], text)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsUnavailable(
            job_id, f"line {lines.line_num} of the result file is no row of numbers. Download the file and look."
        ) from error


def _decoded(job_id: str, content: bytes) -> str:
    data = content.removeprefix(_BYTE_ORDER_MARK)
    if not data.startswith(_BEGINNING):
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True).removeprefix(_BYTE_ORDER_MARK)
        except binascii.Error:
            data = b""
    if not data.startswith(_BEGINNING):
        raise ResultsUnavailable(
            job_id, f"the result file is neither CSV nor base64 of it; it begins {content[:40]!r}. Download it again."
        )
    return data.decode("utf-8", "replace")


def _row(line: Mapping[str, str | None]) -> ResultRow:
    return ResultRow(
        step=int(line["step"] or ""),
        train_loss=_number(line.get("train_loss")),
        train_accuracy=_number(line.get("train_accuracy")),
        valid_loss=_number(line.get("valid_loss")),
        valid_mean_token_accuracy=_number(line.get("valid_mean_token_accuracy")),
    )


def _number(cell: str | None) -> float | None:
    return float(cell) if cell else None


def _result_file(job_id: str, timing: Timing) -> Steps[str]:
    late = Retrying(timing, LATE_S)
    while True:
        job = yield from patiently(lambda client: client.fine_tuning.jobs.retrieve(job_id), timing)
        if job.result_files:
            return job.result_files[0]
        if job.status != "succeeded":
            raise ResultsUnavailable(job_id, f"its status is {job.status!r}. Only a job that succeeded has results.")
        delay_s = late.next_delay_s()
        if delay_s is None:
            raise ResultsUnavailable(job_id, "it succeeded without a result file. Read its metrics from the events.")
        yield Sleep(delay_s)


def _content(job_id: str, file_id: str, timing: Timing) -> Steps[bytes]:
    import openai

    late = Retrying(timing, LATE_S)
    while True:
        try:
            answer = yield from patiently(lambda client: client.files.content(file_id), timing)
            return answer.read()
        except openai.NotFoundError as error:
            delay_s = late.next_delay_s(error)
            if delay_s is None:
                raise ResultsUnavailable(
                    job_id, f"its file {file_id} does not exist, or was deleted. Read its metrics from the events."
                ) from error
        yield Sleep(delay_s)
