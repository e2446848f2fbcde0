"""Moderations."""

from __future__ import annotations

from mocktune.domain.moderation import CATEGORIES, Verdict
from mocktune.http.render import Json
from mocktune.service.moderations import ModerationView


def moderation(view: ModerationView) -> Json:
    return {"id": view.id, "model": view.model, "results": [_result(each) for each in view.results]}


def _result(verdict: Verdict) -> Json:
    return {
        "flagged": verdict.flagged,
        "categories": {each: each in verdict.flags for each in CATEGORIES},
        "category_scores": {each: verdict.scores[each] for each in CATEGORIES},
        "category_applied_input_types": {each: list(verdict.input_types[each]) for each in CATEGORIES},
    }
