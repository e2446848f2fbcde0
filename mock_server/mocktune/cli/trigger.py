"""``mocktune trigger``: an event of a sandbox on a running server, now."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from mocktune.cli.clock import DEFAULT_URL
from mocktune.cli.exits import NEGATIVE, fail


def trigger(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="Of the event: fine_tuning.job.succeeded, …")],
    job: Annotated[str | None, typer.Option(metavar="JOB", help="The job it is about; else it is a sample.")] = None,
    signature: Annotated[
        Literal["good", "forged", "missing", "stale", "rotated"] | None,
        typer.Option(help="How it is signed, to see that a receiver refuses it."),
    ] = None,
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", show_default=False, help="Names the sandbox whose event it is.")
    ] = "",
) -> None:
    """Send an event to every webhook endpoint that is subscribed to its type, and print what each answered.

    mocktune trigger fine_tuning.job.succeeded --job ftjob-… · mocktune trigger batch.completed --signature forged

    Ends with 1 where no endpoint took it.
    """
    if not api_key:
        fail("give --api-key or set OPENAI_API_KEY: the key names the sandbox whose event it is")

    from mocktune.cli.control_plane import ControlPlane

    wanted: dict[str, Any] = {"type": type}
    wanted |= {} if job is None else {"job": job}
    wanted |= {} if signature is None else {"signature": signature}
    made = ControlPlane(url, api_key).post("events/trigger", wanted)["deliveries"]
    if not made:
        fail(f"no webhook endpoint of this sandbox is subscribed to {type}", NEGATIVE)
    for delivery in made:
        print(
            "  ".join((delivery["id"], delivery["url"] or delivery["endpoint"], delivery["signature"], _came(delivery)))
        )
    if not any(each["state"] == "delivered" for each in made):
        fail("no endpoint took it", NEGATIVE)


def _came(delivery: Any) -> str:
    """What became of it so far."""
    if not delivery["attempts"]:
        return str(delivery["reason"] or delivery["state"])
    last = delivery["attempts"][-1]
    return str(last["failure"] if last["status_code"] is None else last["status_code"])
