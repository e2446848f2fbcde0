"""Models of ``/fine_tuning/alpha/graders``.

A grader is read by the domain, which creation of a reinforcement job asks too: here it is any object.
"""

from __future__ import annotations

from typing import Any

from mocktune.http.wire.base import Request, Response


class RunGraderRequest(Request):
    grader: dict[str, Any]
    model_sample: str
    item: dict[str, Any] | None = None


class ValidateGraderRequest(Request):
    grader: dict[str, Any]


class ValidateGraderResponse(Response):
    grader: dict[str, Any]


class TokenUsage(Response):
    prompt_tokens: int
    total_tokens: int
    completion_tokens: int
    cached_tokens: int


class RunGraderMetadata(Response):
    """``errors`` has the 14 keys of the public description; under ``--wire observed`` also those that were recorded.
    ``token_usage`` is a number under ``--wire sdk``."""

    name: str
    type: str
    errors: dict[str, bool | str | None]
    execution_time: float
    scores: dict[str, Any]
    token_usage: TokenUsage | int | None
    sampled_model_name: str | None


class RunGraderResponse(Response):
    reward: float
    metadata: RunGraderMetadata
    sub_rewards: dict[str, float]
    model_grader_token_usage_per_model: dict[str, TokenUsage]
