"""The model table: what can be tuned, how, how long an example may be, what it costs, and until when it lives.

Source of every row: PRICEDOC, BESTDOC, SFTDOC, DEPDOC, SEED and LIMITS (explained in docs/explanation/sources.md).
Prices are US dollars per million tokens. A price marked in ``ASSUMED_PRICES`` is a recollection nobody confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mocktune.domain.clock import VirtualTime, parse_instant

Method = Literal["supervised", "dpo", "reinforcement"]
Encoding = Literal["o200k_base", "cl100k_base"]
DatasetFormat = Literal["chat", "prompt_completion"]


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens; ``training_hour`` replaces ``training`` where time is billed."""

    training: float | None
    input: float
    cached_input: float | None
    output: float
    training_hour: float | None = None


@dataclass(frozen=True, slots=True)
class BaseModel:
    """One dated snapshot that can be tuned.

    ``train_context`` is the length in tokens after which a training example is cut (BESTDOC: truncated from the end,
    never rejected); ``context`` and ``max_output`` bound inference, in tokens.

    ``shutdown_date`` is the first day (UTC) on which the model is gone, ``tuned_shutdown_date`` that of the models
    tuned from it, ``training_end_date`` the first one on which no new training begins. The last two are as the first
    where they are None, and a model without any lives on. Who asks for them is the profile ``today``.
    """

    id: str
    methods: tuple[Method, ...]
    dataset_format: DatasetFormat
    train_context: int
    context: int
    max_output: int
    encoding: Encoding
    prices: Prices
    created: int
    owned_by: str
    shutdown_date: str | None
    learning_rate_multiplier: float
    vision: bool = False
    tuned_shutdown_date: str | None = None
    training_end_date: str | None = None

    def shut_by(self, now: VirtualTime) -> bool:
        """Whether the model itself is gone."""
        return _reached(self.shutdown_date, now)

    def tuned_shut_by(self, now: VirtualTime) -> bool:
        """Whether the models that were tuned from it are gone."""
        return _reached(self.tuned_shutdown_date or self.shutdown_date, now)

    def training_over_by(self, now: VirtualTime) -> bool:
        """Whether no new training begins on it, nor on what was tuned from it."""
        return _reached(self.training_end_date or self.shutdown_date, now)


def _reached(date: str | None, now: VirtualTime) -> bool:
    """Whether a date of the form ``2026-10-23`` has begun, in UTC (assumed: the pages name no hour)."""
    return date is not None and now >= parse_instant(date)


