"""The scenario of a sandbox, and those there are to choose from."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mocktune.domain.documents import ScenarioError, nearest
from mocktune.domain.error_kinds.scenarios import NAME_OR_DOCUMENT, NO_SUCH_SCENARIO, UNREADABLE_SCENARIO
from mocktune.domain.scenario import Scenario, with_settings
from mocktune.http.answers import json_answer
from mocktune.http.call import Call, described_by
from mocktune.http.render import scenarios as render
from mocktune.http.wire import scenarios as wire
from mocktune.service.scenarios import change_scenario
from mocktune.service.services import Services
from mocktune.settings import starting_scenario
from mocktune.storage.scenario_files import (
    named_document,
    packaged_scenario,
    scenario_names,
    scenario_of,
    scenario_packs,
)

INLINE = "inline"
"""The name of a document that gives itself none."""


def scenarios_routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/_mocktune", tags=["Control plane"])
    profile = services.settings.profile

    @router.get(
        "/scenario",
        response_model=wire.PresentScenario,
        openapi_extra=described_by("mocktune.scenario.retrieve", "mocktune"),
    )
    async def read_scenario(call: Call) -> Response:
        """What the sandbox plays, with every field."""
        return json_answer(render.present(call.sandbox.scenario))

    @router.put(
        "/scenario",
        response_model=wire.PresentScenario,
        openapi_extra=described_by("mocktune.scenario.update", "mocktune", body=wire.ScenarioChange),
    )
    async def put_scenario(call: Call) -> Response:
        """Another scenario for what is created from now on; files, jobs and models that are there keep theirs.

        Its rules of faults replace those of the former one at once, rules that were made by hand stay. `clock.start`
        and `clock.skew` count in a sandbox in which nothing was created yet.

        ```json
        {"name": "cold-model-429", "set": {"model.absent_for": "20s"}}
        ```

        `set` alone changes single fields of the present scenario. What cannot be read changes nothing; the error's
        `param` is the key, its message has the nearest known name.
        """
        change = await call.body_as(wire.ScenarioChange)
        visit = await call.visit()
        try:
            scenario = _chosen(change, call.sandbox.scenario)
        except ScenarioError as error:
            raise UNREADABLE_SCENARIO(param=error.key[:200] or None, problem=error) from error
        change_scenario(visit, scenario)
        return json_answer(render.present(scenario))

    @router.get(
        "/scenarios",
        response_model=wire.ScenarioList,
        openapi_extra=described_by("mocktune.scenarios.list", "mocktune"),
    )
    async def list_scenarios(call: Call) -> Response:
        """The packaged scenarios, and the packs that they are in."""
        listed = [render.packaged(packaged_scenario(name)) for name in scenario_names()]
        return json_answer({"scenarios": listed, "packs": [render.pack(each) for each in scenario_packs()]})

    @router.get(
        "/scenarios/{name}",
        response_model=wire.WholeScenario,
        openapi_extra=described_by("mocktune.scenarios.retrieve", "mocktune"),
    )
    async def retrieve_scenario(call: Call) -> Response:
        """One packaged scenario."""
        name = call.path("name")
        if name not in scenario_names():
            raise NO_SUCH_SCENARIO(name=name, near=nearest(name, scenario_names()))
        return json_answer(render.whole(packaged_scenario(name)))

    @router.post(
        "/scenarios/check",
        response_model=wire.ScenarioCheck,
        openapi_extra=described_by("mocktune.scenarios.check", "mocktune", body=wire.ScenarioChange),
    )
    async def check_scenario(call: Call) -> Response:
        """Take what `PUT /_mocktune/scenario` takes, change nothing, and say whether it can be read.

        ```json
        {"ok": false, "problem": "unknown key 'job.stp'; did you mean 'job.step'?", "key": "job.stp"}
        ```
        """
        change = await call.body_as(wire.ScenarioChange)
        try:
            _chosen(change, call.sandbox.scenario)
        except ScenarioError as error:
            return json_answer(render.checked(error))
        return json_answer(render.checked(None))

    def _chosen(change: wire.ScenarioChange, present: Scenario) -> Scenario:
        """The scenario a change leads to. What the server's profile sets holds for every new one too."""
        if change.document is not None and change.name is None:
            chosen = starting_scenario(scenario_of(*named_document(change.document, INLINE)), (), profile)
        elif change.name is not None and change.document is None:
            chosen = starting_scenario(packaged_scenario(change.name), (), profile)
        elif change.set is None or change.name is not None:
            raise NAME_OR_DOCUMENT()
        else:
            chosen = present
        return with_settings(chosen, change.set or ())

    return router
