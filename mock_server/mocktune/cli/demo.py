"""``mocktune demo``: a fine-tune from upload to answer, in one command and in a quarter of a minute."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.signals import end_cleanly, held

if TYPE_CHECKING:
    from mocktune.domain.models import BaseModel

TERMINATED = 143


def demo(
    model: Annotated[str, typer.Option(metavar="NAME", help="The base model to tune.")] = "gpt-4o-mini-2024-07-18",
    seed: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=2_147_483_647, help="The same seed tells the same story.")
    ] = 42,
    fast: Annotated[
        bool, typer.Option("--fast/--pace", help="Ten times as fast, or at a pace that one can watch.")
    ] = False,
    clock: Annotated[str | None, typer.Option(hidden=True, help="Pace of the demo's clock, such as x20.")] = None,
) -> None:
    """Tune a model on a sarcastic chatbot, watch it, and ask it: offline, in under half a minute.

    The official SDK talks to a mocktune server that lives as long as the demo. No model is trained.
    """
    end_cleanly(TERMINATED)
    base = _tunable(model)
    pace = _pace(clock or ("x10" if fast else "real"))

    from rich.console import Console

    from mocktune.cli.demo_view import DemoView

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a loss curve shall not end the demo
    console = Console(highlight=False)
    # A pipe gets no moving part, even if FORCE_COLOR calls it a terminal.
    moving = console.is_terminal and not console.is_dumb_terminal and sys.stdout.isatty()
    with DemoView(console, moving=moving) as view:
        view.headline("mocktune demo", "a fine-tune from upload to answer, on this computer alone.")
        view.doing("starting")

        with held():
            from mocktune.cli.demo_story import StoryError, tell
            from mocktune.cli.main import startup_is_over

            startup_is_over()
        failure: str | None = None
        try:
            tell(view, base, seed=seed, pace=pace)
        except StoryError as error:
            failure = str(error)
    if failure is not None:
        fail(failure, NEGATIVE)


def _tunable(name: str) -> BaseModel:
    """The base model the demo's chat examples can tune."""
    from mocktune.domain.documents import nearest
    from mocktune.domain.models import BASE_MODELS, resolve_base_model

    model = resolve_base_model(name)
    if model is None or "supervised" not in model.methods or model.dataset_format != "chat":
        known = [
            each.id for each in BASE_MODELS.values() if "supervised" in each.methods and each.dataset_format == "chat"
        ]
        fail(f"the demo cannot tune '{name}'{nearest(name, known)}")
    return model


def _pace(clock: str) -> float:
    """How many times as fast as the wall the demo's clock runs."""
    from mocktune.domain.clock import ClockError, ClockMode

    try:
        mode = ClockMode.parse(clock)
    except ClockError as error:
        fail(str(error))
    if mode.rate == 0:
        fail("the demo waits for its job, which a frozen clock never ends")
    return mode.rate
