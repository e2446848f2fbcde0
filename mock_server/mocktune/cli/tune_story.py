"""A tuning as sentences: what of all that is told is worth a line, in words that both views for people share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mocktune.cli.amounts import counted, told_duration, told_size, told_usd
from mocktune.cli.printing import printable, words

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJobEvent

    from mocktune.cli.tune_record import TuneRecord
    from mocktune_client import Tuned
    from mocktune_client.dataset.report import DatasetReport, ModelPrice
    from mocktune_client.progress import FileSeen, JobKnown, Progress, Waiting

Tone: TypeAlias = Literal["stage", "plain", "good", "bad", "dim"]

LONGEST_MESSAGE = 1_000
"""Characters shown of one message of the service."""
LONGEST_WAITING = 160
"""Characters of an error that is only waited out."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``copied``: it ends in a command that people copy, and so is not to be broken into lines."""

    text: str
    tone: Tone = "plain"
    copied: bool = False


class Storyteller:
    """Remembers what was said, so that nothing is said twice and a long wait is not told at every try."""

    def __init__(self, record: TuneRecord) -> None:
        self._record = record
        self._status: str | None = None
        self._files: set[str] = set()
        self._lost = False
        self._subject: str | None = None
        self._tries = 0
        self._since_s = 0.0

    def tell(self, told: Progress) -> Iterator[Sentence]:
        """The lines for ``told``, which the record has taken in. Metrics have none: views show them."""
        from mocktune_client import progress as p

        if isinstance(told, p.Waiting):
            yield from self._wait(told)
            return
        if self._tries:
            yield from self._waited()
        match told:
            case p.Uploading(filename=name, sent_bytes=0, size_bytes=size):
                yield Sentence(f"uploading {printable(name)}, {told_size(size)}")
            case p.FileSeen():
                yield self._file(told)
            case p.JobKnown():
                yield _job(told)
                yield from self._stage(told.job)
            case p.JobSeen(job):
                yield from self._stage(job)
            case p.EventSeen(event) if not is_metrics(event):
                yield _event(event)
            case p.EventSeen():
                yield from self._loss()
            case p.ResultsSeen(None, reason):
                yield Sentence(f"no results: {printable(reason or 'no reason is known')}", "dim")
            case p.ResultsSeen(results):
                assert results is not None
                yield Sentence(f"results of {counted(len(results.rows), 'step')} read", "dim")
            case p.CheckpointsSeen(checkpoints) if checkpoints:
                steps = ", ".join(str(each.step_number) for each in sorted(checkpoints, key=lambda c: c.step_number))
                yield Sentence(f"{counted(len(checkpoints), 'checkpoint')}: step {steps}", "dim")
            case p.ModelWaited(model):
                yield Sentence(f"waiting until {printable(model)} answers")
            case p.ModelReady(model):
                yield Sentence(f"{printable(model)} answers", "good")
            case p.ModelUndeployed(_, advice):
                yield Sentence(printable(advice))

    def _stage(self, job: Any) -> Iterator[Sentence]:
        status = str(job.status)
        if status == self._status:
            return
        self._status = status
        tone: Tone = "good" if status == "succeeded" else "bad" if status in ("failed", "cancelled") else "stage"
        yield Sentence(printable(status), tone)

    def _loss(self) -> Iterator[Sentence]:
        """A loss that is lost seldom comes back, and is paid for to the end."""
        lost_at = self._record.curves.lost_at
        if lost_at is not None and not self._lost:
            text = f"warning: since step {lost_at} the training loss is no number; the model may be of no use"
            if self._record.status == "running" and self._record.job is not None:
                text += f". To pay for no more of it: mocktune jobs cancel {self._record.job.id}"
            yield Sentence(text, "bad")
        self._lost = lost_at is not None

    def _file(self, told: FileSeen) -> Sentence:
        file, status = told.file, str(told.file.status)
        first = file.id not in self._files
        self._files.add(file.id)
        name = f" ({printable(file.filename)})" if told.reused and first else ""
        again = ", uploaded before" if told.reused and first else ""
        tone: Tone = "bad" if status in ("error", "deleted") else "plain"
        return Sentence(f"{told.which} file {file.id}{name}: {printable(status)}{again}", tone)

    def _wait(self, told: Waiting) -> Iterator[Sentence]:
        """The first time, and then each time that twice as many tries were in vain."""
        if told.subject != self._subject:
            self._subject, self._tries, self._since_s = told.subject, 0, self._record.now_s()
        self._tries += 1
        if self._tries & (self._tries - 1) == 0:
            tries = "" if self._tries == 1 else f" ({self._tries} tries)"
            yield Sentence(f"{waiting_words(told)}; next try in {told_duration(told.delay_s)}{tries}", "dim")

    def _waited(self) -> Iterator[Sentence]:
        tries, self._tries = self._tries, 0
        subject, self._subject = self._subject, None
        if tries > 1:
            lasted = told_duration(self._record.now_s() - self._since_s)
            yield Sentence(f"{printable(subject or '')}: {counted(tries, 'error')} in {lasted}, and it goes on", "dim")


