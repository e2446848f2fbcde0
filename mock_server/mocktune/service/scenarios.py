"""The scenario of a sandbox: what files, jobs and models that are created from now on are to go through."""

from __future__ import annotations

from mocktune.domain.clock import ClockMode
from mocktune.domain.scenario import Scenario
from mocktune.service.faults import ensure_book
from mocktune.service.sandboxes import Visit, begin_clock


def change_scenario(visit: Visit, scenario: Scenario) -> None:
    """``scenario`` for everything later: what there is keeps the one it was created under.

    Its rules of faults replace those of the former scenario at once; rules that were made by hand stay. ``clock.start``
    and ``clock.skew`` count in a sandbox in which nothing happened yet; in a used one time goes on.
    """
    sandbox = visit.sandbox
    moves_clock = any(each.clock.start is not None or each.clock.ahead for each in (sandbox.scenario, scenario))
    sandbox.scenario = scenario
    sandbox.scenario_since = visit.now
    if sandbox.fresh and moves_clock and not sandbox.advancing:
        sandbox.clock = begin_clock(ClockMode(sandbox.clock.rate), visit.wall, scenario.clock, sandbox.era)
        sandbox.scenario_since = sandbox.clock.started
        if sandbox.faults is not None:
            sandbox.faults.begin(sandbox.clock.started, visit.wall)
    if sandbox.faults is not None or scenario.faults:
        ensure_book(sandbox).replace_scenario(scenario, sandbox.scenario_since, visit.wall)
