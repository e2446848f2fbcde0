"""``/_mocktune/sandboxes``: whoever runs a server sees, opens and closes sandboxes; a key's own is ``current``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.clock import ClockError, ClockMode, parse_instant
from mocktune.domain.documents import ScenarioError
from mocktune.domain.error_kinds.sandboxes import UNREADABLE
from mocktune.domain.scenario import Scenario, with_settings
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import cursor_page, deleted
from mocktune.http.render import sandboxes as render
from mocktune.http.routes.control import poll_step
from mocktune.http.wire import sandboxes as wire
from mocktune.http.wire.base import Deleted
from mocktune.service.open_sandboxes import NewSandbox, view_of
from mocktune.service.services import Services
from mocktune.settings import starting_scenario
from mocktune.storage.scenario_files import named_document, packaged_scenario, scenario_of


def sandboxes_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune/sandboxes", tags=["Control plane"])
    sandboxes, clock, settings = services.open_sandboxes, services.clock, services.settings

    @router.get(
        "",
        response_model=wire.SandboxList,
        openapi_extra=described_by("mocktune.sandboxes.list", "mocktune", query=wire.ListSandboxesQuery),
    )
    async def list_sandboxes(call: Call) -> Response:
        """The sandboxes of the server, in the order they were opened. Keys are not known to it.

        Server-wide: the admin token of the ready line is the bearer.
        """
        query = call.query(wire.ListSandboxesQuery)
        page = sandboxes.list(clock.wall(), after=query.after, limit=query.limit)
        return json_answer(cursor_page(page, render.sandbox))

    @router.post(
        "",
        response_model=wire.OpenedSandbox,
        openapi_extra=described_by("mocktune.sandboxes.create", "mocktune", body=wire.OpenSandbox),
    )
    async def open_sandbox(call: Call) -> Response:
        """Open one, and get the key to it. Under `--known-keys-only` this is how a key becomes known.

        Server-wide: the admin token of the ready line is the bearer.

        ```json
        {"name": "ci", "label": "CI of the billing team", "scenario": "realistic", "clock": "frozen"}
        ```
        """
        new = _new(await call.body_as(wire.OpenSandbox))
        return json_answer(render.opened(sandboxes.open(clock.wall(), new), f"{call.url.scheme}://{call.url.netloc}"))

    @router.delete("/{id}", response_model=Deleted, openapi_extra=described_by("mocktune.sandboxes.delete", "mocktune"))
    async def close_sandbox(call: Call) -> Response:
        """Close one: what is in it is forgotten, and its bytes are given back.

        Server-wide: the admin token of the ready line is the bearer.
        """
        sandboxes.close(call.path("id"))
        return json_answer(deleted("sandbox", call.path("id")))

    @router.get(
        "/current",
        response_model=wire.Sandbox,
        openapi_extra=described_by("mocktune.sandboxes.current.retrieve", "mocktune"),
    )
    async def read_own(call: Call) -> Response:
        """The sandbox of the key that asks."""
        visit = await call.visit()
        return json_answer(render.sandbox(view_of(visit.sandbox, visit.wall)))

    @router.patch(
        "/current",
        response_model=wire.Sandbox,
        openapi_extra=described_by("mocktune.sandboxes.current.update", "mocktune", body=wire.SandboxChange),
    )
    async def label_own(call: Call) -> Response:
        """Label the sandbox of the key that asks."""
        change = await call.body_as(wire.SandboxChange)
        visit = await call.visit()
        sandboxes.set_label(visit.sandbox, change.label)
        return json_answer(render.sandbox(view_of(visit.sandbox, visit.wall)))

    @router.delete(
        "/current", response_model=Deleted, openapi_extra=described_by("mocktune.sandboxes.current.delete", "mocktune")
    )
    async def close_own(call: Call) -> Response:
        """Close the sandbox of the key that asks; the next request with that key opens a new one."""
        sandboxes.close_own(call.sandbox)
        return json_answer(deleted("sandbox", call.sandbox.id))

    def _new(body: wire.OpenSandbox) -> NewSandbox:
        param = ""
        try:
            param = "scenario"
            scenario = _scenario(body)
            param = "clock"
            mode = None if body.clock is None else ClockMode.parse(body.clock)
            param = "start"
            start = None if body.start is None else parse_instant(body.start)
            param = "advance_on_poll"
            step = poll_step(body.advance_on_poll)
        except (ClockError, ScenarioError) as error:
            raise UNREADABLE(param=param, problem=error) from error
        return NewSandbox(
            name=body.name,
            label=body.label,
            seed=body.seed,
            scenario=scenario,
            clock=mode,
            start=start,
            advance_on_poll=step,
            max_frozen_reads=body.max_frozen_reads,
            advance_on_first_poll=body.advance_on_first_poll,
        )

    def _scenario(body: wire.OpenSandbox) -> Scenario | None:
        if body.scenario is None:
            return None if body.set is None else with_settings(settings.scenario, body.set)
        chosen = (
            packaged_scenario(body.scenario)
            if isinstance(body.scenario, str)
            else scenario_of(*named_document(body.scenario, "inline"))
        )
        return starting_scenario(chosen, body.set or (), settings.profile)

    return router
