"""Errors about what an organization may do: train at all, train this much, pay for it, read its files back."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, InvalidRequestError, PermissionDeniedError, RateLimitError

_CREATE = ("fine_tuning.jobs.create",)

TRAINING_NOT_AVAILABLE = ErrorKind(
    error=PermissionDeniedError,
    message=(
        "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new "
        "fine-tuning training jobs."
    ),
    source="OBS",
    operations=_CREATE,
    code="training_not_available",
)

FREE_PLAN = ErrorKind(
    error=PermissionDeniedError,  # the words are recorded, the status is not: 403 rather than 400 is assumed
    message=(
        "Fine-tuning jobs cannot be created on an Explore plan. You can upgrade to a paid plan on your billing page: "
        "https://platform.openai.com/account/billing/overview"
    ),
    source="OBS",
    operations=_CREATE,
)

TOO_MANY_ACTIVE_JOBS = ErrorKind(
    error=RateLimitError,
    message=(
        "This fine-tune request has been rate-limited. Your organization has reached the maximum of {most} active "
        "requests ({running} running, {pending} pending) for the model '{model:.200}'."
    ),
    source="assumed",
    operations=_CREATE,
    code="rate_limit_exceeded",
)

TOO_MANY_JOBS_TODAY = ErrorKind(
    error=RateLimitError,
    message=(
        "This fine-tune request has been rate-limited. Your organization has reached the maximum of {most} fine-tuning "
        "requests per day for the model '{model:.200}'."
    ),
    source="LLMCOMP",
    operations=_CREATE,
    code="daily_rate_limit_exceeded",
)

INSUFFICIENT_QUOTA = ErrorKind(
    error=RateLimitError,
    message=(
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        "error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
    ),
    source="OBS",
    operations=_CREATE,
    code="insufficient_quota",
    type="insufficient_quota",
)

DOWNLOAD_NOT_ON_FREE_PLAN = ErrorKind(
    error=InvalidRequestError,
    message="To help mitigate abuse, downloading of fine-tune training files is disabled for free accounts.",
    source="OBS",
    operations=("files.content",),
)
