"""``mocktune scenarios``: which there are, what each is for, and the life of a job under one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.domain.documents import ScenarioError
from mocktune.domain.scenario import Scenario

if TYPE_CHECKING:
    from rich.console import Console

    from mocktune.cli.scenario_play import Life

WIDEST = 116
"""Columns that are used at most."""


def scenarios(
    scenario: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="One of them, or a TOML file to be checked.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the scenarios, show one with the life of a job under it, or check a file of your own.

    mocktune scenarios · mocktune scenarios fails-midway · mocktune scenarios ./ours.toml
    """
    if not scenario:
        _list(as_json=as_json)
        return
    from mocktune.storage.scenario_files import is_path, load_scenario

    if is_path(scenario) and not Path(scenario).is_file():
        fail(f"there is no file '{scenario}'")
    try:
        found = load_scenario(scenario)
    except ScenarioError as error:
        fail(str(error), NEGATIVE)
    _show(found, scenario, as_json=as_json)


# -- all of them -------------------------------------------------------------------------------------------------------


def _list(*, as_json: bool) -> None:
    from mocktune.storage.scenario_files import packaged_scenario, scenario_names, scenario_packs

    if as_json:
        from mocktune.cli.scenario_document import listed

        _print_json(listed())
        return
    console = _console()
    told: set[str] = set()
    packs = scenario_packs()
    longest = max(map(len, scenario_names()))
    for pack in packs:
        here = [name for name in pack.scenarios if name not in told]
        again = [name for name in pack.scenarios if name in told] if pack is not packs[-1] else []
        title = f"{pack.name}: {pack.summary} ({len(pack.scenarios)})"
        console.print(title if not told else f"\n{title}", style="bold", soft_wrap=True)
        for name in here:
            console.print(f"  {name.ljust(longest)}  {packaged_scenario(name).summary}", soft_wrap=True)
        if again:
            console.print(f"  and {', '.join(again)}", soft_wrap=True)
        told.update(here)


# -- one of them -------------------------------------------------------------------------------------------------------


def _show(scenario: Scenario, asked: str, *, as_json: bool) -> None:
    from mocktune.cli.scenario_document import base_of, described
    from mocktune.cli.scenario_play import play
    from mocktune.domain.scenario_document import changed_fields

    base = base_of(scenario, asked)
    life = play(scenario)
    if as_json:
        _print_json(described(scenario, base, life))
        return
    console = _console()
    _headline(console, scenario)
    changes = changed_fields(scenario, base)
    _fields(console, {path: value for path, value in changes.items() if path not in ("signals", "faults")}, base)
    _items(console, "signals", changes.get("signals", ()))
    _items(console, "faults", changes.get("faults", ()))
    _timeline(console, life)
    _events(console, life)


def _headline(console: Console, scenario: Scenario) -> None:
    from rich.markup import escape

    from mocktune.domain.clock import format_duration

    console.print(f"[bold]{escape(scenario.name)}[/]  {escape(scenario.summary)}\n")
    if scenario.catches:
        _hanging(console, "", f"It is there to catch {_inner(scenario.catches)}")
    expect = scenario.expect
    what = {"recover": "succeed all the same", "give_up": "fail promptly and say why"}[expect.outcome]
    within = f", within {format_duration(expect.within.low)} of virtual time" if expect.within else ""
    allowed = f"; findings that do not count: {', '.join(expect.allow)}" if expect.allow else ""
    _hanging(console, "", f"A good client is to {what}{within}{allowed}.")


def _inner(sentence: str) -> str:
    """``"A client that …"`` in the middle of a sentence."""
    return "a" + sentence[1:] if sentence.startswith("A client") else sentence


def _fields(console: Console, changes: dict[str, Any], base: Scenario) -> None:
    than = f"{base.name}, but" if base.summary else "the defaults, but"
    changes = {path: value for path, value in changes.items() if not path.startswith("expect.")}
    if not changes:
        return
    console.print(f"\n[bold]{than}[/]")
    longest = max(map(len, changes))
    for path, value in changes.items():
        _hanging(console, f"  {path.ljust(longest)}  ", _written(value))


def _items(console: Console, title: str, items: Any) -> None:
    if items:
        console.print(f"\n[bold]{title}[/]")
    for item in items:
        rest = {key: value for key, value in item.items() if key != "id"}
        told = ", ".join(f"{key}={_written(value)}" for key, value in rest.items())
        _hanging(console, f"  {item['id']}: " if "id" in item else "  ", told)


def _written(value: object) -> str:
    """A value of a document as TOML has it, near enough to be copied."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else "null" if value is None else str(value)


def _timeline(console: Console, life: Life) -> None:
    from mocktune.cli.scenario_chart import draw

    console.print("\n[bold]a job[/] [dim]of 32 examples, with a validation file; virtual time since the upload[/]")
    for line in draw(life, min(console.width, WIDEST) - 2):
        console.print("  ", line, sep="", no_wrap=True, overflow="crop")


def _events(console: Console, life: Life) -> None:
    from mocktune.cli.scenario_document import told_events

    console.print("\n[bold]events[/]" if life.refused is None else "\n[bold]create is refused[/]")
    if life.refused is not None:
        _hanging(console, "  ", f"{life.refused.code or life.refused.type}: {life.refused.message}")
    for at, text, style in told_events(life):
        _hanging(console, f"  {at:>9}  ", text, style)


def _hanging(console: Console, head: str, text: str, style: str = "") -> None:
    """``text`` beside ``head``, its continuation below its beginning."""
    from rich.text import Text

    width = max(20, min(console.width, WIDEST) - len(head))
    for index, part in enumerate(Text(text, style=style).wrap(console, width, overflow="fold")):
        part.rstrip()
        console.print(Text(head if not index else " " * len(head)), part, sep="", no_wrap=True, overflow="ignore")


def _console() -> Console:
    from rich.console import Console

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # what a terminal cannot show shall not end the command
    return Console(highlight=False)


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
