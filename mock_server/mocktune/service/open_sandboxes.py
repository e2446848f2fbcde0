"""The sandboxes of a server as whoever runs it sees them: never their keys."""

from __future__ import annotations

from dataclasses import dataclass

from mocktune.domain.clock import ClockMode, VirtualTime, WallTime
from mocktune.domain.error_kinds.common import UNKNOWN_CURSOR
from mocktune.domain.error_kinds.sandboxes import NO_SUCH_SANDBOX, NOT_APART, UNREADABLE
from mocktune.domain.scenario import Scenario
from mocktune.service.clocks import PollStep
from mocktune.service.frozen_reads import FrozenReads
from mocktune.service.paging import Page, take
from mocktune.service.repeated_polls import RepeatedPolls
from mocktune.service.sandboxes import Sandbox, Sandboxes, check_name, held_bytes

MAX_LABEL = 100


@dataclass(frozen=True, slots=True)
class SandboxView:
    """``requests`` counts all it had, ``size_bytes`` what is on disk; ``opened_at`` and ``last_used`` are wall time."""

    id: str
    label: str
    seed: int
    scenario: str
    mode: ClockMode
    now: VirtualTime
    files: int
    jobs: int
    models: int
    requests: int
    size_bytes: int
    opened_at: WallTime
    last_used: WallTime


@dataclass(frozen=True, slots=True)
class NewSandbox:
    """What a sandbox is opened with. None: as every other one of the server."""

    name: str | None = None
    label: str | None = None
    seed: int | None = None
    scenario: Scenario | None = None
    clock: ClockMode | None = None
    start: VirtualTime | None = None
    advance_on_poll: PollStep | None = None
    max_frozen_reads: int | None = None
    advance_on_first_poll: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """A new sandbox, and the ``key`` and ``name`` that lead to it."""

    key: str
    name: str
    view: SandboxView


class OpenSandboxes:
    """List, open, label and close. ``apart``: keys have sandboxes of their own that last."""

    def __init__(self, sandboxes: Sandboxes, *, apart: bool) -> None:
        self._sandboxes = sandboxes
        self._apart = apart

    def list(self, wall: WallTime, *, after: str | None, limit: int) -> Page[SandboxView]:
        """In the order they were opened. Raises ``ParameterError`` for an unknown cursor."""
        found = self._sandboxes.all()
        begin = 0
        if after is not None:
            begin = next((index for index, each in enumerate(found, 1) if each.id == after), -1)
            if begin < 0:
                raise UNKNOWN_CURSOR(after=after)
        page = take(found[begin:], limit)
        return Page([view_of(each, wall) for each in page.items], page.has_more)

    def open(self, wall: WallTime, new: NewSandbox) -> Opened:
        """Raises ``ConflictError`` for a name in use, ``ServiceUnavailableError`` past the cap."""
        if not self._apart:
            raise NOT_APART()
        name = self._sandboxes.fresh_name() if new.name is None else check_name(new.name)
        sandbox = self._sandboxes.create(
            name,
            wall,
            label=_checked(new.name or "" if new.label is None else new.label),
            seed=new.seed,
            scenario=new.scenario,
            clock=new.clock,
            start=new.start,
        )
        if new.advance_on_poll is not None:
            sandbox.advance_on_poll = new.advance_on_poll
        if not new.advance_on_first_poll:
            sandbox.repeated_polls = RepeatedPolls()
        if new.max_frozen_reads is not None:
            sandbox.frozen_reads = FrozenReads(new.max_frozen_reads)
        return Opened(f"sk-mt-{name}", name, view_of(sandbox, wall))

    def close(self, id: str) -> None:
        sandbox = next((each for each in self._sandboxes.all() if each.id == id), None)
        if sandbox is None:
            raise NO_SUCH_SANDBOX(id=id)
        self._sandboxes.close(sandbox)

    def close_own(self, sandbox: Sandbox) -> None:
        """Whoever uses a sandbox may end it."""
        self._sandboxes.close(sandbox)

    def set_label(self, sandbox: Sandbox, label: str) -> None:
        sandbox.label = _checked(label)


def view_of(sandbox: Sandbox, wall: WallTime) -> SandboxView:
    return SandboxView(
        id=sandbox.id,
        label=sandbox.label,
        seed=sandbox.seed,
        scenario=sandbox.scenario.name,
        mode=ClockMode(sandbox.clock.rate),
        now=sandbox.clock.now(wall),
        files=len(sandbox.files),
        jobs=len(sandbox.jobs),
        models=len(sandbox.models),
        requests=sandbox.requests,
        size_bytes=held_bytes(sandbox),
        opened_at=sandbox.opened_at or wall,
        last_used=sandbox.last_used or wall,
    )


def _checked(label: str) -> str:
    """Shown in terminals: no control characters."""
    if len(label) > MAX_LABEL or not label.isprintable():
        raise UNREADABLE(param="label", problem=f"A label has at most {MAX_LABEL} printable characters.")
    return label
