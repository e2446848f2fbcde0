"""The model behind ``score_model`` and ``label_model`` graders, played.

No model is asked. A judge mostly compares an answer with what the row knows, so the played one does that: its
*agreement* is the greatest likeness (``fuzz.ratio``) of a value that the prompt took from ``item`` with one that it
took from ``sample``, shaken by up to 0.05 and written with two decimals. Equal values agree fully. Where the prompt
takes from one namespace only, agreement is drawn, from 0.2 to 0.9. A score is the agreement laid over the grader's
range; a label is a passing one from an agreement of 0.5 on.

Every draw is a hash of the seed, the model, the request's ``sampling_params.seed`` and the messages: the same question
has the same answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from rapidfuzz import fuzz, utils

from mocktune.domain import draws
from mocktune.domain.billing import TOKENS_PER_IMAGE, Count, chat_prompt_tokens
from mocktune.domain.grader_kinds import LabelModel, ScoreModel

_COMPARED_CHARS = 4_000
_COMPARED_VALUES = 16
_SHAKEN = 0.05
_PASSES_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Prompt:
    """A model grader's messages, filled in: roles and texts, and the values that came from each namespace."""

    messages: tuple[tuple[str, str], ...]
    images: int
    item_values: tuple[str, ...]
    sample_values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one question to a grader model. Nothing is ever cached."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt_tokens + other.prompt_tokens, self.completion_tokens + other.completion_tokens)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score, and what asking for it took."""

    score: float
    usage: Usage


class Judge(Protocol):
    """Answers as a grader model would."""

    def score(self, grader: ScoreModel, prompt: Prompt) -> Verdict:
        """A number in the grader's range."""

    def label(self, grader: LabelModel, prompt: Prompt) -> Verdict:
        """1 for a passing label, else 0."""


@dataclass(frozen=True, slots=True)
class PlayedJudge:
    """``Judge`` by the rule above. ``count`` gives the tokens of each text in ``o200k_base``, the encoding of every
    grader model."""

    seed: int
    count: Count

    def score(self, grader: ScoreModel, prompt: Prompt) -> Verdict:
        params = grader.sampling_params or {}
        agreement = self._agreement(grader.model, params.get("seed"), prompt)
        low, high = grader.range
        score = min(max(round(low * (1 - agreement) + high * agreement, 4), low), high)
        # GRADDOC: the service has the model answer in this form.
        conclusion = f"They agree to {agreement:.0%}."
        steps = [{"description": "Compare the answer with the reference.", "conclusion": conclusion}]
        return Verdict(score, self._usage(prompt, {"result": score, "steps": steps}))

    def label(self, grader: LabelModel, prompt: Prompt) -> Verdict:
        passes = self._agreement(grader.model, None, prompt) >= _PASSES_FROM
        labels = [label for label in grader.labels if (label in grader.passing_labels) == passes] or grader.labels
        label = labels[0] if labels else ""
        return Verdict(float(label in grader.passing_labels), self._usage(prompt, {"steps": [], "result": label}))

    def _agreement(self, model: str, sampling_seed: object, prompt: Prompt) -> float:
        said = "\x1e".join(f"{role}\x1d{text}" for role, text in prompt.messages)
        drawn = draws.uniform(self.seed, "judge", model, str(sampling_seed), said)
        wanted, found = _compared(prompt.item_values), _compared(prompt.sample_values)
        if not wanted or not found:
            return round(0.2 + 0.7 * drawn, 2)
        likeness = max(_likeness(a, b) for a in wanted for b in found)
        if likeness == 1:
            return 1.0
        return round(min(max(likeness + (2 * drawn - 1) * _SHAKEN, 0), 0.99), 2)

    def _usage(self, prompt: Prompt, answer: object) -> Usage:
        messages = [{"role": role, "content": text} for role, text in prompt.messages]
        asked = chat_prompt_tokens(messages, None, self.count) + TOKENS_PER_IMAGE * prompt.images
        return Usage(asked, self.count([json.dumps(answer, ensure_ascii=False)])[0])


def _compared(values: tuple[str, ...]) -> list[str]:
    return [utils.default_process(value[:_COMPARED_CHARS]) for value in values[:_COMPARED_VALUES]]


def _likeness(a: str, b: str) -> float:
    return fuzz.ratio(a, b) / 100 if a or b else 1.0
