"""What a tuning may cost: held by an estimate before anything is sent, and where time is billed also while it goes on.

An estimate needs a price. The price table knows those of the original service; of another one, ``--price`` tells it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mocktune.cli.amounts import told_usd
from mocktune.domain.hyperparameters import auto_epochs
from mocktune_client.dataset.report import ModelPrice
from mocktune_client.model_names import base_model_of

if TYPE_CHECKING:
    from mocktune_client.dataset.report import DatasetReport


class OverBudget(Exception):
    """More than ``--max-cost``, or nobody can say that it is not."""


def price_of(report: DatasetReport, model: str, epochs: int | None, per_million: float | None) -> ModelPrice | None:
    """What training on ``model`` will cost; None where no price is known. ``per_million``, US dollars for a million
    trained tokens, wins over the table.
    """
    base = base_model_of(model)
    known = next((each for each in report.prices if base is not None and each.model == base.id), None)
    if per_million is None:
        return known
    if known is not None:
        return replace(known, usd=known.trained_tokens * per_million / 1e6, usd_per_hour=None, assumed_price=False)
    training = report.training.statistics
    n_epochs = epochs or auto_epochs(training.examples)
    trained = training.total_tokens * n_epochs
    return ModelPrice(
        model=model,
        method=report.method,
        n_epochs=n_epochs,
        billed_tokens=training.total_tokens,
        trained_tokens=trained,
        truncated_examples=0,
        usd=trained * per_million / 1e6,
        usd_per_hour=None,
        assumed_price=False,
        ends=None,
    )


def check_budget(price: ModelPrice | None, model: str, max_cost: float | None, *, stays: bool) -> None:
    """Raises ``OverBudget``. Where time is billed, the budget is held while the job runs, which needs somebody who
    ``stays``.
    """
    if max_cost is None:
        return
    if price is None:
        raise OverBudget(
            f"no price is known for '{model}', so nobody can say that it stays below {told_usd(max_cost)}. "
            "Tell what a million trained tokens cost, with --price USD."
        )
    if price.usd is not None and price.usd > max_cost:
        raise OverBudget(
            f"training on {model} would cost about {told_usd(price.usd)} ({price.trained_tokens:,} tokens), more than "
            f"the {told_usd(max_cost)} of --max-cost. Allow more, take fewer epochs or examples, or a cheaper model."
        )
    if price.usd is None and max_cost <= 0:
        raise OverBudget(
            f"training on {model} is billed by the hour, {told_usd(price.usd_per_hour or 0)}. Allow some of it."
        )
    if price.usd is None and not stays:
        raise OverBudget(
            f"training on {model} is billed by the hour, {told_usd(price.usd_per_hour or 0)}, and --max-cost is held "
            "by pausing the job. That needs a command that stays: go without --detach."
        )
