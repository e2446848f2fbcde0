"""The view of a tuning for pipes and logs: plain lines, each with the time since the beginning."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from mocktune.cli.amounts import told_duration, told_stopwatch
from mocktune.cli.tune_record import ENDED, TuneRecord
from mocktune.cli.tune_story import (
    Sentence,
    Storyteller,
    estimate_sentences,
    failure_words,
    figures,
    left_sentences,
    spent_words,
    summary,
)

if TYPE_CHECKING:
    from mocktune.cli.tune_view import LeftBecause
    from mocktune_client import Tuned
    from mocktune_client.dataset.report import DatasetReport, ModelPrice
    from mocktune_client.progress import Progress

STEP_LINES = 20
"""About as many lines tell the steps of a job, be they ten or ten thousand."""
UPLOAD_LINES = 10


class LinesView:
    def __init__(self, out: TextIO, *, err: TextIO | None = None, record: TuneRecord | None = None) -> None:
        self._out = out
        self._err = err or sys.stderr
        self._record = record or TuneRecord()
        self._story = Storyteller(self._record)
        self._told_step = 0
        self._told_share = 0.0

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
        for sentence in estimate_sentences(report, price):
            self._say(sentence)

    def progress(self, told: Progress) -> None:
        from mocktune_client.progress import EventSeen, Uploading

        self._record.take(told)
        for sentence in self._story.tell(told):
            self._say(sentence)
        if isinstance(told, EventSeen):
            self._step()
        elif isinstance(told, Uploading):
            self._upload(told)

    def note(self, text: str) -> None:
        self._record.notes.append(text)
        self._say(Sentence(text))

    def done(self, tuned: Tuned) -> None:
        self._record.done(tuned)
        print(file=self._out)
        for name, value in summary(tuned, self._record):
            print(f"{name + ':':<12}{value}", file=self._out)
        self._out.flush()

    def failed(self, error: Exception) -> None:
        self._record.failed(error)
        print(f"mocktune: {failure_words(error)}", file=self._err, flush=True)

    def left(
        self,
        because: LeftBecause,
        *,
        attach: str | None = None,
        cancel: str | None = None,
        stands_still: bool = False,
    ) -> None:
        job = self._record.job
        for sentence in left_sentences(because, job.id if job else None, attach, cancel, stands_still=stands_still):
            self._say(sentence)

    def _say(self, sentence: Sentence) -> None:
        print(f"{told_stopwatch(self._record.elapsed_s):>7}  {sentence.text}", file=self._out, flush=True)

    def _step(self) -> None:
        """The first and the last step, and some between them; of a job that has ended already, the last."""
        record = self._record
        step, total = record.curves.last_step, record.curves.total_steps
        over = record.status in ENDED
        near = self._told_step and step - self._told_step < total / STEP_LINES
        if step <= self._told_step or (step < total and (over or near)):
            return
        numbers = figures(record, since=self._told_step)
        self._told_step = step
        parts = [f"step {step:>{len(str(total))}}/{total}", *(" ".join(each) for each in numbers)]
        if not over:
            parts += spent_words(record)
            if (left_s := record.left_s) is not None and step < total:
                parts.append(f"ETA {told_duration(left_s)}")
        self._say(Sentence("  ".join(parts)))

    def _upload(self, told: object) -> None:
        from mocktune_client.progress import Uploading

        assert isinstance(told, Uploading)
        share = told.sent_bytes / told.size_bytes if told.size_bytes else 1.0
        if not told.sent_bytes:
            self._told_share = 0.0
        elif share - self._told_share >= 1 / UPLOAD_LINES and share < 1:
            self._told_share = share
            self._say(Sentence(f"uploading {told.filename}: {share:.0%}"))
