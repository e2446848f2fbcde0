"""A scenario: what may vary in a simulated life, as frozen data.

The same schema is read from TOML, from JSON over HTTP and from ``--set``. Unknown keys are refused with the nearest
known name. A scenario is data alone: no code, no paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from mocktune.domain.clock import VirtualTime
from mocktune.domain.documents import Duration, ScenarioError, bounded, overlay, seconds
from mocktune.domain.faults import FaultRule

SCHEMA = 1

MAX_USD = 1e12
"""Of a budget: beyond, cents are lost."""


@dataclass(frozen=True, slots=True)
class FilesPart:
    """``processing``: from upload to ``processed`` or ``error``; ``status_details`` is the text of an ``error``."""

    processing: Duration = seconds("0s")
    outcome: Literal["processed", "error"] = "processed"
    status_details: str | None = None


@dataclass(frozen=True, slots=True)
class FailurePart:
    """Where a job that is to fail does so: ``progress`` in 0..1 of the named phase."""

    phase: Literal["validating_files", "queued", "running"] = "running"
    progress: float = bounded(0.5, 0, 1)
    code: str = "server_error"
    message: str = "The job failed due to an internal error."
    param: str | None = None


@dataclass(frozen=True, slots=True)
class JobPart:
    """How long each phase of a job takes. ``training`` is the whole of it and wins over ``step``, one step of it."""

    validating: Duration = seconds("45s")
    queued: Duration = seconds("4s")
    step: Duration = seconds("2.5s")
    training: Duration | None = None
    final_validation: Duration = seconds("50s")
    outcome: Literal["succeeded", "failed"] = "succeeded"
    failure: FailurePart = field(default_factory=FailurePart)


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A tuned model's first minutes: unknown (404) for ``absent_for``, then loading for ``loading_for``, then ready."""

    absent_for: Duration = seconds("0s")
    loading_for: Duration = seconds("0s")
    loading_as: Literal["too_many_requests", "unavailable"] = "too_many_requests"


@dataclass(frozen=True, slots=True)
class LimitsPart:
    """What the organization may do. ``caps``: as many jobs at once and a day as LIMITS recorded. ``quota_usd``: a
    budget for training in US dollars, null: unlimited. ``org``: able to train, past the end of the platform for it
    (403), or on a plan without training (403). ``moderation``: files that would be flagged fail their jobs."""

    caps: Literal["off", "observed"] = "off"
    quota_usd: float | None = bounded(None, 0, MAX_USD)
    org: Literal["active", "wound_down", "free"] = "active"
    moderation: Literal["off", "observed"] = "off"


@dataclass(frozen=True, slots=True)
class EventsPart:
    """The tail: events that come after ``finished_at`` [OBS PINOLO: 2 s and 8 s later]."""

    model_created_after: Duration = seconds("2s")
    completed_after: Duration = seconds("8s")


@dataclass(frozen=True, slots=True)
class ResultPart:
    """How the content of a result file is served [OBS: base64 on this API, plain on Azure]."""

    encoding: Literal["base64", "plain"] = "base64"


@dataclass(frozen=True, slots=True)
class ClockPart:
    """Where a new sandbox's virtual time starts; null: at wall time, or at 2026-01-15 when frozen."""

    start: VirtualTime | None = None


@dataclass(frozen=True, slots=True)
class MetricsPart:
    """How the losses move."""

    shape: Literal["converge", "overfit", "diverge", "plateau", "nan"] = "converge"


@dataclass(frozen=True, slots=True)
class ExpectPart:
    """What a good client makes of it: it succeeds all the same (``recover``), or fails promptly and says why
    (``give_up``). ``within`` is the virtual time it may take; ``allow`` names the findings of a verdict that do not
    count.
    """

    outcome: Literal["recover", "give_up"] = "recover"
    within: Duration | None = None
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalPart:
    """Something done to every job from outside: ``at`` a share of its training (``"40%"``) or a time since it was
    created (``"90s"``).
    """

    at: str = "50%"
    do: Literal["cancel", "pause", "resume", "delete_file"] = "cancel"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that may vary. Each object keeps the scenario it was created under; a change affects later ones
    only.
    """

    name: str = "realistic"
    summary: str = ""
    files: FilesPart = field(default_factory=FilesPart)
    job: JobPart = field(default_factory=JobPart)
    model: ModelPart = field(default_factory=ModelPart)
    metrics: MetricsPart = field(default_factory=MetricsPart)
    limits: LimitsPart = field(default_factory=LimitsPart)
    events: EventsPart = field(default_factory=EventsPart)
    result: ResultPart = field(default_factory=ResultPart)
    clock: ClockPart = field(default_factory=ClockPart)
    expect: ExpectPart = field(default_factory=ExpectPart)
    signals: tuple[SignalPart, ...] = ()
    faults: tuple[FaultRule, ...] = ()


def read_scenario(name: str, document: Mapping[str, Any], parent: Scenario | None = None) -> Scenario:
    """The scenario a parsed document describes, on top of the one it extends. Raises ``ScenarioError``."""
    rest = dict(document)
    if rest.pop("schema", SCHEMA) != SCHEMA:
        raise ScenarioError(f"scenario '{name}': schema must be {SCHEMA}")
    rest.pop("extends", None)
    base = replace(parent or Scenario(), name=name, summary="")
    scenario: Scenario = overlay(base, rest)
    if "training" not in rest.get("job", {}) and "step" in rest.get("job", {}):
        scenario = replace(scenario, job=replace(scenario.job, training=None))
    return scenario


def with_settings(scenario: Scenario, settings: Iterable[str]) -> Scenario:
    """``scenario`` with single fields overridden by texts such as ``model.absent_for=20s``."""
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals:
            raise ScenarioError(f"'{setting}' sets nothing: write KEY=VALUE, for example model.absent_for=20s")
        document: dict[str, Any] = {}
        inner = document
        *parents, last = path.strip().split(".")
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[last] = _setting_value(value.strip())
        if "." not in path and path in {each.name for each in fields(Scenario)}:
            raise ScenarioError(f"'{path}' is no single field: name its part too, for example model.absent_for")
        scenario = replace(read_scenario(scenario.name, document, scenario), summary=scenario.summary)
    return scenario


def _setting_value(text: str) -> object:
    if text == "null":
        return None
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
