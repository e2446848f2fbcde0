"""The rules of faults of one sandbox, and how often each matched and fired.

Deciding never awaits between counting a match and counting that it fired: of two requests at once, one is first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mocktune.domain.clock import VirtualTime, WallTime, format_duration
from mocktune.domain.documents import Duration
from mocktune.domain.error_kinds.faults import DUPLICATE_RULE, TOO_MANY_RULES
from mocktune.domain.fault_draws import drawn_for, names_operation, rule_seed, why_it_passes, why_no_match
from mocktune.domain.faults import MAX_JOB_RULES, MAX_RULES, FaultRule, FaultSource, FaultSubject, Firing
from mocktune.domain.journal import FaultDecision
from mocktune.domain.scenario import Scenario

if TYPE_CHECKING:
    from mocktune.service.sandboxes import Sandbox


@dataclass(slots=True, eq=False)
class KeptRule:
    """A rule and its counters. ``made_at`` and ``made_wall`` are when it was made; None: when it is first asked.

    ``job_id`` is set for a rule that is about one job alone.
    """

    rule: FaultRule
    source: FaultSource
    seed: int
    job_id: str | None = None
    made_at: VirtualTime | None = None
    made_wall: WallTime | None = None
    matched: int = 0
    fired: int = 0

    @property
    def remaining(self) -> int | None:
        """How often it may still fire; None: without end."""
        return None if self.rule.times is None else max(0, self.rule.times - self.fired)

    def why_it_sleeps(self, now: VirtualTime, wall: WallTime) -> str:
        """Why the rule is about nothing at this instant; empty within its window."""
        if self.made_at is None or self.made_wall is None:
            self.made_at, self.made_wall = now, wall
        # A delivery may have been due before the rule was made.
        rule, age, age_wall = self.rule, max(0, now - self.made_at), wall - self.made_wall
        if rule.after is not None and age < rule.after.drawn(self.seed, "after"):
            return f"after: the rule is {format_duration(age)} old"
        if rule.ttl is not None and age >= rule.ttl.drawn(self.seed, "ttl"):
            return f"ttl: the rule is {format_duration(age)} old"
        if rule.ttl_wall is not None and age_wall >= rule.ttl_wall.drawn(self.seed, "ttl_wall"):
            return f"ttl_wall: the rule is {format_duration(age_wall)} old"
        return ""

    def asked(self, subject: FaultSubject, now: VirtualTime, wall: WallTime) -> tuple[Firing | None, str]:
        """The rule, if it fires, or why not. A match is counted."""
        if why := self.why_it_sleeps(now, wall) or why_no_match(self.rule, subject):
            return None, why
        self.matched += 1
        if why := why_it_passes(self.rule, self.seed, self.matched, self.fired):
            return None, why
        self.fired += 1
        return drawn_for(self.rule, self.seed, self.matched), ""


class FaultBook:
    """Rules in the order they are asked: those of the scenario, those of the control plane, those of single jobs.

    ``rules`` are all of them; ``kept`` with their counters.
    """

    def __init__(
        self, rules: Iterable[FaultRule], seed: int, now: VirtualTime | None = None, wall: WallTime | None = None
    ) -> None:
        self.seed = seed
        self._of_scenario: list[KeptRule] = []
        self._added: list[KeptRule] = []
        self._of_jobs: dict[str, list[KeptRule]] = {}
        self._named = 0
        self._write_scenario(rules, now, wall)

    @classmethod
    def of(
        cls, scenario: Scenario, seed: int, now: VirtualTime | None = None, wall: WallTime | None = None
    ) -> FaultBook | None:
        """The book that a new sandbox begins with; None where its scenario has no faults."""
        return cls(scenario.faults, seed, now, wall) if scenario.faults else None

    @property
    def kept(self) -> list[KeptRule]:
        return [*self._of_scenario, *self._added, *(each for rules in self._of_jobs.values() for each in rules)]

    @property
    def rules(self) -> tuple[FaultRule, ...]:
        return tuple(each.rule for each in self.kept)

    # -- deciding --------------------------------------------------------------------------------------------------

    def about(self, operation: str, job_id: str | None, *, webhook: bool = False) -> list[KeptRule]:
        """The rules whose operation it is, in the order they are asked."""
        rules = [*self._of_scenario, *self._added, *(self._of_jobs.get(job_id, ()) if job_id is not None else ())]
        return [
            each
            for each in rules
            if (each.rule.webhook is not None) is webhook and names_operation(each.rule.operation, operation)
        ]

    def decide(
        self, subject: FaultSubject, now: VirtualTime, wall: WallTime
    ) -> tuple[FaultRule | None, tuple[FaultDecision, ...]]:
        """The rule that fires for a delivery (or a request, at whatever point), with its ``delay`` drawn, and what
        every rule that was asked said."""
        rules = self.about(subject.operation, subject.job_id, webhook=subject.webhook)
        firing, decisions = first_firing(rules, subject, now, wall)
        if firing is None:
            return None, decisions
        delay = None if firing.delay is None else Duration(firing.delay)
        return replace(firing.rule, delay=delay), decisions

    # -- the rules there are ---------------------------------------------------------------------------------------

    def add(
        self,
        rules: Sequence[FaultRule],
        *,
        job_id: str | None = None,
        now: VirtualTime | None = None,
        wall: WallTime | None = None,
    ) -> list[KeptRule]:
        """All of ``rules``, or none. Those without an id are named ``fault-1`` and on; with ``job_id`` they are about
        that job alone, and their ids end in ``@`` and its id.

        Raises ``ConflictError`` for an id that is taken, ``InvalidRequestError`` where there would be too many.
        """
        self._check_room(len(rules), job_id)
        ending = "" if job_id is None else f"@{job_id}"
        source: FaultSource = "control" if job_id is None else "job"
        taken, named, added = {each.rule.id for each in self.kept}, self._named if job_id is None else 0, []
        for rule in rules:
            id = rule.id + ending
            while not rule.id and (id == ending or id in taken):
                named += 1
                id = f"fault-{named}{ending}"
            if id in taken:
                raise DUPLICATE_RULE(id=id)
            taken.add(id)
            added.append(self._keep(replace(rule, id=id), source, job_id, now, wall))
        if job_id is None:
            self._named = named
            self._added += added
        else:
            self._of_jobs.setdefault(job_id, []).extend(added)
        return added

    def get(self, id: str) -> KeptRule | None:
        return next((each for each in self.kept if each.rule.id == id), None)

    def remove(self, id: str) -> bool:
        """Whether there was such a rule."""
        for rules in self._lists():
            for each in rules:
                if each.rule.id == id:
                    rules.remove(each)
                    return True
        return False

    def reset(self, *, all: bool = False) -> int:
        """Remove the rules that were added, those of jobs too; with ``all`` the scenario's as well. How many."""
        removed = 0
        for rules in self._lists():
            if all or rules is not self._of_scenario:
                removed += len(rules)
                rules.clear()
        self._of_jobs.clear()
        return removed

    def replace_scenario(
        self, scenario: Scenario, now: VirtualTime | None = None, wall: WallTime | None = None
    ) -> None:
        """The rules of another scenario in the place of the former one's, their counters at nought."""
        self._write_scenario(scenario.faults, now, wall)

    def begin(self, now: VirtualTime, wall: WallTime) -> None:
        """The sandbox's clock was started anew: every rule counts as made now."""
        for each in self.kept:
            each.made_at, each.made_wall = now, wall

    def _lists(self) -> list[list[KeptRule]]:
        return [self._of_scenario, self._added, *self._of_jobs.values()]

    def _write_scenario(self, rules: Iterable[FaultRule], now: VirtualTime | None, wall: WallTime | None) -> None:
        """Rules without an id are named after their place: the control plane counts on its own."""
        taken = {each.rule.id for each in self._added}
        self._of_scenario = []
        for number, rule in enumerate(rules, 1):
            id = rule.id or f"scenario-{number}"
            if id in taken:  # a rule that was added by hand has the name already
                id = f"{id}@scenario"
            self._of_scenario.append(self._keep(replace(rule, id=id), "scenario", None, now, wall))

    def _keep(
        self, rule: FaultRule, source: FaultSource, job_id: str | None, now: VirtualTime | None, wall: WallTime | None
    ) -> KeptRule:
        return KeptRule(rule, source, rule_seed(self.seed, rule.id), job_id, now, wall)

    def _check_room(self, more: int, job_id: str | None) -> None:
        if job_id is None:
            held, most = len(self._of_scenario) + len(self._added), MAX_RULES
        else:
            if sum(map(len, self._of_jobs.values())) + more > MAX_JOB_RULES:
                self._forget_spent()
            held, most = sum(map(len, self._of_jobs.values())), MAX_JOB_RULES
        if held + more > most:
            raise TOO_MANY_RULES(most=most, held=held, of_jobs="" if job_id is None else " of jobs")

    def _forget_spent(self) -> None:
        """Make room: rules of jobs that will never fire again."""
        for job_id, rules in list(self._of_jobs.items()):
            rules[:] = [each for each in rules if each.remaining != 0]
            if not rules:
                del self._of_jobs[job_id]


def first_firing(
    rules: Iterable[KeptRule], subject: FaultSubject, now: VirtualTime, wall: WallTime
) -> tuple[Firing | None, tuple[FaultDecision, ...]]:
    """The first of ``rules`` that fires; those after it are not asked, and count no match."""
    decisions = []
    for each in rules:
        firing, why = each.asked(subject, now, wall)
        decisions.append(FaultDecision(each.rule.id, firing is not None, why))
        if firing is not None:
            return firing, tuple(decisions)
    return None, tuple(decisions)


def ensure_book(sandbox: Sandbox) -> FaultBook:
    """The sandbox's book, made if there is none."""
    if sandbox.faults is None:
        sandbox.faults = FaultBook((), sandbox.seed)
    return sandbox.faults