def estimate_sentences(report: DatasetReport, price: ModelPrice | None) -> Iterator[Sentence]:
    """What was checked, and what it will cost."""
    files = [("training", report.training)]
    if report.validation is not None:
        files.append(("validation", report.validation))
    for which, file in files:
        statistics = file.statistics
        examples = counted(statistics.examples, "example")
        tokens = counted(statistics.total_tokens, "token")
        yield Sentence(f"{which} file: {printable(file.path)}, {examples}, {tokens}, {told_size(file.size_bytes)}")
    found = [
        counted(number, noun) for number, noun in ((report.errors, "error"), (report.warnings, "warning")) if number
    ]
    if found:
        yield Sentence(
            f"the check found {' and '.join(found)}: mocktune check tells them", "bad" if report.errors else "dim"
        )
    if price is not None:
        yield Sentence(price_words(price, report.priced_on))


def price_words(price: ModelPrice, priced_on: str) -> str:
    epochs = counted(price.n_epochs, "epoch")
    tokens = counted(price.trained_tokens, "token")
    if price.usd is not None:
        cost = f"about {told_usd(price.usd)}"
    else:
        cost = f"{told_usd(price.usd_per_hour or 0)} an hour of training"
    assumed = ", a price that nobody confirmed" if price.assumed_price else ""
    return f"estimate: {epochs} on {price.model}, {tokens} to train on, {cost} (prices of {priced_on}{assumed})"


def waiting_words(told: Waiting) -> str:
    """What is being waited out: the first sentence, without the advice that an error has when it ends a command."""
    said = short(told.error)
    first = said.split(". ")[0].split("! ")[0]
    if len(first) > LONGEST_WAITING:
        first = first[: LONGEST_WAITING - 1].rstrip() + "…"
    return f"{printable(told.subject)}: {first}"


def short(error: Exception) -> str:
    import openai

    if isinstance(error, openai.APIStatusError):
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        code = f" {error.code}" if isinstance(error.code, str) and error.code else ""
        said = f": {message}" if isinstance(message, str) and message else f" {error.response.reason_phrase}"
        return printable(f"HTTP {error.status_code}{code}{said}".rstrip(". "))[:LONGEST_MESSAGE]
    if isinstance(error, openai.APITimeoutError):
        return "no answer in time"
    if isinstance(error, openai.APIConnectionError):
        return printable(f"no connection ({error.__cause__ or error})")[:LONGEST_MESSAGE]
    return printable(error)[:LONGEST_MESSAGE]


def failure_words(error: Exception) -> str:
    """What went wrong and what to do, on one line."""
    return words(error) or printable(error) or type(error).__name__


def is_metrics(event: FineTuningJobEvent) -> bool:
    """Unknown types of events, and metrics without numbers, are shown by their message."""
    data = event.data
    return event.type == "metrics" and isinstance(data, dict) and bool(data.get("step"))


