"""The view of a tuning for programs: one JSON object a line on stdout, with its kind in ``event``.

Every object has ``elapsed_s``, wall seconds since the command began. The shapes are documented in
docs/reference/cli.md and only grow: a reader skips kinds and keys it does not know.
"""

from __future__ import annotations

import sys
from json import dumps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from mocktune.cli.tune_record import TuneRecord
from mocktune.cli.tune_story import failure_words, short

if TYPE_CHECKING:
    from mocktune.cli.tune_view import LeftBecause
    from mocktune_client import Tuned
    from mocktune_client.dataset.report import DatasetReport, FileReport, ModelPrice
    from mocktune_client.progress import Progress


class JsonView:
    def __init__(self, out: TextIO, *, err: TextIO | None = None, record: TuneRecord | None = None) -> None:
        self._out = out
        self._err = err or sys.stderr
        self._record = record or TuneRecord()

    @property
    def record(self) -> TuneRecord:
        return self._record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def target(self, line: str) -> None:
        self._record.target = line

    def estimate(self, report: DatasetReport, price: ModelPrice | None) -> None:
        self._record.estimated(report, price)
        self._print("estimate", **estimate_document(report, price))

    def progress(self, told: Progress) -> None:
        self._record.take(told)
        kind, document = progress_document(told)
        self._print(kind, **document)

    def note(self, text: str) -> None:
        self._record.notes.append(text)
        self._print("note", text=text)

    def done(self, tuned: Tuned) -> None:
        self._record.done(tuned)
        spent = self._record.spent
        self._print(
            "done",
            model=tuned.model,
            answers_as=tuned.answers_as,
            job_id=tuned.job.id,
            trained_tokens=spent.tokens,
            usd=spent.usd,
            steps=self._record.curves.total_steps or None,
            checkpoints=[each.fine_tuned_model_checkpoint for each in tuned.checkpoints],
        )

    def failed(self, error: Exception) -> None:
        """On stdout for the program, and on stderr for whoever looks into its log."""
        self._record.failed(error)
        job = self._record.job
        said = failure_words(error)
        code = getattr(error, "code", None)
        self._print(
            "failed",
            error=type(error).__name__,
            code=code if isinstance(code, str) else None,
            status_code=getattr(error, "status_code", None),
            message=said,
            job_id=job.id if job else None,
        )
        print(f"mocktune: {said}", file=self._err, flush=True)

    def left(
        self,
        because: LeftBecause,
        *,
        attach: str | None = None,
        cancel: str | None = None,
        stands_still: bool = False,
    ) -> None:
        job = self._record.job
        document = {"job_id": job.id if job else None, "attach": attach, "cancel": cancel, "stands_still": stands_still}
        self._print("left", because=because, **document)

    def _print(self, event: str, **document: Any) -> None:
        whole = {"event": event, "elapsed_s": round(self._record.elapsed_s, 3), **document}
        # A service may write NaN, which is no JSON.
        try:
            line = dumps(whole, allow_nan=False, default=str)
        except ValueError:
            line = dumps(_finite(whole), allow_nan=False, default=str)
        print(line, file=self._out, flush=True)


def progress_document(told: Progress) -> tuple[str, dict[str, Any]]:
    """The kind of what was told, and its other keys. Objects of the service are as the service wrote them."""
    from mocktune_client import progress as p

    match told:
        case p.Uploading(which, filename, sent, size):
            return "uploading", {"which": which, "filename": filename, "sent_bytes": sent, "size_bytes": size}
        case p.FileSeen(which, file, reused):
            return "file", {"which": which, "reused": reused, "file": _plain(file)}
        case p.JobKnown(job, how):
            return "job", {"how": how, "job": _plain(job)}
        case p.JobSeen(job):
            return "job", {"how": None, "job": _plain(job)}
        case p.EventSeen(event):
            return "job_event", {"job_event": _plain(event)}
        case p.Waiting(subject, error, delay_s):
            waited = {"subject": subject, "error": type(error).__name__, "message": short(error)}
            return "waiting", {**waited, "delay_s": round(delay_s, 3)}
        case p.ResultsSeen(results, reason):
            return "results", {"rows": None if results is None else len(results.rows), "reason": reason}
        case p.CheckpointsSeen(checkpoints):
            return "checkpoints", {"checkpoints": [_plain(each) for each in checkpoints]}
        case p.ModelWaited(model):
            return "model_waited", {"model": model}
        case p.ModelReady(model):
            return "model_ready", {"model": model}
        case p.ModelUndeployed(model, advice):
            return "model_undeployed", {"model": model, "advice": advice}
        case _:  # kinds that come later
            return "told", {"kind": type(told).__name__}


def estimate_document(report: DatasetReport, price: ModelPrice | None) -> dict[str, Any]:
    return {
        "method": report.method,
        "training": _file_document(report.training),
        "validation": None if report.validation is None else _file_document(report.validation),
        "errors": report.errors,
        "warnings": report.warnings,
        "model": None if price is None else price.model,
        "n_epochs": None if price is None else price.n_epochs,
        "trained_tokens": None if price is None else price.trained_tokens,
        "usd": None if price is None else price.usd,
        "usd_per_hour": None if price is None else price.usd_per_hour,
        "assumed_price": None if price is None else price.assumed_price,
        "priced_on": report.priced_on,
    }


def _file_document(file: FileReport) -> dict[str, Any]:
    statistics = file.statistics
    return {
        "path": file.path,
        "size_bytes": file.size_bytes,
        "examples": statistics.examples,
        "tokens": statistics.total_tokens,
        "sha256": statistics.sha256,
    }


def _plain(thing: Any) -> Any:
    return thing.to_dict(mode="json", warnings=False)


def _finite(value: Any) -> Any:
    """None in the place of numbers that JSON does not have."""
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
