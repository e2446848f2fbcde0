"""One run: a command in a fresh sandbox, to its end or until its time is over, and everything that was seen of it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mocktune.clock import stopwatch_ns
from mocktune.domain.clock import SECOND
from mocktune.rehearsal.capturing import Capture
from mocktune.rehearsal.processes import CannotStart, ProcessGroup
from mocktune.rehearsal.runs import Run, Stopped
from mocktune.rehearsal.seen import seen_in
from mocktune.rehearsal.stage import Piece, Scene, Stage
from mocktune.testing.control import ControlPlane

LOOK_S = 0.2
"""How soon an interruption is noticed; the end of a command is noticed at once."""

CLOCK_LOOK_S = 2.0
"""How often the virtual time of a run is looked at that takes so long."""

PATIENCE = 10
LEAST_VIRTUAL_S = 48 * 3600.0
"""A run is ended after ten times the virtual time it may take, and no earlier than after two days: whoever is at it
then has no time-out of a kind that would help its user."""

PAGE = 1000
MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Performance:
    """How every run goes: ``timeout_s`` is wall time."""

    command: Sequence[str]
    seed: int = 0
    timeout_s: float = 60.0
    real_sleeps: bool = False
    allow: tuple[str, ...] = ()


def perform(stage: Stage, piece: Piece, how: Performance, name: str, interrupted: threading.Event) -> Run:
    """Run the command once. ``name`` is the sandbox's; ``interrupted`` ends the run early."""
    with stage.scene(piece, name=name, seed=how.seed, real_sleeps=how.real_sleeps) as scene:
        began_s = scene.control.get("clock")["now"]
        begun_ns = stopwatch_ns()
        run = Run(piece.name, piece.asked, piece.scenario.summary, piece.expect, how.seed, None, began_s=began_s)
        try:
            group = ProcessGroup.start(
                how.command,
                scene.environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except CannotStart as error:
            return replace(run, not_started=str(error))
        assert group.process.stdout is not None
        assert group.process.stderr is not None
        stdout, stderr = Capture(group.process.stdout), Capture(group.process.stderr)
        try:
            stopped = _watch(scene, group, how.timeout_s, interrupted)
            exit_code = None if stopped else group.exit_code
        finally:
            group.end()
        return replace(
            run,
            exit_code=exit_code,
            stopped=stopped,
            wall_s=(stopwatch_ns() - begun_ns) / 1e9,
            stdout=stdout.finished(),
            stderr=stderr.finished(),
            **_seen(scene, began_s, (*piece.expect.allow, *how.allow), done=not stopped),
        )


def _watch(scene: Scene, group: ProcessGroup, timeout_s: float, interrupted: threading.Event) -> Stopped:
    """Wait for the end of the command, or say why it is not waited for any longer."""
    ended = group.watch()
    begun_ns = looked_ns = stopwatch_ns()
    most_s = _most_virtual_s(scene.piece)
    while not ended.wait(min(LOOK_S, timeout_s)):
        now_ns = stopwatch_ns()
        if interrupted.is_set():
            return "interrupted"
        if now_ns - begun_ns >= timeout_s * 1e9:
            return "wall"
        if now_ns - looked_ns >= CLOCK_LOOK_S * 1e9:
            looked_ns = now_ns
            if scene.control.get("clock")["elapsed"] > most_s:
                return "virtual"
    return ""


def _most_virtual_s(piece: Piece) -> float:
    within = piece.expect.within
    most = 0 if within is None else (within.low if within.high is None else within.high)
    return max(PATIENCE * most / SECOND, LEAST_VIRTUAL_S)


def _seen(scene: Scene, began_s: float, allow: Iterable[str], *, done: bool) -> dict[str, Any]:
    """The fields of a run that the sandbox knows. ``done``: the command came to its own end."""
    control = scene.control
    told = control.get("timeline")
    codes = ",".join(dict.fromkeys(allow))
    verdict = control.get("verdict", allow=codes or None, done="true" if done else "false")
    return {
        "virtual_s": told["now"] - began_s,
        "cost_usd": told["cost_usd"],
        "verdict": verdict,
        "seen": seen_in(*_journal(control), began_s=began_s),
    }


def _journal(control: ControlPlane) -> tuple[list[Any], int]:
    """The requests, the oldest first, and how many more there were before."""
    entries: list[Any] = []
    more = True
    dropped = 0
    while more and len(entries) < MAX_ENTRIES:
        page = control.get("requests", limit=PAGE, after=entries[-1]["id"] if entries else None)
        entries += page["data"]
        more, dropped = page["has_more"], page["dropped"]
    return entries[::-1], dropped
