"""``Date`` headers of a server whose clock is wrong."""

from __future__ import annotations

from email.utils import formatdate

from starlette.types import Scope

from mocktune.domain.clock import SECOND, WallTime
from mocktune.http.connections import connection_of


def skewed_date(scope: Scope, wall: WallTime, ahead: int) -> tuple[bytes, bytes]:
    """The header, ``ahead`` microseconds from wall time, in the place of the one that uvicorn would send."""
    connection = connection_of(scope)
    if connection is not None:
        connection.leave_out_date(scope)
    return b"date", formatdate(max(0, wall + ahead) // SECOND, usegmt=True).encode("ascii")
