"""``mocktune clock``: the clock of a sandbox on a running server."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mocktune.cli.exits import NEGATIVE, fail

DEFAULT_URL = "http://127.0.0.1:4141"


def clock(
    action: Annotated[
        str, typer.Argument(metavar="[show|frozen|real|xN|advance]", help="What to do; a pace sets it.")
    ] = "show",
    by: Annotated[
        str | None, typer.Argument(metavar="[DURATION]", help="How far to advance: 90s, 2h, 1h30m, 7d.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Advance to an instant: 2026-01-16T00:00:00Z or Unix seconds.")
    ] = None,
    until: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="JOB STATUS", help="Advance until a job has this status ('terminal' is any end)."),
    ] = None,
    next_: Annotated[
        bool, typer.Option("--next", help="Advance to the next instant at which something changes.")
    ] = False,
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", show_default=False, help="Names the sandbox whose clock is meant.")
    ] = "",
) -> None:
    """Read, freeze, speed up or advance the clock of a sandbox.

    mocktune clock · mocktune clock frozen · mocktune clock x60 · mocktune clock advance 2h
    """
    steps = _steps(by, to, until, next_)
    if action != "advance" and steps:
        fail("a duration, --to, --until and --next belong to: mocktune clock advance")
    if action == "advance" and len(steps) != 1:
        fail("say how far to advance, in one way: a duration such as 2h, --to, --until JOB STATUS or --next")
    mode = None if action in ("show", "advance") else _mode(action)
    if not api_key:
        fail("give --api-key or set OPENAI_API_KEY: the key names the sandbox whose clock is meant")

    from mocktune.cli.control_plane import ControlPlane

    server = ControlPlane(url, api_key)
    if action == "advance":
        _print_advance(server.post("clock/advance", steps[0]))
    elif mode is not None:
        _print_clock(server.put("clock", {"clock": mode}))
    else:
        _print_clock(server.get("clock"))


def _steps(by: str | None, to: str | None, until: tuple[str, str] | None, next_: bool) -> list[dict[str, Any]]:
    """The bodies of ``clock/advance`` that were asked for."""
    steps: list[dict[str, Any]] = []
    if by is not None:
        steps.append({"by": by})
    if to is not None:
        steps.append({"to": _instant(to)})
    if until is not None:
        steps.append({"until": {"job": until[0], "status": until[1]}})
    if next_:
        steps.append({"next": True})
    return steps


def _instant(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _mode(action: str) -> str:
    from mocktune.domain.clock import ClockError, ClockMode

    try:
        return str(ClockMode.parse("frozen" if action == "freeze" else action))
    except ClockError as error:
        fail(f"{error}; or 'show' or 'advance'")


def _print_clock(state: Any) -> None:
    print(f"clock    {state['clock']}\nnow      {_iso(state['now'])}\nelapsed  {_duration(state['elapsed'])}")


def _print_advance(result: Any) -> None:
    for each in result["fired"]:
        print(f"{_iso(each['at'])}  {each['job']}  {each['status']}")
    if result["fired_dropped"]:
        print(f"… and {result['fired_dropped']} more")
    print(f"now      {_iso(result['now'])}\nelapsed  {_duration(result['elapsed'])}")
    if not result["reached"]:
        fail("the job never gets that status; the clock stands at its end", NEGATIVE)


def _iso(seconds: float) -> str:
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    return format_instant(VirtualTime(round(seconds * SECOND)))


def _duration(seconds: float) -> str:
    from mocktune.domain.clock import SECOND, format_duration

    return format_duration(round(seconds * SECOND))
