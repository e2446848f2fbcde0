"""A scenario: what may vary in a simulated life, as frozen data.

The same schema is read from TOML, from JSON over HTTP and from ``--set``. Unknown keys are refused with the nearest
known name. A scenario is data alone: no code, no paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from math import exp
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from rapidfuzz import process

from mocktune.domain.clock import ClockError, VirtualTime, parse_duration, parse_instant
from mocktune.domain.draws import normals, uniform

SCHEMA = 1

MAX_USD = 1e12
"""Of a budget: beyond, cents are lost."""


class ScenarioError(ValueError):
    """A scenario that cannot be read; the text names the key, what is wrong with it, and the nearest known name."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration in microseconds of virtual time, fixed or drawn once per object.

    ``"45s"`` is fixed; ``{uniform = ["5s", "20s"]}`` and ``{lognormal = {median = "40s", sigma = 0.6, max = "10m"}}``
    are drawn with the object's own seed.
    """

    low: int
    high: int | None = None
    sigma: float | None = None

    def drawn(self, seed: int, name: str) -> int:
        if self.sigma is not None:
            value = round(self.low * exp(self.sigma * normals(seed, "duration", name)[0]))
            return value if self.high is None else min(value, self.high)
        if self.high is not None:
            return self.low + round((self.high - self.low) * uniform(seed, "duration", name))
        return self.low

    @classmethod
    def parse(cls, value: object) -> Duration:
        if isinstance(value, str):
            return cls(parse_duration(value))
        match value:
            case {"uniform": [str() as low, str() as high], **rest} if not rest:
                shortest, longest = parse_duration(low), parse_duration(high)
                if shortest > longest:
                    raise ClockError(f"uniform goes from the shorter to the longer duration, not from {low} to {high}")
                return cls(shortest, longest)
            case {"lognormal": {"median": str() as median, "sigma": int() | float() as sigma, **rest}, **others} if (
                not others and not isinstance(sigma, bool) and 0 <= sigma <= 5 and not set(rest) - {"max"}
            ):
                bound = parse_duration(str(rest["max"])) if "max" in rest else None
                return cls(parse_duration(median), bound, float(sigma))
        raise ClockError(
            'a duration is text such as "45s", {uniform = ["5s", "20s"]} or '
            '{lognormal = {median = "40s", sigma = 0.6, max = "10m"}} with sigma in 0..5'
        )


def _s(text: str) -> Duration:
    return Duration(parse_duration(text))


@dataclass(frozen=True, slots=True)
class FilesPart:
    """``processing``: from upload to ``processed`` or ``error``; ``status_details`` is the text of an ``error``."""

    processing: Duration = _s("0s")
    outcome: Literal["processed", "error"] = "processed"
    status_details: str | None = None


@dataclass(frozen=True, slots=True)
class FailurePart:
    """Where a job that is to fail does so: ``progress`` in 0..1 of the named phase."""

    phase: Literal["validating_files", "queued", "running"] = "running"
    progress: float = 0.5
    code: str = "server_error"
    message: str = "The job failed due to an internal error."
    param: str | None = None


@dataclass(frozen=True, slots=True)
class JobPart:
    """How long each phase of a job takes. ``training`` is the whole of it and wins over ``step``, one step of it."""

    validating: Duration = _s("45s")
    queued: Duration = _s("4s")
    step: Duration = _s("2.5s")
    training: Duration | None = None
    final_validation: Duration = _s("50s")
    outcome: Literal["succeeded", "failed"] = "succeeded"
    failure: FailurePart = field(default_factory=FailurePart)


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A tuned model's first minutes: unknown (404) for ``absent_for``, then loading for ``loading_for``, then ready."""

    absent_for: Duration = _s("0s")
    loading_for: Duration = _s("0s")
    loading_as: Literal["too_many_requests", "unavailable"] = "too_many_requests"


