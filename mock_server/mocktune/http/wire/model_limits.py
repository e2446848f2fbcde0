"""Models of ``/fine_tuning/model_limits``."""

from __future__ import annotations

from mocktune.http.wire.base import Response


class ModelLimits(Response):
    id: str
    curr_pending_jobs: int
    max_pending_jobs: int
    jobs_so_far_today: int
    max_jobs_per_day: int
