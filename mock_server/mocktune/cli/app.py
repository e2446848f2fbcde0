"""The commands, put together. Exit codes: 0 ok, 1 negative result, 2 usage, 3 over budget, 130 interrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from mocktune import __version__
from mocktune.cli.add import add
from mocktune.cli.ask import ask
from mocktune.cli.attach import attach
from mocktune.cli.check import check
from mocktune.cli.clock import clock
from mocktune.cli.compare import compare
from mocktune.cli.convert import convert
from mocktune.cli.demo import demo
from mocktune.cli.distill import distill
from mocktune.cli.exec import exec_
from mocktune.cli.explain import explain
from mocktune.cli.files import files
from mocktune.cli.jobs import jobs
from mocktune.cli.listen import listen
from mocktune.cli.models import models
from mocktune.cli.pyproject import rehearse_defaults, serve_defaults
from mocktune.cli.rehearse import rehearse
from mocktune.cli.sandboxes import sandboxes
from mocktune.cli.scenarios import scenarios
from mocktune.cli.serve import serve
from mocktune.cli.split import split
from mocktune.cli.trigger import trigger
from mocktune.cli.tune import tune
from mocktune.cli.verdict import verdict

app = typer.Typer(
    help="A local, offline, OpenAI-compatible fine-tuning service that behaves like the real one in time.",
    add_completion=False,
    no_args_is_help=True,
    # A traceback with every local variable in it would show API keys.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
TUNE, LOOK_AFTER, SERVE, TEST = "Tune a model", "Look after what is there, and use it", "Run a server", "Test a client"
"""How the help puts the commands together."""

app.command(rich_help_panel=TUNE)(demo)
app.command(rich_help_panel=TUNE)(check)
app.command(rich_help_panel=TUNE)(split)
app.command(rich_help_panel=TUNE)(convert)
app.command(rich_help_panel=TUNE)(tune)
app.command(rich_help_panel=TUNE)(attach)
app.command(rich_help_panel=TUNE)(distill)
app.command(rich_help_panel=LOOK_AFTER)(ask)
app.command(rich_help_panel=LOOK_AFTER)(compare)
app.add_typer(jobs, name="jobs", rich_help_panel=LOOK_AFTER)
app.add_typer(files, name="files", rich_help_panel=LOOK_AFTER)
app.add_typer(models, name="models", rich_help_panel=LOOK_AFTER)
app.command(rich_help_panel=SERVE)(serve)
app.command(rich_help_panel=SERVE)(clock)
app.command(rich_help_panel=SERVE)(sandboxes)
app.command(rich_help_panel=SERVE)(add)
app.command(rich_help_panel=SERVE)(scenarios)
app.command(rich_help_panel=SERVE)(listen)
app.command(rich_help_panel=SERVE)(trigger)
# Options behind the first word of the command are the command's.
app.command("exec", rich_help_panel=TEST, context_settings={"allow_interspersed_args": False})(exec_)
app.command(rich_help_panel=TEST, context_settings={"allow_interspersed_args": False})(rehearse)
app.command(rich_help_panel=TEST)(explain)
app.command(rich_help_panel=TEST)(verdict)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mocktune {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    if context.invoked_subcommand == "serve":
        # What the table says ranks below flags and environment variables, and above the defaults in the code.
        context.default_map = {"serve": serve_defaults()}
    elif context.invoked_subcommand == "rehearse":
        context.default_map = {"rehearse": rehearse_defaults()}
