"""The whole state machine: from a file of examples to a model that answers.

::

    request known ──┬── its job found ──────────────────────────────┐
                    └── files known ── processed ── created once ───┴── followed ── succeeded ── results
                                                                          ── checkpoints ── model answers

Everything before the job is noted in the journal, and everything after it is read from the service: a process that was
killed anywhere is started again with the same request, and goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocktune_client import events, files, jobs, models, refusals
from mocktune_client.checkpoints import list_checkpoints
from mocktune_client.errors import (
    DeploymentNeeded,
    JobCancelled,
    JobFailed,
    ModelNotReady,
    ModelUnnamed,
    ResultsUnavailable,
)
from mocktune_client.journal import Journal, RequestNotes, locked
from mocktune_client.once import How, Sought, create_once, known_job, request_key
from mocktune_client.preflight import preflight
from mocktune_client.progress import (
    CheckpointsSeen,
    JobKnown,
    ModelReady,
    ModelUndeployed,
    ModelWaited,
    ResultsSeen,
    Which,
)
from mocktune_client.results import Results, fetch_results
from mocktune_client.sources import DEFAULT_PART_BYTES, Source, file_id_of, read_source
from mocktune_client.steps import Emit, Sleep, Steps, ask, here
from mocktune_client.telling import Looks, told
from mocktune_client.waiting import Retrying, Timing, patiently

if TYPE_CHECKING:
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob
    from openai.types.fine_tuning.job_create_params import Integration, Method
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint

FILE_TIMEOUT_S = 1800.0
MODEL_TIMEOUT_S = 900.0
LARGE_BYTES = 32 * 1024 * 1024
"""An upload of this size is worth asking first whether a job can be made of it."""
UNNAMED_S = 30.0
"""How long a succeeded job may go without the name of its model."""

Input = Path | str | bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``tune`` was asked for. A file is a path, its bytes, or the id of a file of the service; ``model`` is one to
    train, a tuned one or a checkpoint to go on from, or the id of the job that makes it.
    """

    training_file: Input
    model: str
    validation_file: Input | None = None
    suffix: str | None = None
    seed: int | None = None
    method: Method | None = None
    metadata: Mapping[str, str] | None = None
    integrations: Iterable[Integration] | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a tuner works: its notes, whose they are, and how much of a file it takes in hand at once."""

    journal: Journal
    scope: str
    timing: Timing
    page_size: int = 100
    part_bytes: int = DEFAULT_PART_BYTES


@dataclass(frozen=True, slots=True)
class Tuned:
    """A succeeded job, the name of its model, its metrics (None where they cannot be had) and its checkpoints, in the
    order of their steps. ``answers_as`` is the name to ask the model by: its own, on Azure that of a deployment, None
    where there is none yet, or where nobody waited for it.
    """

    job: FineTuningJob
    model: str
    results: Results | None
    checkpoints: tuple[FineTuningJobCheckpoint, ...]
    answers_as: str | None = None


def tune(wanted: Wanted, desk: Desk, *, wait_for_model: bool) -> Steps[Tuned]:
    """From what is wanted to a model that answers. Raises what ``Tuner.tune`` does."""
    looks = Looks()
    training = yield from _input(wanted.training_file, "training", desk)
    validation = None
    if wanted.validation_file is not None:
        validation = yield from _input(wanted.validation_file, "validation", desk)
    request: dict[str, Any] = {
        "model": wanted.model,
        "suffix": wanted.suffix,
        "seed": wanted.seed,
        "method": wanted.method,
        "metadata": dict(wanted.metadata) if wanted.metadata else None,
        "integrations": list(wanted.integrations) if wanted.integrations is not None else None,
    }
    jobs.body_of(request, dict.fromkeys((jobs.MARKER_KEY, jobs.AGAIN_KEY)[: 1 + wanted.again], ""))
    request["model"] = yield from _model(wanted.model, desk.timing)
    contents = {"training": _content(training), "validation": _content(validation)}
    key = request_key({**request, **contents})

    name = f"{'again' if wanted.again else 'request'}-{desk.scope}-{key}"
    release = yield from locked(desk.journal, name, "request for a job", desk.timing)
    try:
        job, how = yield from _job(request, (training, validation), name, key, wanted.again, desk, looks)
    finally:
        release()
    if wanted.again:  # the same request without ``again`` goes on with the latest
        yield from here(lambda: desk.journal.save(f"request-{desk.scope}-{key}", RequestNotes(job_id=job.id)))
    yield Emit(JobKnown(job, how))

    try:
        tuned = yield from follow_to_the_end(job.id, desk, wait_for_model=wait_for_model, looks=looks)
    except ModelNotReady as error:
        if how == "found":
            error.add_note(f"Job {job.id} is of an earlier run. If its model was deleted, tune again on purpose.")
        raise
    except (JobFailed, JobCancelled):
        if wanted.again:
            yield from here(lambda: desk.journal.forget(name))
        raise
    if wanted.again:  # this time is over: who asks again means another
        yield from here(lambda: desk.journal.forget(name))
    return tuned


def upload_once(file: Input, which: Which, desk: Desk, *, timeout_s: float) -> Steps[FileObject]:
    """The one file of these bytes, processed. Raises ``FileFailed``, ``WaitTimeout``, ``FileChanged``, ``OSError``."""
    looks = Looks()
    source = yield from _input(file, which, desk)
    return (yield from _processed((yield from _sent(source, which, desk, looks)), which, desk, looks, timeout_s))


def follow_to_the_end(job_id: str, desk: Desk, *, wait_for_model: bool, looks: Looks | None = None) -> Steps[Tuned]:
    """From a job to its model. Raises ``JobFailed``, ``JobCancelled``, ``ModelNotReady``, ``ModelUnnamed``."""
    timing, looks = desk.timing, looks or Looks()
    subject = f"job {job_id}"
    yield from told(events.follow(job_id, timing, page_size=desk.page_size), subject, looks)
    job, model = yield from told(_succeeded(job_id, timing), subject, looks)
    results = yield from told(_results(job, timing), subject)
    checkpoints = yield from told(_checkpoints(job_id, timing), subject)
    answers_as = (yield from _answering(model, timing)) if wait_for_model else None
    return Tuned(job, model, results, checkpoints, answers_as)


# -- up to the job -----------------------------------------------------------------------------------------------------


def _model(model: str, timing: Timing) -> Steps[str]:
    """The name of the model; of a job the one it makes, when it has."""
    if not model.startswith("ftjob-"):
        return model
    _, made = yield from told(_succeeded(model, timing), f"job {model}")
    return made


def _input(file: Input, which: Which, desk: Desk) -> Steps[Source | str]:
    """What is to be sent, or the id of a file that is there."""
    return here(lambda: file_id_of(file) or read_source(file, stem=which, part_bytes=desk.part_bytes))


def _content(source: Source | str | None) -> str | None:
    return source.sha256 if isinstance(source, Source) else source


def _job(
    request: Mapping[str, Any],
    inputs: tuple[Source | str, Source | str | None],
    name: str,
    key: str,
    again: bool,
    desk: Desk,
    looks: Looks,
) -> Steps[tuple[FineTuningJob, How]]:
    """The request's job, with its files told on the way, whether it is made now or was before."""
    timing = desk.timing
    notes = yield from here(lambda: desk.journal.load(name, RequestNotes))

    def save() -> None:
        desk.journal.save(name, notes)

    if again and notes.nonce is None:
        notes.nonce = uuid.uuid4().hex  # written down with the create that carries it
    sought = _sought(request, key, notes.nonce if again else None)
    known = yield from told(known_job(sought, notes, timing), "jobs")
    if known is not None:
        notes.job_id, notes.sent_at = known.id, None
        yield from here(save)
        for which, file_id in (("training", known.training_file), ("validation", known.validation_file)):
            yield from _seen_before(file_id, which, looks)  # type: ignore[arg-type]  # mypy widens the literals
        return known, "found"

    if any(isinstance(each, Source) and each.size_bytes >= LARGE_BYTES for each in inputs):
        # Better refused now than after a gigabyte was sent.
        yield from told(preflight(request["model"], timing), "preflight")
    training = yield from _sent(inputs[0], "training", desk, looks)
    validation = None if inputs[1] is None else (yield from _sent(inputs[1], "validation", desk, looks))
    yield from _processed(training, "training", desk, looks)
    if validation is not None:
        yield from _processed(validation, "validation", desk, looks)
    body = {**request, "training_file": training.id, "validation_file": validation.id if validation else None}
    return (yield from told(create_once(sought, body, notes, save, timing), "create"))


