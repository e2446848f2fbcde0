"""Jobs of a seed state: what is written of a request, a scenario and a status, as a job's record holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import msgspec

from mocktune.domain.clock import SECOND, VirtualTime, format_instant, printable
from mocktune.domain.documents import ScenarioError, nearest
from mocktune.domain.errors import ApiError
from mocktune.domain.grading import GraderSummary
from mocktune.domain.hyperparameters import Requested
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.objects import JobRequest, WandbIntegration
from mocktune.domain.pauses import MAX_PAUSES
from mocktune.domain.plan import PlanInputs
from mocktune.domain.scenario import Scenario, read_scenario
from mocktune.domain.state import FailureState, JobState, SignalState, StateError, instant_of, told_of
from mocktune.domain.timeline import Signal, Timeline
from mocktune.domain.validation import FileOutlook
from mocktune.service.datasets import Datasets
from mocktune.service.records import JobRecord
from mocktune.service.state_documents import converted, read_instant, with_instants
from mocktune.service.timelines import inputs_of, timeline_of

METHODS = ("supervised", "dpo", "reinforcement")
_REINFORCEMENT_KEYS = ("grader", "response_format")


# -- what was asked for ------------------------------------------------------------------------------------------------


def request_of(job: JobState) -> JobRequest:
    """The request that made the job. Raises ``StateError``."""
    method = job.method or {"type": "supervised"}
    known_keys("method", method, ("type", *METHODS))
    kind = method.get("type", "supervised")
    if kind not in METHODS:
        raise StateError(f"method: '{printable(kind)}' is no method{nearest(printable(kind), METHODS)}")
    chosen = _object(f"method.{kind}", method.get(kind))
    known_keys(f"method.{kind}", chosen, ("hyperparameters", *(_REINFORCEMENT_KEYS if kind == "reinforcement" else ())))
    asked = _object(f"method.{kind}.hyperparameters", chosen.get("hyperparameters"))
    if not asked and kind == "supervised":
        asked = job.hyperparameters or {}
    return JobRequest(
        model=job.model,
        training_file=job.training_file,
        validation_file=job.validation_file,
        suffix=job.suffix,
        seed=job.seed,
        method=kind,
        hyperparameters=_requested(asked),
        integrations=tuple(_integration(each) for each in job.integrations or ()),
        metadata=None if job.metadata is None else tuple(job.metadata.items()),
        grader=_grader(chosen) if kind == "reinforcement" else None,
        response_format=_response_format(chosen) if kind == "reinforcement" else None,
        dialect=job.dialect,
    )


def _requested(asked: Mapping[str, Any]) -> Requested:
    known_keys("hyperparameters", asked, [each.name for each in fields(Requested)])
    try:
        return msgspec.convert({key: value for key, value in asked.items() if value != "auto"}, Requested)
    except msgspec.ValidationError as error:
        raise StateError(f"hyperparameters: {error}") from error


def _integration(written: Mapping[str, Any]) -> WandbIntegration:
    known_keys("integrations", written, ("type", "wandb"))
    if written.get("type", "wandb") != "wandb":
        raise StateError(f"integrations: '{printable(written['type'])}' is no integration; known is wandb")
    try:
        return msgspec.convert(written.get("wandb"), WandbIntegration)
    except msgspec.ValidationError as error:
        raise StateError(f"integrations.wandb: {error}") from error


def _grader(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """As the job shows it. Loosely: a state may come from a server that let more pass than this one."""
    from mocktune.domain.graders import grader_json, parse_grader

    grader = chosen.get("grader")
    if not isinstance(grader, Mapping):
        raise StateError("method.reinforcement.grader: a job of this method needs a grader")
    try:
        return grader_json(parse_grader(grader, param="method.reinforcement.grader", loose=True))
    except ApiError as error:
        raise StateError(error.message) from error
    except RecursionError:
        raise StateError("method.reinforcement.grader: nested too deeply") from None


def _response_format(chosen: Mapping[str, Any]) -> dict[str, Any] | None:
    written = _object("method.reinforcement.response_format", chosen.get("response_format"))
    if not written:
        return None
    schema = written.get("json_schema")
    if written.get("type") != "json_schema" or not isinstance(schema, dict) or not isinstance(schema.get("name"), str):
        raise StateError(
            "method.reinforcement.response_format: expected "
            "{'type': 'json_schema', 'json_schema': {'name': ..., 'schema': ...}}"
        )
    return written


def _object(where: str, value: object) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise StateError(f"{where}: expected an object, got {printable(value)}")
    return value or {}


def known_keys(where: str, written: Iterable[str], known: Sequence[str]) -> None:
    """Raises ``StateError`` for a key that is none of ``known``."""
    for key in written:
        if key not in known:
            raise StateError(f"unknown key '{printable(key)}' in {where}{nearest(printable(key), known)}")


def scenario_of(job: JobState, server: Scenario) -> Scenario:
    """The server's scenario with what the job says of its own, of its failure and of its end."""
    scenario = server
    if job.scenario is not None:
        document = dict(job.scenario)
        name = document.pop("name", server.name)
        if not isinstance(name, str):
            raise StateError("scenario.name: expected a text")
        try:
            scenario = read_scenario(name, document, server)
        except ScenarioError as error:
            raise StateError(f"scenario: {error}") from error
    failure = job.failure or (FailureState() if job.status == "failed" else None)
    if failure is not None:
        part = replace(scenario.job.failure, **msgspec.structs.asdict(failure))
        return replace(scenario, job=replace(scenario.job, outcome="failed", failure=part))
    if job.status is not None:
        return replace(scenario, job=replace(scenario.job, outcome="succeeded"))
    return scenario


