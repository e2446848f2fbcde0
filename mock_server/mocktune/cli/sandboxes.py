"""``mocktune sandboxes``: the sandboxes of a running server, for whoever has its admin token."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from mocktune.cli.clock import DEFAULT_URL
from mocktune.cli.exits import fail

PAGE = 100


def sandboxes(
    action: Annotated[Literal["list", "open", "close"], typer.Argument(metavar="list|open|close")] = "list",
    which: Annotated[
        str | None, typer.Argument(metavar="NAME|ID", help="Of open: a name for it; of close: its id in the list.")
    ] = None,
    label: Annotated[str | None, typer.Option(metavar="TEXT", help="Of a new one, for people.")] = None,
    scenario: Annotated[str | None, typer.Option(metavar="NAME", help="Of a new one.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a field of its scenario. Repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", min=0, help="Of a new one.")] = None,
    clock: Annotated[str | None, typer.Option(metavar="PACE", help="Of a new one: real, frozen, x60.")] = None,
    start: Annotated[str | None, typer.Option(metavar="INSTANT", help="Where the clock of a new one starts.")] = None,
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    admin_token: Annotated[
        str,
        typer.Option(
            envvar="MOCKTUNE_ADMIN_TOKEN", show_default=False, metavar="TOKEN", help="That of the server's ready line."
        ),
    ] = "",
) -> None:
    """List the open sandboxes of a server, open one, or close one.

    mocktune sandboxes · mocktune sandboxes open ci --label "CI" --clock frozen · mocktune sandboxes close sandbox_…
    """
    new = {"label": label, "scenario": scenario, "set": set_ or None, "seed": seed, "clock": clock, "start": start}
    new = {name: value for name, value in new.items() if value is not None}
    if action != "open" and new:
        fail(f"--{next(iter(new))} belongs to: mocktune sandboxes open")
    if action == "list" and which is not None:
        fail("list takes no name; mocktune sandboxes lists them all")
    if action == "close" and which is None:
        fail("say which to close, by its id: mocktune sandboxes lists them")
    if not admin_token:
        fail("give --admin-token or set MOCKTUNE_ADMIN_TOKEN: the ready line of the server names it")

    from mocktune.cli.control_plane import ControlPlane

    server = ControlPlane(url, admin_token)
    if action == "open":
        _print_opened(server.post("sandboxes", new if which is None else {"name": which, **new}))
    elif action == "close":
        from urllib.parse import quote

        server.delete(f"sandboxes/{quote(which or '', safe='')}")
        print(f"closed {which}")
    else:
        _print_table(_all(server))


def _all(server: Any) -> list[Any]:
    found: list[Any] = []
    path = f"sandboxes?limit={PAGE}"
    while True:
        page = server.get(path)
        found += page["data"]
        if not page["has_more"]:
            return found
        path = f"sandboxes?limit={PAGE}&after={page['last_id']}"


def _print_opened(new: Any) -> None:
    print(f"id          {new['id']}\napi key     {new['api_key']}\nbase url    {new['base_url']}")
    print(f"            {new['shared_base_url']}  (with any key)")


def _print_table(found: list[Any]) -> None:
    head = ("id", "label", "scenario", "clock", "now", "files", "jobs", "models", "requests", "on disk", "last used")
    rows = [head, *(_row(each) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(each: Any) -> tuple[str, ...]:
    objects = each["objects"]
    return (
        each["id"],
        each["label"] or "-",
        each["scenario"],
        each["clock"],
        _iso(each["now"]),
        *(f"{objects[kind]:,}" for kind in ("files", "jobs", "models")),
        f"{each['requests']:,}",
        _size(each["size_bytes"]),
        _iso(each["last_used"]),
    )


def _iso(seconds: float) -> str:
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    return format_instant(VirtualTime(int(seconds) * SECOND))


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