def _sought(request: Mapping[str, Any], key: str, nonce: str | None) -> Sought:
    method = request["method"] or {}
    kind = method.get("type")
    epochs = ((method.get(kind) or {}).get("hyperparameters") or {}).get("n_epochs") if kind else None
    return Sought(
        key=key,
        nonce=nonce,
        model=request["model"],
        suffix=request["suffix"],
        seed=request["seed"],
        method=kind,
        n_epochs=epochs if isinstance(epochs, int) else None,
    )


def _sent(source: Source | str, which: Which, desk: Desk, looks: Looks) -> Steps[FileObject]:
    """A file that is at the service, processed or not."""
    if isinstance(source, str):
        looks.reuse(source)
        subject = f"file {source}"
        return (
            yield from told(
                patiently(lambda client: client.files.retrieve(source), desk.timing), subject, looks, which=which
            )
        )
    sending = files.obtain(source, which, desk.journal, desk.scope, desk.timing)
    file, reused = yield from told(sending, f"file {source.label}")
    if reused:
        looks.reuse(file.id)
    yield from looks.file(file, which)
    return file


def _processed(
    file: FileObject, which: Which, desk: Desk, looks: Looks, timeout_s: float = FILE_TIMEOUT_S
) -> Steps[FileObject]:
    if file.status in files.ENDED:
        return files.usable(file)
    waiting = files.wait_for_file(file.id, desk.timing, timeout_s=timeout_s)
    return (yield from told(waiting, f"file {file.filename}", looks, which=which))