# -- how far it has come -----------------------------------------------------------------------------------------------


async def place(record: JobRecord, job: JobState, now: VirtualTime, datasets: Datasets) -> None:
    """Move the creation of a job, which was created at ``now``, back to where it has come to its ``status`` by now."""
    timeline = await timeline_of(record, datasets)
    at = _when(timeline, job)
    if at is None:
        failure = timeline.plan.failure
        raise StateError(f"it never becomes {job.status}: {failure.error.message if failure else 'it succeeds'}")
    record.created_at = VirtualTime(now - (at - now))
    if record.created_at < 0:
        raise StateError(f"it takes {(at - now) // SECOND} s to become {job.status}, and time began in 1970")
    record.timeline = Timeline(replace(timeline.inputs, created_at=record.created_at))
    if job.status == "paused":
        record.timeline = record.timeline.with_signal(Signal(now, "pause"))
    elif job.status == "cancelled":
        record.timeline = record.timeline.with_signal(Signal(now, "cancel"))
    check_status(record, job, now)
    record.told = JobStatus(str(job.status))


def check_status(record: JobRecord, job: JobState, now: VirtualTime) -> None:
    """Raises ``StateError`` for a placed job that has another status after all."""
    timeline = record.timeline
    assert timeline is not None  # it was placed
    if timeline.status_at(now) == job.status:
        return
    failure = timeline.plan.failure
    reason = failure.error.message if failure else "its files are not ready early enough"
    raise StateError(
        f"it cannot be {job.status} by now: {reason} (it was created at {format_instant(record.created_at)})"
    )


def _when(timeline: Timeline, job: JobState) -> VirtualTime | None:
    """The instant at which a job created now would have come as far as ``job`` says."""
    life, training, failure = timeline.plan, timeline.plan.training, timeline.plan.failure
    begins: VirtualTime | None
    match job.status:
        case "validating_files":
            begins, ends = life.validation_starts, life.validated_at or (failure.at if failure else None)
        case "queued":
            begins, ends = life.validated_at, training.starts if training else None
        case "running" | "paused" | "cancelled":
            begins, ends = (training.starts, training.ends) if training else (None, None)
        case "failed":
            return failure.at if failure else None
        case _:
            if life.completed_at is None or life.window is None:
                return None
            return max(life.completed_at, life.window.ready_at)
    if begins is None or ends is None:
        return None
    if failure is not None:
        ends = min(ends, failure.at)
    return VirtualTime(begins + round(max(0, ends - begins - 1) * job.progress))


# -- what became of it -------------------------------------------------------------------------------------------------


def known_timeline(record: JobRecord, job: JobState) -> Timeline:
    """The timeline of a job that brings along what it knows of its files. Raises ``StateError``."""
    with told_of("outlooks"):
        outlooks = [converted(with_instants(each, FileOutlook, read_instant), FileOutlook) for each in job.outlooks]
    with told_of("graded"):
        graded = None if job.graded is None else converted(job.graded, GraderSummary)
    wanted = [file.id for file in (record.training, record.validation) if file is not None]
    if [each.id for each in outlooks] != wanted:
        raise StateError(f"outlooks: expected one of each of its files, {', '.join(wanted)}, in this order")
    inputs = inputs_of(record, outlooks[0], outlooks[1] if len(outlooks) > 1 else None)
    return planned(replace(inputs, graded=graded))


def planned(inputs: PlanInputs) -> Timeline:
    """A timeline of inputs that people wrote. Raises ``StateError`` for such as contradict one another."""
    try:
        return Timeline(inputs)
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
        raise StateError("outlooks: what they say does not fit together") from error


async def signalled(record: JobRecord, signals: Sequence[SignalState], now: VirtualTime, datasets: Datasets) -> None:
    """Do again what was done to the job, each at its instant. Raises ``StateError`` for what could not be done then."""
    if sum(signal.do == "pause" for signal in signals) > MAX_PAUSES:
        raise StateError(f"signals: a job is paused at most {MAX_PAUSES} times")
    timeline, before = await timeline_of(record, datasets), record.created_at
    for signal in signals:
        at = instant_of(signal.at)
        if not before <= at <= now:
            raise StateError(f"signals: {signal.do} at {format_instant(at)} is out of order, or still to come")
        status = timeline.status_at(at)
        if not _possible(record, signal, status):
            raise StateError(f"signals: at {format_instant(at)} it is {status}, nothing that {signal.do} is done to")
        timeline, before = timeline.with_signal(Signal(at, signal.do, signal.file)), at
    record.timeline = timeline


def _possible(record: JobRecord, signal: SignalState, status: JobStatus) -> bool:
    match signal.do:
        case "cancel":
            return not status.terminal
        case "pause":
            return status is JobStatus.RUNNING
        case "resume":
            return status is JobStatus.PAUSED
    files = [file.id for file in (record.training, record.validation) if file is not None]
    return signal.file in files and status is JobStatus.VALIDATING_FILES
