"""Reinforcement jobs are graded once, when their files are validated: what the grader gives the untrained model.

At most 64 seeded rows of the training file are graded; every reward the job will ever show is a pure function of that
summary and the step (``domain/rewards.py``). Reading a job again grades nothing again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from mocktune.domain import draws
from mocktune.ports import Tokenizer

if TYPE_CHECKING:  # reinforcement alone needs them
    from mocktune.domain.grading import GraderSummary, TextMetrics
    from mocktune.service.datasets import Datasets
    from mocktune.service.records import JobRecord


class Grading:
    """Grades the rows of a job. ``text_metrics`` is made when the first job needs it."""

    def __init__(self, text_metrics: Callable[[], TextMetrics], tokenizer: Tokenizer) -> None:
        self._text_metrics = text_metrics
        self._tokenizer = tokenizer

    async def of(self, job: JobRecord, examples: int, datasets: Datasets) -> GraderSummary:
        """What the job's grader gives the untrained model on its ``examples`` training examples."""
        from mocktune.domain.grading import MAX_GRADED_ROWS, parse_grader, summarise
        from mocktune.domain.judging import PlayedJudge
        from mocktune.domain.samples import played_sample

        assert job.training.blob is not None  # a file that was found good has its bytes
        assert job.request.grader is not None  # create asks for one
        numbers = _numbers(job.seed, examples, MAX_GRADED_ROWS)
        rows = await datasets.examples(job.training.blob, numbers)
        grader = parse_grader(job.request.grader, param="method.reinforcement.grader", loose=True)
        judge = PlayedJudge(job.seed, lambda texts: self._tokenizer.count(texts, "o200k_base"))

        def graded() -> GraderSummary:
            samples = [
                played_sample(job.seed, number, row, job.model.id, job.request.response_format)
                for number, row in zip(numbers, rows, strict=True)
            ]
            return summarise(grader, rows, samples, self._text_metrics(), judge)

        return await asyncio.to_thread(graded)


def _numbers(seed: int, examples: int, most: int) -> list[int]:
    """The numbers of the rows to grade: all, or one drawn from each of ``most`` equal stretches."""
    if examples <= most:
        return list(range(1, examples + 1))
    numbers = []
    for stretch in range(most):
        first, last = stretch * examples // most + 1, (stretch + 1) * examples // most
        numbers.append(draws.integer(seed, first, last, "graded row", stretch))
    return numbers
