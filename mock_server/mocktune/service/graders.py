"""Graders of reinforcement fine-tuning: checked, and tried on one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mocktune.domain.error_kinds.graders import PYTHON_NOT_RUN
from mocktune.domain.grader_kinds import Grader, TextMetrics, TextSimilarity, single_graders
from mocktune.domain.grading import Grade, grade, parse_grader, python_paths
from mocktune.domain.judging import PlayedJudge
from mocktune.domain.models import Encoding
from mocktune.service.sandboxes import Visit

CountTokens = Callable[[list[str], Encoding], list[int]]
"""The tokens of each text."""

MAX_INLINE_CHARS = 1_000
"""Answers up to which a grader that takes no time is run at once; beyond, in a thread."""


class GraderService:
    """``POST /fine_tuning/alpha/graders/validate`` and ``…/run``. Neither leaves anything behind."""

    def __init__(self, metrics: TextMetrics, count: CountTokens) -> None:
        self._metrics = metrics
        self._count = count

    def validate(self, visit: Visit, raw: Mapping[str, Any]) -> Grader:
        """Raises ``ParameterError`` with the path of what is wrong."""
        return parse_grader(raw, loose=visit.loose)

    async def run(self, visit: Visit, raw: Mapping[str, Any], item: Mapping[str, Any], model_sample: str) -> Grade:
        """Raises what ``validate`` does, and ``ParameterError`` for a python grader: its code is not run."""
        grader = self.validate(visit, raw)
        for path in python_paths(grader):
            raise PYTHON_NOT_RUN(path=path, param=path)
        judge = PlayedJudge(visit.sandbox.seed, self._counted)
        graded = partial(grade, grader, item, model_sample, self._metrics, judge)
        # Libraries that are first imported, and long texts, would hold up everybody else.
        if len(model_sample) > MAX_INLINE_CHARS or _takes_long(grader):
            return await asyncio.to_thread(graded)
        return graded()

    def _counted(self, texts: list[str]) -> list[int]:
        return self._count(texts, "o200k_base")


def _takes_long(grader: Grader) -> bool:
    return any(
        isinstance(each, TextSimilarity) and each.evaluation_metric != "fuzzy_match"
        for each in single_graders(grader).values()
    )
