"""The check of a training file, and of a validation file with it, before anything is uploaded."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from mocktune.domain.clock import VirtualTime
from mocktune.domain.formats.defects import Which
from mocktune.domain.models import PRICED_ON, Method
from mocktune.domain.objects import JobError
from mocktune.domain.report import FileFormat
from mocktune.domain.report import FileReport as ServiceReport
from mocktune.domain.validation import FileOutlook, defects_of_whole, first_fault
from mocktune_client.dataset import warnings
from mocktune_client.dataset.merging import Merged, finding_of
from mocktune_client.dataset.on_disk import File, Hashing, on_disk
from mocktune_client.dataset.plan import DEFAULT_MODEL, Plan, plan_for
from mocktune_client.dataset.prices import prices_of
from mocktune_client.dataset.reading import PART_BYTES, cuts
from mocktune_client.dataset.remedies import REMEDIES
from mocktune_client.dataset.repeats import AllFound, Repeats
from mocktune_client.dataset.report import MAX_FINDINGS, DatasetReport, FileReport, FileStatistics, ModelPrice
from mocktune_client.dataset.survey import Question, Survey
from mocktune_client.dataset.surveying import survey
from mocktune_client.dataset.workers import Task, WorkerFailed, Workers

__all__ = ["DEFAULT_MODEL", "check_dataset"]

ALONE_BYTES = 16 << 20
"""Up to this size of both files they are read in this process: it is done before another one has its vocabulary."""

MAX_PROCESSES = 8

OnProgress = Callable[[int, int], None]


def check_dataset(
    path: Path | str,
    *,
    validation: Path | str | None = None,
    model: str | None = None,
    method: Method | None = None,
    n_epochs: int | None = None,
    processes: int | None = None,
    on_progress: OnProgress | None = None,
    count_tokens: bool = True,
) -> DatasetReport:
    """Everything that is to be said of a training file, and of a validation file with it, by one look at each line.

    ``model`` is a base model, an alias, or a model tuned from one; with it, whether the files fit it is judged too. One
    that nobody knows says nothing. ``method=None``: by the first example. ``n_epochs=None`` stands for "auto".
    ``processes=None``: one up to 16 MiB, else one for each processor, at most eight. ``on_progress`` is called with the
    bytes done and the bytes in all, from the calling thread. Without ``count_tokens`` there are no tokens and no
    prices.

    Memory does not grow with the files: what would is written to temporary files. What is no file on disk, such as a
    pipe, is copied to one. The report is the same for any number of processes. Raises ``OSError`` for what cannot be
    read, and what ``on_progress`` raises.
    """
    with ExitStack() as stack:
        given: list[tuple[Which, str]] = [("training", os.fspath(path))]
        if validation is not None:
            given.append(("validation", os.fspath(validation)))
        files = [stack.enter_context(on_disk(which, name)) for which, name in given]
        plan = plan_for([file.path for file in files], model, method, count_tokens)
        look = _Look(files, plan, on_progress)
        size = sum(file.size_bytes for file in files)
        most = (1 if size <= ALONE_BYTES else _processors()) if processes is None else max(1, processes)
        if most > 1:
            try:
                look.with_workers(most)
                return look.report(n_epochs)
            except WorkerFailed:
                look = _Look(files, plan, on_progress)
        look.alone()
        return look.report(n_epochs)


def _processors() -> int:
    usable = getattr(os, "sched_getaffinity", None)
    return min(MAX_PROCESSES, len(usable(0)) if usable else os.cpu_count() or 1)


class _Look:
    """One look at all lines of all files."""

    def __init__(self, files: Sequence[File], plan: Plan, on_progress: OnProgress | None) -> None:
        self._files = files
        self._plan = plan
        self._on_progress = on_progress
        self._done_bytes = 0
        self._size_bytes = sum(file.size_bytes for file in files)
        self._merged = [Merged(file.name, file.which, plan.encodings) for file in files]
        self._sha256: list[str] = []
        self._found = AllFound(0)

    def alone(self) -> None:
        """In this process. A thread hashes the bytes meanwhile."""
        self._all_parts(lambda task: _done(_survey_here(task)), waiting=1)

    def with_workers(self, most: int) -> None:
        """In that many processes, each waited for by a thread. Raises ``WorkerFailed``."""
        with ThreadPoolExecutor(most) as pool:
            try:
                with Workers(most) as workers:
                    self._all_parts(lambda task: pool.submit(workers.survey, task), waiting=2 * most)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _all_parts(self, ask: Callable[[Task], Future[Survey]], waiting: int) -> None:
        """Enter the surveys of all parts in their order, at most ``waiting`` of them under way."""
        self._tell(0)
        hashing = Hashing(self._files)
        with ThreadPoolExecutor(1) as pool, Repeats() as repeats:
            digests = pool.submit(hashing.digests)
            under_way: deque[tuple[Merged, int, Future[Survey]]] = deque()

            def enter() -> None:
                merged, length, answer = under_way.popleft()
                merged.add(answer.result(), repeats)
                self._tell(length)

            try:
                for merged, task in self._tasks():
                    under_way.append((merged, task.length, ask(task)))
                    if len(under_way) >= waiting:
                        enter()
                while under_way:
                    enter()
                self._found = repeats.find(MAX_FINDINGS)
                self._sha256 = digests.result()
            finally:
                hashing.stopped = True

    def _tasks(self) -> Iterator[tuple[Merged, Task]]:
        for file, format, merged in zip(self._files, self._plan.formats, self._merged, strict=True):
            question = Question(format, self._plan.encodings, self._plan.judge.train_context)
            with open(file.path, "rb", buffering=0) as source:
                for offset, length in cuts(source, file.size_bytes, PART_BYTES):
                    yield merged, Task(file.path, offset, length, question)

    def _tell(self, done_bytes: int) -> None:
        self._done_bytes += done_bytes
        if self._on_progress is not None:
            self._on_progress(self._done_bytes, self._size_bytes)

    # -- the report ----------------------------------------------------------------------------------------------------

    def report(self, n_epochs: int | None) -> DatasetReport:
        plan, training = self._plan, self._merged[0]
        prices: tuple[ModelPrice, ...] = ()
        if plan.encodings:
            prices = prices_of(
                plan.formats[0], plan.method, training.examples, training.billed, images=training.images > 0,
                asked=plan.asked, n_epochs=n_epochs,
            )  # fmt: skip
        files = [self._file_report(index) for index in range(len(self._files))]
        return DatasetReport(
            method=plan.method,
            training=files[0],
            validation=files[1] if len(files) > 1 else None,
            prices=prices,
            priced_on=PRICED_ON,
            errors=sum(file.errors for file in files),
            warnings=sum(file.warnings for file in files),
        )

    def _file_report(self, index: int) -> FileReport:
        file, plan, merged = self._files[index], self._plan, self._merged[index]
        service = _service_report(merged, plan.formats[index])
        whole = [
            finding_of(defect, merged, REMEDIES[defect.kind])
            for defect in defects_of_whole(plan.judge, file.name, service, file.which, plan.method)
        ]
        for finding in whole:
            merged.counts["error"][finding.rule] += 1
        # In the order in which the service looks: the format before the lines, their number after them.
        before = [finding for finding in whole if finding.rule in ("wrong_method", "wrong_model")]
        after = [finding for finding in whole if finding not in before]
        warnings.add_repeats(merged, self._found, self._files[0].name, plan.formats[index])
        warnings.add_system_prompts(merged)
        return FileReport(
            path=file.name,
            size_bytes=file.size_bytes,
            format=plan.formats[index],
            statistics=self._statistics(index),
            findings=(*before, *merged.kept("error"), *after, *merged.kept("warning")),
            counts=dict(merged.counts["error"] + merged.counts["warning"]),
            errors=merged.counts["error"].total(),
            warnings=merged.counts["warning"].total(),
            job_error=_job_error(plan, file, service),
        )

    def _statistics(self, index: int) -> FileStatistics:
        merged = self._merged[index]
        encoding = self._plan.judge.encoding
        return FileStatistics(
            examples=merged.examples,
            first_example=self._plan.first_examples[index],
            missing_system=merged.missing_system,
            missing_user=merged.missing_user,
            encoding=encoding,
            messages_per_example=merged.messages.distribution(),
            total_tokens_per_example=merged.totals.distribution(),
            assistant_tokens_per_example=merged.assistants.distribution(),
            total_tokens=merged.totals.total,
            assistant_tokens=merged.assistants.total,
            images=merged.images,
            sha256=self._sha256[index],
            faulty_examples=merged.examples - merged.good,
        )


def _survey_here(task: Task) -> Survey:
    with open(task.path, "rb", buffering=0) as source:
        source.seek(task.offset)
        return survey(source, task.length, task.question)


def _done(answer: Survey) -> Future[Survey]:
    future: Future[Survey] = Future()
    future.set_result(answer)
    return future


def _service_report(merged: Merged, format: FileFormat) -> ServiceReport:
    """What of the file the service's own validation looks at."""
    return ServiceReport(
        format=format,
        examples=merged.written,
        syntax_error=merged.syntax_error,
        defect=None if merged.syntax_error else merged.defect,
        content_tokens=0,
        assistant_tokens=0,
        billable_tokens={},
        predictability=0.0,
        images=merged.images,
        vision_examples=merged.vision_examples,
    )


def _job_error(plan: Plan, file: File, service: ServiceReport) -> JobError | None:
    now = VirtualTime(0)

    def outlook(report: ServiceReport) -> FileOutlook:
        return FileOutlook(file.name, "fine-tune", now, report, report.syntax_error)

    if file.which == "training":
        return first_fault(plan.judge, outlook(service), None, by=now, method=plan.method)
    good = ServiceReport(plan.formats[0], 10, None, None, 0, 0, {}, 0.0)
    return first_fault(plan.judge, outlook(good), outlook(service), by=now, method=plan.method)
