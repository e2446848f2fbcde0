"""``mocktune verdict``: what is to be said of the client that used a sandbox."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from mocktune.cli.clock import DEFAULT_URL
from mocktune.cli.exits import NEGATIVE, fail

SHOWN_EVIDENCE = 5


def verdict(
    allow: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A finding that does not count, such as MT03; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as the server answers it.")] = False,
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", show_default=False, help="Names the sandbox whose client is meant.")
    ] = "",
) -> None:
    """Judge the client that used a sandbox, from its requests. Exit code 1 where there are findings."""
    if not api_key:
        fail("give --api-key or set OPENAI_API_KEY: the key names the sandbox whose client is meant")

    from mocktune.cli.control_plane import ControlPlane

    query = "?" + urlencode({"allow": ",".join(allow)}) if allow else ""
    answer = ControlPlane(url, api_key).get(f"verdict{query}")
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print(told(answer))
    if not answer["clean"]:
        sys.exit(NEGATIVE)


def told(verdict: Any) -> str:
    """A verdict as people read it."""
    findings, requests = verdict["findings"], _count(verdict["requests"], "request")
    lines = [f"{_count(len(findings), 'finding')} in {requests}" if findings else f"clean: {requests}, no findings"]
    if verdict["allowed"]:
        lines.append(f"allowed: {', '.join(verdict['allowed'])}")
    if not verdict["complete"]:
        lines.append(f"incomplete: {verdict['incomplete']}")
    for each in findings:
        lines += ["", f"{each['code']}  {each['title']}", f"  {each['summary']}"]
        lines += [_evidence(evidence) for evidence in each["evidence"][:SHOWN_EVIDENCE]]
        lines.append(f"  mocktune explain {each['code']}")
    return "\n".join(lines)


def _evidence(evidence: Any) -> str:
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    at = format_instant(VirtualTime(round(evidence["at"] * SECOND)))
    which = "" if evidence["ordinal"] is None else f"#{evidence['ordinal']}"
    return f"    {which:>5}  {at}  {evidence['status'] or '-':>3}  {evidence['what']}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