@dataclass(frozen=True, slots=True)
class Ending:
    """The first day on which something is gone, and where that is known from."""

    date: str
    source: str = "DEPDOC"


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The ends of a base model, of its fine-tuned family, and of new training on either."""

    base: Ending
    tuned: Ending
    training: Ending


TRAINING_ENDS = Ending("2027-01-07")
"""The day after the last one on which anybody can create a job."""

_JAN_14 = Shutdown(Ending("2027-01-14"), Ending("2027-01-14"), TRAINING_ENDS)
# DEPDOC names a day for training only where it ended before the model did: elsewhere it is taken to end with the model.
_OCT_23 = Shutdown(Ending("2026-10-23"), Ending("2026-10-23"), Ending("2026-10-23", "assumed"))

SHUTDOWNS: dict[str, Shutdown] = {
    "gpt-4o-2024-08-06": _JAN_14,
    "gpt-4o-mini-2024-07-18": _JAN_14,
    "gpt-4.1-2025-04-14": _JAN_14,
    "gpt-4.1-mini-2025-04-14": _JAN_14,
    "gpt-4.1-nano-2025-04-14": _OCT_23,
    "o4-mini-2025-04-16": _OCT_23,
    "gpt-3.5-turbo-0125": _OCT_23,
    "gpt-3.5-turbo-1106": Shutdown(Ending("2026-09-28"), Ending("2026-10-23"), Ending("2026-09-28", "assumed")),
    "gpt-3.5-turbo-0613": Shutdown(Ending("2024-09-13"), Ending("2026-10-23"), Ending("2024-09-13")),
    "gpt-4-0613": _OCT_23,
    "babbage-002": Shutdown(Ending("2026-09-28"), Ending("2026-10-23"), Ending("2024-10-28")),
    "davinci-002": Shutdown(Ending("2026-09-28"), Ending("2026-10-23"), Ending("2024-10-28")),
}
"""When each base model of the table ends (DEPDOC, as of 2026-11-22)."""


def _until_its_end(model: BaseModel) -> BaseModel:
    ends = SHUTDOWNS[model.id]
    return replace(
        model,
        shutdown_date=ends.base.date,
        tuned_shutdown_date=ends.tuned.date,
        training_end_date=ends.training.date,
    )


def _chat(
    id: str,
    train_context: int,
    context: int,
    max_output: int,
    encoding: Encoding,
    prices: Prices,
    created: int,
    *,
    methods: tuple[Method, ...] = ("supervised",),
    learning_rate_multiplier: float = 2.0,
    vision: bool = False,
    owned_by: str = "system",
) -> BaseModel:
    return BaseModel(
        id, methods, "chat", train_context, context, max_output, encoding, prices, created, owned_by, None,
        learning_rate_multiplier, vision,
    )  # fmt: skip


_SFT_DPO: tuple[Method, ...] = ("supervised", "dpo")

BASE_MODELS: dict[str, BaseModel] = {
    model.id: _until_its_end(model)
    for model in (
        _chat("gpt-4o-2024-08-06", 65_536, 128_000, 16_384, "o200k_base", Prices(25.0, 3.75, 1.875, 15.0), 1722814719,
              methods=_SFT_DPO, vision=True),
        # 1.8: PINOLO, the one "auto" multiplier ever recorded for this model.
        _chat("gpt-4o-mini-2024-07-18", 65_536, 128_000, 16_384, "o200k_base", Prices(3.0, 0.30, 0.15, 1.20),
              1721172717, methods=_SFT_DPO, learning_rate_multiplier=1.8),
        _chat("gpt-4.1-2025-04-14", 65_536, 128_000, 32_768, "o200k_base", Prices(25.0, 3.0, 0.75, 12.0), 1744315746,
              methods=_SFT_DPO),
        _chat("gpt-4.1-mini-2025-04-14", 65_536, 128_000, 32_768, "o200k_base", Prices(5.0, 0.80, 0.20, 3.20),
              1744317547, methods=_SFT_DPO),
        _chat("gpt-4.1-nano-2025-04-14", 65_536, 128_000, 32_768, "o200k_base", Prices(1.50, 0.20, 0.05, 0.80),
              1744321025, methods=_SFT_DPO),
        _chat("o4-mini-2025-04-16", 65_536, 200_000, 100_000, "o200k_base",
              Prices(None, 4.0, 1.0, 16.0, training_hour=100.0), 1744133506, methods=("reinforcement",)),
        _chat("gpt-3.5-turbo-0125", 16_385, 16_385, 4_096, "cl100k_base", Prices(8.0, 3.0, None, 6.0), 1706048358),
        _chat("gpt-3.5-turbo-1106", 16_385, 16_385, 4_096, "cl100k_base", Prices(8.0, 3.0, None, 6.0), 1698959748),
        _chat("gpt-3.5-turbo-0613", 4_096, 4_096, 4_096, "cl100k_base", Prices(8.0, 3.0, None, 6.0), 1686587434,
              owned_by="openai"),
        _chat("gpt-4-0613", 8_192, 8_192, 8_192, "cl100k_base", Prices(90.0, 45.0, None, 90.0), 1686588896,
              owned_by="openai"),
        BaseModel("babbage-002", ("supervised",), "prompt_completion", 16_384, 16_384, 16_384, "cl100k_base",
                  Prices(0.40, 1.60, None, 1.60), 1692634615, "system", None, 0.1),
        BaseModel("davinci-002", ("supervised",), "prompt_completion", 16_384, 16_384, 16_384, "cl100k_base",
                  Prices(6.0, 12.0, None, 12.0), 1692634301, "system", None, 0.1),
    )
}  # fmt: skip

PRICED_ON = "2026-11-22"
"""The day (UTC) on which the prices were the published ones (PRICEDOC)."""

ASSUMED_PRICES = frozenset({"gpt-4-0613"})
"""Rows whose prices are recollection [REC]; the fidelity page labels them ``assumed``."""

ALIASES: dict[str, str] = {
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "o4-mini": "o4-mini-2025-04-16",
    # OBS: the cookbook's function-calling notebook of June 2024 got the 0125 snapshot back from create.
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "gpt-4": "gpt-4-0613",
}
"""Undated names and the snapshot each stands for; ``job.model`` shows the snapshot."""

TRAIN_CONTEXTS: tuple[int, ...] = tuple(sorted({model.train_context for model in BASE_MODELS.values()}))
"""Every distinct training context in tokens: a file's report counts its billable tokens once for each."""


def resolve_base_model(name: str) -> BaseModel | None:
    """The base model a snapshot name or an alias stands for; None for anything else."""
    return BASE_MODELS.get(ALIASES.get(name, name))


def cost_usd(prices: Prices, trained_tokens: int) -> float | None:
    """What training on ``trained_tokens`` costs (BESTDOC: price per million times tokens); None where time is
    billed.
    """
    return None if prices.training is None else prices.training * trained_tokens / 1_000_000
