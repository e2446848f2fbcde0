"""Graders tried on one answer, without HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Lab

from mocktune.domain.errors import ParameterError
from mocktune.domain.grader_kinds import StringCheck
from mocktune.domain.grading import Grade

CHECK: dict[str, Any] = {"type": "string_check", "name": "c", "input": "a", "reference": "a", "operation": "eq"}
PYTHON: dict[str, Any] = {"type": "python", "source": "def grade(sample, item):\n    return 1.0"}
SCORE: dict[str, Any] = {
    "type": "score_model",
    "name": "s",
    "model": "o4-mini-2025-04-16",
    "input": [{"role": "user", "content": "{{item.answer}} or {{sample.output_text}}"}],
}


def run(raw: dict[str, Any], sample: str = "said", *, seed: int = 42, **others: Any) -> Grade:
    async def once() -> Grade:
        lab = Lab.open(seed=seed, **others)
        try:
            return await lab.services.graders.run(await lab.visit(), raw, {"answer": "some words"}, sample)
        finally:
            lab.close()

    return asyncio.run(once())


def test_a_grader_is_run() -> None:
    assert run(CHECK).reward == 1.0


def test_a_likeness_is_computed_by_the_libraries() -> None:
    raw = {**CHECK, "type": "text_similarity", "evaluation_metric": "rouge_1", "input": "a b", "reference": "a c"}
    del raw["operation"]
    assert run(raw).reward == pytest.approx(0.5)


def test_tokens_of_a_model_grader_are_counted_exactly() -> None:
    usage = run(SCORE, "hello world").usage
    assert usage is not None
    assert usage.prompt_tokens == 3 + 4 + 5  # "some words or hello world"


def test_scores_of_models_follow_the_seed_of_the_sandbox() -> None:
    raw = {**SCORE, "range": [0, 1000]}
    assert run(raw).reward == run(raw).reward
    assert len({run(raw, seed=seed).reward for seed in range(6)}) > 1


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (PYTHON, "grader"),
        ({"type": "multi", "graders": {"a": CHECK, "code": PYTHON}, "calculate_output": "a"}, "grader.graders.code"),
    ],
)
def test_code_of_a_client_is_never_run(raw: dict[str, Any], path: str) -> None:
    with pytest.raises(ParameterError) as caught:
        run(raw)
    assert (caught.value.param, caught.value.code) == (path, "python_grader_not_run")


def test_loose_is_the_servers() -> None:
    async def validated(**others: Any) -> Any:
        lab = Lab.open(**others)
        try:
            visit = await lab.services.visit((await lab.visit()).sandbox)
            return lab.services.graders.validate(visit, {**CHECK, "operation": "x"})
        finally:
            lab.close()

    with pytest.raises(ParameterError):
        asyncio.run(validated())
    assert isinstance(asyncio.run(validated(loose=True)), StringCheck)
