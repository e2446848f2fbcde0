"""The state of a sandbox as a whole: written down, replaced by another, or emptied.

A state is what a sandbox holds: its objects, the ids that were drawn, and the instant. How it is played stays with the
sandbox: scenario, rules of faults, the pace of its clock. So does its journal, until it is reset.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from mocktune.domain import ids
from mocktune.domain.clock import ClockMode, ClockSegments, VirtualTime
from mocktune.domain.error_kinds.states import NOT_WRITTEN, UNREADABLE_STATE
from mocktune.domain.state import State, StateError, instant_of, write_state
from mocktune.ports import Blobs
from mocktune.service.datasets import Datasets
from mocktune.service.sandboxes import Sandbox, Sandboxes, Visit, release_blobs
from mocktune.service.state import check_jobs, load_state
from mocktune.service.state_blobs import Seed
from mocktune.service.state_saving import save_state


@dataclass(frozen=True, slots=True)
class Holding:
    """How much a sandbox holds at ``now``."""

    now: VirtualTime
    files: int
    jobs: int
    models: int


class StateService:
    """``/_mocktune/state``. ``visit`` makes a view of a sandbox, which begins with the server's own state if it has
    one.
    """

    def __init__(
        self, sandboxes: Sandboxes, datasets: Datasets, blobs: Blobs, visit: Callable[[Sandbox], Awaitable[Visit]]
    ) -> None:
        self._sandboxes = sandboxes
        self._datasets = datasets
        self._blobs = blobs
        self._visit = visit

    def export(self, visit: Visit) -> State:
        """What the sandbox holds. Raises ``ConflictError`` for more than a document should hold."""
        try:
            return save_state(visit)
        except StateError as error:
            raise NOT_WRITTEN(problem=error) from error

    def document(self, state: State) -> bytes:
        """The document of a state that was exported. Takes a second for one of 100 MB, and may run in a thread."""
        try:
            return write_state(state)
        except StateError as error:
            raise NOT_WRITTEN(problem=error) from error

    async def replace(self, visit: Visit, state: State) -> Holding:
        """Let the sandbox hold ``state`` and nothing else. Raises ``ParameterError`` for one that cannot be loaded;
        then nothing changed.
        """
        old = visit.sandbox
        try:
            # What is loaded goes into a sandbox of its own, which takes the place of the other when it is whole.
            new = self._like(visit, state)
            seed = Seed(state, self._blobs, lent=False)
            try:
                loading = replace(visit, sandbox=new, now=new.clock.now(visit.wall))
                await load_state(loading, seed, self._datasets)
                await check_jobs(loading, self._datasets)
            except BaseException:
                seed.drop()
                raise
        except StateError as error:
            raise UNREADABLE_STATE(problem=error) from error
        new.requests = old.requests + 1  # its answer is one of them
        return await self._exchange(old, new)

    async def reset(self, visit: Visit) -> Holding:
        """Begin anew: no objects but those of the server's own state, no journal, no rules of faults, and the clock and
        the scenario that every sandbox has.
        """
        return await self._exchange(visit.sandbox, self._sandboxes.renewed(visit.sandbox, visit.wall))

    def _like(self, visit: Visit, state: State) -> Sandbox:
        """An empty sandbox that is played as the one of ``visit``, at the instant of ``state``."""
        old = visit.sandbox
        new = self._sandboxes.renewed(old, visit.wall)
        new.organization_id = ids.object_id("organization", new.seed)
        new.clock, new.scenario, new.faults, new.journal = old.clock, old.scenario, old.faults, old.journal
        new.advance_on_poll, new.loaded = old.advance_on_poll, True
        if state.now is None:
            new.scenario_since = old.scenario_since
        else:
            new.clock = ClockSegments.begin(ClockMode(old.clock.rate), visit.wall, instant_of(state.now))
        return new

    async def _exchange(self, old: Sandbox, new: Sandbox) -> Holding:
        visit = await self._visit(new)
        self._sandboxes.exchange(old, new)
        _retire(old)
        if new.wake is not None:  # deliveries may be due
            new.wake()
        return Holding(visit.now, len(new.files), len(new.jobs), len(new.models))


def _retire(sandbox: Sandbox) -> None:
    """Give back the bytes of a sandbox that was replaced. A request that is under way in it finds it empty, and what it
    still brings goes when it is answered.
    """
    sandbox.wake = partial(_retire, sandbox)
    release_blobs(sandbox)
    for job in sandbox.jobs.newest_first():
        for file in (job.training, job.validation):
            if file is not None:
                file.blob = None
    for file in sandbox.files.newest_first():
        file.blob = None
    sandbox.empty()
