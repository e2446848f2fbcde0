"""A fine-tuning client that survives the real service: one workflow, synchronous and asynchronous.

``Tuner`` and ``AsyncTuner`` wrap a client of the official SDK and add what it leaves to its user: wait for files and
jobs, create a job exactly once, read every event, wait until a new model answers, decode the results.
"""

from mocktune_client.azure import AzureAccount
from mocktune_client.errors import (
    CreateOutcomeUnknown,
    DeploymentFailed,
    DeploymentNeeded,
    FileChanged,
    FileFailed,
    JobAlreadyEnded,
    JobCancelled,
    JobFailed,
    JobNotInStatus,
    ModelNotReady,
    ModelUnnamed,
    RequestInUse,
    ResultsUnavailable,
    TuningError,
    UnreadableAnswer,
    UploadLost,
    WaitTimeout,
)
from mocktune_client.journal import Journal
from mocktune_client.preflight import ModelLimits, Preflight, TuningWarning
from mocktune_client.refusals import (
    DailyLimitReached,
    DeploymentMissing,
    FileInProcess,
    KeyRefused,
    ModelNotTunable,
    ModelUnknown,
    ObjectUnknown,
    PermissionRefused,
    QuotaExceeded,
    RateLimited,
    Refused,
    RequestInvalid,
    ServiceFailed,
    TrainingNotAvailable,
    Unreachable,
)
from mocktune_client.results import ResultRow, Results
from mocktune_client.tuning import Tuned
from mocktune_client.workflow import AsyncTuner, Tuner

__all__ = [
    "AsyncTuner",
    "AzureAccount",
    "CreateOutcomeUnknown",
    "DailyLimitReached",
    "DeploymentFailed",
    "DeploymentMissing",
    "DeploymentNeeded",
    "FileChanged",
    "FileFailed",
    "FileInProcess",
    "JobAlreadyEnded",
    "JobCancelled",
    "JobFailed",
    "JobNotInStatus",
    "Journal",
    "KeyRefused",
    "ModelLimits",
    "ModelNotReady",
    "ModelNotTunable",
    "ModelUnknown",
    "ModelUnnamed",
    "ObjectUnknown",
    "PermissionRefused",
    "Preflight",
    "QuotaExceeded",
    "RateLimited",
    "Refused",
    "RequestInUse",
    "RequestInvalid",
    "ResultRow",
    "Results",
    "ResultsUnavailable",
    "ServiceFailed",
    "TrainingNotAvailable",
    "Tuned",
    "Tuner",
    "TuningError",
    "TuningWarning",
    "Unreachable",
    "UnreadableAnswer",
    "UploadLost",
    "WaitTimeout",
]
