"""``mocktune clock``: the clock of a sandbox on a running server."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mocktune.cli.exits import NEGATIVE, fail

DEFAULT_URL = "http://127.0.0.1:4141"
ADVANCE_TIMEOUT_S = 3600.0
TERMINAL = "terminal"


def clock(
    action: Annotated[
        str,
        typer.Argument(
            metavar="show|freeze|real|xN|next|until|advance", help="What to do; freeze, real and xN set a pace."
        ),
    ] = "show",
    by: Annotated[
        str | None,
        typer.Argument(metavar="DURATION|ID", help="How far to advance (90s, 2h, 7d), or what to wait for."),
    ] = None,
    status: Annotated[
        str | None,
        typer.Argument(metavar="STATUS", help="Of until: running, running@40%, processed, ready; else any end."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Advance to an instant: 2026-01-16T00:00:00Z or Unix seconds.")
    ] = None,
    until: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="ID STATUS", help="Advance until a job, file or model has this status; as until."),
    ] = None,
    next_: Annotated[
        bool, typer.Option("--next", help="Advance to the next instant at which something changes; as next.")
    ] = False,
    max_virtual: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How far to go at most; 30d of until and next unless given.")
    ] = None,
    advance_on_poll: Annotated[
        str | None,
        typer.Option(metavar="DURATION|next|off", help="Polls of what is unfinished move the clock from now on."),
    ] = None,
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", show_default=False, help="Names the sandbox whose clock is meant.")
    ] = "",
) -> None:
    """Read, freeze, speed up or advance the clock of a sandbox.

    mocktune clock · mocktune clock freeze · mocktune clock x600 · mocktune clock next ·
    mocktune clock until ftjob-… running@40% · mocktune clock advance 2h
    """
    if action == "until":
        if by is None or until is not None:
            fail("say what to wait for: mocktune clock until ftjob-… running")
        until, by, status = (by, status or TERMINAL), None, None
        action = "advance"
    elif action == "next":
        next_, action = True, "advance"
    steps = _steps(by, to, until, next_)
    if action != "advance" and (steps or max_virtual):
        fail("a duration, --to, --until, --next and --max-virtual belong to: mocktune clock advance")
    if action == "advance" and len(steps) != 1:
        fail("say how far to advance, in one way: a duration such as 2h, --to, --until ID STATUS or --next")
    if status is not None:
        fail(f"'{status}' belongs to: mocktune clock until {by or 'ID'} {status}")
    change: dict[str, Any] = {} if action in ("show", "advance") else {"clock": _mode(action)}
    if advance_on_poll is not None:
        if action == "advance":
            fail("--advance-on-poll sets what polls do: mocktune clock --advance-on-poll next")
        change["advance_on_poll"] = None if advance_on_poll == "off" else advance_on_poll
    if not api_key:
        fail("give --api-key or set OPENAI_API_KEY: the key names the sandbox whose clock is meant")

    from mocktune.cli.control_plane import ControlPlane

    server = ControlPlane(url, api_key)
    if action == "advance":
        # Deliveries are waited for.
        bound = {} if max_virtual is None else {"max_virtual": max_virtual}
        _print_advance(server.post("clock/advance", {**steps[0], **bound}, timeout_s=ADVANCE_TIMEOUT_S))
    else:
        _print_clock(server.put("clock", change) if change else server.get("clock"))


def _steps(by: str | None, to: str | None, until: tuple[str, str] | None, next_: bool) -> list[dict[str, Any]]:
    """The bodies of ``clock/advance`` that were asked for."""
    steps: list[dict[str, Any]] = []
    if by is not None:
        steps.append({"by": by})
    if to is not None:
        steps.append({"to": _instant(to)})
    if until is not None:
        id, status = until
        kind = "file" if id.startswith("file-") else "job" if id.startswith("ftjob-") else "model"
        steps.append({"until": {kind: id, "status": status}})
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
        fail(f"{error}; or 'show', 'next', 'until' or 'advance'")


def _print_clock(state: Any) -> None:
    print(f"clock    {state['clock']}\nnow      {_iso(state['now'])}\nelapsed  {_duration(state['elapsed'])}")
    if state["advance_on_poll"]:
        print(f"polls    advance by {state['advance_on_poll']}")


def _print_advance(result: Any) -> None:
    for each in result["fired"]:
        print(f"{_iso(each['at'])}  {each['id']}  {each['status']}")
    if result["fired_dropped"]:
        print(f"… and {result['fired_dropped']} more")
    print(f"now      {_iso(result['now'])}\nelapsed  {_duration(result['elapsed'])}")
    if not result["reached"]:
        fail("it never gets that status; the clock stands at its end", NEGATIVE)


def _iso(seconds: float) -> str:
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    return format_instant(VirtualTime(round(seconds * SECOND)))


def _duration(seconds: float) -> str:
    from mocktune.domain.clock import SECOND, format_duration

    return format_duration(round(seconds * SECOND))
