"""The life of one job under a scenario, played on a frozen clock: phases, marks and events, for people to look at.

The job tunes the packaged examples. Faults are left out: they are about single requests, and the life behind them is
the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.resources import files as package_files
from itertools import pairwise
from typing import Literal

from mocktune.bootstrap import bootstrap
from mocktune.domain.clock import SECOND, ClockMode, VirtualTime
from mocktune.domain.errors import ApiError
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.objects import EventView, FileView, JobRequest
from mocktune.domain.scenario import Scenario
from mocktune.domain.timeline import Timeline
from mocktune.service.files import Upload
from mocktune.service.limits import check_organization
from mocktune.service.sandboxes import Visit
from mocktune.service.services import Services
from mocktune.service.timelines import timeline_of
from mocktune.settings import Settings

MODEL = "gpt-4o-mini-2024-07-18"
SEED = 42
VALIDATION_EXAMPLES = 8
"""Of the packaged examples, the last ones."""

LATER = 365 * 86_400 * SECOND
"""After the last landmark: every event is listed by then."""

AFTERWARDS = 0.06
"""Share of a life that is shown of what lasts beyond it."""

Style = Literal["waiting", "working", "standing", "ready"]


@dataclass(frozen=True, slots=True)
class Span:
    """What lasts: ``begins`` and ``ends`` in microseconds since the upload. ``open``: longer than is shown."""

    row: str
    begins: int
    ends: int
    style: Style
    open: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happens at an instant, in a row of spans or in one of its own."""

    row: str
    at: int
    sign: str
    note: str


@dataclass(slots=True)
class Life:
    """A job's life; ``refused`` is the error its create is answered with, and then there is no more of it."""

    spans: list[Span] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    events: list[tuple[int, EventView]] = field(default_factory=list)
    steps: int = 0
    ends: int = 0
    status: str = ""
    refused: ApiError | None = None


def play(scenario: Scenario) -> Life:
    """The life of a job with a training and a validation file, both uploaded and named at once."""
    quiet = replace(scenario, faults=())
    services = bootstrap(Settings(scenario=quiet, clock=ClockMode(0), seed=SEED))
    try:
        return asyncio.run(_played(services))
    finally:
        services.close()


async def _played(services: Services) -> Life:
    sandbox = services.sandboxes.open("sk-scenario", services.clock.wall())
    visit = await services.visit(sandbox)
    files = [await _uploaded(services, visit, content) for content in _examples()]
    request = JobRequest(MODEL, files[0].id, files[1].id)
    life = Life()
    record = sandbox.files.get(files[0].id)
    assert record is not None
    ready = record.ready_at - visit.now
    life.spans.append(Span("file", 0, ready, "waiting"))
    life.ends = ready
    if record.scripted_error is not None:
        life.marks.append(Mark("file", ready, "✗", "error"))
    try:
        check_organization(visit)
        created = await services.jobs.create(visit, request)
    except ApiError as refusal:
        life.refused = refusal
        return life
    job = sandbox.jobs.get(created.id)
    assert job is not None
    _tell(life, await timeline_of(job, services.datasets), visit.now)
    return life


def _examples() -> tuple[bytes, bytes]:
    lines = (package_files("mocktune") / "data" / "marv.jsonl").read_bytes().splitlines(keepends=True)
    return b"".join(lines[:-VALIDATION_EXAMPLES]), b"".join(lines[-VALIDATION_EXAMPLES:])


async def _uploaded(services: Services, visit: Visit, content: bytes) -> FileView:
    writer = services.blobs.writer()
    writer.write(content)
    upload = Upload("marv.jsonl", "fine-tune", writer.commit(), content)
    return await services.files.create(visit, upload)


def _tell(life: Life, timeline: Timeline, since: VirtualTime) -> None:
    """Everything that can be seen of a job, from its plan."""
    landmarks = [since, *(at for at in timeline.landmarks() if at > since)]
    last = landmarks[-1]
    events = list(timeline.events_newest_first(VirtualTime(last + LATER)))[::-1]
    shown = max(last, events[-1].created_at)
    life.ends = max(life.ends, round((shown - since) * (1 + AFTERWARDS)))
    life.status = timeline.status_at(shown)
    life.steps = timeline.plan.training.curve.total_steps if timeline.plan.training else 0
    life.events = [(each.created_at - since, each) for each in events]
    life.spans += _statuses(timeline, landmarks, since, life.ends)
    checks = [each.created_at - since for each in events if each.type == "moderation_checks"]
    if checks and checks[0] < checks[-1]:
        life.spans.append(Span("safety checks", checks[0], checks[-1], "working"))
    life.marks += [Mark("signals", each.at - since, "▼", each.do) for each in timeline.effective if each.at <= shown]
    ended = timeline.ends_at
    if ended is None:
        return
    status = timeline.status_at(ended)
    if status is not JobStatus.SUCCEEDED:
        life.marks.append(Mark(status, ended - since, "✗", ""))
        return
    life.marks.append(Mark(status, ended - since, "●", ""))
    last_step, *earlier = timeline.checkpoints_at(ended)
    for each in reversed(earlier):
        life.marks.append(Mark("running", each.created_at - since, "◆", f"checkpoint at step {each.metrics.step}"))
    if last_step.created_at < ended:
        life.spans.append(Span("final validation", last_step.created_at - since, ended - since, "working"))
    if events[-1].created_at > ended:
        life.spans.append(Span("last events", ended - since, events[-1].created_at - since, "waiting"))
    if timeline.plan.result_at is not None and timeline.plan.finished_at is not None:
        late = timeline.plan.result_at - timeline.plan.finished_at
        life.marks.append(Mark("result file", ended - since + late, "●", ""))
    life.spans += [span for span in _model(timeline, ended, since, life.ends) if span.begins < span.ends]


def _statuses(timeline: Timeline, landmarks: list[VirtualTime], since: VirtualTime, ends: int) -> Iterable[Span]:
    """The statuses that are no end, in order; one that comes again is a span of its own."""
    for status, begins, until in _stretches([(at, timeline.status_at(at)) for at in landmarks], since, ends):
        if not JobStatus(status).terminal:
            styles: dict[str, Style] = {"running": "working", "paused": "standing"}
            yield Span(status, begins, until, styles.get(status, "waiting"), open=until == ends)


def _model(timeline: Timeline, ended: VirtualTime, since: VirtualTime, ends: int) -> Iterable[Span]:
    window = timeline.window
    assert window is not None  # of a job that succeeds
    absent_until, ready, gone = window.absent_until - since, window.ready_at - since, window.gone_at
    yield Span("model absent", ended - since, absent_until, "waiting")
    yield Span("model loading", absent_until, ready, "waiting")
    if gone is None:
        yield Span("model ready", ready, ends, "ready", open=True)
    else:
        yield Span("model ready", ready, gone - since, "ready")
        yield Span("model gone", gone - since, ends, "standing", open=True)


def _stretches(states: list[tuple[VirtualTime, str]], since: VirtualTime, ends: int) -> Iterable[tuple[str, int, int]]:
    """Each state with when it begins and when it gives way to another; the last one lasts to ``ends``."""
    changes = [states[0], *(later for earlier, later in pairwise(states) if later[1] != earlier[1])]
    for (at, state), (until, _) in pairwise([*changes, (VirtualTime(since + ends), "")]):
        yield state, at - since, until - since
