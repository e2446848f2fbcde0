"""Graders and what they say."""

from __future__ import annotations

from mocktune.domain.grader_kinds import Grader, grader_json
from mocktune.domain.grading import Grade
from mocktune.domain.judging import Usage
from mocktune.http.render import Json
from mocktune.settings import Wire

_RECORDED_ERRORS = (
    "formula_parse_error",
    "sample_parse_error",
    "sample_parse_error_details",
    "truncated_observation_error",
    "unresponsive_reward_error",
    "invalid_variable_error",
    "invalid_variable_error_details",
    "other_error",
    "python_grader_server_error",
    "python_grader_server_error_type",
    "python_grader_runtime_error",
    "python_grader_runtime_error_details",
    "model_grader_server_error",
    "model_grader_refusal_error",
    "model_grader_refusal_error_details",
    "model_grader_parse_error",
    "model_grader_parse_error_details",
    "model_grader_exceeded_max_tokens_error",
    "model_grader_server_error_details",
    "endpoint_grader_internal_error",
    "endpoint_grader_internal_error_details",
    "endpoint_grader_server_error",
    "endpoint_grader_server_error_details",
    "endpoint_grader_safety_check_error",
)
"""EVALPROTOCOL: the keys of two recorded answers, in their order."""

_ONLY_RECORDED = frozenset(
    {
        "sample_parse_error_details",
        "invalid_variable_error_details",
        "model_grader_refusal_error_details",
        "model_grader_parse_error_details",
        "model_grader_exceeded_max_tokens_error",
        "endpoint_grader_internal_error",
        "endpoint_grader_internal_error_details",
        "endpoint_grader_server_error",
        "endpoint_grader_server_error_details",
        "endpoint_grader_safety_check_error",
    }
)
"""Those that SPEC and the SDK do not know; the other fourteen are theirs, in SPEC's order."""


def validated(grader: Grader) -> Json:
    return {"grader": grader_json(grader)}


def run(grade: Grade, wire: Wire) -> Json:
    usage: Json | int | None = None
    if grade.usage is not None:
        # SPEC's schema and the SDK say integer, SPEC's example shows the object.
        usage = grade.usage.total_tokens if wire == "sdk" else _usage(grade.usage)
    return {
        "reward": grade.reward,
        "metadata": {
            "name": grade.name,
            "type": grade.type,
            "errors": _errors(grade, wire),
            "execution_time": grade.execution_time_s,
            "scores": {},
            "token_usage": usage,
            "sampled_model_name": grade.model,
        },
        "sub_rewards": {key: part.reward for key, part in grade.parts.items()},
        "model_grader_token_usage_per_model": {model: _usage(used) for model, used in grade.usage_per_model.items()},
    }


def _errors(grade: Grade, wire: Wire) -> Json:
    happened = {**grade.errors}
    errors: Json = {}
    for key in _RECORDED_ERRORS:
        if wire == "sdk" and key in _ONLY_RECORDED:
            continue
        flag = key.removesuffix("_details").removesuffix("_type")
        told: str | None = next((details for each, details in happened.items() if each == flag), None)
        errors[key] = told is not None if flag == key else told
    return errors


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "total_tokens": usage.total_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": 0,
    }
