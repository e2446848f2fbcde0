"""Jobs: create one exactly once, and wait for its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mocktune_client.errors import CreateOutcomeUnknown, JobCancelled, JobFailed
from mocktune_client.steps import Sleep, Steps, ask
from mocktune_client.waiting import Retrying, Timing, is_lost, is_temporary, patiently, poll, retry_after_s

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

CANCELLED = frozenset({"cancelled", "canceled"})
"""The second is how Azure's references spell it [DOC]."""
TERMINAL = frozenset({"succeeded", "failed"}) | CANCELLED
MARKER_KEY = "mocktune_client_request"
AGAIN_KEY = "mocktune_client_again"
"""In a job's metadata: what was asked for, as a hash; and what tells jobs apart that were made again on purpose."""
MAX_METADATA_PAIRS = 16
LOOKUP_S = 30.0
"""How long a job whose create answer was lost is looked for; lists may lag behind."""


def create(request: Mapping[str, Any], timing: Timing) -> Steps[FineTuningJob]:
    """The new job. The request is sent once; where its answer is lost, the job is found again by its marker.

    The service knows no idempotency key, and a create that is repeated makes a second job that is paid for
    [EXP, contract 6.2]. Raises the SDK's error for a request that was refused, ``CreateOutcomeUnknown``, and
    ``ValueError`` for metadata that leaves no room for the marker.
    """
    marker = uuid.uuid4().hex
    body = body_of(request, {MARKER_KEY: marker})
    try:
        return (yield from send(body, timing))
    except Exception as error:
        if not is_lost(error):
            raise
        lost = error

    def look() -> Steps[FineTuningJob | None]:
        page = yield from patiently(lambda client: client.fine_tuning.jobs.list(metadata={MARKER_KEY: marker}), timing)
        # A server that knows no filter answers its newest jobs.
        return next((job for job in page.data if (job.metadata or {}).get(MARKER_KEY) == marker), None)

    return (yield from find_again(look, marker, timing, lost))


def body_of(request: Mapping[str, Any], marks: Mapping[str, str]) -> dict[str, Any]:
    """The body of a create, with ``marks`` in its metadata. Raises ``ValueError`` where they do not fit."""
    # An explicit null was refused by older validators (contract 10, row 28): what is not given is not sent.
    body = {name: value for name, value in request.items() if value is not None}
    metadata = body.get("metadata") or {}
    if taken := metadata.keys() & {MARKER_KEY, AGAIN_KEY}:
        raise ValueError(f"metadata may not contain {min(taken)!r}: it is how a job is found again.")
    if len(metadata) + len(marks) > MAX_METADATA_PAIRS:
        raise ValueError(
            f"Give at most {MAX_METADATA_PAIRS - len(marks)} pairs of metadata; added are {', '.join(marks)}."
        )
    return {**body, "metadata": {**metadata, **marks}}


def send(body: Mapping[str, Any], timing: Timing) -> Steps[FineTuningJob]:
    """The new job. A 429 says that none was made: where it may pass, such as a cap on active jobs, it is waited out.

    Anything else is raised, also what leaves the outcome unknown.
    """
    retrying = Retrying(timing, timing.patience_s)
    while True:
        try:
            return (yield from ask(lambda client: client.fine_tuning.jobs.create(**body)))
        except Exception as error:
            delay_s = retrying.next_delay_s(error) if is_temporary(error) and not is_lost(error) else None
            if delay_s is None:
                raise
        yield Sleep(delay_s)


def find_again(
    look: Callable[[], Steps[FineTuningJob | None]], marker: str, timing: Timing, lost: Exception
) -> Steps[FineTuningJob]:
    """The job that ``look`` finds, asked again and again for ``LOOKUP_S`` from when the service wants to be asked.

    The last look is one that was answered, unless errors outlast the timing's patience, or are none that waiting
    mends. Raises ``CreateOutcomeUnknown``.
    """
    retrying = Retrying(timing, LOOKUP_S + min(retry_after_s(lost), timing.patience_s))
    delay_s = retrying.next_delay_s(lost)
    looked_up = False
    while delay_s is not None:
        yield Sleep(delay_s)
        try:
            found = yield from look()
        except Exception as error:
            raise CreateOutcomeUnknown(MARKER_KEY, marker, False) from error
        if found is not None:
            return found
        looked_up = True
        delay_s = retrying.next_delay_s()
    raise CreateOutcomeUnknown(MARKER_KEY, marker, looked_up) from lost


def wait(job_id: str, timing: Timing, *, timeout_s: float | None) -> Steps[FineTuningJob]:
    """The succeeded job. Raises ``JobFailed``, ``JobCancelled``, ``WaitTimeout``.

    Status alone tells the end: ``error`` is truthy on healthy jobs, and ``finished_at`` stays null when validation
    fails [OBS RUBY, CN1229].
    """
    job = yield from poll(
        lambda client: client.fine_tuning.jobs.retrieve(job_id),
        TERMINAL,
        timing,
        subject=f"Job {job_id}",
        timeout_s=timeout_s,
    )
    if job.status == "failed":
        raise JobFailed(job)
    if job.status in CANCELLED:
        raise JobCancelled(job)
    return job
