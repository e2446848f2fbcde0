"""Distilling: the answers of a big model become the training file of a small one.

::

    stored completions ─┐
                        ├─ examples, each prompt once ── a file of them ── check, tune
    prompts, asked ─────┘
"""

from mocktune_client.distilling.asking import BudgetReached, Questions, Tariff, tariff_of
from mocktune_client.distilling.dataset import Distilled, Keep
from mocktune_client.distilling.distiller import AsyncDistiller, Distiller, NothingDistilled
from mocktune_client.distilling.examples import REASONS, Reason
from mocktune_client.distilling.prompts import Prompt, UnreadablePrompts, read_prompts
from mocktune_client.distilling.stored import StoresNothing
from mocktune_client.distilling.telling import Asked, Collected, Distilling

__all__ = [
    "REASONS",
    "Asked",
    "AsyncDistiller",
    "BudgetReached",
    "Collected",
    "Distilled",
    "Distiller",
    "Distilling",
    "Keep",
    "NothingDistilled",
    "Prompt",
    "Questions",
    "Reason",
    "StoresNothing",
    "Tariff",
    "UnreadablePrompts",
    "read_prompts",
    "tariff_of",
]
