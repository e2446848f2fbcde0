"""``mocktune listen``: webhooks of a server, wherever it runs, carried to a receiver that this machine reaches."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from mocktune.cli.clock import DEFAULT_URL
from mocktune.cli.exits import NEGATIVE, USAGE, fail

if TYPE_CHECKING:
    from mocktune.cli.control_plane import ControlPlane

FETCH_S = 2.0
"""How long one fetch waits: a server that stops waits for those that are under way."""

FORWARD_S = 4.0
"""How long the receiver may take: the server gives an attempt up after 5 s."""

_EXIT_CODE_ON_SIGTERM = 143


def listen(
    forward_to: Annotated[str, typer.Option(metavar="URL", help="The receiver: any URL this machine reaches.")],
    events: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Only these types of events; may be given several times.")
    ] = None,
    secret: Annotated[
        str, typer.Option(help="The secret that signs; else the server draws one.", show_default=False)
    ] = "",
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", show_default=False, help="Names the sandbox whose events are meant.")
    ] = "",
) -> None:
    """Carry a sandbox's webhooks to a receiver, until Ctrl-C.

    mocktune listen --forward-to http://127.0.0.1:8000/webhooks

    The first line printed is the secret the receiver needs.
    """
    receiver = _receiver(forward_to)
    if not api_key:
        fail("give --api-key or set OPENAI_API_KEY: the key names the sandbox whose events are meant")

    from mocktune.cli import signals
    from mocktune.cli.control_plane import ControlPlane

    signals.end_cleanly(_EXIT_CODE_ON_SIGTERM)
    server = ControlPlane(url, api_key)
    wanted: dict[str, Any] = {"name": f"mocktune listen --forward-to {receiver}"[:256]}
    wanted |= {"event_types": events} if events else {}
    wanted |= {"secret": secret} if secret else {}
    opened: str | None = None
    try:
        with signals.held():
            listener = server.post("webhooks/listeners", wanted)
            opened = listener["id"]
        print(f"OPENAI_WEBHOOK_SECRET={listener['signing_secret']}", flush=True)
        print(f"carrying webhooks of {server.root} to {receiver}; Ctrl-C ends", file=sys.stderr, flush=True)
        while True:
            _carry_next(server, listener["id"], receiver)
    except BaseException as ending:
        if opened is not None and not _server_failed(ending):
            with suppress(SystemExit):
                server.delete(f"webhooks/listeners/{opened}")
        raise


def _server_failed(ending: BaseException) -> bool:
    return isinstance(ending, SystemExit) and ending.code in (NEGATIVE, USAGE)


def _receiver(url: str) -> str:
    """``url`` with its scheme."""
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port  # a port out of range raises
    except ValueError:
        scheme = host = ""
    if scheme not in ("http", "https") or not host or not url.isprintable():
        fail(f"{url!r:.200} is no URL to forward to: write it like http://127.0.0.1:8000/webhooks")
    return url


def _carry_next(server: ControlPlane, listener_id: str, receiver: str) -> None:
    parcel = server.post(f"webhooks/listeners/{listener_id}/next", {"timeout_s": FETCH_S})["parcel"]
    if parcel is None:
        return
    status, failure = forward(receiver, parcel["headers"], parcel["body"].encode())
    result = {"id": parcel["id"], "status_code": status, "failure": failure[:500]}
    reported = server.post(f"webhooks/listeners/{listener_id}/result", result)["reported"]
    print(_line(parcel["body"], status, failure) + ("" if reported else "  too late"), flush=True)


def _line(body: str, status: int | None, failure: str) -> str:
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    event = json.loads(body)
    about = event["data"].get("id") or event["data"].get("call_id") or ""
    came = str(status) if status is not None else failure
    return f"{format_instant(VirtualTime(event['created_at'] * SECOND))}  {event['type']}  {about}  {came}"


def forward(url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str]:
    """The status the receiver answers, or None and why there is none. The answer's body is not read, and a redirect is
    an answer like any other: a failure.
    """
    # Imported here: other commands do without.
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    class NoRedirects(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirects())
    try:
        request = urllib.request.Request(url, method="POST", data=body, headers=headers)
        with opener.open(request, timeout=FORWARD_S) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as answered:
        with answered:
            return answered.code, ""
    except (OSError, ValueError, HTTPException) as error:  # a header with a line break is a ValueError
        reason = getattr(error, "reason", error)
        return None, str(getattr(reason, "strerror", None) or reason) or type(error).__name__