def figures(record: TuneRecord, since: int = 0) -> list[tuple[str, str]]:
    """The latest numbers of the training by their names, those that are known of a step after ``since``."""
    curves = record.curves
    names = (
        ("loss", "train_loss", 4),
        ("accuracy", "train_mean_token_accuracy", 3),
        ("reward", "train_mean_reward", 3),
        ("valid loss", "valid_loss", 4),
        ("valid accuracy", "valid_mean_token_accuracy", 3),
        ("valid reward", "valid_mean_reward", 3),
    )
    shown = []
    for label, name, digits in names:
        points = curves.validation(name.removeprefix("valid_")) if name.startswith("valid_") else curves.of(name)
        if name == "train_loss" and curves.lost_at is not None:
            shown.append((label, "nan"))
        elif points and next(reversed(points)) > since:
            shown.append((label, f"{next(reversed(points.values())):.{digits}f}"))
    return shown


def spent_words(record: TuneRecord) -> list[str]:
    """Tokens and cost so far, each with what is expected in all."""
    spent, price = record.spent, record.price
    parts = []
    if spent.tokens is not None:
        whole = f" of {price.trained_tokens:,}" if price is not None and not spent.exact else ""
        parts.append(f"{spent.tokens:,}{whole} tokens")
    if spent.usd is not None:
        whole = f" of {told_usd(price.usd)}" if price is not None and price.usd is not None and not spent.exact else ""
        parts.append(f"{told_usd(spent.usd)}{whole}")
    return parts


def summary(tuned: Tuned, record: TuneRecord) -> list[tuple[str, str]]:
    """What came out, as names and values."""
    rows = [("model", printable(tuned.model)), ("job", printable(tuned.job.id))]
    if steps := record.curves.total_steps:
        numbers = [" ".join(each) for each in figures(record)]
        rows.append(("training", "  ".join([counted(steps, "step"), *(n for n in numbers if "valid" not in n)])))
        if validation := [number.removeprefix("valid ") for number in numbers if "valid" in number]:
            rows.append(("validation", "  ".join(validation)))
    took_s = (tuned.job.finished_at or 0) - (tuned.job.created_at or 0)
    if tuned.job.finished_at and took_s >= 0:
        rows.append(("job took", told_duration(took_s)))
    if spent := spent_words(record):
        rows.append(("trained on", ", ".join(spent)))
    if record.undeployed is None:
        rows.append(("ask it", f"mocktune ask {printable(tuned.answers_as or tuned.model)} 'a question'"))
    return rows


def left_sentences(
    because: str, job_id: str | None, attach: str | None, cancel: str | None, *, stands_still: bool
) -> Iterator[Sentence]:
    """``stands_still``: the job's server ends with the command, and its job waits for the next one."""
    if job_id is None:
        yield Sentence(f"{because}: no job was seen yet. The same command again goes on where this one was.")
    elif stands_still:
        yield Sentence(
            f"{because}: job {job_id} stands still with the local server of this command, until the next one."
        )
    else:
        yield Sentence(f"{because}: job {job_id} goes on without this command.")
    for what, command in (("follow it", attach), ("cancel it", cancel)):
        if command:
            yield Sentence(f"{what}: {command}", copied=True)


def _job(told: JobKnown) -> Sentence:
    how = {
        "created": "created",
        "found": "was there already, from the same request",
        "found_again": "created; its answer was lost, and it was found in the list",
    }[told.how]
    return Sentence(f"job {printable(told.job.id)} on {printable(told.job.model)} {how}")


def _event(event: FineTuningJobEvent) -> Sentence:
    mark = {"warn": "warning: ", "error": "error: "}.get(event.level, "")
    tone: Tone = "bad" if event.level in ("warn", "error") else "plain"
    return Sentence(f"{mark}{printable(event.message)[:LONGEST_MESSAGE]}", tone)
