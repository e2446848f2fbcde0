"""A scenario: what may vary in a simulated life, as frozen data.

The same schema is read from TOML, from JSON over HTTP and from ``--set``. Unknown keys are refused with the nearest
known name. A scenario is data alone: no code, no paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from mocktune.domain.clock import VirtualTime
from mocktune.domain.documents import Duration, ScenarioError, at_most, bounded, checked, overlay, seconds
from mocktune.domain.faults import FaultRule
from mocktune.domain.moments import MOMENT_PATTERN, OFFSET_PATTERN, Moment, parse_offset
from mocktune.domain.objects import Level
from mocktune.domain.scenario_rules import check_scenario
from mocktune.domain.shapes import Shape

SCHEMA = 1

MAX_USD = 1e12
"""Of a budget: beyond, cents are lost."""

MAX_JOBS = 1000
"""Of other projects: more than any cap."""


@dataclass(frozen=True, slots=True)
class FilesPart:
    """``processing``: from upload to ``processed`` or ``error``; ``status_details`` is the text of an ``error``."""

    processing: Duration = seconds("0s")
    outcome: Literal["processed", "error"] = "processed"
    status_details: str | None = None


@dataclass(frozen=True, slots=True)
class FailurePart:
    """Where a job that is to fail does so: ``progress`` in 0..1 of the named phase. ``final_validation`` comes after
    the last step, where there is a validation file; ``safety`` after that, when the finished model is checked. The job
    is ``running`` in both.
    """

    phase: Literal["validating_files", "queued", "running", "final_validation", "safety"] = "running"
    progress: float = bounded(0.5, 0, 1)
    code: str = "server_error"
    message: str = "The job failed due to an internal error."
    param: str | None = None


@dataclass(frozen=True, slots=True)
class WirePart:
    """How a job is written, and nothing else about it. ``initial_status`` is that of the answer to its creation.
    ``status`` is written in the place of ``instead_of``, for the time ``shown_for`` after the job came into it, or
    (null) as long as it is in it. ``no_error`` is the ``error`` of a job that did not fail: ``{}``, null, an object of
    nulls, or no key at all. ``--wire sdk`` writes neither where it is outside the SDK's types.
    """

    initial_status: Literal["validating_files", "queued"] = "validating_files"
    status: str | None = None
    instead_of: Literal["validating_files", "queued", "running", "paused"] = "running"
    shown_for: Duration | None = None
    no_error: Literal["empty", "none", "nulls", "absent"] = "empty"


@dataclass(frozen=True, slots=True)
class JobPart:
    """How long each phase of a job takes. ``training`` is the whole of it and wins over ``step``, one step of it;
    ``safety`` counts for jobs that fail in that phase alone. With ``estimated_finish`` a running job says when it is
    expected to be over.
    """

    validating: Duration = seconds("45s")
    queued: Duration = seconds("4s")
    step: Duration = seconds("2.5s")
    training: Duration | None = None
    final_validation: Duration = seconds("50s")
    safety: Duration = seconds("1m")
    outcome: Literal["succeeded", "failed"] = "succeeded"
    failure: FailurePart = field(default_factory=FailurePart)
    estimated_finish: bool = False
    wire: WirePart = field(default_factory=WirePart)


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A tuned model's life: unknown (404) for ``absent_for``, then loading for ``loading_for``, then ready.

    While it loads it is answered 429 or 503, or (``stall``) not at all for ``stall_for`` of wall time, then 503. A
    model that was not asked for longer than ``idle_for`` is unloaded, and loads again when it is. ``gone_at`` is how
    long after it was ready its name is unknown for good.
    """

    absent_for: Duration = seconds("0s")
    loading_for: Duration = seconds("0s")
    loading_as: Literal["too_many_requests", "unavailable", "stall"] = "too_many_requests"
    stall_for: Duration = at_most("30s", "10m")
    idle_for: Duration | None = None
    gone_at: Duration | None = None


@dataclass(frozen=True, slots=True)
class LimitsPart:
    """What the organization may do. ``caps``: as many jobs at once and a day as LIMITS recorded. ``quota_usd``: a
    budget for training in US dollars, null: unlimited. ``org``: able to train, past the end of the platform for it
    (403), or on a plan without training (403). ``moderation``: files that would be flagged fail their jobs.

    ``active_elsewhere`` jobs of every model run in other projects of the organization, for ``active_for`` since the
    scenario began (null: without end); ``used_today`` were created there on the UTC day it began. Both count no further
    than to the cap.
    """

    caps: Literal["off", "observed"] = "off"
    active_elsewhere: int = bounded(0, 0, MAX_JOBS)
    active_for: Duration | None = None
    used_today: int = bounded(0, 0, MAX_JOBS)
    quota_usd: float | None = bounded(None, 0, MAX_USD)
    org: Literal["active", "wound_down", "free"] = "active"
    moderation: Literal["off", "observed"] = "off"


