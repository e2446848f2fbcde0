"""What training on a file would cost, on every model that takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mocktune.domain.hyperparameters import Requested, resolve
from mocktune.domain.models import ASSUMED_PRICES, BASE_MODELS, BaseModel, Encoding, Method, cost_usd
from mocktune.domain.report import FileFormat
from mocktune.domain.validation import needed_format
from mocktune_client.dataset.report import ModelPrice


@dataclass(frozen=True, slots=True)
class Billed:
    """Tokens of one epoch and the number of examples that are cut, at one training context of one encoding."""

    tokens: int
    truncated_examples: int


def fits(model: BaseModel, format: FileFormat, method: Method, *, images: bool) -> bool:
    """Whether a job on ``model`` takes a file of this format, with or without images in it."""
    return method in model.methods and needed_format(model, method) == format and (model.vision or not images)


def prices_of(
    format: FileFormat,
    method: Method,
    n_examples: int,
    billed: Callable[[Encoding, int], Billed],
    *,
    images: bool = False,
    asked: BaseModel | None = None,
    n_epochs: int | None = None,
) -> tuple[ModelPrice, ...]:
    """The price on each model that fits, the asked one first, then in the order of the model table.

    ``billed`` gives the tokens for an encoding and a training context. ``n_epochs`` None stands for "auto". Empty for a
    file without examples.
    """
    if not n_examples:
        return ()
    models = [model for model in BASE_MODELS.values() if fits(model, format, method, images=images)]
    models.sort(key=lambda model: model is not asked)
    return tuple(_price(model, method, n_examples, billed, n_epochs) for model in models)


def _price(
    model: BaseModel,
    method: Method,
    n_examples: int,
    billed: Callable[[Encoding, int], Billed],
    n_epochs: int | None,
) -> ModelPrice:
    epochs = resolve(n_examples, model, Requested(n_epochs=n_epochs), method).n_epochs
    once = billed(model.encoding, model.train_context)
    return ModelPrice(
        model=model.id,
        method=method,
        n_epochs=epochs,
        billed_tokens=once.tokens,
        trained_tokens=once.tokens * epochs,
        truncated_examples=once.truncated_examples,
        usd=cost_usd(model.prices, once.tokens * epochs),
        usd_per_hour=model.prices.training_hour,
        assumed_price=model.id in ASSUMED_PRICES,
        ends=model.training_end_date,
    )