def _seen_before(file_id: str | None, which: Which, looks: Looks) -> Steps[None]:
    """Tells a file of a job that was found. It may have been deleted since, and nobody needs it."""
    import openai

    if file_id is not None:
        looks.reuse(file_id)
        with suppress(openai.APIError):
            file = yield from ask(lambda client: client.files.retrieve(file_id))
            yield from looks.file(file, which)


# -- from the job on ---------------------------------------------------------------------------------------------------


def _succeeded(job_id: str, timing: Timing) -> Steps[tuple[FineTuningJob, str]]:
    """The succeeded job and the name of its model, which may come a moment later than the status."""
    late = Retrying(timing, UNNAMED_S)
    while True:
        job = yield from jobs.wait(job_id, timing, timeout_s=None)
        if job.fine_tuned_model:
            return job, job.fine_tuned_model
        delay_s = late.next_delay_s()
        if delay_s is None:
            raise ModelUnnamed(job)
        yield Sleep(delay_s)


def _answering(model: str, timing: Timing) -> Steps[str | None]:
    """The name under which the model answers; None on Azure, where it is kept until somebody deploys it."""
    yield Emit(ModelWaited(model))
    try:
        waiting = models.wait_for_model(model, timing, timeout_s=MODEL_TIMEOUT_S)
        answers_as = yield from told(waiting, f"model {model}")
    except DeploymentNeeded as needed:
        yield Emit(ModelUndeployed(model, str(needed)))
        return None
    yield Emit(ModelReady(answers_as))
    return answers_as


def _results(job: FineTuningJob, timing: Timing) -> Steps[Results | None]:
    import openai

    try:
        results = yield from fetch_results(job, timing)
    except (ResultsUnavailable, openai.APIError) as error:  # the model is there all the same
        yield Emit(ResultsSeen(None, str(refusals.told(error))))
        return None
    yield Emit(ResultsSeen(results, None))
    return results


def _checkpoints(job_id: str, timing: Timing) -> Steps[tuple[FineTuningJobCheckpoint, ...]]:
    """Not every service has checkpoints, and a tuning is none the worse."""
    import openai

    checkpoints: tuple[FineTuningJobCheckpoint, ...] = ()
    with suppress(openai.APIError):
        checkpoints = yield from list_checkpoints(job_id, timing)
    yield Emit(CheckpointsSeen(checkpoints))
    return checkpoints