@dataclass(frozen=True, slots=True)
class ExtraEventPart:
    """An event that no recording shows, at a moment of the job's own time: pauses put it off."""

    type: str = "message"
    level: Level = "info"
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    at: str = checked("50%", Moment.parse, MOMENT_PATTERN)


@dataclass(frozen=True, slots=True)
class EventsPart:
    """The tail: events that come after ``finished_at`` [OBS PINOLO: 2 s and 8 s later].

    ``after_terminal`` is how much later than they are dated the last events are listed: the one of a failure or a
    cancel, the last step's and the tail. With ``safety`` the finished model's moderation is told, by events of the type
    ``moderation_checks``; ``extra`` events come on top.
    """

    model_created_after: Duration = seconds("2s")
    completed_after: Duration = seconds("8s")
    after_terminal: Duration = seconds("0s")
    safety: bool = False
    extra: tuple[ExtraEventPart, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultPart:
    """The result file of a succeeded job. It is there ``delay`` after the job succeeded, and its id in the job. With
    ``missing`` it never is: ``result_files`` stays empty (``empty``), or names an id that is 404 (``dangling``).
    ``encoding`` is how its content is served [OBS: base64 on this API, plain on Azure].
    """

    delay: Duration = seconds("0s")
    missing: Literal["no", "empty", "dangling"] = "no"
    encoding: Literal["base64", "plain"] = "base64"


@dataclass(frozen=True, slots=True)
class ClockPart:
    """Where a new sandbox's virtual time starts; null: at wall time, or at 2026-01-15 when frozen. ``skew`` is how far
    the clock is ahead of that (or, with a minus, behind), and ``Date`` headers ahead of the wall.
    """

    start: VirtualTime | None = None
    skew: str = checked("0s", parse_offset, OFFSET_PATTERN)

    @property
    def ahead(self) -> int:
        """The skew in microseconds, below 0 for a clock that is behind."""
        return parse_offset(self.skew)


@dataclass(frozen=True, slots=True)
class MetricsPart:
    """How losses move, and rewards: to a good end (``converge``); better in training and worse on everything else
    (``overfit``); away from it (``diverge``); hardly at all (``plateau``); until they are no numbers (``nan``).
    """

    shape: Shape = "converge"


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
    """Something done to every job from outside: ``at`` a time since it was created (``"90s"``), a share of its training
    (``"40%"``) or a time after that (``"40%+10m"``). ``delete_file`` deletes its training file, at a time since its
    creation. What is not possible in the job's status then is not done.
    """

    at: str = checked("50%", Moment.parse, MOMENT_PATTERN)
    do: Literal["cancel", "pause", "resume", "delete_file"] = "cancel"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that may vary. Each object keeps the scenario it was created under; a change affects later ones
    only. ``catches`` tells the bug of a client that the scenario is there to catch.
    """

    name: str = "realistic"
    summary: str = ""
    catches: str = ""
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
    for key in ("extends", "$schema"):
        rest.pop(key, None)
    base = replace(parent or Scenario(), name=name, summary="", catches="")
    scenario: Scenario = overlay(base, rest)
    if "training" not in rest.get("job", {}) and "step" in rest.get("job", {}):
        scenario = replace(scenario, job=replace(scenario.job, training=None))
    check_scenario(scenario)
    return scenario


def with_settings(scenario: Scenario, settings: Iterable[str] | Mapping[str, Any]) -> Scenario:
    """``scenario`` with single fields overridden: by texts such as ``model.absent_for=20s``, or by values of JSON under
    their dotted paths. Raises ``ScenarioError``.
    """
    changes = settings.items() if isinstance(settings, Mapping) else map(_parsed_setting, settings)
    for path, value in changes:
        document: dict[str, Any] = {}
        inner = document
        *parents, last = path.strip().split(".")
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[last] = value
        if "." not in path and path in {"schema", "extends", *(each.name for each in fields(Scenario))}:
            raise ScenarioError(
                f"'{path:.80}' is no single field: name its part too, for example model.absent_for", key=path
            )
        changed = read_scenario(scenario.name, document, scenario)
        scenario = replace(changed, summary=scenario.summary, catches=scenario.catches)
    return scenario


def _parsed_setting(setting: str) -> tuple[str, object]:
    path, equals, value = setting.partition("=")
    if not equals:
        raise ScenarioError(f"'{setting:.80}' sets nothing: write KEY=VALUE, for example model.absent_for=20s")
    return path.strip(), _setting_value(value.strip())


def _setting_value(text: str) -> object:
    if text == "null":
        return None
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
