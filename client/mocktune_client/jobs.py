"""Jobs: create one exactly once, and wait for its end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mocktune_client.errors import CreateOutcomeUnknown, JobCancelled, JobFailed, UnreadableAnswer
from mocktune_client.steps import Sleep, Steps, ask
from mocktune_client.waiting import Retrying, Timing, poll

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
    [EXP, contract 6.2]. Raises the SDK's error for a request that was refused, ``CreateOutcomeUnknown``, and
    ``ValueError`` for metadata that leaves no room for the marker.
    """
    marker = uuid.uuid4().hex
    # An explicit null was refused by older validators (contract 10, row 28): what is not given is not sent.
    body = {name: value for name, value in request.items() if value is not None}
    body["metadata"] = _marked(body.get("metadata") or {}, marker)
    try:
        return (yield from ask(lambda client: client.fine_tuning.jobs.create(**body)))
    except Exception as error:
        if not _is_lost(error):
            raise
        job = yield from _find(marker, timing, error)
        if job is None:
            raise CreateOutcomeUnknown(MARKER_KEY, marker) from error
        return job


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


def _find(marker: str, timing: Timing, lost: Exception) -> Steps[FineTuningJob | None]:
    retrying = Retrying(timing, LOOKUP_S)
    last: Exception = lost
    while (delay_s := retrying.next_delay_s(last)) is not None:
        yield Sleep(delay_s)
        try:
            page = yield from ask(lambda client: client.fine_tuning.jobs.list(metadata={MARKER_KEY: marker}))
        except Exception as error:
            last = error  # whatever it is, the outcome stays unknown
        else:
            # A server that knows no filter answers its newest jobs.
            for job in page.data:
                if (job.metadata or {}).get(MARKER_KEY) == marker:
                    return job
    return None
