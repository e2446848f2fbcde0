"""``mocktune verdict``: what is to be said of the client that used a sandbox."""

from __future__ import annotations

import json
import sys
from typing import Annotated
from urllib.parse import urlencode

import typer

from mocktune.cli.clock import DEFAULT_URL
from mocktune.cli.exits import NEGATIVE, fail


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
    from mocktune.testing.verdict import told

    query = "?" + urlencode({"allow": ",".join(allow)}) if allow else ""
    answer = ControlPlane(url, api_key).get(f"verdict{query}")
    if as_json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print(told(answer))
    if not answer["clean"]:
        sys.exit(NEGATIVE)
