"""The control plane, ``/_mocktune``: what a test says to the fake, never to the API."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune import __version__
from mocktune.domain.clock import ClockError, ClockMode, VirtualTime, parse_duration, parse_instant
from mocktune.domain.error_kinds.control import ONE_OF_FOUR, UNREADABLE
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import control as render
from mocktune.http.wire import control as wire
from mocktune.service.clocks import Advanced
from mocktune.service.sandboxes import Visit
from mocktune.service.services import Services


def control_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])
    clocks = services.clocks

    @router.get("/health", response_model=wire.Health, openapi_extra=described_by("mocktune.health", "mocktune"))
    async def health(call: Call) -> Response:
        return json_answer({"status": "ok", "version": __version__})

    @router.get(
        "/clock", response_model=wire.ClockState, openapi_extra=described_by("mocktune.clock.retrieve", "mocktune")
    )
    async def read_clock(call: Call) -> Response:
        return json_answer(render.clock(clocks.view(await call.visit())))

    @router.put(
        "/clock",
        response_model=wire.ClockState,
        openapi_extra=described_by("mocktune.clock.update", "mocktune", body=wire.ClockChange),
    )
    async def change_clock(call: Call) -> Response:
        change = await call.body_as(wire.ClockChange)
        mode, start = _mode(change.clock), _start(change.start)
        async with call.sandbox.clock_lock:
            return json_answer(render.clock(clocks.change(await call.visit(), mode, start)))

    @router.post(
        "/clock/advance",
        response_model=wire.AdvanceResult,
        openapi_extra=described_by("mocktune.clock.advance", "mocktune", body=wire.ClockAdvance),
    )
    async def advance_clock(call: Call) -> Response:
        advance = await call.body_as(wire.ClockAdvance)
        async with call.sandbox.clock_lock:
            return json_answer(render.advanced(await _advance(services, await call.visit(), advance)))

    return router


def _mode(text: str) -> ClockMode:
    try:
        return ClockMode.parse(text)
    except ClockError as error:
        raise UNREADABLE(param="clock", problem=error) from error


def _start(value: int | float | str | None) -> VirtualTime | None:
    try:
        return None if value is None else parse_instant(value)
    except ClockError as error:
        raise UNREADABLE(param="start", problem=error) from error


async def _advance(services: Services, visit: Visit, advance: wire.ClockAdvance) -> Advanced:
    clocks = services.clocks
    given = advance.model_dump(exclude_none=True)
    if len(given) != 1:
        raise ONE_OF_FOUR()
    try:
        if advance.by is not None:
            return await clocks.advance_by(visit, parse_duration(advance.by))
        if advance.to is not None:
            return await clocks.advance_to(visit, advance.to)
        if advance.until is not None:
            return await clocks.advance_until(visit, advance.until.job, advance.until.status)
        return await clocks.advance_to_next(visit)
    except ClockError as error:
        raise UNREADABLE(param=next(iter(given)), problem=error) from error