@dataclass(frozen=True, slots=True)
class LimitsPart:
    """What the organization may do. ``caps``: as many jobs at once and a day as LIMITS recorded. ``quota_usd``: a
    budget for training in US dollars, null: unlimited. ``org``: able to train, past the end of the platform for it
    (403), or on a plan without training (403). ``moderation``: files that would be flagged fail their jobs."""

    caps: Literal["off", "observed"] = "off"
    quota_usd: float | None = None
    org: Literal["active", "wound_down", "free"] = "active"
    moderation: Literal["off", "observed"] = "off"


@dataclass(frozen=True, slots=True)
class EventsPart:
    """The tail: events that come after ``finished_at`` [OBS PINOLO: 2 s and 8 s later]."""

    model_created_after: Duration = _s("2s")
    completed_after: Duration = _s("8s")


@dataclass(frozen=True, slots=True)
class ResultPart:
    """How the content of a result file is served [OBS: base64 on this API, plain on Azure]."""

    encoding: Literal["base64", "plain"] = "base64"


@dataclass(frozen=True, slots=True)
class ClockPart:
    """Where a new sandbox's virtual time starts; null: at wall time, or at 2026-01-15 when frozen."""

    start: VirtualTime | None = None


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
    limits: LimitsPart = field(default_factory=LimitsPart)
    events: EventsPart = field(default_factory=EventsPart)
    result: ResultPart = field(default_factory=ResultPart)
    clock: ClockPart = field(default_factory=ClockPart)


def read_scenario(name: str, document: Mapping[str, Any], parent: Scenario | None = None) -> Scenario:
    """The scenario a parsed document describes, on top of the one it extends. Raises ``ScenarioError``."""
    rest = dict(document)
    if rest.pop("schema", SCHEMA) != SCHEMA:
        raise ScenarioError(f"scenario '{name}': schema must be {SCHEMA}")
    rest.pop("extends", None)
    base = replace(parent or Scenario(), name=name, summary="")
    scenario: Scenario = _overlay(base, rest, path="")
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


def _overlay(base: Any, document: object, path: str) -> Any:
    """A copy of the frozen part ``base`` with the fields a mapping names replaced."""
    if not isinstance(document, Mapping):
        raise ScenarioError(f"{path}: expected a table, got {document!r}")
    hints = get_type_hints(type(base))
    known = [each.name for each in fields(base) if each.name != "name"]
    changes = {}
    for key, value in document.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in known:
            raise ScenarioError(
                f"unknown key '{where}'{nearest(where, [f'{path}.{each}' if path else each for each in known])}"
            )
        changes[key] = _value(getattr(base, key), hints[key], value, where)
    return replace(base, **changes)


def _value(current: Any, hint: Any, value: object, where: str) -> object:
    if is_dataclass(current) and not isinstance(current, Duration):
        return _overlay(current, value, where)
    options = get_args(hint) if get_origin(hint) is not Literal else (hint,)
    if value is None and NoneType in options:
        return None
    try:
        if hint is Duration or Duration in options:
            return Duration.parse(value)
        if VirtualTime in options:
            return parse_instant(value)  # type: ignore[arg-type]  # it refuses what it cannot read
    except ClockError as error:
        raise ScenarioError(f"{where}: {error}") from error
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            allowed = ", ".join(map(repr, get_args(hint)))
            raise ScenarioError(f"{where}: {value!r} is none of {allowed}{nearest(str(value), get_args(hint))}")
        return value
    if hint == float | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_USD:
            raise ScenarioError(f"{where}: expected a number from 0 to {MAX_USD:.0e}, or null, got {value!r:.80}")
        return float(value)
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ScenarioError(f"{where}: expected a number from 0 to 1, got {value!r}")
        return float(value)
    if not isinstance(value, str) or len(value) > 4096:
        raise ScenarioError(f"{where}: expected a text of at most 4096 characters, got {value!r:.80}")
    return value


def nearest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` where a known name is close, else the list of names."""
    names = sorted(known)
    best = process.extractOne(name, names, score_cutoff=60)
    return f"; did you mean '{best[0]}'?" if best else f"; known are {', '.join(names)}"
