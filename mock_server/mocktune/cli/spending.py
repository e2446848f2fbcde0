"""What answers of models cost, and a purse that pays for no more than was allowed.

Input is counted as the service counts it, output by the most that was asked for. The table has the prices of tuned
models, which are at least those of the models they were tuned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from mocktune.cli.budget import OverBudget
from mocktune.cli.exits import OVER_BUDGET, fail
from mocktune_client.model_names import base_model_of

if TYPE_CHECKING:
    from mocktune.domain.models import BaseModel

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer takes, in tokens."""

    input: int
    output: int

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.input + other.input, self.output + other.output)


@dataclass(frozen=True, slots=True)
class Tariff:
    """US dollars per million tokens of one model; ``base`` is whose they are."""

    base: BaseModel

    def usd(self, tokens: Tokens) -> float:
        prices = self.base.prices
        return (tokens.input * prices.input + tokens.output * prices.output) / MILLION

    def input_tokens(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None
    ) -> int:
        from mocktune.dataset_engine.tokenizer import count_batch
        from mocktune.domain.billing import chat_prompt_tokens

        return chat_prompt_tokens(
            messages, tools, partial(count_batch, encoding=self.base.encoding), self.base.encoding
        )


def tariff_of(model: str, priced_as: str | None) -> Tariff | None:
    """By ``priced_as`` where that is given, else by the model's name; None where that says nothing."""
    base = base_model_of(priced_as or model)
    if priced_as is not None and base is None:
        from mocktune.domain.models import BASE_MODELS

        fail(f"--priced-as: there is no price of '{priced_as}'. One of: {', '.join(BASE_MODELS)}")
    return None if base is None else Tariff(base)


class Purse:
    """``limit_usd`` and what of it is spent and set aside. Safe to share between threads; None is no limit.

    Before a request the most it can cost is set aside. What was answered is paid by its usage, what was refused costs
    nothing, and a lost answer is paid in full: it may have been given.
    """

    def __init__(self, limit_usd: float | None) -> None:
        self._limit_usd = limit_usd
        self._lock = Lock()
        self._set_aside_usd = 0.0
        self.spent_usd = 0.0

    def set_aside(self, usd: float) -> None:
        """Raises ``OverBudget``."""
        with self._lock:
            after_usd = self.spent_usd + self._set_aside_usd + usd
            # A billionth: sums of prices are no exact numbers.
            if self._limit_usd is not None and after_usd > self._limit_usd + 1e-9:
                raise OverBudget
            self._set_aside_usd += usd

    def settle(self, set_aside_usd: float, cost_usd: float) -> None:
        with self._lock:
            self._set_aside_usd -= set_aside_usd
            self.spent_usd += cost_usd


def afford(at_most_usd: float | None, limit_usd: float | None, what: str, cheaper: str) -> None:
    """Ends the command with 3 where ``what`` could cost more than ``limit_usd``; ``at_most_usd`` None: nobody knows.

    ``cheaper`` says how it would cost less, or be known.
    """
    if limit_usd is None:
        return
    if at_most_usd is None:
        fail(f"what {what} costs is not known, so that --max-cost cannot be kept. {cheaper}", OVER_BUDGET)
    if at_most_usd > limit_usd + 1e-9:
        from mocktune.cli.listing import usd

        fail(f"{what} can cost {usd(at_most_usd)}, and --max-cost is {usd(limit_usd)}. {cheaper}", OVER_BUDGET)
