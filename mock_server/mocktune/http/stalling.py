"""Answers that do not come: held back for a while of wall time, or until the client gives up."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import Scope

from mocktune.http.socket_faults import left_within


async def hold_back(scope: Scope, delay_s: float) -> None:
    """Returns after ``delay_s`` of wall time, earlier when the server stops. Raises ``ClientDisconnect`` when the
    client leaves before.
    """
    if await left_within(scope, delay_s):
        raise ClientDisconnect
