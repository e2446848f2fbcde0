"""Changing what is there: cancel, pause and resume a job, delete a file or a model.

Each may be repeated: what a lost answer has done already is seen, and counts as done.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

from mocktune_client.errors import FileFailed, JobAlreadyEnded, JobNotInStatus, WaitTimeout
from mocktune_client.files import wait_for_file
from mocktune_client.jobs import CANCELLED, TERMINAL
from mocktune_client.steps import Sleep, Steps, ask
from mocktune_client.waiting import Retrying, Timing, is_lost, is_temporary, patiently

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.fine_tuning import FineTuningJob

Verb: TypeAlias = Literal["cancel", "pause", "resume"]

_PAUSED = frozenset({"paused", "pausing"})


def cancel(job_id: str, timing: Timing) -> Steps[FineTuningJob]:
    """The cancelled job, also one that somebody cancelled before. Raises ``JobAlreadyEnded``."""
    return _change("cancel", job_id, lambda status: status in CANCELLED, timing)


def pause(job_id: str, timing: Timing) -> Steps[FineTuningJob]:
    """The paused job, also one that was paused before. Raises ``JobAlreadyEnded``, and ``JobNotInStatus`` for a job
    that does not run yet.
    """
    return _change("pause", job_id, lambda status: status in _PAUSED, timing)


def resume(job_id: str, timing: Timing) -> Steps[FineTuningJob]:
    """The job that goes on, also one that was not paused. Raises ``JobAlreadyEnded``."""
    return _change("resume", job_id, lambda status: status not in _PAUSED | TERMINAL, timing)


def delete_file(file_id: str, timing: Timing, *, timeout_s: float) -> Steps[None]:
    """Deletes a file. One that is still being processed is a 409 [OBS]: its end is waited for, and not the 409
    repeated, which the SDK does in vain (contract 10, row 17). Raises ``WaitTimeout``.
    """
    import openai

    until = timing.now() + timeout_s
    while True:
        try:
            return (yield from _delete(lambda client: client.files.delete(file_id), timing))
        except openai.ConflictError as error:
            remaining_s = until - timing.now()
            if remaining_s <= 0:
                raise WaitTimeout(f"File {file_id}", "being processed", timeout_s) from error
        yield Sleep(min(timing.poll_delay_s(), remaining_s))
        yield from _ended(file_id, timing, timeout_s=max(0.0, until - timing.now()))


def delete_model(name: str, timing: Timing) -> Steps[None]:
    """Deletes a tuned model or a checkpoint for good; its job goes on naming it. Only owners may [DOC]."""
    return _delete(lambda client: client.models.delete(name), timing)


def _change(verb: Verb, job_id: str, is_done: Callable[[str], bool], timing: Timing) -> Steps[FineTuningJob]:
    import openai

    def ask_for_it(client: OpenAI) -> FineTuningJob:
        jobs = client.fine_tuning.jobs
        if verb == "cancel":
            return jobs.cancel(job_id)
        return jobs.pause(job_id) if verb == "pause" else jobs.resume(job_id)

    try:
        return (yield from patiently(ask_for_it, timing))
    except (openai.BadRequestError, openai.ConflictError) as error:
        # Its words are not recorded: whether the status is why, the job itself tells.
        job = yield from patiently(lambda client: client.fine_tuning.jobs.retrieve(job_id), timing)
        status: str = job.status
        if is_done(status):
            return job
        if status in TERMINAL:
            raise JobAlreadyEnded(verb, job) from error
        raise JobNotInStatus(verb, job) from error


def _ended(file_id: str, timing: Timing, *, timeout_s: float) -> Steps[None]:
    """Whatever its end is: a file in ``error`` can be deleted as well, and one that is gone need not be. Whether one
    that takes longer can be deleted all the same, the next try shows.
    """
    import openai

    with suppress(FileFailed, openai.NotFoundError, WaitTimeout):
        yield from wait_for_file(file_id, timing, timeout_s=timeout_s)


def _delete(function: Callable[[OpenAI], object], timing: Timing) -> Steps[None]:
    """Asks for it until it is answered. What is unknown after an answer was lost has been deleted by that try."""
    import openai

    retrying = Retrying(timing, timing.patience_s)
    lost = False
    while True:
        try:
            yield from ask(function)
            return
        except Exception as error:
            if lost and isinstance(error, openai.NotFoundError):
                return
            delay_s = retrying.next_delay_s(error) if is_temporary(error) else None
            if delay_s is None:
                raise
            lost = lost or is_lost(error)
        yield Sleep(delay_s)
