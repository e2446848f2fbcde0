"""Before anything is uploaded or paid: may this organization tune the model, is a place free, how long will it last?

What create refuses is learned here at the price of three small requests (contract 10, rows 1, 8 and 31).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeAlias

from mocktune.domain.models import SHUTDOWNS
from mocktune_client.model_names import base_of
from mocktune_client.refusals import DailyLimitReached, TrainingNotAvailable, told
from mocktune_client.steps import Steps
from mocktune_client.waiting import Timing, is_temporary, patiently

NO_FILE = "file-mocktune-client-preflight"
"""The id of no file: a create that names it is refused, and tells whether the organization may create at all, since
that is checked first [contract 5.4].
"""
LASTING_DAYS = 180
"""A model that ends sooner is warned of."""

Caution: TypeAlias = Literal["no_free_place", "not_listed", "training_ends", "model_ends"]


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Jobs of one model in the organization: those that have not ended, and those created today (UTC); None where the
    service does not tell.
    """

    model: str
    active_jobs: int | None
    max_active_jobs: int | None
    jobs_today: int | None
    max_jobs_per_day: int | None

    @property
    def is_full(self) -> bool:
        """Whether a create has to wait for another job to end."""
        return None not in (self.active_jobs, self.max_active_jobs) and self.active_jobs >= self.max_active_jobs  # type: ignore[operator]

    @property
    def is_spent(self) -> bool:
        """Whether no more jobs can be created today."""
        return None not in (self.jobs_today, self.max_jobs_per_day) and self.jobs_today >= self.max_jobs_per_day  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class TuningWarning:
    """Something to know before tuning, and what to do about it."""

    caution: Caution
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Preflight:
    """Nothing stands against tuning ``model``; ``limits`` are None where the service does not tell them."""

    model: str
    limits: ModelLimits | None
    warnings: tuple[TuningWarning, ...]


def list_limits(timing: Timing) -> Steps[tuple[ModelLimits, ...] | None]:
    """The limits of every model the organization may tune; None where the service has no such list.

    ``GET /fine_tuning/model_limits`` is in no SDK [RATEDOC, LIMITS].
    """
    import openai

    def ask_for_limits(client: Any) -> Any:
        return client.get("/fine_tuning/model_limits", cast_to=object)

    try:
        page = yield from patiently(ask_for_limits, timing)
    except openai.APIStatusError as error:
        if is_temporary(error):
            raise
        return None
    rows = page.get("data") if isinstance(page, dict) else None
    if not isinstance(rows, list):
        return None
    return tuple(_limits(row) for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str))


def preflight(model: str, timing: Timing, *, today: date | None = None, try_create: bool = True) -> Steps[Preflight]:
    """What is to know before tuning ``model``, a base model, a tuned one or a checkpoint.

    ``today`` is the day (UTC) from which dates are counted; without ``try_create`` nothing but questions is sent.
    Raises ``TrainingNotAvailable``, ``DailyLimitReached``.
    """
    today = today or datetime.now(UTC).date()
    if try_create:
        yield from _may_train(model, timing)
    base = base_of(model)
    every = yield from list_limits(timing)
    limits = next((each for each in every or () if each.model == base), None)
    warnings: list[TuningWarning] = []
    if limits is not None and limits.is_spent:
        raise DailyLimitReached(
            f"Today's {limits.max_jobs_per_day} fine-tuning jobs of {base} are used up, by /fine_tuning/model_limits",
            429,
            "daily_rate_limit_exceeded",
        )
    if limits is not None and limits.is_full:
        warnings.append(
            TuningWarning(
                "no_free_place",
                f"All {limits.max_active_jobs} places for jobs of {base} are taken: create will wait until one of them "
                "ends. Cancel one that nobody needs, or wait.",
            )
        )
    if every and limits is None:
        warnings.append(
            TuningWarning(
                "not_listed",
                f"{base} is not among the models this organization may tune: {', '.join(each.model for each in every)}."
                " Choose one of them.",
            )
        )
    warnings += yield from _endings(base, timing, today)
    return Preflight(model, limits, tuple(warnings))


def _limits(row: dict[str, Any]) -> ModelLimits:
    def number(name: str) -> int | None:
        found = row.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    return ModelLimits(
        row["id"],
        number("curr_pending_jobs"),
        number("max_pending_jobs"),
        number("jobs_so_far_today"),
        number("max_jobs_per_day"),
    )


def _may_train(model: str, timing: Timing) -> Steps[None]:
    """Asks to create a job over no file. Whatever else is answered than a refusal of the organization is good news."""
    import openai

    def ask_for_nothing(client: Any) -> Any:
        return client.fine_tuning.jobs.create(model=model, training_file=NO_FILE)

    try:
        yield from patiently(ask_for_nothing, timing)
    except openai.APIStatusError as error:
        if is_temporary(error) or isinstance(told(error), TrainingNotAvailable):
            raise


def _endings(base: str, timing: Timing, today: date) -> Steps[list[TuningWarning]]:
    """Of the dates by which training and the models themselves are gone [DEPDOC]."""
    import openai

    known = SHUTDOWNS.get(base)
    ends, training_ends = (known.tuned.date, known.training.date) if known else (None, None)
    document: dict[str, object] = {}
    try:
        model = yield from patiently(lambda client: client.models.retrieve(base), timing)
        document = model.to_dict(mode="json", warnings=False)
    except openai.APIStatusError as error:
        if is_temporary(error):
            raise
    if "shutdown_date" in document:
        told_date = document["shutdown_date"]
        if told_date is None:  # a service that names dates, and none for this one
            return []
        ends = ends if known and known.base.date == told_date else str(told_date)
    warnings = []
    days = _days_until(training_ends, today)
    if days is not None and days <= LASTING_DAYS:
        when = f"ends on {training_ends}, in {days} days" if days > 0 else f"ended on {training_ends}"
        warnings.append(TuningWarning("training_ends", f"New training on {base} {when}. Plan for another model."))
    days = _days_until(ends, today)
    if days is not None and days <= LASTING_DAYS:
        when = f"are gone on {ends}, in {days} days" if days > 0 else f"are gone since {ends}"
        warnings.append(
            TuningWarning(
                "model_ends", f"Models tuned from {base} {when}. Keep the data: another model can be tuned on it."
            )
        )
    return warnings


def _days_until(day: str | None, today: date) -> int | None:
    try:
        return (date.fromisoformat(day[:10]) - today).days if day else None
    except ValueError:
        return None
