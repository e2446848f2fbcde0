"""What must hold between the fields of a scenario, beyond what each of them may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mocktune.domain.documents import wrong
from mocktune.domain.moments import Moment

if TYPE_CHECKING:
    from mocktune.domain.scenario import Scenario


def check_scenario(scenario: Scenario) -> None:
    """Raises ``ScenarioError`` for fields that contradict each other; it names the key."""
    _check_signals(scenario)
    for index, event in enumerate(scenario.events.extra):
        if not event.type:
            raise wrong(f"events.extra[{index}].type", "an event has a type")
    if scenario.job.wire.status == "":
        raise wrong("job.wire.status", "expected a text, or null")
    if scenario.faults:
        from mocktune.domain.fault_checks import check_rules  # most scenarios have none

        check_rules(scenario.faults, "faults")


def _check_signals(scenario: Scenario) -> None:
    paused = 0
    for index, signal in enumerate(scenario.signals):
        key, moment = f"signals[{index}]", Moment.parse(signal.at)
        if signal.do == "delete_file" and moment.percent is not None:
            raise wrong(
                f"{key}.at", f"a file is deleted at a time after the job's creation, such as \"90s\", not '{signal.at}'"
            )
        paused += {"pause": 1, "resume": -1}.get(signal.do, 0)
        if paused < 0:
            raise wrong(f"{key}.do", "there is no pause before it that it could resume")
