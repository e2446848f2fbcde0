"""Limits of models."""

from __future__ import annotations

from mocktune.domain.limits import ModelLimitsView
from mocktune.http.render import Json


def model_limits(view: ModelLimitsView) -> Json:
    return {
        "id": view.model,
        "curr_pending_jobs": view.counts.active,
        "max_pending_jobs": view.limits.max_pending_jobs,
        "jobs_so_far_today": view.counts.today,
        "max_jobs_per_day": view.limits.max_jobs_per_day,
    }
