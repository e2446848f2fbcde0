"""A fine-tuning client that survives the real service: one workflow, synchronous and asynchronous.

``Tuner`` and ``AsyncTuner`` wrap a client of the official SDK and add what it leaves to its user: wait for files and
jobs, create a job exactly once, read every event, wait until a new model answers, decode the results.
"""

from mocktune_client.errors import (
    CreateOutcomeUnknown,
    FileFailed,
    JobCancelled,
    JobFailed,
    ModelNotReady,
    ResultsUnavailable,
    TuningError,
    UnreadableAnswer,
    WaitTimeout,
)
from mocktune_client.results import ResultRow, Results
from mocktune_client.workflow import AsyncTuner, Tuner

__all__ = [
    "AsyncTuner",
    "CreateOutcomeUnknown",
    "FileFailed",
    "JobCancelled",
    "JobFailed",
    "ModelNotReady",
    "ResultRow",
    "Results",
    "ResultsUnavailable",
    "Tuner",
    "TuningError",
    "UnreadableAnswer",
    "WaitTimeout",
]
