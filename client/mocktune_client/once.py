"""One request, one job, whoever asks how often: looked for before it is created, found again, settled afterwards.

::

                     ┌─ noted on disk ─────────┐
    request's key ───┼─ in a job's metadata ───┼── a job that has not failed: gone on with
                     └─ same files and suffix ─┘
                               none ── "create sent" noted ── create ── answered ── settled with others' ── noted
                                                                 └── lost: looked for, and after a while created again

Where a service takes no metadata, or drops it, jobs are known by their files, suffix, model and what else was asked.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mocktune_client.errors import CreateOutcomeUnknown
from mocktune_client.jobs import AGAIN_KEY, CANCELLED, LOOKUP_S, MARKER_KEY, body_of, find_again, send
from mocktune_client.journal import RequestNotes
from mocktune_client.listing import whole_list
from mocktune_client.steps import Sleep, Steps, ask, here
from mocktune_client.waiting import Retrying, Timing, is_lost, is_temporary, patiently

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

How: TypeAlias = Literal["created", "found", "found_again"]

CREATES = 10
"""Times a create is sent of which no job was found afterwards."""
ENDED_BADLY = CANCELLED | {"failed"}
JOBS_PER_PAGE = 100
PAGES = 20
"""Of jobs that are looked through: two thousand jobs back."""
NEW_MODEL_S = 900.0
"""How long a model of our own that was just made may be unknown to create."""


def request_key(facts: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that are the same for the same request; files are told by a hash of their contents."""
    text = json.dumps(facts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Sought:
    """A request: its ``key``, the ``nonce`` of one that is made again on purpose, and what else tells its job.

    ``method`` is the type, such as ``dpo``; None stands for what was not asked for.
    """

    key: str
    nonce: str | None
    model: str
    suffix: str | None
    seed: int | None
    method: str | None
    n_epochs: int | None

    @property
    def marks(self) -> dict[str, str]:
        return {MARKER_KEY: self.key} | ({AGAIN_KEY: self.nonce} if self.nonce else {})

    def is_marked(self, job: FineTuningJob) -> bool:
        """A plain request is met by any job of its key, one made again by its own alone."""
        marks = job.metadata or {}
        return marks.get(MARKER_KEY) == self.key and self.nonce in (None, marks.get(AGAIN_KEY))

    def is_like(self, job: FineTuningJob, files: tuple[str, str | None]) -> bool:
        """Whether a job without our marks may be this one. What a job does not show speaks neither for nor against."""
        if MARKER_KEY in (job.metadata or {}) or (job.training_file, job.validation_file or None) != files:
            return False
        suffix = getattr(job, "user_provided_suffix", None)
        epochs = getattr(job.hyperparameters, "n_epochs", None)
        method = getattr(job.method, "type", None)
        return (
            # A job shows the dated name of the model that was asked for.
            re.fullmatch(re.escape(self.model) + r"(-\d{4}(-\d\d-\d\d)?)?", job.model) is not None
            and (self.method is None or method in (None, self.method))
            and ("user_provided_suffix" not in (job.model_extra or {}) or suffix == self.suffix)
            and self.seed in (None, job.seed)
            and (self.n_epochs is None or epochs in (None, "auto", self.n_epochs))
        )


Save: TypeAlias = Callable[[], None]


def known_job(sought: Sought, notes: RequestNotes, timing: Timing) -> Steps[FineTuningJob | None]:
    """The job there is of a request, that has not failed. Where a create was sent and not answered it is looked for
    a while. Raises ``CreateOutcomeUnknown`` where then the jobs cannot be listed.
    """
    import openai

    if notes.job_id is not None:
        job_id = notes.job_id
        try:
            job = yield from patiently(lambda client: client.fine_tuning.jobs.retrieve(job_id), timing)
            if job.status not in ENDED_BADLY:
                return job
        except openai.NotFoundError:
            pass
        notes.job_id = None
    looking = Retrying(timing, max(0.0, LOOKUP_S - notes.age_s())) if notes.sent_at is not None else None
    while True:
        try:
            found = yield from _marked(sought, timing)
            if found is None and notes.sent_at is not None and notes.files is not None:
                found = yield from _unmarked(sought, notes.files, frozenset(notes.before), timing)
        except openai.APIStatusError as error:
            if is_temporary(error):
                raise
            if notes.sent_at is not None:
                raise CreateOutcomeUnknown(MARKER_KEY, sought.key, False) from error
            return None  # a key that may not list jobs can still create one
        if found is not None:
            return found
        delay_s = looking.next_delay_s() if looking is not None else None
        if delay_s is None:
            return None
        yield Sleep(delay_s)


def create_once(
    sought: Sought, request: Mapping[str, Any], notes: RequestNotes, save: Save, timing: Timing
) -> Steps[tuple[FineTuningJob, How]]:
    """The request's job, created unless it turns up, and how it was come by. ``known_job`` has found none.

    Raises the SDK's error for a request that was refused, ``CreateOutcomeUnknown`` after ``CREATES`` tries, and
    ``ValueError`` for metadata that leaves no room for ours.
    """
    body = body_of(request, sought.marks)
    notes.files = files = (body["training_file"], body.get("validation_file"))
    notes.before = yield from _like(sought, files, timing)
    retrying = Retrying(timing, NEW_MODEL_S)

    def look() -> Steps[FineTuningJob | None]:
        return (yield from _marked(sought, timing)) or (
            yield from _unmarked(sought, files, frozenset(notes.before), timing)
        )

    for left in reversed(range(CREATES)):
        while True:  # until it is sent in a way that the service takes
            notes.sent_at = time.time()
            yield from here(save)
            try:
                job = yield from send(body, timing)
                return (yield from _settled(job, sought, files, notes, save, timing))
            except Exception as error:
                if is_lost(error):
                    lost = error
                    break
                notes.sent_at = None
                yield from here(save)
                if "metadata" in body and _names_metadata(error):
                    if request.get("metadata"):
                        error.add_note(
                            "Correct the metadata or leave it out: jobs are known by their files and suffix as well."
                        )
                        raise
                    del body["metadata"]
                    known = None if sought.nonce else (yield from _unmarked(sought, files, frozenset(), timing))
                    if known is not None:
                        return (yield from _noted(known, "found", notes, save))
                    continue
                delay_s = retrying.next_delay_s() if (yield from _is_new_model(body["model"], error, timing)) else None
                if delay_s is None:
                    raise
            yield Sleep(delay_s)
        try:
            found = yield from find_again(look, sought.key, timing, lost)
            return (yield from _noted(found, "found_again", notes, save))
        except CreateOutcomeUnknown as unknown:
            # It was looked for, for a while, and is not there: the answer that was lost was an error.
            if not (left and unknown.looked_up):
                raise
    raise AssertionError("the last create returns or raises")


def _noted(job: FineTuningJob, how: How, notes: RequestNotes, save: Save) -> Steps[tuple[FineTuningJob, How]]:
    notes.job_id, notes.sent_at, notes.files, notes.before = job.id, None, None, []
    yield from here(save)
    return job, how


def _settled(
    job: FineTuningJob,
    sought: Sought,
    files: tuple[str, str | None],
    notes: RequestNotes,
    save: Save,
    timing: Timing,
) -> Steps[tuple[FineTuningJob, How]]:
    """``job``, or an older one of the same request that another machine made at the same moment; then ours is
    cancelled, before it costs anything, as theirs would be if it were the younger.
    """
    notes.job_id = job.id
    yield from here(save)
    older = None
    try:
        if sought.is_marked(job):
            older = yield from _marked(sought, timing, within_s=LOOKUP_S)
        else:
            before = frozenset(notes.before) if sought.nonce else frozenset()
            older = yield from _unmarked(sought, files, before, timing, within_s=LOOKUP_S)
        if older is not None and older.id != job.id and older.created_at <= job.created_at:
            yield from ask(lambda client: client.fine_tuning.jobs.cancel(job.id))
            return (yield from _noted(older, "found", notes, save))
    except Exception as error:
        if not _is_the_services(error):
            raise
        # Nobody could be asked, or ours has ended already: it is as good as the other.
    return (yield from _noted(job, "created", notes, save))


def _marked(sought: Sought, timing: Timing, *, within_s: float | None = None) -> Steps[FineTuningJob | None]:
    """The job with the request's marks: the oldest of those that were made at once, of the latest time it was asked."""
    import openai

    def ask_for_page(client: Any, cursor: dict[str, Any]) -> Any:
        return client.fine_tuning.jobs.list(metadata={MARKER_KEY: sought.key}, **cursor)

    try:
        jobs = yield from whole_list(ask_for_page, timing, limit=JOBS_PER_PAGE, pages=PAGES, within_s=within_s)
    except openai.BadRequestError:  # it knows no filter
        jobs = yield from _all_jobs(timing, within_s)
    alive = [job for job in jobs if sought.is_marked(job) and job.status not in ENDED_BADLY]
    if not alive:
        return None
    latest = (alive[-1].metadata or {}).get(AGAIN_KEY)
    oldest: FineTuningJob = next(job for job in alive if (job.metadata or {}).get(AGAIN_KEY) == latest)
    return oldest


def _unmarked(
    sought: Sought,
    files: tuple[str, str | None],
    before: frozenset[str],
    timing: Timing,
    *,
    within_s: float | None = None,
) -> Steps[FineTuningJob | None]:
    """The oldest job like the request that is not one of ``before``."""
    jobs = yield from _all_jobs(timing, within_s)
    alive = (job for job in jobs if job.id not in before and job.status not in ENDED_BADLY)
    return next((job for job in alive if sought.is_like(job, files)), None)


def _like(sought: Sought, files: tuple[str, str | None], timing: Timing) -> Steps[list[str]]:
    """The ids of jobs like the request, before it is sent. Where jobs cannot be listed, none is known."""
    import openai

    try:
        jobs = yield from _all_jobs(timing, None)
    except openai.APIStatusError as error:
        if is_temporary(error):
            raise
        return []
    return [job.id for job in jobs if sought.is_like(job, files)]


def _all_jobs(timing: Timing, within_s: float | None) -> Steps[list[FineTuningJob]]:
    return whole_list(
        lambda client, cursor: client.fine_tuning.jobs.list(**cursor),
        timing,
        limit=JOBS_PER_PAGE,
        pages=PAGES,
        within_s=within_s,
    )


def _names_metadata(error: Exception) -> bool:
    import openai

    return isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError) and (
        (error.param or "").startswith("metadata") or "metadata" in str(error).lower()
    )


def _is_new_model(model: str, error: Exception, timing: Timing) -> Steps[bool]:
    """Whether a model that create does not know is one that a job of ours has just made [SEED, contract 8]."""
    import openai

    if not (isinstance(error, openai.APIStatusError) and error.code in ("model_not_available", "model_not_found")):
        return False
    jobs = yield from whole_list(
        lambda client, cursor: client.fine_tuning.jobs.list(**cursor), timing, limit=JOBS_PER_PAGE, pages=1
    )
    return any(job.fine_tuned_model and model.startswith(job.fine_tuned_model) for job in jobs)


def _is_the_services(error: Exception) -> bool:
    import openai

    from mocktune_client.errors import TuningError

    return isinstance(error, openai.APIError | TuningError)
