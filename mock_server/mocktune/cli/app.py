"""The commands, put together. Exit codes: 0 ok, 1 negative result, 2 usage, 130 interrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from mocktune import __version__
from mocktune.cli.add import add
from mocktune.cli.clock import clock
from mocktune.cli.demo import demo
from mocktune.cli.exec import exec_
from mocktune.cli.explain import explain
from mocktune.cli.listen import listen
from mocktune.cli.pyproject import rehearse_defaults, serve_defaults
from mocktune.cli.rehearse import rehearse
from mocktune.cli.sandboxes import sandboxes
from mocktune.cli.scenarios import scenarios
from mocktune.cli.serve import serve
from mocktune.cli.trigger import trigger
from mocktune.cli.verdict import verdict

app = typer.Typer(
    help="A local, offline, OpenAI-compatible fine-tuning service that behaves like the real one in time.",
    add_completion=False,
    no_args_is_help=True,
    # A traceback with every local variable in it would show API keys.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command()(serve)
# Options behind the first word of the command are the command's.
app.command("exec", context_settings={"allow_interspersed_args": False})(exec_)
app.command(context_settings={"allow_interspersed_args": False})(rehearse)
app.command()(clock)
app.command()(sandboxes)
app.command()(add)
app.command()(scenarios)
app.command()(listen)
app.command()(trigger)
app.command()(explain)
app.command()(verdict)


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
