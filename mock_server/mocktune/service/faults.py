"""The rules of faults of one sandbox, and how often each matched and fired."""

from __future__ import annotations

from collections.abc import Iterable

from mocktune.domain.faults import FaultRule
from mocktune.domain.scenario import Scenario


class FaultBook:
    """Rules in the order they were made: those of the scenario first."""

    def __init__(self, rules: Iterable[FaultRule], seed: int) -> None:
        self.rules = tuple(rules)
        self.seed = seed

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> FaultBook | None:
        """The book that a new sandbox begins with; None where its scenario has no faults."""
        return cls(scenario.faults, seed) if scenario.faults else None
