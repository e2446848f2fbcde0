"""``mocktune exec``: a command run against a scenario, and what is to be said of it."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.rehearse import check_codes
from mocktune.cli.signals import end_cleanly, held

if TYPE_CHECKING:
    from mocktune.rehearsal.stage import Piece, Scene

TERMINATED = 143
SANDBOX = "exec"


class VerdictOption(StrEnum):
    report = "report"
    fail = "fail"
    off = "off"


def exec_(
    command: Annotated[list[str] | None, typer.Argument(metavar="[--] COMMAND...", show_default=False)] = None,
    scenario: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="What the command meets: mocktune scenarios lists them.")
    ] = "realistic",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a field of the scenario. Repeatable."),
    ] = None,
    clock: Annotated[
        str, typer.Option(metavar="PACE", help="Pace of time: frozen (polls and sleeps move it), real, or x60.")
    ] = "frozen",
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="The same seed gives the same ids and draws.")] = 0,
    verdict: Annotated[
        VerdictOption,
        typer.Option(metavar="report|fail|off", help="Findings: tell them, end with 1 for them, or do not ask."),
    ] = VerdictOption.report,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A finding that does not count, such as MT03; repeatable.")
    ] = None,
    real_sleeps: Annotated[
        bool, typer.Option("--real-sleeps", help="Let the command's own sleeps take the time they take.")
    ] = False,
) -> None:
    """Run a command against a server of its own, with the environment that leads its client there.

    mocktune exec --scenario cold-model-404 -- python train.py data.jsonl

    The exit code is the command's. Everything behind the first word that is no option belongs to the command.
    """
    if not command:
        fail("give a command to run: mocktune exec -- python train.py data.jsonl")
    check_codes(allow or [])
    piece = _piece(scenario, set_ or [])
    _check_clock(clock)
    end_cleanly(TERMINATED)
    with ExitStack() as stack:
        with held():
            from mocktune.rehearsal.processes import CannotStart
            from mocktune.rehearsal.running import run_in_foreground
            from mocktune.rehearsal.stage import raised_stage

            stage = stack.enter_context(raised_stage())
            scene = stack.enter_context(
                stage.scene(piece, name=SANDBOX, seed=seed, clock=clock, real_sleeps=real_sleeps)
            )
        try:
            exit_code = run_in_foreground(command, scene.environment(os.environ))
        except CannotStart as error:
            fail(str(error), error.exit_code)
        clean = True if verdict is VerdictOption.off else _told(scene, allow or [])
    if exit_code == 0 and verdict is VerdictOption.fail and not clean:
        exit_code = NEGATIVE
    sys.exit(exit_code)


def _piece(scenario: str, changes: list[str]) -> Piece:
    from mocktune.domain.documents import ScenarioError
    from mocktune.rehearsal.stage import Piece

    try:
        return Piece.read(scenario, changes)
    except ScenarioError as error:
        fail(str(error))


def _check_clock(clock: str) -> None:
    from mocktune.domain.clock import ClockError, ClockMode

    try:
        ClockMode.parse(clock)
    except ClockError as error:
        fail(str(error))


def _told(scene: Scene, allow: list[str]) -> bool:
    """Whether there are no findings but those that the scenario allows; what was, on stderr."""
    from mocktune.domain.clock import SECOND, format_duration
    from mocktune.testing.verdict import told

    elapsed_s = scene.control.get("clock")["elapsed"]
    found = scene.control.get("verdict", allow=",".join([*scene.piece.expect.allow, *allow]) or None, done="true")
    took = format_duration(round(elapsed_s) * SECOND)
    print(f"mocktune: {scene.piece.name}, {took} of virtual time, {told(found)}", file=sys.stderr, flush=True)
    return bool(found["clean"])
