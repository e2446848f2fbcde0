"""Jobs: create one exactly once, and wait for its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mocktune_client.errors import CreateOutcomeUnknown, JobCancelled, JobFailed, UnreadableAnswer
from mocktune_client.steps import Sleep, Steps, ask
from mocktune_client.waiting import Retrying, Timing, is_temporary, patiently, poll, retry_after_s

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
MARKER_KEY = "mocktune_client_request"
MAX_METADATA_PAIRS = 16
LOOKUP_S = 30.0
"""How long a job whose create answer was lost is looked for; lists may lag behind."""


def create(request: Mapping[str, Any], timing: Timing) -> Steps[FineTuningJob]:
    """The new job. The request is sent once; where its answer is lost, the job is found again by its marker.

    The service knows no idempotency key, and a create that is repeated makes a second job that is paid for
    [EXP, contract 6.2]. A 429 says that none was made: where it may pass, such as a cap on active jobs, it is waited
    out. Raises the SDK's error for a request that was refused, ``CreateOutcomeUnknown``, and ``ValueError`` for
    metadata that leaves no room for the marker.
    """
    marker = uuid.uuid4().hex
    # An explicit null was refused by older validators (contract 10, row 28): what is not given is not sent.
    body = {name: value for name, value in request.items() if value is not None}
    body["metadata"] = _marked(body.get("metadata") or {}, marker)
    retrying = Retrying(timing, timing.patience_s)
    while True:
        try:
            return (yield from ask(lambda client: client.fine_tuning.jobs.create(**body)))
        except Exception as error:
            if _is_lost(error):
                return (yield from _find(marker, timing, error))
            delay_s = retrying.next_delay_s(error) if is_temporary(error) else None
            if delay_s is None:
                raise
        yield Sleep(delay_s)


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
    if job.status == "cancelled":
        raise JobCancelled(job)
    return job


def _marked(metadata: Mapping[str, str], marker: str) -> dict[str, str]:
    if MARKER_KEY in metadata:
        raise ValueError(f"metadata may not contain {MARKER_KEY!r}: it is how a job is found again.")
    if len(metadata) >= MAX_METADATA_PAIRS:
        raise ValueError(f"Give at most {MAX_METADATA_PAIRS - 1} pairs of metadata: one more is added, {MARKER_KEY!r}.")
    return {**metadata, MARKER_KEY: marker}


def _is_lost(error: Exception) -> bool:
    """Whether the service may have made the job all the same. A 429 says that it did not."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code == 408 or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | UnreadableAnswer)


def _find(marker: str, timing: Timing, lost: Exception) -> Steps[FineTuningJob]:
    """The job with ``marker``, looked for again and again for ``LOOKUP_S`` from when the service wants to be asked.

    The last look is one that was answered, unless errors outlast the timing's patience, or are none that waiting
    mends. Raises ``CreateOutcomeUnknown``.
    """
    retrying = Retrying(timing, LOOKUP_S + min(retry_after_s(lost), timing.patience_s))
    delay_s = retrying.next_delay_s(lost)
    looked_up = False
    while delay_s is not None:
        yield Sleep(delay_s)
        try:
            page = yield from patiently(
                lambda client: client.fine_tuning.jobs.list(metadata={MARKER_KEY: marker}), timing
            )
        except Exception as error:
            raise CreateOutcomeUnknown(MARKER_KEY, marker, False) from error
        # A server that knows no filter answers its newest jobs.
        for job in page.data:
            if (job.metadata or {}).get(MARKER_KEY) == marker:
                return job
        looked_up = True
        delay_s = retrying.next_delay_s()
    raise CreateOutcomeUnknown(MARKER_KEY, marker, looked_up) from lost
