"""Pauses of a job: while it is paused, and while it queues again after a resume, its own time stands still.

A plan knows nothing of pauses: its instants are in the job's *own time*, which is virtual time less what was stood
still before. ``own`` and ``at`` lead from one to the other, so that any number of pauses leaves the plan what it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import VirtualTime
from mocktune.domain.lifecycle import JobStatus

MAX_PAUSES = 100
"""Of one job: each is looked at whenever an instant is asked for."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """From the pause at ``begins``; resumed at ``resumed``, running again from ``ends``. None: not resumed."""

    begins: VirtualTime
    resumed: VirtualTime | None = None
    ends: VirtualTime | None = None


@dataclass(frozen=True, slots=True)
class Pauses:
    """The standstills of a job, in order."""

    standstills: tuple[Standstill, ...] = ()

    def own(self, now: VirtualTime) -> VirtualTime:
        """How far the job's own time has come by ``now``."""
        stood = 0
        for each in self.standstills:
            if now <= each.begins:
                break
            if each.ends is None or now < each.ends:
                return VirtualTime(each.begins - stood)
            stood += each.ends - each.begins
        return VirtualTime(now - stood)

    def at(self, own: VirtualTime) -> VirtualTime | None:
        """The instant at which the job's own time reaches ``own``; None while a pause without a resume lies before."""
        stood = 0
        for each in self.standstills:
            if own + stood <= each.begins:
                break
            if each.ends is None:
                return None
            stood += each.ends - each.begins
        return VirtualTime(own + stood)

    def status_at(self, now: VirtualTime) -> JobStatus | None:
        """``paused`` or ``queued`` where the job stands still, None where it goes on."""
        for each in self.standstills:
            if each.begins <= now and (each.ends is None or now < each.ends):
                return JobStatus.PAUSED if each.resumed is None or now < each.resumed else JobStatus.QUEUED
        return None

    def landmarks(self) -> list[VirtualTime]:
        """The instants at which the status changes because of a pause."""
        return [at for each in self.standstills for at in (each.begins, each.resumed, each.ends) if at is not None]
