"""The control plane, ``/_mocktune``: what a test says to the fake, never to the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from fastapi import APIRouter
from starlette.responses import Response

from mocktune import __version__
from mocktune.domain.awaited import Awaited, AwaitedKind
from mocktune.domain.clock import ClockError, ClockMode, parse_duration, parse_instant
from mocktune.domain.error_kinds.control import NOTHING_TO_SET, ONE_OBJECT, ONE_OF_FOUR, UNREADABLE
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import control as render
from mocktune.http.wire import control as wire
from mocktune.service.clocks import (
    DEFAULT_MAX_VIRTUAL,
    Advanced,
    Bounds,
    ClockChange,
    ClockService,
    PollStep,
    clock_command,
)
from mocktune.service.sandboxes import Visit
from mocktune.service.services import Services


def control_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])
    clocks = services.clocks

    @router.get("/health", response_model=wire.Health, openapi_extra=described_by("mocktune.health", "mocktune"))
    async def health(call: Call) -> Response:
        """Whether the server answers. Needs no key.

        ```json
        {"status": "ok", "version": "0.1.0"}
        ```
        """
        return json_answer({"status": "ok", "version": __version__})

    @router.get(
        "/clock", response_model=wire.ClockState, openapi_extra=described_by("mocktune.clock.retrieve", "mocktune")
    )
    async def read_clock(call: Call) -> Response:
        """Where the sandbox's clock stands.

        ```json
        {"clock": "frozen", "now": 1768435200.0, "elapsed": 0.0, "advance_on_poll": null, "max_frozen_reads": null,
         "refused_reads": 0}
        ```
        """
        return json_answer(render.clock(clocks.view(await call.visit())))

    @router.put(
        "/clock",
        response_model=wire.ClockState,
        openapi_extra=described_by("mocktune.clock.update", "mocktune", body=wire.ClockChange),
    )
    async def change_clock(call: Call) -> Response:
        """Set the pace, the start, and what polls do to the clock.

        ```json
        {"clock": "frozen", "advance_on_poll": "next"}
        ```
        """
        change = _change(await call.body_as(wire.ClockChange))
        async with clock_command(call.sandbox):
            return json_answer(render.clock(clocks.change(await call.visit(), change)))

    @router.post(
        "/clock/advance",
        response_model=wire.AdvanceResult,
        openapi_extra=described_by("mocktune.clock.advance", "mocktune", body=wire.ClockAdvance),
    )
    async def advance_clock(call: Call) -> Response:
        """Move the clock forward, from one due instant to the next, performing the deliveries that are due at each.

        ```json
        {"until": {"job": "ftjob-…", "status": "running@40%"}}
        ```

        answers

        ```json
        {
          "now": 1768435347.0,
          "elapsed": 147.0,
          "reached": true,
          "fired": [
            {"at": 1768435202.0, "kind": "file", "id": "file-…", "status": "processed", "job": null},
            {"at": 1768435247.0, "kind": "job", "id": "ftjob-…", "status": "queued", "job": "ftjob-…"},
            {"at": 1768435251.0, "kind": "job", "id": "ftjob-…", "status": "running", "job": "ftjob-…"}
          ],
          "fired_dropped": 0
        }
        ```

        Meanwhile other requests are answered, at the instant the clock has come to; another command to the same clock
        is refused. Where `max_virtual` or `max_events` stops it, all that was due by then has happened.
        """
        advance = await call.body_as(wire.ClockAdvance)
        go = _advance(clocks, advance)
        async with clock_command(call.sandbox):
            try:
                return json_answer(render.advanced(await go(await call.visit())))
            except ClockError as error:
                raise UNREADABLE(param=_way(advance), problem=error) from error

    @router.get(
        "/timeline",
        response_model=wire.SandboxTimeline,
        openapi_extra=described_by("mocktune.timeline.retrieve", "mocktune"),
    )
    async def read_timeline(call: Call) -> Response:
        """What happened in the sandbox so far, in order, and what the trainings cost in reality.

        ```json
        {
          "started": 1768435200.0, "now": 1768435500.0, "elapsed": 300.0,
          "happened": [
            {"at": 1768435200.0, "kind": "file", "id": "file-…", "status": "uploaded", "job": null},
            {"at": 1768435202.0, "kind": "file", "id": "file-…", "status": "processed", "job": null}
          ],
          "happened_dropped": 0, "trained_tokens": 0, "cost_usd": 0.0, "refused_reads": 0, "refused_because": ""
        }
        ```
        """
        from mocktune.service.history import history_of

        visit = await call.visit()
        return json_answer(render.timeline(await history_of(visit, services.datasets), visit.sandbox.frozen_reads))

    return router


def _change(change: wire.ClockChange) -> ClockChange:
    if not change.model_fields_set:
        raise NOTHING_TO_SET(param=None)
    with _readable("clock"):
        mode = None if change.clock is None else ClockMode.parse(change.clock)
    with _readable("start"):
        start = None if change.start is None else parse_instant(change.start)
    with _readable("advance_on_poll"):
        step = poll_step(change.advance_on_poll)
    given = change.model_fields_set
    most = change.max_frozen_reads
    return ClockChange(mode, start, "advance_on_poll" in given, step, "max_frozen_reads" in given, most)


def poll_step(text: str | None) -> PollStep | None:
    """``next``, or a duration in microseconds. Raises ``ClockError``."""
    if text is None:
        return None
    if text == "next":
        return "next"
    try:
        return parse_duration(text) or None
    except ClockError as error:
        raise ClockError(f"{error}, or 'next'") from error


def _advance(clocks: ClockService, advance: wire.ClockAdvance) -> Callable[[Visit], Awaitable[Advanced]]:
    """What the command asks for, once it was read whole."""
    way = _way(advance)
    with _readable("max_virtual"):
        most = None if advance.max_virtual is None else parse_duration(advance.max_virtual)
    if most is None and way in ("until", "next"):
        most = DEFAULT_MAX_VIRTUAL
    bounds = Bounds(most, advance.max_events)
    with _readable(way):
        if advance.by is not None:
            duration = parse_duration(advance.by)
            return lambda visit: clocks.advance_by(visit, duration, bounds)
        if advance.to is not None:
            target = advance.to
            parse_instant(target)  # what cannot be read is told before the clock is asked for
            return lambda visit: clocks.advance_to(visit, target, bounds)
        if advance.until is not None:
            awaited = _awaited(advance.until)
            return lambda visit: clocks.advance_until_awaited(visit, awaited, bounds)
    return lambda visit: clocks.advance_to_next(visit, bounds)


def _way(advance: wire.ClockAdvance) -> str:
    ways = {"by": advance.by, "to": advance.to, "until": advance.until, "next": advance.next}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise ONE_OF_FOUR(param=None)
    return given[0]


def _awaited(until: wire.AdvanceUntil) -> Awaited:
    kinds: dict[AwaitedKind, str | None] = {"job": until.job, "file": until.file, "model": until.model}
    named = [(kind, id) for kind, id in kinds.items() if id is not None]
    if len(named) != 1:
        raise ONE_OBJECT()
    (kind, id) = named[0]
    return Awaited.of(kind, id, until.status, until.progress)


@contextmanager
def _readable(param: str) -> Iterator[None]:
    """A text inside that cannot be read is that parameter's fault."""
    try:
        yield
    except ClockError as error:
        raise UNREADABLE(param=param, problem=error) from error
